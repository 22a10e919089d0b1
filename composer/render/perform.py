"""Perform: give a written score breath. Expression curves, vibrato, pedal, and timing that is human everywhere but on the hits."""

from __future__ import annotations

import bisect
import random
from dataclasses import replace

from composer.instruments import INSTRUMENTS, Instrument
from composer.plan import Plan
from composer.score import Control, Note, Score, Track
from composer.tempo import TempoMap
from composer.theory.moods import MOODS

#: largest spread of a player's timing at --humanize 1, seconds (standard deviation of ensemble asynchrony, Rasch 1979: 30–50 ms between players)
_SPREAD_S = 0.012
_STEP_BEATS = 0.5
_VIBRATO, _EXPRESSION, _PEDAL = 1, 11, 64


def perform(score: Score, plan: Plan | None = None, humanize: float = 0.5) -> Score:
    """Add controllers and small seeded deviations; `humanize` 0 leaves every note on the grid.

    With a plan, expression follows its arousal and a fading end fades. Hits and the notes that begin on them never move.
    """
    hits = frozenset(round(beat, 5) for beat in score.hit_beats())
    return replace(score, tracks=tuple(_perform_track(track, score, plan, hits, humanize) for track in score.tracks))


def _perform_track(track: Track, score: Score, plan: Plan | None, hits: frozenset[float], humanize: float) -> Track:
    info = INSTRUMENTS[track.instrument]
    rng = random.Random(f"{score.seed}/perform/{track.part}")
    notes = _humanised(track.notes, score.tempo, hits, humanize, rng)
    controls: list[Control] = []
    if not info.decays:
        controls += _expression(track.notes, info, score, plan, hits)
    elif info.family == "piano" and track.notes:
        controls += _pedal(track.notes, score.tempo, plan)
    if plan is not None and plan.ending == "fade" and info.decays:
        controls += _fade(score)
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


def _expression(notes: tuple[Note, ...], info: Instrument, score: Score, plan: Plan | None, hits: frozenset[float]) -> list[Control]:
    """CC11 swells through every phrase and with the film's arousal; CC1 adds vibrato where notes are held."""
    controls: list[Control] = []
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
                (96 + 16 * (max(arch, 0.6) if near_hit else arch) + 10 * _arousal(score, plan, beat)) * _fade_level(score, plan, beat),
            )
            put(beat, _VIBRATO, 8 + 26 * max(0.0, arch) if info.family in ("strings", "woodwinds", "choir") else 0)
            beat += _STEP_BEATS
    return controls


def _arousal(score: Score, plan: Plan | None, beat: float) -> float:
    return plan.bars[score.tempo.bar_at_beat(beat)].arousal if plan is not None else 0.0


def _fade_level(score: Score, plan: Plan | None, beat: float) -> float:
    """1 until the fade, then down to a tenth at the end of the film (the last six seconds of a fading end)."""
    if plan is None or plan.ending != "fade":
        return 1.0
    left = score.end_s - score.tempo.beat_to_s(beat)
    return 1.0 if left >= 6 else 0.1 + 0.9 * max(0.0, left) / 6


def _fade(score: Score) -> list[Control]:
    """A struck or plucked part fades by CC11 too."""
    start = score.tempo.s_to_beat(max(0.0, score.end_s - 6))
    end = score.tempo.s_to_beat(score.end_s)
    steps = 24
    return [Control(round(start + (end - start) * k / steps, 6), _EXPRESSION, round(127 * (1 - 0.9 * k / steps))) for k in range(steps + 1)]


#: textures whose short notes a pedal would drown
_DRY = ("staccato", "march", "drive", "pulse")


def _pedal(notes: tuple[Note, ...], tempo: TempoMap, plan: Plan | None) -> list[Control]:
    """Sustain pedal, changed with every bar that is played and, with a plan, every chord; none where notes should be short."""
    presses: list[float] = []
    for bar in sorted({tempo.bar_at_beat(n.start_beat) for n in notes}):
        start, end = float(tempo.bar_beats[bar]), float(tempo.bar_beats[bar + 1])
        section = plan.section_at(bar + 1) if plan is not None else None
        if section is not None and MOODS[section.mood].texture in _DRY:
            continue
        changes = len(section.chords[bar + 1 - section.first_bar].split()) if section is not None else 1
        presses += [start + k * (end - start) / changes for k in range(changes)]
        presses.append(end)
    controls: list[Control] = []
    for beat, following in zip(presses, [*presses[1:], presses[-1]] if presses else [], strict=True):
        is_bar_end = following <= beat
        if not is_bar_end:
            controls.append(Control(round(beat + 0.08, 6), _PEDAL, 100))
            controls.append(Control(round(following - 0.02, 6), _PEDAL, 0))
    return controls
