"""Fingerprints: a few numbers for each picture of a film, by which it is known again after another encoding, size or slight grading.

A picture is averaged over 16 × 9 cells. Its brightness pattern, freed of its mean and contrast, makes 144 numbers of about unit length,
so that lifting or flattening the whole picture changes nothing; the mean colour, with little weight, tells flat pictures (black, white,
a coloured card) apart. The distance of two pictures is half the squared distance of their numbers: for pictures with contrast one minus
the correlation of their patterns. The same picture encoded twice mostly stays below 0.01, different shots are mostly above 0.3.

Conventions
-----------
One decode pass (`composer.video.frames`): exact presentation times, constant memory but for 588 bytes a picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from composer.options import Progress, silent
from composer.probe import probe
from composer.video.frames import Pictures

#: cells of a fingerprint, (wide, high)
GRID = (16, 9)
#: brightness patterns fainter than this (standard deviation, 0…1) are weighed down: below it is mostly noise
FAINT = 0.02
#: weight of the mean colour: black against white is a distance of 1.5, a grading by 5 % one of 0.004
_COLOUR = 1.0
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Fingerprints:
    """All pictures of one film."""

    #: (N, 147) one row a picture
    prints: Floats
    #: (N + 1,) presentation times, seconds of film time, and the end of the last picture
    edges_s: npt.NDArray[np.float64]
    #: frames per second (average when variable)
    frame_rate: Fraction

    @property
    def count(self) -> int:
        """How many pictures."""
        return len(self.prints)

    @property
    def duration_s(self) -> float:
        """Length of the film, seconds."""
        return float(self.edges_s[-1])


def fingerprints(video: Path, progress: Progress = silent) -> Fingerprints:
    """Fingerprint every picture of a film.

    Raises VideoError for what is no film or cannot be decoded, MissingToolError without ffmpeg.
    """
    pictures = Pictures(probe(video), progress)
    rows = [_rows(block.images) for block in pictures.blocks()]
    clock = pictures.clock()
    return Fingerprints(np.concatenate(rows), np.append(clock.times_s, clock.duration_s), clock.frame_rate)


def _rows(images: npt.NDArray[np.uint8]) -> Floats:
    """(B, 147) fingerprints of (B, H, W, 3) pictures."""
    cells = np.stack([cv2.resize(image, GRID, interpolation=cv2.INTER_AREA) for image in images.astype(np.float32) / 255])
    luma = (cells @ _LUMA).reshape(len(images), -1)
    pattern = luma - luma.mean(axis=1, keepdims=True)
    length = np.linalg.norm(pattern, axis=1, keepdims=True)
    faint = FAINT * np.sqrt(pattern.shape[1])
    colour = _COLOUR * cells.mean(axis=(1, 2))
    return np.concatenate([pattern / np.hypot(length, faint), colour], axis=1).astype(np.float32)


def distances(one: Floats, other: Floats) -> Floats:
    """(N, M) distances between (N, D) and (M, D) fingerprints."""
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :]
    return np.asarray(np.maximum(squares / 2 - one @ other.T, 0), np.float32)


def distances_in_step(one: Floats, other: Floats) -> Floats:
    """(N,) distances between equally long runs of fingerprints, picture by picture."""
    apart = one - other
    return np.asarray(np.einsum("nd,nd->n", apart, apart) / 2, np.float32)
