"""Melody and counter-line: a motif per theme, stated, sequenced, answered and closed, with breaths.

A phrase of four bars goes a – a′ – b – close: the motif, the motif on another step, something livelier, then a long note on the cadence
and a rest. Where the plan's theme has a motif (`composer.statement`), that is what phrases begin with, and the rest goes on from there. Notes on strong beats are chord notes; between them the line walks the chord's scale towards where the contour points.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from composer.scene import BarSpan, Draft, Scene
from composer.statement import Statement, statements
from composer.theory.chords import chord_scale
from composer.theory.voicing import nearest_pitch

Rhythm = tuple[tuple[float, float], ...]

# (onset, length) in beats of a 4/4 bar, by liveliness
_RHYTHMS: tuple[tuple[Rhythm, ...], ...] = (
    (((0, 3), (3, 1)), ((0, 2), (2, 2)), ((0, 2), (2, 1), (3, 1)), ((0, 4),)),
    (((0, 2), (2, 1), (3, 1)), ((0, 1.5), (1.5, 0.5), (2, 2)), ((0, 1), (1, 1), (2, 2)), ((0, 3), (3, 0.5), (3.5, 0.5))),
    (
        ((0, 1), (1, 0.5), (1.5, 0.5), (2, 1), (3, 1)),
        ((0, 1.5), (1.5, 0.5), (2, 1), (3, 0.5), (3.5, 0.5)),
        ((0, 0.5), (0.5, 0.5), (1, 1), (2, 1.5), (3.5, 0.5)),
        ((0, 1.5), (1.5, 0.5), (2, 1.5), (3.5, 0.5)),
    ),
    (
        ((0, 0.5), (0.5, 0.5), (1, 0.5), (1.5, 0.5), (2, 1), (3, 0.5), (3.5, 0.5)),
        ((0, 0.75), (0.75, 0.25), (1, 0.5), (1.5, 0.5), (2, 1), (3, 1)),
        ((0, 1), (1, 0.5), (1.5, 0.5), (2, 0.5), (2.5, 0.5), (3, 1)),
        ((0, 0.5), (0.5, 1), (1.5, 0.5), (2, 0.5), (2.5, 0.5), (3, 0.5), (3.5, 0.5)),
    ),
)
# contours of a bar in scale steps from its first note; the rhythm takes as many as it has notes
_CONTOURS = (
    (0, 1, 2, 1, 3, 2, 1, 0),
    (0, 2, 1, 0, -1, 0, 1, 2),
    (0, -1, 1, 0, 2, 1, 0, -1),
    (0, 4, 3, 2, 1, 2, 1, 0),
    (0, 1, 0, -1, -2, -1, 0, 1),
    (0, -1, -2, 0, -1, -3, -2, -1),
    (0, 2, 4, 3, 2, 1, 2, 0),
)


@dataclass(frozen=True)
class Idea:
    """What a theme without a motif of its own is made of: two bars of rhythm and contour."""

    rhythms: tuple[Rhythm, Rhythm]
    contours: tuple[tuple[int, ...], tuple[int, ...]]
    #: scale steps by which the answer is moved
    sequence: int


def idea_for(scene: Scene) -> Idea:
    """The theme's idea; its contour is the theme's own wherever it returns, its rhythm follows the section's energy."""
    rng = scene.theme_rng("motif")
    picks = [rng.randrange(4) for _ in range(2)]
    contours: list[tuple[int, ...]] = rng.sample(_CONTOURS, 2)
    if scene.mood.valence < -0.1:
        contours = [tuple(-step for step in c) if sum(c) > 0 else c for c in contours]  # dark themes sink
    bank = _RHYTHMS[scene.energy]
    return Idea((bank[picks[0]], bank[picks[1]]), (contours[0], contours[1]), rng.choice((-2, -1, 1, 2)))


def _fit_rhythm(rhythm: Rhythm, beats: float) -> list[tuple[float, float]]:
    """A 4/4 rhythm in a bar of another length: cut off, or its last note drawn out and joined by another."""
    kept = [(onset, min(length, beats - onset)) for onset, length in rhythm if onset < beats]
    onset, length = kept[-1]
    if onset + length < beats:
        kept.append((onset + length, beats - onset - length))
    return kept


def _phrase_rhythm(scene: Scene, phrase: tuple[BarSpan, ...], index: int, idea: Idea, rng: random.Random) -> list[tuple[float, float, int]]:
    """(onset beat, length, contour step) of a phrase before hits are marked."""
    notes: list[tuple[float, float, int]] = []
    last = len(phrase) - 1
    for i, bar in enumerate(phrase):
        if i == last:
            held = max(1.0, bar.length / 2) if len(phrase) > 1 else bar.length * 0.75
            notes.append((bar.start, min(held, bar.length), 0))
            break
        rhythm, contour = idea.rhythms[i % 2], idea.contours[i % 2]
        offset = idea.sequence * (i // 2) + (index % 2) * (1 if i == 0 else 0)
        if i == last - 1 and last >= 2:
            rhythm = rng.choice(_RHYTHMS[min(3, scene.energy + (1 if scene.arousal > -0.3 else 0))])
        figures = _fit_rhythm(rhythm, bar.length)
        if (i % 2 == 1 and i < last - 1) or (i == 0 and last == 1):
            # breathe after the motif: its last beat is silence
            figures = [(o, min(length, bar.length - 1 - o)) for o, length in figures if o < bar.length - 1]
        for k, (onset, length) in enumerate(figures):
            place = k if len(figures) > 4 else k * 6 // len(figures)  # few notes walk the whole contour, too
            notes.append((bar.start + onset, length, contour[place % len(contour)] + offset))
    return notes


def _mark_hits(notes: list[tuple[float, float, int]], hits: tuple[float, ...]) -> list[tuple[float, float, int]]:
    """A note begins on every hit that falls inside a held one; notes just before it give way."""
    for hit in hits:
        for i, (onset, length, step) in enumerate(notes):
            if onset + 1e-6 < hit < onset + length - 1e-6:
                notes[i : i + 1] = [(onset, hit - onset, step), (hit, onset + length - hit, step + 2)]
                break
    return notes


def melody(scene: Scene, low: int, high: int) -> list[Draft]:
    """The section's tune within [low, high]: the theme's motif where it is stated, else free; it rests between 15 and 40 % of the time."""
    rng, idea = scene.rng("melody"), idea_for(scene)
    told = statements(scene, low, high)
    centre = low + (high - low) * (0.42 + 0.16 * scene.arousal)
    line: list[Draft] = []
    fixed: list[Draft] = []
    before: int | None = None
    phrases = scene.phrases()
    for index, phrase in enumerate(phrases):
        stated = [one for one in told if phrase[0].start <= one.start < phrase[-1].end]
        own = [note for one in stated for note in one.notes]
        line += own
        fixed += own
        before = own[-1].pitch if own else before
        shape = _mark_hits(_free(_phrase_rhythm(scene, phrase, index, idea, rng), stated), scene.hard)
        span = phrase[-1].end - phrase[0].start
        for k, (onset, length, step) in enumerate(shape):
            arch = 6.0 * (1 - abs(2 * (onset - phrase[0].start) / span - 1.1)) + (2.0 if index % 4 == 2 else 0.0)
            target = centre + 1.75 * step + arch
            closing = k == len(shape) - 1
            pitch = _next_pitch(scene, onset, length, target, before, line, low, high, closing=closing)
            stress = 5.0 if k == 0 and not own else 2.0 if closing else 0.0
            line.append(Draft(onset, length * (0.97 if length < 2 else 0.99), pitch, stress))
            before = pitch
    line.sort(key=lambda d: d.start)
    return _balance_rests(scene, line, fixed)


def _free(shape: list[tuple[float, float, int]], stated: list[Statement]) -> list[tuple[float, float, int]]:
    """What is left of a phrase's rhythm after its statements; a note that a statement runs into begins at its end."""
    until = max((one.end for one in stated), default=0.0)
    kept = [(max(onset, until), onset + length - max(onset, until), step) for onset, length, step in shape]
    return [note for note in kept if note[1] >= 0.45] if stated else shape


def _next_pitch(
    scene: Scene, onset: float, length: float, target: float, before: int | None, line: list[Draft], low: int, high: int, *, closing: bool
) -> int:
    chord = scene.chord_at(onset)
    strong = scene.is_strong(onset) or length >= 1.5 or before is None
    classes = chord.pitch_classes if strong else chord_scale(chord, scene.key)
    if closing and scene.is_last and onset >= scene.bars[-1].start:
        classes = (chord.root,)  # the film's last word
    elif closing:
        classes = tuple(pc for pc in (chord.root, chord.third, (chord.root + 7) % 12) if pc is not None and pc in chord.pitch_classes)
    pitches = [p for p in range(low, high + 1) if p % 12 in classes]
    if not pitches:
        return nearest_pitch(chord.root, target, low, high)
    runs = sum(1 for d in line[-2:] if before is not None and d.pitch == before)

    def cost(pitch: int) -> tuple[float, int]:
        value = abs(pitch - target)
        if before is not None:
            leap = abs(pitch - before)
            value += 0.4 * leap + (4 if leap > 9 else 0) + (0 if leap != 6 else 2)
            value += 1.5 + 2.2 * runs if leap == 0 else 0
            if before % 12 == scene.leading_note and chord.root == scene.key.tonic and pitch != before + 1:
                value += 2.5
            if pitch % 12 not in chord.pitch_classes and leap > 2:
                value += 5  # a dissonance is reached by step
            if line and line[-1].pitch % 12 not in scene.chord_at(line[-1].start).pitch_classes and leap > 2:
                value += 4  # and left by step
        return value, pitch

    return min(pitches, key=cost)


def rest_share(line: list[Draft], start: float, end: float) -> float:
    """Share of [start, end) in which a line is silent."""
    sounding = sum(max(0.0, min(d.end, end) - max(d.start, start)) for d in line)
    return 1.0 - sounding / (end - start)


def _balance_rests(scene: Scene, line: list[Draft], fixed: list[Draft]) -> list[Draft]:
    """Shorten long notes (latest first, `fixed` ones last and less) until the line rests 18 %; lengthen phrase ends when it rests over 36 %."""
    own = {id(note) for note in fixed}
    for i in sorted(range(len(line)), key=lambda i: (id(line[i]) in own, -line[i].duration, -i)):
        if rest_share(line, scene.start, scene.end) >= 0.18:
            break
        line[i].duration *= 0.62 if id(line[i]) not in own else 0.85
    for i, note in enumerate(line):
        if rest_share(line, scene.start, scene.end) <= 0.36:
            break
        gap = (line[i + 1].start if i + 1 < len(line) else scene.end) - note.end
        if gap > 1:
            note.duration += 0.6 * gap
    return line


def counter_line(scene: Scene, tune: list[Draft], low: int, high: int) -> list[Draft]:
    """A slower line under the tune: it moves where the tune holds or rests, and holds where the tune moves."""
    rng = scene.rng("counter")
    line: list[Draft] = []
    before: int | None = None
    for index, bar in enumerate(scene.bars):
        busy = sum(1 for d in tune if bar.start <= d.start < bar.end)
        onsets = [0.0] if busy >= 4 else [0.0, 2.0] if busy >= 2 else [0.0, 1.0, 2.0, 3.0]
        if bar is scene.bars[-1]:
            onsets = [0.0]  # the close is held by all
        elif index % 4 == 3 and rng.random() < 0.6:
            onsets = [1.0, 2.0, 3.0]
        onsets = [o for o in onsets if o < bar.length] + [h - bar.start for h in scene.hard if bar.start < h < bar.end]
        onsets += [s.start - bar.start for s in scene.spans if bar.start < s.start < bar.end]
        onsets = sorted(set(onsets))
        for onset, following in zip(onsets, [*onsets[1:], bar.length], strict=True):
            beat = bar.start + onset
            pitch = _counter_pitch(scene, beat, following - onset, tune, before, low, high)
            line.append(Draft(beat, (following - onset) * 0.96, pitch))
            before = pitch
        if index % 4 == 2 and line:
            line[-1].duration *= 0.6
    return line


def _counter_pitch(scene: Scene, beat: float, length: float, tune: list[Draft], before: int | None, low: int, high: int) -> int:
    chord = scene.chord_at(beat)
    strong = scene.is_strong(beat) or length > 1
    classes = chord.pitch_classes if strong else chord_scale(chord, scene.key)
    above = [d for d in tune if d.start <= beat < d.end]
    earlier = [d for d in tune if d.start < beat]
    pitches = [p for p in range(low, high + 1) if p % 12 in classes] or [nearest_pitch(chord.root, (low + high) / 2, low, high)]
    rising = above[-1].pitch - earlier[-1].pitch if above and earlier else 0

    def cost(pitch: int) -> tuple[float, int]:
        value = 0.12 * abs(pitch - (low + high) / 2)
        if above:
            gap = above[-1].pitch - pitch
            value += 8 if gap < 3 else 0.1 * max(0, gap - 12)
            value += 3 if gap % 12 == 0 else 0
        if pitch % 12 not in chord.pitch_classes and {(pitch + 1) % 12, (pitch - 1) % 12} & set(chord.pitch_classes):
            value += 4  # a semitone beside a chord note rubs against whoever holds it
        if before is not None:
            value += 0.6 * abs(pitch - before) + (2.5 if pitch == before else 0)
            value += 0.8 if (pitch - before) * rising > 0 else 0
        return value, pitch

    return min(pitches, key=cost)
