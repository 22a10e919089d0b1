"""What sync is worth: the share of moments that lie near an onset, by chance, and at a steady tempo. Defined in `docs/sync.md`.

Conventions
-----------
Onsets and moments are seconds of film time, (N,). Near is within a tolerance in frames of the film.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from composer.cues import HIT_FRAMES
from composer.plan import Plan

Floats = NDArray[np.float64]

#: a hair of room, frames: 0.02 s at 25 frames a second is half a frame, whatever binary fractions make of it
HAIR = 1e-6
#: random shifts behind every chance level, and their seed
SHIFTS, SEED = 500, 0
#: places within a beat at which a steady score may begin
PHASES = 16


def share_near(onsets_s: Floats, moments_s: Floats, frame_rate: Fraction, tolerance_frames: float = HIT_FRAMES) -> float:
    """Share of moments within the tolerance of an onset; 1 when there are no moments."""
    if not len(moments_s):
        return 1.0
    if not len(onsets_s):
        return 0.0
    return float(np.mean(distance_s(np.sort(onsets_s), moments_s.ravel()) <= (tolerance_frames + HAIR) / float(frame_rate)))


def chance_of(
    onsets_s: Floats, moments_s: Floats, duration_s: float, frame_rate: Fraction, shifts: int = SHIFTS, seed: int = SEED
) -> float:
    """Mean share of moments hit when all are shifted together by random amounts, wrapped around the film."""
    if not len(moments_s):
        return 1.0
    by_s = np.random.default_rng(seed).uniform(0, duration_s, shifts)
    return share_near(onsets_s, (moments_s[None, :] + by_s[:, None]) % duration_s, frame_rate)


def steady_share(plan: Plan, onsets_s: Floats) -> float:
    """Share of hits that the same onsets would hit with every cue at its mean tempo, begun at the best of PHASES places within a beat.

    Every onset keeps its beat; beats come evenly from the cue's first bar to its last.
    """
    if not plan.hits:
        return 1.0
    tempo, moments = plan.tempo, np.array([hit.time_s for hit in plan.hits])
    beats = np.asarray(tempo.s_to_beat(onsets_s), float)
    hit = 0
    for first, last in _cue_beats(plan):
        start_s, end_s = tempo.beat_to_s(first), tempo.beat_to_s(last)
        inside = moments[(moments >= start_s) & (moments < end_s)]
        s_per_beat = (end_s - start_s) / (last - first)
        even_s = start_s + (beats[(beats >= first) & (beats < last)] - first) * s_per_beat
        phases = (np.arange(PHASES) / PHASES - 0.5) * s_per_beat
        hit += max(round(share_near(even_s + phase, inside, plan.frame_rate) * len(inside)) for phase in phases) if len(inside) else 0
    return hit / len(moments)


def _cue_beats(plan: Plan) -> list[tuple[float, float]]:
    """First and last beat of every cue that has sections."""
    edges = plan.tempo.bar_beats
    sections = {cue.id: [section for section in plan.sections if section.cue == cue.id] for cue in plan.cues}
    return [(float(edges[own[0].first_bar - 1]), float(edges[own[-1].last_bar])) for own in sections.values() if own]


def distance_s(grid: Floats, moments: Floats) -> Floats:
    """From each moment to the nearest point of a sorted, non-empty grid, seconds."""
    if len(grid) == 1:
        return np.asarray(np.abs(moments - grid[0]))
    right = np.searchsorted(grid, moments).clip(1, len(grid) - 1)
    nearest: Floats = np.minimum(np.abs(grid[right] - moments), np.abs(grid[right - 1] - moments))
    return nearest
