"""Perform: give a written score breath. Expression curves, vibrato, pedal, and timing that is human everywhere but on the hits.

A hard hit is a sforzando: who sustains holds back just before it (CC11), is at full strength on it, and relaxes; a pedal is lifted for it.
"""

from __future__ import annotations

import bisect
import itertools
import random
from collections.abc import Sequence
from dataclasses import replace

from composer.instruments import INSTRUMENTS, Instrument
from composer.moments import SAME_BEATS, Moment, moments
from composer.plan import Plan
from composer.scene import Scene, scenes
from composer.score import Control, Note, Score, Track
from composer.tempo import TempoMap
from composer.theory.moods import MOODS

#: largest spread of a player's timing at --humanize 1, seconds (standard deviation of ensemble asynchrony, Rasch 1979: 30–50 ms between players)
_SPREAD_S = 0.012
_STEP_BEATS = 0.5
_VIBRATO, _EXPRESSION, _PEDAL = 1, 11, 64
#: CC11 before a hit, hard or soft, and on it
_HELD_BACK, _HELD_BACK_SOFTLY, _FULL = 42, 56, 102
#: seconds from a hit to what CC11 does there: it falls, waits, opens around the hit itself, and relaxes
_FALLS_S, _WAITS_S, _OPENS_S, _OPENED_S, _RELAXED_S = (-0.14, -0.09, -0.014, 0.004, 0.6)
_OPENING_STEPS, _OTHER_STEPS = 6, 5
#: by this factor CC11 follows a hairpin at most while a note is held: further notes bring their own velocity
_MOST_SWELL = 1.3


def perform(score: Score, plan: Plan | None = None, humanize: float = 0.5) -> Score:
    """Add controllers and small seeded deviations; `humanize` 0 leaves every note on the grid.

    With a plan, expression follows its arousal and a fading end fades. Hits and the notes that begin on them never move.
    """
    hits = frozenset(round(beat, 5) for beat in score.hit_beats())
    struck = moments(plan) if plan is not None else []
    swelling = [scene for scene in scenes(plan) if scene.swells] if plan is not None else []
    return replace(score, tracks=tuple(_perform_track(track, score, plan, hits, struck, swelling, humanize) for track in score.tracks))


def _perform_track(
    track: Track, score: Score, plan: Plan | None, hits: frozenset[float], struck: list[Moment], swelling: list[Scene], humanize: float
) -> Track:
    info = INSTRUMENTS[track.instrument]
    rng = random.Random(f"{score.seed}/perform/{track.part}")
    notes = _humanised(track.notes, score.tempo, hits, humanize, rng)
    controls: list[Control] = []
    if not info.decays:
        controls = _with_strokes(_expression(track.notes, info, score, plan, hits, swelling), track.notes, score, plan, struck)
    elif info.family == "piano" and track.notes:
        controls += _pedal(track.notes, score.tempo, plan, struck)
    if plan is not None and plan.ending == "fade" and info.decays:
        controls += _fade(score, plan)
    return replace(track, notes=notes, controls=tuple(sorted(controls, key=lambda c: (c.beat, c.number))))


def _humanised(notes: tuple[Note, ...], tempo: TempoMap, hits: frozenset[float], humanize: float, rng: random.Random) -> tuple[Note, ...]:
    """Velocity breathes a little for every note; onsets move by milliseconds, chords together, never on a hit or before time 0."""
    moved = []
    offset_s, last_start = 0.0, None
    for note in notes:
        if note.start_beat != last_start:
            drift = rng.gauss(0.0, _SPREAD_S * humanize)
            offset_s = min(max(drift, -2 * _SPREAD_S), 2 * _SPREAD_S)
            last_start = note.start_beat
        velocity = min(127, max(1, round(note.velocity + rng.gauss(0.0, 2.5 * humanize))))
        on_hit = note.start_beat < 1e-9 or round(note.start_beat, 5) in hits
        shift = 0.0 if on_hit or humanize == 0 else tempo.s_to_beat(tempo.beat_to_s(note.start_beat) + offset_s) - note.start_beat
        start = max(0.0, note.start_beat + shift)
        length = max(0.05, note.duration_beats - max(0.0, shift))
        moved.append(Note(round(start, 6), round(length, 6), note.pitch, velocity))
    return tuple(sorted(moved, key=lambda n: (n.start_beat, n.pitch)))


def _phrases(notes: tuple[Note, ...]) -> list[tuple[float, float]]:
    """Stretches of playing without a rest of half a beat: (start, end) in beats."""
    spans: list[list[float]] = []
    for note in notes:
        if spans and note.start_beat - spans[-1][1] < 0.5 and spans[-1][1] - spans[-1][0] < 16:
            spans[-1][1] = max(spans[-1][1], note.end_beat)
        else:
            spans.append([note.start_beat, note.end_beat])
    return [(a, b) for a, b in spans]


def _expression(
    notes: tuple[Note, ...], info: Instrument, score: Score, plan: Plan | None, hits: frozenset[float], swelling: list[Scene]
) -> list[Control]:
    """CC11 swells through every phrase, with the film's arousal and, while a note is held, with the hairpins; CC1 adds vibrato to held notes."""
    controls: list[Control] = []
    starts = [note.start_beat for note in notes]
    ordered = sorted(hits)
    last = {_EXPRESSION: -1, _VIBRATO: -1}

    def put(beat: float, number: int, value: float) -> None:
        whole = min(127, max(0, round(value)))
        if whole != last[number]:
            controls.append(Control(round(beat, 6), number, whole))
            last[number] = whole

    for start, end in _phrases(notes):
        beat = start
        while beat < end:
            place = (beat - start) / max(end - start, 1e-6)
            arch = 1 - abs(2 * place - 1.15)
            place_of = bisect.bisect(ordered, beat)
            near_hit = any(abs(beat - hit) < _STEP_BEATS for hit in ordered[max(0, place_of - 1) : place_of + 1])
            put(
                beat,
                _EXPRESSION,
                (96 + 16 * (max(arch, 0.6) if near_hit else arch) + 10 * _arousal(score, plan, beat))
                * _fade_level(score, plan, beat)
                * _swell(swelling, starts, beat),
            )
            put(beat, _VIBRATO, 8 + 26 * max(0.0, arch) if info.family in ("strings", "woodwinds", "choir") else 0)
            beat += _STEP_BEATS
    return controls


def _swell(swelling: list[Scene], starts: list[float], beat: float) -> float:
    """How much louder a hairpin wants what is held by now than where it began (CC11 is heard as velocity is: squared)."""
    at = bisect.bisect(swelling, beat + SAME_BEATS, key=lambda scene: scene.start) - 1
    if at < 0 or not any(swell.start <= beat + SAME_BEATS < swell.end for swell in swelling[at].swells):
        return 1.0
    began = max(starts[bisect.bisect(starts, beat + SAME_BEATS) - 1], swelling[at].start)
    return min(_MOST_SWELL, max(1 / _MOST_SWELL, swelling[at].level(beat) / swelling[at].level(began)))


def _with_strokes(controls: list[Control], notes: Sequence[Note], score: Score, plan: Plan | None, struck: list[Moment]) -> list[Control]:
    """The controls of a part with a sforzando on every hit that it begins on and holds nothing across."""
    ordered = sorted(notes, key=_start)
    ends = list(itertools.accumulate((note.end_beat for note in ordered), max, initial=0.0))
    curve = sorted((c for c in controls if c.number == _EXPRESSION), key=_beat)
    for moment in struck:
        first = bisect.bisect_left(ordered, moment.beat - SAME_BEATS, key=_start)
        after = bisect.bisect_right(ordered, moment.beat + SAME_BEATS, key=_start)
        if ends[first] <= moment.beat + SAME_BEATS and any(moment.is_on(note) for note in ordered[first:after]):
            _sforzando(curve, moment, _fade_level(score, plan, moment.beat))
    return [*curve, *(c for c in controls if c.number != _EXPRESSION)]


def _sforzando(curve: list[Control], moment: Moment, level: float) -> None:
    """CC11 (in order, changed in place) holds back before a hit, opens within a few milliseconds around it and relaxes into what was there."""
    falls, waits, opens, opened, relaxed = (moment.beat + moment.beats(s) for s in (_FALLS_S, _WAITS_S, _OPENS_S, _OPENED_S, _RELAXED_S))
    relaxed = min(relaxed, moment.until - moment.beats(0.2))
    low = (_HELD_BACK if moment.is_hard else _HELD_BACK_SOFTLY) * level
    before, after = _value_at(curve, falls), _value_at(curve, relaxed)
    ramps = [
        (falls, waits, before, min(low, before), _OTHER_STEPS),
        (opens, opened, min(low, before), _FULL * level, _OPENING_STEPS),
        (opened, relaxed, _FULL * level, after, _OTHER_STEPS),
    ]
    shaped = [
        Control(round(max(0.0, start + (end - start) * k / steps), 6), _EXPRESSION, round(low + (high - low) * k / steps))
        for start, end, low, high, steps in ramps
        for k in range(1, steps + 1)
        if end > start
    ]
    del curve[bisect.bisect_left(curve, falls, key=_beat) : bisect.bisect_right(curve, max(opened, relaxed), key=_beat)]
    for control in shaped:
        bisect.insort(curve, control, key=_beat)


def _value_at(curve: list[Control], beat: float) -> float:
    """What CC11 is at, full when nobody said; the first of two that are said at once."""
    place = bisect.bisect_right(curve, beat, key=_beat)
    return curve[bisect.bisect_left(curve, curve[place - 1].beat, key=_beat)].value if place else _FULL


def _beat(control: Control) -> float:
    return control.beat


def _start(note: Note) -> float:
    return note.start_beat


def _arousal(score: Score, plan: Plan | None, beat: float) -> float:
    return plan.bars[score.tempo.bar_at_beat(beat)].arousal if plan is not None else 0.0


def _fade_level(score: Score, plan: Plan | None, beat: float) -> float:
    """1 until the fade, then down to a tenth at the end of the cue (the last six seconds of a fading end)."""
    if plan is None or plan.ending != "fade":
        return 1.0
    now_s = score.tempo.beat_to_s(beat)
    left = next((cue.end_s for cue in plan.cues if cue.end_s > now_s), score.end_s) - now_s
    return 1.0 if left >= 6 else 0.1 + 0.9 * max(0.0, left) / 6


def _fade(score: Score, plan: Plan) -> list[Control]:
    """A struck or plucked part fades by CC11 too, and is back at full level where the next cue begins."""
    steps, controls = 24, []
    for cue in plan.cues:
        start, end = (score.tempo.s_to_beat(max(cue.start_s, min(cue.end_s, score.end_s) - left_s)) for left_s in (6.0, 0.0))
        controls += [
            Control(round(start + (end - start) * k / steps, 6), _EXPRESSION, round(127 * (1 - 0.9 * k / steps))) for k in range(steps + 1)
        ]
        controls.append(Control(round(score.tempo.s_to_beat(cue.end_s + 0.05), 6), _EXPRESSION, 127))
    return controls[:-1]  # after the last there is no next


#: textures whose short notes a pedal would drown
_DRY = ("staccato", "march", "drive", "pulse")
#: what hits leave of a pedal is longer than this
_SHORTEST_PEDAL_BEATS = 0.15


def _pedal(notes: tuple[Note, ...], tempo: TempoMap, plan: Plan | None, struck: list[Moment]) -> list[Control]:
    """Sustain pedal, changed with every bar that is played and, with a plan, every chord and every hit; none where notes should be short."""
    spans: list[tuple[float, float]] = []
    for bar in sorted({tempo.bar_at_beat(n.start_beat) for n in notes}):
        start, end = float(tempo.bar_beats[bar]), float(tempo.bar_beats[bar + 1])
        section = plan.section_at(bar + 1) if plan is not None else None
        if section is not None and MOODS[section.mood].texture in _DRY:
            continue
        changes = len(section.chords[bar + 1 - section.first_bar].split()) if section is not None else 1
        spans += [(start + k * (end - start) / changes, start + (k + 1) * (end - start) / changes) for k in range(changes)]
    controls: list[Control] = []
    for start, end in _lifted(spans, struck):
        controls += [Control(round(start + 0.08, 6), _PEDAL, 100), Control(round(end - 0.02, 6), _PEDAL, 0)]
    return controls


def _lifted(spans: list[tuple[float, float]], struck: list[Moment]) -> list[tuple[float, float]]:
    """Spans of the pedal (in order) without the breath before each hard hit, and without the silence after a stop."""
    hard = [moment for moment in struck if moment.is_hard]
    spans = [(a, b) for a, b in spans if b - a > _SHORTEST_PEDAL_BEATS] if hard else spans
    for moment in hard:
        held, free = moment.beat - moment.breath, moment.silent_until if moment.mark in ("stop", "stinger") else moment.beat
        touched = slice(
            bisect.bisect_right(spans, held, key=lambda span: span[1]), bisect.bisect_left(spans, free, key=lambda span: span[0])
        )
        pieces = [piece for a, b in spans[touched] for piece in ((a, min(b, held)), (max(a, free), b))]
        spans[touched] = [(a, b) for a, b in pieces if b - a > _SHORTEST_PEDAL_BEATS]
    return spans
