"""Bass, harmony, ostinato and percussion: how each texture moves, bar by bar."""

from __future__ import annotations

import math
from collections.abc import Sequence

from composer.instruments import Instrument
from composer.scene import BarSpan, ChordSpan, Draft, Scene
from composer.theory.chords import Chord
from composer.theory.voicing import into_range, nearest_pitch, voice

# (onset, length, stress) inside a 4/4 bar
Pattern = tuple[tuple[float, float, float], ...]

_HELD: Pattern = ((0, 4, 0),)
#: how chords are struck, by texture; decaying instruments and winds read the same table
_STRIKES: dict[str, tuple[Pattern, Pattern]] = {
    "sustained": (_HELD, ((0, 2, 0), (2, 2, -4))),
    "flowing": (((0, 2, 0), (2, 2, -4)), _HELD),
    "shimmer": (_HELD, _HELD),
    "tremolo": (_HELD, ((0, 3, 0), (3, 1, 4))),
    "pulse": (((0, 1, 2), (1, 1, -6), (2, 1, -2), (3, 1, -6)), ((0, 1.5, 2), (1.5, 0.5, -6), (2, 1, 0), (3, 1, -4))),
    "march": (((0, 1, 4), (2, 0.5, 0), (2.5, 0.5, -4), (3, 1, 0)), ((0, 1, 4), (1, 1, -6), (2, 1, 2), (3, 0.5, -4), (3.5, 0.5, -4))),
    "staccato": (((1, 0.5, -4), (3, 0.5, -4)), ((0.5, 0.5, -6), (1.5, 0.5, -4), (2.5, 0.5, -6), (3.5, 0.5, -4))),
    "drive": (((0, 1, 6), (1.5, 0.5, 0), (3, 1, 2)), ((0, 0.5, 6), (1.5, 0.5, 0), (2.5, 0.5, 0), (3.5, 0.5, 2))),
}
_BASS: dict[str, tuple[Pattern, Pattern]] = {
    "sustained": (_HELD, _HELD),
    "flowing": (((0, 3, 0), (3, 1, -4)), ((0, 2, 0), (2, 2, -2))),
    "shimmer": (_HELD, _HELD),
    "tremolo": (_HELD, ((0, 3.5, 0), (3.5, 0.5, 2))),
    "pulse": (((0, 1, 4), (1, 1, -4), (2, 1, 0), (3, 1, -4)), ((0, 1.5, 4), (1.5, 0.5, -2), (2, 1, 0), (3, 1, -4))),
    "march": (((0, 1, 4), (2, 1, 0)), ((0, 1, 4), (1, 1, -4), (2, 1, 2), (3, 1, -2))),
    "staccato": (((0, 0.75, 2), (2, 0.75, 0)), ((0, 0.75, 2), (2, 0.5, 0), (3, 0.5, -2))),
    "drive": (
        tuple((k / 2, 0.5, 6 if k == 0 else 0 if k % 2 == 0 else -4) for k in range(8)),
        ((0, 1, 6), (1, 0.5, -2), (1.5, 0.5, 0), (2.5, 0.5, 0), (3, 0.5, -2), (3.5, 0.5, 0)),
    ),
}
# walks over the ladder of chord notes
_FIGURES = ((0, 1, 2, 1), (0, 2, 1, 2), (2, 1, 0, 1), (0, 1, 2, 3, 2, 1), (0, 0, 2, 1), (0, 2, 3, 1), (3, 2, 1, 0), (0, 1, 0, 2, 0, 3))


def _in_bar(pattern: Pattern, bar: BarSpan) -> list[tuple[float, float, float]]:
    """The pattern in a bar of any length, as absolute (start, end, stress); a held note fills the bar."""
    if len(pattern) == 1:
        return [(bar.start + pattern[0][0], bar.end, pattern[0][2])]
    repeats = []
    for shift in range(0, math.ceil(bar.length), 4):
        repeats += [(shift + o, min(shift + o + length, bar.length), stress) for o, length, stress in pattern if shift + o < bar.length]
    return [(bar.start + a, bar.start + b, stress) for a, b, stress in repeats]


def _cut_at(
    strikes: list[tuple[float, float, float]], spans: Sequence[ChordSpan], hits: Sequence[float]
) -> list[tuple[float, float, float]]:
    """Strikes end where the chord does; a new chord and a hit are always struck."""
    edges = sorted({s.start for s in spans} | set(hits))
    done: list[tuple[float, float, float]] = []
    for start, end, stress in strikes:
        inner = [e for e in edges if start + 1e-6 < e < end - 1e-6]
        for a, b in zip([start, *inner], [*inner, end], strict=True):
            done.append((a, b, stress))
    first, last = (strikes[0][0], strikes[-1][1]) if strikes else (0.0, 0.0)
    for edge in edges:
        if first <= edge < last and all(abs(edge - a) > 1e-6 for a, _, _ in done):
            following = min((a for a, _, _ in done if a > edge), default=last)
            done.append((edge, min(following, edge + 1.0), 0.0))
    return sorted(done)


def _bar_strikes(
    scene: Scene, bar: BarSpan, number: int, table: dict[str, tuple[Pattern, Pattern]], rng_pick: int
) -> list[tuple[float, float, float]]:
    is_final = scene.is_last and bar is scene.bars[-1]
    closing = is_final or bar is scene.bars[-1]
    plain, other = table[scene.mood.texture]
    # phrases go A A A B, and a theme may swap its two patterns: enough change that no bar returns five times
    pattern = _HELD if closing else (other if (number % 4 == 3) != bool(rng_pick) else plain)
    spans = [s for s in scene.spans if s.end > bar.start and s.start < bar.end]
    hits = [h for h in scene.hard if bar.start <= h < bar.end]
    return _cut_at(_in_bar(pattern, bar), [ChordSpan(max(s.start, bar.start), min(s.end, bar.end), s.chord) for s in spans], hits)


def bass_line(scene: Scene, low: int, high: int) -> list[Draft]:
    """The bass: the chord's bass note near the last one, fifths and passing notes where the texture moves."""
    pick = scene.theme_rng("bass").randrange(2)
    rng = scene.rng("bass")
    centre = low + 0.4 * (high - low)
    line: list[Draft] = []
    before = centre
    for number, bar in enumerate(scene.bars):
        strikes = _bar_strikes(scene, bar, number, _BASS, pick)
        for k, (start, end, stress) in enumerate(strikes):
            chord = scene.chord_at(start)
            fresh = k == 0 or chord != scene.chord_at(strikes[k - 1][0])
            pitch = nearest_pitch(chord.bass, 0.6 * before + 0.4 * centre, low, high)
            if not fresh and scene.mood.texture in ("march", "flowing", "staccato") and k % 2 == 1 and chord.bass in chord.pitch_classes:
                fifth = (chord.root + 7) % 12
                pitch = nearest_pitch(fifth if fifth in chord.pitch_classes else chord.root, before, low, high)
            elif not fresh and scene.mood.texture == "drive" and k % 4 == 3:
                pitch = pitch + 12 if pitch + 12 <= high else pitch - 12 if pitch - 12 >= low else pitch
            line.append(Draft(start, (end - start) * 0.95, pitch, stress))
            before = pitch
        _lead_on(scene, line, bar, low, high, rng.random())
    return line


def _lead_on(scene: Scene, line: list[Draft], bar: BarSpan, low: int, high: int, chance: float) -> None:
    """Now and then the last beat of a bar steps towards the next bar's bass."""
    if (
        bar is scene.bars[-1]
        or chance > 0.35 + 0.15 * scene.energy
        or not line
        or scene.mood.texture in ("sustained", "shimmer", "tremolo")
    ):
        return
    last = line[-1]
    goal = nearest_pitch(scene.chord_at(bar.end).bass, last.pitch, low, high)
    if not abs(goal - last.pitch) > 2 or last.end < bar.end - 1 or scene.is_hit(last.start):
        return
    steps = [p for p in range(low, high + 1) if p % 12 in scene.key.scale and 0 < abs(p - goal) <= 2]
    if not steps:
        return
    passing = min(steps, key=lambda p: (abs(p - last.pitch), p))
    if last.duration > 1.0:
        last.duration -= 1.0
        line.append(Draft(bar.end - 1, 0.95, passing, -3))
    elif last.start > bar.start:
        last.pitch = passing


def harmony_voices(scene: Scene, players: Sequence[Instrument], ceiling: int) -> list[list[Draft]]:
    """Chords led from one to the next and dealt to the players from the top, one list of notes each."""
    order = sorted(range(len(players)), key=lambda i: -sum(players[i].comfortable))
    counts = _deal(players, scene.section.density)
    low = max(min(p.comfortable[0] for p in players), 48)  # closer than a fifth below this is mud
    high = max(low + 12, min(max(p.comfortable[1] for p in players), ceiling))
    pick = scene.theme_rng("harmony").randrange(2)
    lists: list[list[Draft]] = [[] for _ in players]
    before: tuple[int, ...] | None = None
    last_chord: Chord | None = None
    for number, bar in enumerate(scene.bars):
        for start, end, stress in _bar_strikes(scene, bar, number, _STRIKES, pick):
            chord = scene.chord_at(start)
            if chord != last_chord or before is None:
                before = voice(chord, min(6, sum(counts)), low, min(high, low + 26), before, scene.leading_note)
                last_chord = chord
            _hand_out(lists, players, order, counts, before, start, end, stress)
    return [_broken(scene, notes) if _breaks_chords(scene, player) else notes for notes, player in zip(lists, players, strict=True)]


def _breaks_chords(scene: Scene, player: Instrument) -> bool:
    """Struck and plucked sounds die away: where others hold a chord, these spread it."""
    return player.decays and player.polyphony >= 4 and scene.mood.texture in ("sustained", "flowing", "shimmer", "tremolo")


def _broken(scene: Scene, chords: list[Draft]) -> list[Draft]:
    """Held chords as rolling figures, low note first, up and down; the last chord of the film stays whole."""
    step = 1.0 if scene.energy == 0 and scene.bars[0].plan.qpm > 66 else 0.5
    wave = scene.theme_rng("broken").choice(((0, 1, 2, 1), (0, 1, 2, 3, 2, 1), (0, 2, 1, 2), (0, 2, 1, 3)))
    line: list[Draft] = []
    for start in sorted({d.start for d in chords}):
        chord = sorted((d for d in chords if d.start == start), key=lambda d: d.pitch)
        end = max(d.end for d in chord)
        whole = end - start < 2 * step or (scene.is_last and start >= scene.bars[-1].start)
        if whole or len(chord) < 2:
            line += chord
            continue
        count = round((end - start) / step)
        for k in range(count):
            note = chord[wave[k % len(wave)] % len(chord)]
            line.append(Draft(start + k * step, min(2 * step, end - start - k * step), note.pitch, note.stress - (0 if k == 0 else 4)))
    return line


def _deal(players: Sequence[Instrument], density: float) -> list[int]:
    """Voices for each player: keyboards and sections take several, three to six in all."""
    wanted = 3 + round(2 * density)
    counts = [1] * len(players)
    while sum(counts) < wanted:
        open_seats = [i for i, p in enumerate(players) if counts[i] < min(p.polyphony, 4)]
        if not open_seats:
            break
        counts[min(open_seats, key=lambda i: (counts[i], -players[i].polyphony))] += 1
    return counts


def _hand_out(
    lists: list[list[Draft]],
    players: Sequence[Instrument],
    order: list[int],
    counts: list[int],
    voicing: tuple[int, ...],
    start: float,
    end: float,
    stress: float,
) -> None:
    left = list(voicing)
    for i in order:
        taken = [left.pop() for _ in range(min(counts[i], len(left)))]
        if not taken:
            taken = [voicing[-1 - (i % len(voicing))]]  # more players than voices: someone doubles
        held = (end - start) * (0.97 if end - start >= 1 else 0.8)
        pitches = {into_range(p, *players[i].comfortable) for p in taken}
        lists[i] += [Draft(start, held, pitch, stress) for pitch in sorted(pitches)]


def ostinato(scene: Scene, low: int, high: int) -> list[Draft]:
    """A figure over the ladder of chord notes, in the theme's own shape; it changes at the half of every phrase and rests on cadences."""
    rng = scene.theme_rng("ostinato")
    figures = rng.sample(_FIGURES, 3)
    qpm = scene.bars[0].plan.qpm
    step = 1.0 if scene.energy == 0 else 0.25 if scene.energy == 3 and qpm < 104 else 0.5
    line: list[Draft] = []
    for number, bar in enumerate(scene.bars):
        figure = figures[2] if number % 4 == 3 else figures[(number // 4) % 2]
        last_bar = bar is scene.bars[-1]
        count = max(1, round((bar.length if not last_bar else min(1.0, bar.length)) / step))
        if number % 8 == 7 and not last_bar:
            count = max(1, count - round(1 / step))  # a breath before the next eight bars
        for k in range(count):
            beat = bar.start + k * step
            ladder = _ladder(scene.chord_at(beat), low, high)
            pitch = ladder[min(figure[k % len(figure)], len(ladder) - 1)]
            stress = 4.0 if k * step % 2 == 0 else -2.0 if k * step % 1 == 0 else -5.0
            line.append(Draft(beat, min(step * (0.6 if step <= 0.5 else 0.9), bar.end - beat), pitch, stress))
        if last_bar:
            line[-1].duration = max(line[-1].duration, 1.0)
    return line


def _ladder(chord: Chord, low: int, high: int) -> list[int]:
    """Four chord notes upwards from the middle of the range."""
    start = low + round(0.3 * (high - low))
    pitches = [p for p in range(start, min(high, start + 24) + 1) if p % 12 in chord.pitch_classes]
    return pitches[:4] or [nearest_pitch(chord.root, start, low, high)]


def timpani(scene: Scene, low: int, high: int) -> list[Draft]:
    """Tonic and dominant under the downbeats, more of them as it gets louder, and a roll into a louder section."""
    line: list[Draft] = []
    loud = scene.section.dynamics in ("mf", "f", "ff")
    for number, bar in enumerate(scene.bars):
        root = nearest_pitch(scene.chord_at(bar.start).root, (low + high) / 2, low, high)
        fifth = nearest_pitch(scene.chord_at(bar.start).root + 7, root, low, high)
        if loud or number % 2 == 0:
            line.append(Draft(bar.start, 1.0, root, 4))
        if scene.energy >= 2 and bar.length > 2 and number % 4 != 1:
            line.append(Draft(bar.start + 2, 0.5, root, 0))
            line.append(Draft(bar.end - 0.5, 0.5, fifth if number % 2 else root, -4))
        for hit in scene.hard:
            if bar.start < hit < bar.end and all(abs(d.start - hit) > 0.3 for d in line):
                line.append(Draft(hit, 1.0, root, 6))
    if (scene.next_dynamics in ("f", "ff") and not loud) or (scene.next_dynamics == "ff"):
        bar = scene.bars[-1]
        dominant = nearest_pitch(scene.key.tonic + 7, (low + high) / 2, low, high)
        line = [d for d in line if d.start < bar.start + 1e-6]
        line += [Draft(bar.start + 0.25 * k, 0.25, dominant, -22 + 20 * k / (4 * bar.length)) for k in range(4, round(4 * bar.length))]
    return sorted(line, key=lambda d: d.start)


BASS_DRUM, _SNARE, _HAT, _CRASH, _RIDE, _TRIANGLE, _LOW_TOM = 36, 38, 42, 49, 51, 81, 41


def drum_kit(scene: Scene, *, orchestral: bool) -> list[Draft]:
    """Beats on a kit, or colours in an orchestra: crash on openings and hits when loud, fills before sections."""
    line: list[Draft] = []
    loud = scene.section.dynamics in ("f", "ff")
    for number, bar in enumerate(scene.bars):
        if number == 0 and (loud or scene.energy >= 2):
            line.append(Draft(bar.start, 2.0, _CRASH, 2))
        elif number == 0 or (number % 4 == 0 and scene.energy == 0):
            line.append(Draft(bar.start, 1.0, _TRIANGLE if orchestral else _RIDE, -8))
        line += _orchestral_bar(scene, bar, number) if orchestral else _kit_bar(scene, bar, number)
        line += [Draft(h, 1.0, _CRASH if loud else BASS_DRUM, 8) for h in scene.hard if bar.start < h < bar.end]
    unique = {(round(d.start, 4), d.pitch): d for d in line}
    return sorted(unique.values(), key=lambda d: (d.start, d.pitch))


def _orchestral_bar(scene: Scene, bar: BarSpan, number: int) -> list[Draft]:
    notes: list[Draft] = []
    if scene.energy >= 1:
        notes.append(Draft(bar.start, 1.0, BASS_DRUM, 0))
    if scene.energy >= 2 and scene.mood.texture in ("march", "drive", "pulse"):
        rhythm = (1, 2, 2.5, 3) if number % 4 == 3 else (1, 3, 3.5) if number % 2 else (1, 3)
        notes += [Draft(bar.start + o, 0.5, _SNARE, -8) for o in rhythm if o < bar.length]
    elif scene.energy == 0 and number % 4 == 2:
        notes.append(Draft(bar.start, 1.0, _TRIANGLE, -10))
    return notes


def _kit_bar(scene: Scene, bar: BarSpan, number: int) -> list[Draft]:
    if scene.energy == 0:
        return [Draft(bar.start, 1.0, _HAT, -10)] if number % 2 else []
    step = 0.5 if scene.energy >= 2 else 1.0
    notes = [Draft(bar.start + k * step, 0.25, _HAT, -10 if k % 2 else -4) for k in range(round(bar.length / step))]
    notes += [Draft(bar.start + o, 0.5, BASS_DRUM, 2) for o in ((0, 2, 2.5) if number % 2 else (0, 2)) if o < bar.length]
    notes += [Draft(bar.start + o, 0.5, _SNARE, 2) for o in (1, 3) if o < bar.length]
    if number % 4 == 3:
        fill = [bar.end - 1 + 0.25 * k for k in range(4)]
        notes = [d for d in notes if d.start < bar.end - 1 or d.pitch == BASS_DRUM]
        notes += [Draft(beat, 0.25, _SNARE if k < 2 else _LOW_TOM, 2 * k) for k, beat in enumerate(fill)]
    return notes
