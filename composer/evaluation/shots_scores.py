"""Scores of found changes of shot against known ones.

Counting
--------
* As spans (ours only): a cut is right within so many pictures of a true cut; a dissolve or fade is right when it and the true one
  each cover half of the other. Everything else found is false, a cut found inside a dissolve too.
* As points (everybody by the same rule, generous to those who only give points): a true cut is found by a point within ±1 picture,
  a true dissolve or fade by any point inside it, further points inside it cost nothing. What is left over is false.

Precision, recall and F1 are over all films together; 95 % intervals by bootstrap over films (Efron 1979, percentile method).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from composer.evaluation.montage import TrueChange

#: films drawn anew so many times for an interval
RESAMPLES = 1000


@dataclass(frozen=True)
class Found:
    """One change that a detector claims, in pictures; first = last for a cut or a point."""

    kind: str
    at: int
    first: int
    last: int


@dataclass(frozen=True)
class Tally:
    """Right, missed and false changes."""

    right: int = 0
    missed: int = 0
    false: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.right + other.right, self.missed + other.missed, self.false + other.false)


def tally_cuts(truth: Sequence[TrueChange], found: Sequence[Found], tolerance: int) -> Tally:
    """Cuts as spans count: within `tolerance` pictures, one claim for one cut."""
    cuts = [change.first for change in truth if change.kind == "cut"]
    claims = [claim.at for claim in found if claim.kind == "cut"]
    right = _pairs(len(cuts), len(claims), lambda i, j: abs(cuts[i] - claims[j]) <= tolerance)
    return Tally(right, len(cuts) - right, len(claims) - right)


def tally_gradual(truth: Sequence[TrueChange], found: Sequence[Found]) -> Tally:
    """Dissolves and fades as spans: each covers half of the other, one claim for one change."""
    spans = [change for change in truth if change.kind != "cut"]
    claims = [claim for claim in found if claim.kind != "cut"]

    def covers(i: int, j: int) -> bool:
        true, claim = spans[i], claims[j]
        common = min(true.last, claim.last) - max(true.first, claim.first)
        return common > 0 and common >= 0.5 * (true.last - true.first) and common >= 0.5 * (claim.last - claim.first)

    right = _pairs(len(spans), len(claims), covers)
    return Tally(right, len(spans) - right, len(claims) - right)


def tally_points(truth: Sequence[TrueChange], points: Sequence[int], tolerance: int) -> dict[str, Tally]:
    """Everything as points: {"cut", "gradual", "all"}. What is false counts with the cuts and once in all, never with the gradual ones."""
    cuts = [change.first for change in truth if change.kind == "cut"]
    spans = [(change.first, change.last + 1) for change in truth if change.kind != "cut"]
    inside = [any(first <= point <= last for first, last in spans) for point in points]
    outside = [point for point, excused in zip(points, inside, strict=True) if not excused]
    right = _pairs(len(cuts), len(outside), lambda i, j: abs(cuts[i] - outside[j]) <= tolerance)
    met = sum(any(first <= point <= last for point in points) for first, last in spans)
    cut = Tally(right, len(cuts) - right, len(outside) - right)
    gradual = Tally(met, len(spans) - met, 0)
    return {"cut": cut, "gradual": gradual, "all": cut + gradual}


def _pairs(count: int, claims: int, fits: Callable[[int, int], bool]) -> int:
    """How many of `count` things in order find a claim of their own (first come, first served: both are sorted by time)."""
    taken: set[int] = set()
    for i in range(count):
        for j in range(claims):
            if j not in taken and fits(i, j):
                taken.add(j)
                break
    return len(taken)


def scores(tallies: Sequence[Tally], seed: int = 0) -> dict[str, Any]:
    """Counts, precision, recall, F1 and its 95 % interval over films; None where there is nothing to find or claim."""
    counts = np.array([(t.right, t.missed, t.false) for t in tallies], np.int64).reshape(-1, 3)
    right, missed, false = (int(n) for n in counts.sum(axis=0))
    interval: tuple[float, float] | None = None
    if right + missed:
        drawn = np.random.default_rng(seed).integers(len(counts), size=(RESAMPLES, len(counts)))
        sums = counts[drawn].sum(axis=1)
        f1 = 2 * sums[:, 0] / np.maximum(2 * sums[:, 0] + sums[:, 1] + sums[:, 2], 1)
        interval = (round(float(np.quantile(f1, 0.025)), 4), round(float(np.quantile(f1, 0.975)), 4))
    return {
        "right": right,
        "missed": missed,
        "false": false,
        "precision": _ratio(right, right + false),
        "recall": _ratio(right, right + missed),
        "f1": _ratio(2 * right, 2 * right + missed + false),
        "interval": interval,
    }


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
