"""Bars of given lengths in a given time: their tempi by least squares, and where a moment falls in them.

Conventions
-----------
Bars are given by their lengths in beats, (K,); beats and seconds count from the first bar line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from composer.tempo import MAX_QPM, MIN_QPM, Bar

Floats = NDArray[np.float64]

#: scales of the least squares: distance from the old tempo, bar-to-bar change (relative), error on hits (share of the tolerance)
_BASE_SCALE, _CHANGE_SCALE, _ERROR_SCALE = 0.05, 0.02, 0.2


def written_as(beats: float, normal: float) -> list[list[float]]:
    """Ways to write so many beats as bars: an odd one first, last, or long."""
    whole, rest = divmod(beats, normal)
    full = [normal] * int(whole)
    if rest == 0:
        return [full]
    ways = [[rest, *full], [*full, rest]] if full else [[rest]]
    if full and rest <= normal / 2:
        ways += [[normal + rest, *full[1:]], [*full[1:], normal + rest]] if len(full) > 1 else [[normal + rest]]
    return ways


def smoothest(
    sizes: Sequence[float],
    length_s: float,
    usual: Floats,
    beside: Sequence[float | None],
    hits: Sequence[tuple[float, float]],
    tolerance_s: float,
) -> Floats | None:
    """Seconds per beat of every bar (K,): weighted least squares under one equality, the exact length; None when time would stand still."""
    count = len(sizes)
    rows = [np.eye(count) / (_BASE_SCALE * usual)[:, None]]
    target = [np.full(count, 1 / _BASE_SCALE)]
    scale = _CHANGE_SCALE * float(usual.mean())
    steps, aims = np.diff(np.eye(count), axis=0), np.diff(usual)  # the bends that were there before may stay
    for tempo, place in zip(beside, (0, -1), strict=True):
        if tempo is not None:
            steps, aims = np.vstack([steps, np.eye(count)[place]]), np.append(aims, tempo)
    rows.append(steps / scale)
    target.append(aims / scale)
    edges = np.concatenate([[0.0], np.cumsum(sizes)])[:-1]
    for beat, into_s in hits:
        rows.append(np.clip(beat - edges, 0, sizes)[None, :] / (_ERROR_SCALE * tolerance_s))
        target.append(np.array([into_s / (_ERROR_SCALE * tolerance_s)]))
    matrix, right = np.vstack(rows), np.concatenate(target)
    lengths = np.asarray(sizes, dtype=float)[:, None]
    system = np.block([[matrix.T @ matrix, lengths], [lengths.T, np.zeros((1, 1))]])
    solution: Floats = np.linalg.solve(system, np.append(matrix.T @ right, length_s))[:count]
    return solution if bool((solution > 0).all()) else None


def as_bars(sizes: Sequence[float], s_per_beat: Floats) -> tuple[Bar, ...] | None:
    """Bars of whole milli-qpm (as a plan file keeps them); None when a tempo or metre is beyond what there is."""
    bars = []
    for beats, seconds in zip(sizes, s_per_beat.tolist(), strict=True):
        qpm = round(60 / seconds, 4)
        denominator = 4 if beats % 1 == 0 else 8
        numerator = round(beats * denominator / 4)
        if not (MIN_QPM <= qpm <= MAX_QPM and 1 <= numerator <= 16):
            return None
        bars.append(Bar(numerator, denominator, qpm))
    return tuple(bars)


def nearest_beat(sizes: Sequence[float], s_per_beat: Floats, into_s: float, step: float) -> float:
    """The beat (or half-beat, by `step`) of the bars' own grids that sounds nearest to a time."""
    edges, times = _edges(sizes, s_per_beat)
    bar = min(max(int(np.searchsorted(times, into_s, side="right")) - 1, 0), len(sizes) - 1)
    grid = [*(edges[bar] + step * np.arange(math.ceil(sizes[bar] / step))), edges[bar + 1]]
    return float(min(grid, key=lambda beat: abs(float(np.interp(beat, edges, times)) - into_s)))


def seconds_at(sizes: Sequence[float], s_per_beat: Floats, beat: float) -> float:
    """When a beat sounds, seconds from the first bar line."""
    return float(np.interp(beat, *_edges(sizes, s_per_beat)))


def _edges(sizes: Sequence[float], s_per_beat: Floats) -> tuple[Floats, Floats]:
    """(K + 1,) bar lines in beats and in seconds."""
    lengths = np.asarray(sizes, dtype=float)
    return np.concatenate([[0.0], np.cumsum(lengths)]), np.concatenate([[0.0], np.cumsum(lengths * s_per_beat)])
