"""An old performance in a new score: bars that survived are carried over note by note, the rest comes from a score written anew.

What is carried over keeps its beats within the bar, pitches, velocities and controllers to the last digit. At a seam, where two
stretches meet that did not meet before, notes that ring on are cut, and every controller is stated again as the stretch that begins knew it.

Conventions
-----------
A player may be early: a note up to `EARLY_S` before a bar line belongs to the bar it was meant for (see composer.render.perform).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from composer.assembly import RING_S, assemble
from composer.cues import HIT_FRAMES
from composer.edit import Piece, Reuse
from composer.plan import Hit, Plan
from composer.score import Control, Note, Score, Track
from composer.tempo import TempoMap

#: how much before its beat a performed note may begin, seconds
EARLY_S = 0.025
#: how late a player may let go of the last note of a cue, seconds
_LATE_S = 0.05
#: what a controller is at before anybody states it: expression full, everything else off
_AT_REST = {11: 127}
_SHORTEST_BEATS = 0.02
_SEAM_DIGITS = 6


@dataclass(frozen=True)
class _Stretch:
    """A piece of music and the score it is taken from."""

    source: Score
    piece: Piece


@dataclass(frozen=True)
class _CueEnd:
    """Where a cue begins and ends, beats of the new score."""

    #: the first beat a player may be early for
    first_beat: float
    #: a ringing end lets go here
    release_beat: float
    #: nothing sounds after this
    end_beat: float
    #: how far an ending that is carried over whole may sound on: as much as players are late
    slack_beats: float
    #: whether its last bar is not the old one
    is_new: bool


def carried_over(old: Score, fresh: Score | None, plan: Plan, reuse: Reuse) -> Score:
    """The score of `plan`: what `reuse` keeps of `old`, and all else from `fresh` (a performed score of that plan).

    `fresh` may be None when nothing else is needed (`needs_new_music`).
    """
    frame = assemble(plan, {part.id: [] for part in plan.parts})
    stretches = [_Stretch(old, piece) for piece in reuse.pieces]
    if fresh is not None:
        stretches += [_Stretch(fresh, piece) for piece in new_music(plan, reuse)]
    stretches.sort(key=lambda stretch: stretch.piece.new_beat)
    ends = _cue_ends(plan, reuse)
    tracks = (_track(track, stretches, plan, ends) for track in frame.tracks)
    return replace(frame, tracks=tuple(tracks))


def new_music(plan: Plan, reuse: Reuse) -> tuple[Piece, ...]:
    """The stretches of a plan that no old music fills, as pieces of a score of that plan."""
    free, done = [], 0.0
    for start, end in [*((piece.new_beat, piece.new_end_beat) for piece in reuse.pieces), (plan.tempo.total_beats,) * 2]:
        if start - done > 1e-6:
            free.append(Piece(done, done, start - done))
        done = max(done, end)
    return tuple(free)


def needs_new_music(plan: Plan, reuse: Reuse) -> bool:
    """Whether a generator has to write anything: somebody plays where no old music is left."""
    tempo = plan.tempo
    return any(
        plan.section_at(bar + 1) is not None
        for piece in new_music(plan, reuse)
        for bar in range(tempo.bar_at_beat(piece.new_beat), tempo.bar_at_beat(piece.new_end_beat - 1e-6) + 1)
    )


def _track(frame: Track, stretches: Sequence[_Stretch], plan: Plan, ends: Sequence[_CueEnd]) -> Track:
    """One part, stretch by stretch."""
    notes: list[Note] = []
    controls: list[Control] = []
    known: dict[int, int] = {}
    for stretch in stretches:
        source = next((track for track in stretch.source.tracks if track.part == frame.part), frame)
        end_beat = _end_of(stretch)
        begun = _notes(source, stretch.piece, end_beat, stretch.source.tempo)
        notes = [*_let_go(notes, begun), *begun]
        controls += _controls(source, stretch.piece, end_beat, known)
    notes = _closed(_on_hits(notes, plan), ends)
    return replace(
        frame,
        notes=tuple(sorted(notes, key=lambda n: (n.start_beat, n.pitch))),
        controls=tuple(sorted(controls, key=lambda c: (c.beat, c.number))),
    )


def _end_of(stretch: _Stretch) -> float:
    """Where a stretch ends in its source, beats; the last of a score has no end."""
    end_beat = stretch.piece.old_end_beat
    return math.inf if end_beat >= stretch.source.tempo.total_beats - 1e-6 else end_beat


def _notes(track: Track, piece: Piece, end_beat: float, tempo: TempoMap) -> list[Note]:
    """The notes of one piece where they sound now; what rings over its end is cut."""
    shift = piece.new_beat - piece.old_beat
    first = piece.old_beat - _early_beats(tempo, piece.old_beat)
    end = end_beat - _early_beats(tempo, piece.old_end_beat)
    found = []
    for note in track.notes:
        if first <= note.start_beat < end:
            start = max(0.0, round(note.start_beat + shift, _SEAM_DIGITS))
            length = note.duration_beats if note.end_beat <= end_beat + 1e-6 else round(end_beat - note.start_beat, _SEAM_DIGITS)
            found.append(Note(start, length, note.pitch, note.velocity))
    return found


def _early_beats(tempo: TempoMap, beat: float) -> float:
    """`EARLY_S` in beats just before a beat; nothing is early at the beginning."""
    return EARLY_S * tempo.bars[tempo.bar_at_beat(max(0.0, beat - 0.1))].qpm / 60 if beat > 0 else 0.0


def _let_go(before: Sequence[Note], begun: Sequence[Note]) -> list[Note]:
    """The notes before a seam, ended where the music after it strikes their pitch."""
    struck: dict[int, float] = {}
    for note in begun:
        struck.setdefault(note.pitch, note.start_beat)
    kept = []
    for note in before:
        limit = struck.get(note.pitch)
        if limit is not None and note.end_beat > limit:
            note = replace(note, duration_beats=round(limit - note.start_beat, _SEAM_DIGITS))
        if note.duration_beats > _SHORTEST_BEATS:
            kept.append(note)
    return kept


def _controls(track: Track, piece: Piece, end_beat: float, known: dict[int, int]) -> list[Control]:
    """The controllers of one piece; at its beginning each is stated that is not `known` to be so (what is known is kept up to date)."""
    before = {number: _AT_REST.get(number, 0) for number in known}
    before |= {control.number: control.value for control in track.controls if control.beat < piece.old_beat}
    inside = [control for control in track.controls if piece.old_beat <= control.beat < end_beat]
    at_once = {control.number for control in inside if control.beat == piece.old_beat}
    stated = [
        Control(piece.new_beat, number, value)
        for number, value in before.items()
        if number not in at_once and known.get(number, _AT_REST.get(number, 0)) != value
    ]
    known |= before | {control.number: control.value for control in inside}
    shift = piece.new_beat - piece.old_beat
    return [*stated, *(replace(control, beat=round(control.beat + shift, _SEAM_DIGITS)) for control in inside)]


def _on_hits(notes: Sequence[Note], plan: Plan) -> list[Note]:
    """Notes meant for a beat that is a hit now, put exactly there: timing is never human on a hit (those of old hits are there already)."""
    tempo = plan.tempo
    beats = np.array([tempo.beat_of(hit.bar, hit.beat) for hit in met_hits(plan)])
    moved = []
    for note in notes:
        beat = float(beats[np.abs(beats - note.start_beat).argmin()]) if len(beats) else math.inf
        off = abs(beat - note.start_beat)
        moved.append(replace(note, start_beat=beat) if 1e-5 < off <= _early_beats(tempo, beat) else note)
    return moved


def met_hits(plan: Plan) -> list[Hit]:
    """The hits whose beat is within half a frame of the picture."""
    return [hit for hit in plan.hits if abs(hit.frames_off(plan.frame_rate)) <= HIT_FRAMES]


def silent_bars(score: Score, plan: Plan, reuse: Reuse) -> list[int]:
    """Bars (from 1) with a hit that no note marks, although they keep only a part of an old bar: better written anew."""
    onsets = {round(note.start_beat, 4) for track in score.tracks for note in track.notes}
    parts = {change.bar for change in reuse.bars if change.fate == "part"}
    silent = {hit.bar for hit in met_hits(plan) if round(plan.tempo.beat_of(hit.bar, hit.beat), 4) not in onsets}
    return sorted(parts & silent)


def _cue_ends(plan: Plan, reuse: Reuse) -> list[_CueEnd]:
    """The ends of all cues, in order of time."""
    tempo = plan.tempo
    ends = []
    for cue in plan.cues:
        own = [section for section in plan.sections if section.cue == cue.id]
        if not own:
            continue
        end_s = min(cue.end_s, plan.duration_s)
        first_beat = tempo.beat_of(own[0].first_bar)
        end_beat = min(tempo.total_beats, tempo.s_to_beat(end_s))
        release_beat = min(end_beat, tempo.s_to_beat(max(0.0, end_s - (RING_S if plan.ending == "ring" else 0.0))))
        slack_beats = tempo.s_to_beat(end_s) - tempo.s_to_beat(end_s - _LATE_S)
        is_new = reuse.bars[own[-1].last_bar - 1].fate not in ("kept", "moved")
        ends.append(_CueEnd(first_beat - _early_beats(tempo, first_beat), release_beat, end_beat, slack_beats, is_new))
    return sorted(ends, key=lambda end: end.first_beat)


def _closed(notes: Sequence[Note], ends: Sequence[_CueEnd]) -> list[Note]:
    """Nothing sounds past its cue; where a cue ends anew, a ringing end lets go a little earlier. An old ending stays as it was."""
    kept = []
    for note in notes:
        end = next((end for end in reversed(ends) if end.first_beat <= note.start_beat), None)
        if end is None or (not end.is_new and note.end_beat <= end.end_beat + end.slack_beats):
            kept.append(note)
        elif note.start_beat < end.end_beat - _SHORTEST_BEATS:
            until = end.release_beat if note.start_beat < end.release_beat - 0.25 else end.end_beat
            kept.append(replace(note, duration_beats=min(note.duration_beats, round(until - note.start_beat, _SEAM_DIGITS))))
    return kept
