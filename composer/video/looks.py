"""Comparing any two pictures of the film by what was measured on them, and the noun for a change of shot.

Conventions
-----------
Thumbnails are (N, h, w, 3). The distance of two pictures is the mean absolute difference of their thumbnails, 0…1. Indices
beyond the film stand for its first or last picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from composer.video.measure import Rows

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

#: a picture with less contrast than this is flat (standard deviation of luma, 0…0.5)
FLAT = 0.025
#: how different two pictures are when their distance has this value: 63 % (see `Looks.difference`)
_TELLING_DISTANCE = 0.09
#: pictures handled at once, so that memory stays small
_SLICE = 4096


@dataclass(frozen=True)
class Change:
    """One change of shot."""

    #: index of the new shot's first picture (of a dissolve's or fade's middle picture)
    at: int
    kind: Literal["cut", "dissolve", "fade"]
    #: first and last picture of the transition (both `at` for a cut)
    first: int
    last: int
    #: how different the pictures before and after are, 0…1
    strength: float
    #: how sure it is that this is a change, 0…1
    confidence: float


class Looks:
    """Comparisons between any two pictures of the film, from their rows."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.count = len(rows.brightness)
        self.flat_thumbs = rows.thumbs.reshape(self.count, -1)
        self.step = np.concatenate([[0.0], self.distances(np.arange(self.count - 1), np.arange(1, self.count))])

    def thumb(self, i: int) -> Floats:
        """(D,) thumbnail of picture i, 0…1."""
        return np.asarray(self.flat_thumbs[min(max(i, 0), self.count - 1)] / 255.0, np.float64)

    def distance(self, i: int, j: int) -> float:
        """Distance of two pictures, 0…1."""
        return float(np.abs(self.thumb(i) - self.thumb(j)).mean())

    def distances(self, first: Indices, second: Indices) -> Floats:
        """(M,) distances of M pairs of pictures."""
        parts = []
        for start in range(0, len(first), _SLICE):
            a = self.flat_thumbs[first[start : start + _SLICE]].astype(np.int16)
            a -= self.flat_thumbs[second[start : start + _SLICE]]
            parts.append(np.abs(a).mean(axis=1, dtype=np.float64) / 255)
        return np.concatenate(parts) if parts else np.zeros(0)

    def likeness(self, i: int, j: int) -> float:
        """Correlation of two thumbnails, -1…1: blind to brightness and contrast, so a flash keeps it and a new picture does not."""
        a, b = self.thumb(i), self.thumb(j)
        a, b = a - a.mean(), b - b.mean()
        noise = len(a) * 0.01**2  # flat pictures are alike
        return float((a @ b + noise) / np.sqrt((a @ a + noise) * (b @ b + noise)))

    def difference(self, i: int, j: int) -> float:
        """How different two pictures look, 0…1: half by colour and brightness, half by structure."""
        near = 1 - np.exp(-self.distance(i, j) / _TELLING_DISTANCE)
        return float(np.clip(0.5 * near + 0.5 * (1 - max(0.0, self.likeness(i, j))), 0, 1))

    def midpoint_misses(self, middles: Indices, half: int) -> Floats:
        """(M,) how far each middle picture is from the mean of the two `half` pictures away, relative to how far those are apart."""
        parts = []
        for start in range(0, len(middles), _SLICE):
            at = middles[start : start + _SLICE]
            before, after = self.flat_thumbs[at - half].astype(np.int16), self.flat_thumbs[at + half].astype(np.int16)
            missed = np.abs(2 * self.flat_thumbs[at].astype(np.int16) - before - after).mean(axis=1, dtype=np.float64) / 2
            parts.append(missed / (np.abs(after - before).mean(axis=1, dtype=np.float64) + 0.005 * 255))
        return np.concatenate(parts) if parts else np.zeros(0)


def logistic(evidence: float) -> float:
    """0…1 from any number; 0.5 from 0."""
    return float(1 / (1 + np.exp(-np.clip(evidence, -30, 30))))


def apart(changes: list[Change]) -> list[Change]:
    """The changes, best first, without those that overlap a better one; in order of time."""
    kept: list[Change] = []
    for change in changes:
        if all(change.last < other.first or change.first > other.last for other in kept):
            kept.append(change)
    return sorted(kept, key=lambda change: change.at)
