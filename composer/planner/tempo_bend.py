"""When each beat sounds: the tempo of every bar, once it is known which beat marks which hit.

A linear programme (Dantzig; solved by HiGHS through SciPy) over the seconds per beat of every bar. It holds exactly: the section's length,
the band around the base tempo, at most 3 % from bar to bar, every hit well within its tolerance. Among all tempi that do, it takes those
that change least: the sum of the changes and, above all, the largest one. Where the hits cannot all be had, each may be let go at the price
of its weight, so the lightest go; a person's own hits may push the tempo further than 3 % before they go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: a bar's tempo may leave the section's base by this much
BAND = 0.08
#: and may differ from the bar before by this much
MOST_CHANGE = 0.03
#: share of the tolerance that the plan uses up; the rest is for rounding to whole microseconds
_USED = 0.9
#: prices: change per cent, largest change, distance from the base, error of a hit (tolerances), a per cent beyond MOST_CHANGE, and
#: letting a hit of weight 1 go, per tolerance
_CHANGE, _LARGEST, _AWAY, _ERROR, _LURCH, _LET_GO = 1.0, 4.0, 0.05, 0.05, 100.0, 200.0
#: weight of a person's own hit
_OWN_WORTH = 20
#: how far beyond MOST_CHANGE a hit may push the tempo now and then, and a person's own hit
_LURCH_FOR_ANY, _LURCH_FOR_OWN = 0.012, 0.05


@dataclass(frozen=True)
class Aim:
    """A hit and the place in the bars that marks it."""

    #: half-beats since the section began
    halves: int
    #: seconds since the section began
    time_s: float
    #: what it is worth to keep, 0…1
    weight: float
    #: so near must its beat be, seconds
    tolerance_s: float
    #: a person asked for it
    is_own: bool = False


@dataclass(frozen=True)
class Bent:
    """The tempi of one section."""

    #: (K,) seconds per quarter note of every bar
    s_per_beat: Floats
    #: indices of the aims that are kept
    kept: tuple[int, ...]


def bend(beats: Sequence[int], length_s: float, base_qpm: float, aims: Sequence[Aim]) -> Bent | None:
    """Tempi for bars of so many beats that last `length_s` together; None when not even bars without hits fit into the band."""
    sizes = np.asarray(beats, dtype=np.float64)
    left = list(range(len(aims)))
    while True:
        if not left:
            even = length_s / sizes.sum()
            fits = 1 / (1 + BAND) <= even * base_qpm / 60 <= 1 / (1 - BAND)
            return Bent(np.full(len(sizes), even), ()) if fits else None
        solution = _solve(sizes, length_s, 60.0 / base_qpm, [aims[i] for i in left])
        if solution is None:
            return None
        s_per_beat, missed = solution
        if not missed.any():
            return Bent(s_per_beat, tuple(left))
        left = [i for i, gone in zip(left, missed, strict=True) if not gone]


def _solve(sizes: Floats, length_s: float, base_s: float, aims: Sequence[Aim]) -> tuple[Floats, NDArray[np.bool_]] | None:
    """(seconds per beat (K,), which aims were let go (H,)); None when no tempi satisfy the length.

    Variables, in this order: tempo x (K, seconds per beat relative to the base), change d (K-1), distance from the base u (K), largest
    change m, change beyond the allowed g (K-1), error e (H) and miss f (H) in tolerances.
    """
    bars, hits, changes = len(sizes), len(aims), len(sizes) - 1
    x, d, u, m, g, e, f = _columns(bars, changes, bars, 1, changes, hits, hits)
    step = np.diff(np.eye(bars), axis=0)  # (K-1, K)
    edges = np.concatenate([[0.0], np.cumsum(sizes)])
    place = np.array([aim.halves / 2 for aim in aims])
    tolerance = np.array([aim.tolerance_s for aim in aims])
    sounds = np.clip(place[:, None] - edges[None, :-1], 0, sizes[None, :]) * (base_s / tolerance[:, None])  # (H, K)
    wanted = np.array([aim.time_s for aim in aims]) / tolerance
    rows: list[tuple[list[tuple[slice, Floats]], Floats]] = [
        *(([(x, sign * step), (d, -np.eye(changes))], np.zeros(changes)) for sign in (1, -1)),
        *(([(x, sign * np.eye(bars)), (u, -np.eye(bars))], np.full(bars, float(sign))) for sign in (1, -1)),
        ([(d, np.eye(changes)), (m, -np.ones((changes, 1)))], np.zeros(changes)),
        ([(d, np.eye(changes)), (x, -0.97 * MOST_CHANGE * np.abs(step) / 2), (g, -np.eye(changes))], np.zeros(changes)),
        *(([(x, sign * sounds), (e, -np.eye(hits)), (f, -np.eye(hits))], sign * wanted) for sign in (1, -1)),
    ]
    left = np.zeros((sum(len(right) for _, right in rows), f.stop))
    row = 0
    for blocks, right in rows:
        for columns, block in blocks:
            left[row : row + len(right), columns] = block
        row += len(right)
    total = np.zeros((1, f.stop))
    total[0, x] = sizes * base_s
    lurch = _LURCH_FOR_OWN if any(aim.is_own for aim in aims) else _LURCH_FOR_ANY
    bounds = np.tile([0.0, np.inf], (f.stop, 1))
    bounds[x], bounds[g, 1], bounds[e, 1] = (1 / (1 + BAND), 1 / (1 - BAND)), lurch, _USED
    right_side = np.concatenate([right for _, right in rows])
    found = scipy.optimize.linprog(_prices(aims, f.stop, d, u, m, g, e, f), left, right_side, total, [length_s], bounds, method="highs")
    if not found.success:
        return None
    return found.x[x] * base_s, found.x[f] > 1e-6


def _columns(*widths: int) -> list[slice]:
    """Where each kind of variable stands."""
    ends = np.cumsum(widths).tolist()
    return [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]


def _prices(aims: Sequence[Aim], count: int, d: slice, u: slice, m: slice, g: slice, e: slice, f: slice) -> Floats:
    price = np.zeros(count)
    price[d], price[m], price[g], price[e] = 100 * _CHANGE, 100 * _LARGEST, 100 * _LURCH, _ERROR
    price[u] = 100 * _AWAY / (u.stop - u.start)
    price[f] = [_LET_GO * (_OWN_WORTH if aim.is_own else aim.weight) for aim in aims]
    return price
