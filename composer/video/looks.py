"""Comparing any two pictures of the film by what was measured on them, and the noun for a change of shot.

Black bars that stay all through the film are left out, and flicker (old film, strobes) can be taken out.

Conventions
-----------
Thumbnails are (N, h, w, 3). The distance of two pictures is the mean absolute difference of their thumbnails, 0…1. Indices
beyond the film stand for its first or last picture.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from composer.video.measure import Rows

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

#: a picture with less contrast than this is flat (standard deviation of luma, 0…0.5)
FLAT = 0.025
#: how different two pictures are when their distance has this value: 63 % (see `Looks.difference`)
_TELLING_DISTANCE = 0.09
#: pictures less alike than this (see `Looks.likeness`) may be of two shots
OTHER = 0.85
#: pictures handled at once, so that memory stays small
_SLICE = 4096
#: luma that a black bar never exceeds, 0…1
_BAR = 0.1
#: brightness goes up and down again this much on average where it flickers a little, and fully; no more counts at once, 0…1
_FLICKER, _FLASH = (0.003, 0.006), 0.04
#: flicker is judged over so many pictures to both sides, and evened out over so many
_FLICKER_REACH, _EVEN_REACH = 12, 4
#: ITU-R BT.601, as `cv2.cvtColor`
_LUMA = np.array([0.299, 0.587, 0.114])


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

    def __init__(self, rows: Rows, thumbs: Bytes | None = None) -> None:
        self.rows = rows
        self.count = len(rows.brightness)
        inner = _without_bars(rows.thumbs) if thumbs is None else thumbs
        self._inner = inner
        self.flat_thumbs = inner.reshape(self.count, -1)
        whole = inner.shape == rows.thumbs.shape
        #: (N,) standard deviation of luma, bars left out
        self.contrast = np.asarray(rows.contrast, np.float64) if whole else _between_cells(inner)
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

    @cached_property
    def alike(self) -> Floats:
        """(N,) `likeness` of every picture and the one before it (1 for the first)."""
        parts = [np.ones(1)]
        for start in range(0, self.count - 1, _SLICE):
            some = self.flat_thumbs[start : start + _SLICE + 1] / np.float32(255)
            some -= some.mean(axis=1, keepdims=True)
            noise = some.shape[1] * 0.01**2
            energy = np.einsum("ij,ij->i", some, some) + noise
            shared = np.einsum("ij,ij->i", some[1:], some[:-1]) + noise
            parts.append(shared / np.sqrt(energy[1:] * energy[:-1]))
        return np.concatenate(parts)

    def difference(self, i: int, j: int) -> float:
        """How different two pictures look, 0…1: half by colour and brightness, half by structure."""
        near = 1 - np.exp(-self.distance(i, j) / _TELLING_DISTANCE)
        return float(np.clip(0.5 * near + 0.5 * (1 - max(0.0, self.likeness(i, j))), 0, 1))

    def swung(self, first: Indices, second: Indices) -> float:
        """How little of the change of M pairs of pictures is left when one is shifted onto the other: near 0 a camera swung, near 1 not.

        Mean squares of luma over what both show, the best of all shifts of whole cells that leave half of the picture.
        """
        a, b = ((self._inner[np.clip(at, 0, self.count - 1)] @ _LUMA) / 255 for at in (first, second))
        best = still = ((a - b) ** 2).mean(axis=(1, 2)) + 1e-6
        height, width = a.shape[1:]
        for down in range(-(height // 3), height // 3 + 1):
            for right in range(-(width // 3), width // 3 + 1):
                there = b[:, max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)]
                here = a[:, max(0, -down) : height + min(0, -down), max(0, -right) : width + min(0, -right)]
                best = np.minimum(best, ((here - there) ** 2).mean(axis=(1, 2)))
        return float(best.sum() / still.sum())

    def midpoint_misses(self, middles: Indices, half: int) -> Floats:
        """(M,) how far each middle picture is from the mean of the two `half` pictures away, relative to how far those are apart."""
        parts = []
        for start in range(0, len(middles), _SLICE):
            at = middles[start : start + _SLICE]
            before, after = self.flat_thumbs[at - half].astype(np.int16), self.flat_thumbs[at + half].astype(np.int16)
            missed = np.abs(2 * self.flat_thumbs[at].astype(np.int16) - before - after).mean(axis=1, dtype=np.float64) / 2
            parts.append(missed / (np.abs(after - before).mean(axis=1, dtype=np.float64) + 0.005 * 255))
        return np.concatenate(parts) if parts else np.zeros(0)

    @cached_property
    def fine(self) -> Floats | None:
        """(N,) detail: standard deviation of luma within cells, 0…0.5; None where there are bars (their edges would count)."""
        if self._inner.shape != self.rows.thumbs.shape:
            return None
        squares = self.rows.contrast.astype(np.float64) ** 2 - _between_cells(self.rows.thumbs) ** 2
        return np.asarray(np.sqrt(np.maximum(squares, 0)))

    @cached_property
    def _bright(self) -> Floats:
        """(N,) mean of the thumbnails, 0…255."""
        return np.asarray(self._inner.mean(axis=(1, 2, 3), dtype=np.float64))

    @cached_property
    def flicker(self) -> Floats:
        """(N,) how much the brightness around each picture zigzags while the picture stays, 0 (steady) … 1 (old film)."""
        rise, fall = np.diff(self._bright)[:-1] / 255, -np.diff(self._bright)[1:] / 255
        zigzag = np.zeros(self.count)
        zigzag[1:-1] = np.where(rise * fall > 0, np.minimum(np.abs(rise), np.abs(fall)), 0)
        zigzag = np.minimum(zigzag, _FLASH)  # one flash is no flicker
        other = self.alike < OTHER
        zigzag[other] = 0
        zigzag[:-1][other[1:]] = 0
        low, high = _FLICKER
        return np.asarray(np.clip((_evened(zigzag, _FLICKER_REACH) - low) / (high - low), 0, 1))

    @cached_property
    def calm_step(self) -> Floats:
        """(N,) distance to the picture before; where it flickers, without the difference in brightness."""
        calm = self.step.copy()
        for i in np.flatnonzero(self.flicker).tolist():
            if i:
                moved = self.thumb(i) - self.thumb(i - 1)
                calm[i] += self.flicker[i] * (np.abs(moved - moved.mean()).mean() - calm[i])
        return calm

    def steadied(self, cuts: Iterable[int]) -> Looks:
        """The same film without flicker: brightness evened out where it zigzags, never over a cut."""
        if not self.flicker.any():
            return self
        edges = [0, *sorted(cuts), self.count]
        shots = list(zip(edges, edges[1:], strict=False))

        def even(values: Floats) -> Floats:
            calm = np.concatenate([_evened(values[start:stop], _EVEN_REACH) for start, stop in shots])
            return np.asarray(values + self.flicker * (calm - values))

        shift = even(self._bright) - self._bright
        thumbs = self._inner.copy()
        for i in np.flatnonzero(np.abs(shift) >= 0.5).tolist():
            thumbs[i] = np.clip(thumbs[i] + shift[i], 0, 255)
        steady = Looks(self.rows, thumbs)
        steady.contrast = even(self.contrast)
        return steady


def _without_bars(thumbs: Bytes) -> Bytes:
    """(N, h', w', 3): without the rows and columns of cells that are black bars all through the film, or on a bar's edge."""
    peak = thumbs.max(axis=0).max(axis=2) / 255
    (top, bottom), (left, right) = _lit(peak.max(axis=1)), _lit(peak.max(axis=0))
    return thumbs[:, top:bottom, left:right]


def _lit(peaks: npt.NDArray[np.floating]) -> tuple[int, int]:
    """(first, end) of what is not a bar; everything, when that would be less than a third."""
    lit = np.flatnonzero(peaks > _BAR)
    if not len(lit):
        return 0, len(peaks)
    first, end = int(lit[0]), int(lit[-1]) + 1
    first, end = first + (first > 0), end - (end < len(peaks))  # the cell beside a bar may be cut by its edge
    return (first, end) if end - first >= len(peaks) / 3 else (0, len(peaks))


def _between_cells(thumbs: npt.NDArray[np.uint8]) -> Floats:
    """(N,) standard deviation of luma between cells: with bars, what varies within them is mostly the bars' edges."""
    parts = [(thumbs[i : i + _SLICE] @ _LUMA).reshape(-1, thumbs[0, :, :, 0].size).std(axis=1) / 255 for i in range(0, len(thumbs), _SLICE)]
    return np.concatenate(parts)


def _evened(values: Floats, reach: int) -> Floats:
    """Mean over `reach` values to both sides, fewer at the ends."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    room = np.minimum(np.minimum(reach, at), len(values) - 1 - at)  # as many on both sides: a slope stays a slope
    return np.asarray((sums[at + room + 1] - sums[at - room]) / (2 * room + 1))


def logistic(evidence: float) -> float:
    """0…1 from any number; 0.5 from 0."""
    return float(1 / (1 + np.exp(-np.clip(evidence, -30, 30))))


def apart(changes: list[Change], true: Callable[[Change], bool] = lambda _: True) -> list[Change]:
    """The changes, best first, without those that overlap a better one or are not `true` (asked last); in order of time."""
    kept: list[Change] = []  # in order and apart, so only the neighbours can overlap
    for change in changes:
        place = bisect(kept, change.first, key=lambda other: other.first)
        free = (not place or kept[place - 1].last < change.first) and (place == len(kept) or kept[place].first > change.last)
        if free and true(change):
            kept.insert(place, change)
    return kept
