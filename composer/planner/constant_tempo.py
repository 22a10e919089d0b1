"""The best constant tempi: what a sequencer's search for a tempo finds, for comparison and for `--steady`.

Music begins at film time 0 and keeps one tempo. A hit counts when a beat (hard) or half-beat (soft) lies within half a frame of it, is near
within two frames, else missed. Digital Performer's *Find Tempo* offers the same choice by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from composer.cues import HIT_FRAMES, NEAR_FRAMES, HitPoint

Floats = NDArray[np.float64]

#: tempi that are tried, qpm apart; and how far apart two answers must be
STEP_QPM, APART_QPM = 0.02, 0.5
_NEAR_WORTH = 0.35
_AT_ONCE = 1024


@dataclass(frozen=True)
class ConstantTempo:
    """What one steady tempo would hit."""

    #: quarter notes per minute
    qpm: float
    #: hits within half a frame, within two frames, beyond
    hits: int
    near: int
    missed: int
    #: music minus picture of every hit, frames
    frames_off: tuple[float, ...]


def find_tempi(
    hits: Sequence[HitPoint], frame_rate: Fraction, low_qpm: float, high_qpm: float, count: int = 5
) -> tuple[ConstantTempo, ...]:
    """The `count` best constant tempi between two bounds, best first; by weight of what they hit, then of what they come near to."""
    tempi: Floats = np.arange(round(low_qpm / STEP_QPM), round(high_qpm / STEP_QPM) + 1, dtype=np.float64) * STEP_QPM
    if not hits:
        return ()
    weights = np.array([hit.weight for hit in hits])
    worth = np.zeros(len(tempi))
    for first in range(0, len(tempi), _AT_ONCE):
        off = np.abs(_frames_off(hits, tempi[first : first + _AT_ONCE], frame_rate))
        worth[first : first + _AT_ONCE] = np.where(off <= HIT_FRAMES, 1.0, np.where(off <= NEAR_FRAMES, _NEAR_WORTH, 0.0)) @ weights
    found: list[ConstantTempo] = []
    for i in np.argsort(-worth, kind="stable").tolist():
        if all(abs(tempi[i] - other.qpm) >= APART_QPM for other in found):
            found.append(_counted(float(tempi[i]), _frames_off(hits, tempi[i : i + 1], frame_rate)[0]))
        if len(found) == count:
            break
    return tuple(found)


def _frames_off(hits: Sequence[HitPoint], tempi_qpm: Floats, frame_rate: Fraction) -> Floats:
    """(T, H) nearest beat or half-beat minus hit, frames."""
    grid_s = 60.0 / tempi_qpm[:, None] * np.array([1.0 if hit.is_hard else 0.5 for hit in hits])[None, :]
    times = np.array([hit.time_s for hit in hits])[None, :]
    off: Floats = (np.rint(times / grid_s) * grid_s - times) * float(frame_rate)
    return off


def _counted(qpm: float, off: Floats) -> ConstantTempo:
    hit, near = np.abs(off) <= HIT_FRAMES, np.abs(off) <= NEAR_FRAMES
    return ConstantTempo(
        round(qpm, 2), int(hit.sum()), int((near & ~hit).sum()), int((~near).sum()), tuple(round(float(o), 2) for o in off)
    )
