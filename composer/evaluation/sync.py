"""Sync in the MIDI: which moments of picture fall on a beat of the tempo map, and how many would by chance.

Conventions
-----------
A moment is *on a beat* when some beat (quarter note of its bar's own grid) lies within a tolerance given in frames of the film.
Chance is the same tempo map against the same moments shifted by random amounts (all together, wrapped around the film): mean share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from composer.plan import Hit, Plan
from composer.score import Score
from composer.tempo import TempoMap

HIT_FRAMES, NEAR_FRAMES = 0.5, 2.0
#: a note this near to a beat begins on it, beats
_SAME_BEAT = 0.05


@dataclass(frozen=True)
class HitCount:
    """How hits came out: planned (`count_hits`) or in the notes (`heard_hits`)."""

    #: within half a frame, within two frames, beyond
    hits: int
    near: int
    missed: int


def count_hits(plan: Plan) -> HitCount:
    """Hits of a plan by how far music is from picture (in the MIDI)."""
    off = [abs(hit.frames_off(plan.frame_rate)) for hit in plan.hits]
    hits = sum(o <= HIT_FRAMES for o in off)
    near = sum(HIT_FRAMES < o <= NEAR_FRAMES for o in off)
    return HitCount(hits, near, len(off) - hits - near)


def heard_hits(plan: Plan, score: Score) -> HitCount:
    """Measure each hit of the plan: the note onset at its beat against its moment of picture, in frames.

    A hit whose beat has no note onset is missed, whatever else sounds nearby.
    """
    onsets = np.unique([note.start_beat for track in score.tracks for note in track.notes] or [-1.0])
    found = Counter(_verdict(hit, plan.tempo.beat_of(hit.bar, hit.beat), onsets, score, plan.frame_rate) for hit in plan.hits)
    return HitCount(found["hit"], found["near"], found["missed"])


def _verdict(hit: Hit, beat: float, onsets: NDArray[np.float64], score: Score, frame_rate: Fraction) -> str:
    nearest = float(onsets[np.abs(onsets - beat).argmin()])
    # what the plan could not reach is not marked, even where a note happens to begin nearer
    if abs(nearest - beat) > _SAME_BEAT or abs(hit.frames_off(frame_rate)) > NEAR_FRAMES + 1e-6:
        return "missed"
    frames = abs(score.tempo.beat_to_s(nearest) - hit.time_s) * float(frame_rate)
    # a hair of room: 0.02 s at 25 frames a second is half a frame, whatever binary fractions make of it
    return "hit" if frames <= HIT_FRAMES + 1e-6 else "near" if frames <= NEAR_FRAMES + 1e-6 else "missed"


def beat_times(tempo: TempoMap) -> NDArray[np.float64]:
    """(B,) seconds of every beat of every bar."""
    beats = [start + k for start, bar in zip(tempo.bar_beats[:-1], tempo.bars, strict=True) for k in range(int(np.ceil(bar.beats)))]
    return tempo.beat_to_s(np.asarray(beats))


def share_on_beat(tempo: TempoMap, moments_s: Sequence[float], frame_rate: Fraction, tolerance_frames: float = 1.0) -> float:
    """Share of moments within the tolerance of a beat; 1.0 when there are none."""
    if not len(moments_s):
        return 1.0
    return float(np.mean(_distance(beat_times(tempo), np.asarray(moments_s)) <= tolerance_frames / float(frame_rate) + 1e-9))


def chance_on_beat(
    tempo: TempoMap, moments_s: Sequence[float], frame_rate: Fraction, tolerance_frames: float = 1.0, shifts: int = 1000, seed: int = 0
) -> float:
    """Mean share on a beat when all moments are shifted together at random."""
    if not len(moments_s):
        return 1.0
    grid = beat_times(tempo)
    rng = np.random.default_rng(seed)
    moved = (np.asarray(moments_s)[None, :] + rng.uniform(0, tempo.total_s, shifts)[:, None]) % tempo.total_s
    return float(np.mean(_distance(grid, moved.ravel()) <= tolerance_frames / float(frame_rate) + 1e-9))


def _distance(grid: NDArray[np.float64], moments: NDArray[np.float64]) -> NDArray[np.float64]:
    right = np.searchsorted(grid, moments).clip(1, len(grid) - 1)
    nearest: NDArray[np.float64] = np.minimum(np.abs(grid[right] - moments), np.abs(grid[right - 1] - moments))
    return nearest
