"""What is measured on every small picture: a row of numbers and a thumbnail, so that no picture need be kept.

Everything later (shots, affect) works on these rows. A block of B pictures is treated as one tall image where OpenCV
allows it: one call for 48 pictures instead of 48 calls.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from composer.video.frames import CELL_PIXELS, Block

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

#: luma below this counts as dark (low-key lighting), 0…1
DARK = 0.2
#: steps per colour channel in the colour histogram
_STEPS = 6
_LEVEL = (np.arange(256) * _STEPS // 256).astype(np.int32)


@dataclass(frozen=True)
class Rows:
    """One entry per picture, N in all."""

    #: (N,) mean luma, 0…1
    brightness: Floats
    #: (N,) mean colourfulness: chroma over value (HSV saturation weighted by value), 0…1
    saturation: Floats
    #: (N,) standard deviation of luma, 0…0.5
    contrast: Floats
    #: (N,) share of the picture that is dark (luma below DARK), 0…1
    dark: Floats
    #: (N,) red against blue, -1 (cold) … 1 (warm)
    warmth: Floats
    #: (N,) how much of the colour histogram changed since the last picture, 0…1 (0 for the first)
    recoloured: Floats
    #: (N, h, w, 3) RGB means over cells, uint8: 432 bytes a picture
    thumbs: Bytes


@dataclass
class Measurer:
    """Takes blocks in order; `rows()` gives everything measured so far."""

    _parts: list[Rows] = field(default_factory=list)
    _last_histogram: Floats | None = None

    def add(self, block: Block) -> Bytes:
        """Measure one block; returns its luma (B, H, W) for other eyes."""
        count, height, width, _ = block.images.shape
        tall = block.images.reshape(count * height, width, 3)
        half = cv2.resize(tall, (width // 2, count * height // 2), interpolation=cv2.INTER_AREA)
        thumbs = cv2.resize(half, (width // CELL_PIXELS, count * height // CELL_PIXELS), interpolation=cv2.INTER_AREA)
        thumbs = thumbs.reshape(count, height // CELL_PIXELS, width // CELL_PIXELS, 3)
        luma = cv2.cvtColor(tall, cv2.COLOR_RGB2GRAY)
        half_luma = cv2.cvtColor(half, cv2.COLOR_RGB2GRAY).reshape(count, -1)
        means, deviations = _moments(half_luma)
        histograms = _histograms(half, count)
        self._parts.append(
            Rows(
                brightness=means,
                saturation=_saturation(half, count),
                contrast=deviations,
                dark=np.asarray((half_luma < int(DARK * 255)).mean(axis=1), np.float32),
                warmth=_warmth(thumbs),
                recoloured=self._recoloured(histograms),
                thumbs=np.asarray(thumbs, np.uint8),
            )
        )
        self._last_histogram = histograms[-1]
        return np.asarray(luma.reshape(count, height, width), np.uint8)

    def rows(self) -> Rows:
        """All rows measured so far."""
        return Rows(**{name: np.concatenate([getattr(part, name) for part in self._parts]) for name in Rows.__dataclass_fields__})

    def _recoloured(self, histograms: Floats) -> Floats:
        last = histograms[0] if self._last_histogram is None else self._last_histogram
        before = np.concatenate([last[None], histograms[:-1]])
        return np.asarray(np.abs(histograms - before).sum(axis=1) / 2, np.float32)


def _histograms(half: npt.NDArray[np.generic], count: int) -> Floats:
    """(B, bins) colour histograms, each summing to 1."""
    level = _LEVEL[half.reshape(count, -1, 3)]
    codes = (level[..., 0] * _STEPS + level[..., 1]) * _STEPS + level[..., 2]
    bins = _STEPS**3
    flat = (codes + np.arange(count, dtype=np.int32)[:, None] * bins).ravel()
    counts = np.bincount(flat, minlength=count * bins).reshape(count, bins)
    return np.asarray(counts / codes.shape[1], np.float32)


def _moments(luma: npt.NDArray[np.generic]) -> tuple[Floats, Floats]:
    """(means, standard deviations), each (B,), of (B, pixels) luma, on 0…1."""
    values = luma.astype(np.float32)
    means = values.mean(axis=1)
    squares = np.einsum("ij,ij->i", values, values) / values.shape[1]
    return means / 255, np.sqrt(np.maximum(squares - means**2, 0)) / 255


def _saturation(half: npt.NDArray[np.generic], count: int) -> Floats:
    """Chroma over value: Σ(max−min) / Σ max. Unlike a plain mean of HSV saturation, black noise does not count as colour."""
    red, green, blue = cv2.split(np.asarray(half, np.uint8))
    value = cv2.max(cv2.max(red, green), blue)
    chroma = cv2.subtract(value, cv2.min(cv2.min(red, green), blue))
    values = value.reshape(count, -1).sum(axis=1, dtype=np.float32)
    chromas = chroma.reshape(count, -1).sum(axis=1, dtype=np.float32)
    floor = 8.0 * value.size / count  # a black picture has no colour
    return np.asarray(chromas / np.maximum(values, floor), np.float32)


def _warmth(thumbs: npt.NDArray[np.generic]) -> Floats:
    """Red against blue in the whole picture."""
    sums = thumbs.reshape(len(thumbs), -1, 3).sum(axis=1, dtype=np.float32)
    floor = 8.0 * thumbs[0].size / 3
    return np.asarray((sums[:, 0] - sums[:, 2]) / np.maximum(sums[:, 0] + sums[:, 2], floor), np.float32)
