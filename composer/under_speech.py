"""Under speech: the notes of all parts where somebody speaks, thinned so that the words stay clear.

Speech is understood by what lies between 300 and 3000 Hz (the band of telephony; French & Steinberg 1947 on articulation). In bars that
are spoken over, every part keeps about one onset a beat there, two a second at most, and softer ones: long notes mask less than figures do.

Conventions
-----------
Hits, the first note of a section and the last bar of a cue stay as they are. Beats are film beats; nothing is changed in place.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import replace

from composer.instruments import Instrument
from composer.plan import Plan, PlanBar
from composer.playable import metric_rank, scene_at, spaced
from composer.scene import Scene, scenes
from composer.score import Note
from composer.tempo import TempoMap

#: a bar is spoken over from this share of it on
SPOKEN = 0.25
#: MIDI pitches of the band: 294 … 2960 Hz
BAND = (62, 102)
#: between two onsets of a part at least: beats, and seconds
_GAP_BEATS, _GAP_S = 1.0, 0.5
#: velocity that notes of the band lose
SOFTER = 6
_SOFTEST = 14
#: notes nearer than this hang together, beats
_LEGATO_BEATS = 0.13
#: keys of drums that sound above or below the band: bass drums, hats, cymbals, triangle
_CLEAR_DRUMS = frozenset({35, 36, 42, 44, 46, 49, 51, 52, 53, 55, 57, 59, 80, 81})
#: beats closer than this are one
_SAME_BEATS = 1e-3


def is_spoken(bar: PlanBar) -> bool:
    """Whether somebody speaks for long enough in a bar."""
    return bar.speech >= SPOKEN


def in_band(note: Note, info: Instrument) -> bool:
    """Whether a note lies where words do."""
    return note.pitch not in _CLEAR_DRUMS if info.is_drum else BAND[0] <= note.pitch <= BAND[1]


def under_speech(plan: Plan, notes: Mapping[str, Sequence[Note]]) -> dict[str, list[Note]]:
    """The notes of every part (by id), few and soft where somebody speaks; the very same where nobody does."""
    if not any(is_spoken(bar) for bar in plan.bars):
        return {part_id: list(line) for part_id, line in notes.items()}
    unrolled, tempo = scenes(plan), plan.tempo
    return {part.id: _thinned(notes[part.id], part.info, plan, tempo, unrolled) for part in plan.parts}


def _thinned(notes: Sequence[Note], info: Instrument, plan: Plan, tempo: TempoMap, unrolled: Sequence[Scene]) -> list[Note]:
    """One part: what has to give way goes, what stays is softer and, in a legato line, holds on."""
    edges = tempo.bar_beats

    def concerned(note: Note) -> bool:
        bar = tempo.bar_at_beat(note.start_beat + _SAME_BEATS)
        return is_spoken(plan.bars[bar]) and in_band(note, info) and not _is_closing(scene_at(unrolled, note.start_beat), float(edges[bar]))

    busy: list[Note] = []
    others: list[Note] = []
    for note in notes:
        (busy if concerned(note) else others).append(note)
    onsets = sorted({note.start_beat for note in busy})
    first = {beat for scene in unrolled for beat in _next(onsets, scene.start - _SAME_BEATS)}

    def rank(beat: float) -> int:
        return 0 if beat in first else metric_rank(scene_at(unrolled, beat), beat)

    def gap(beat: float) -> float:
        return max(_GAP_BEATS, tempo.s_to_beat(tempo.beat_to_s(beat) + _GAP_S) - beat)

    stays = spaced(onsets, rank, gap)
    ends = sorted({*stays, *(note.start_beat for note in others)})
    hits = {beat for beat in stays if metric_rank(scene_at(unrolled, beat), beat) == 0}
    for note in busy:
        if note.start_beat not in stays:
            continue
        if not info.is_drum:
            place = bisect.bisect(ends, note.start_beat + _SAME_BEATS)
            note = _held(note, busy, ends[place] if place < len(ends) else float("inf"), unrolled)
        others.append(note if note.start_beat in hits else replace(note, velocity=max(_SOFTEST, note.velocity - SOFTER)))
    return sorted(others, key=lambda note: (note.start_beat, note.pitch))


def _next(onsets: Sequence[float], beat: float) -> Sequence[float]:
    """The first onset from a beat on, if there is one."""
    place = bisect.bisect_left(onsets, beat)
    return onsets[place : place + 1]


def _is_closing(scene: Scene, bar_start: float) -> bool:
    return scene.is_last and abs(bar_start - scene.bars[-1].start) < _SAME_BEATS


def _held(note: Note, busy: Sequence[Note], until: float, unrolled: Sequence[Scene]) -> Note:
    """A note that stays, drawn out (to `until` at most) over those after it that go, while the line is legato and the chord bears it."""
    end = note.end_beat
    for k in range(bisect.bisect(busy, note.start_beat + _SAME_BEATS, key=lambda n: n.start_beat), len(busy)):
        gone = busy[k]
        chord = scene_at(unrolled, gone.start_beat).chord_at(gone.start_beat)
        if gone.start_beat > min(until - _SAME_BEATS, end + _LEGATO_BEATS) or note.pitch % 12 not in chord.pitch_classes:
            break
        end = max(end, min(gone.end_beat, until))
    return replace(note, duration_beats=round(max(note.duration_beats, end - note.start_beat), 6))
