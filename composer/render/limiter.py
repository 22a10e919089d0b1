"""A true-peak limiter that works on files of any length and moves nothing in time.

How it works: the peak between samples is found by 4× oversampling (ITU-R BS.1770-4, annex 2). The gain each sample needs is
held back over the look-ahead, recovers at a constant rate, and is smoothed over the look-ahead with a window of sum 1: so it
reaches what is needed exactly in time and never exceeds it. All gains are in dB, ≤ 0. Blocks carry what the next one needs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from composer.render.wav import SAMPLE_RATE, Floats

OVERSAMPLING = 4
LOOK_AHEAD = round(0.005 * SAMPLE_RATE)
_RECOVERY_DB_PER_S = 40.0
_HALF_TAPS = 10
_BLOCK = 1 << 17
#: true peaks are looked for in stretches of this many frames, where samples come near the ceiling
_STRETCH = 1 << 9

Doubles = NDArray[np.float64]
#: read(start, count) → (count, channels), zeros outside the sound
Read = Callable[[int, int], Floats]


@functools.cache
def _phases() -> Floats:
    """Kaiser-windowed sinc that reads a sound at ¼, ½ and ¾ of the way to the next frame; shape (3, taps)."""
    offsets = np.arange(_HALF_TAPS, -_HALF_TAPS - 1, -1) + np.arange(1, OVERSAMPLING)[:, None] / OVERSAMPLING
    window = np.i0(8.0 * np.sqrt(np.maximum(0, 1 - (offsets / (_HALF_TAPS + 1)) ** 2))) / np.i0(8.0)
    return np.asarray(np.sinc(offsets) * window, np.float32)


def true_peaks(sound: Floats) -> Floats:
    """Largest value of any channel at each frame and halfway to its neighbours: (frames, channels) → (frames,).

    `_HALF_TAPS` frames at either end lack neighbours and read low.
    """
    between = np.zeros(len(sound), np.float32)
    for channel in sound.T:
        for phase in _phases():
            np.maximum(between, np.abs(np.convolve(channel, phase[::-1], mode="same")), out=between)
    before = np.concatenate([[np.float32(0)], between[:-1]])
    return np.asarray(np.maximum(np.maximum(between, before), np.abs(sound).max(axis=1)), np.float32)


class Limiter:
    """Limits what `read` gives, after a static gain; `reduction_db` tells afterwards how hard it had to work."""

    def __init__(self, read: Read, length_frames: int, gain_db: float, ceiling_dbtp: float) -> None:
        self._read, self._length = read, length_frames
        self._gain = np.float32(10 ** (gain_db / 20))
        self._ceiling = 10 ** (ceiling_dbtp / 20)
        window = np.hanning(LOOK_AHEAD + 3)[1:-1]
        self._window: Doubles = window / window.sum()
        #: the most it took away anywhere, dB
        self.reduction_db = 0.0

    def blocks(self) -> Iterator[Floats]:
        """The limited sound in order, blocks (frames, channels)."""
        # a sound that begins loud is already held back when it begins
        opening = self._read(-LOOK_AHEAD - _HALF_TAPS, 2 * (LOOK_AHEAD + _HALF_TAPS)) * self._gain
        held = self._recovering(self._needed_db(opening)[_HALF_TAPS : _HALF_TAPS + 2 * LOOK_AHEAD], 0.0)
        for start in range(0, self._length, _BLOCK):
            frames = min(_BLOCK, self._length - start)
            margin = LOOK_AHEAD + _HALF_TAPS
            sound = self._read(start - margin, frames + 2 * margin) * self._gain
            needed = self._needed_db(sound)[margin : margin + frames + LOOK_AHEAD]
            block = sound[margin : margin + frames]
            if needed.any() or held.any():
                held = np.concatenate([held, self._recovering(needed, held[-1])])
                smooth = np.convolve(held, self._window, mode="valid")
                held = held[-LOOK_AHEAD:]
                self.reduction_db = max(self.reduction_db, -float(smooth.min()))
                block = block * (10 ** (smooth / 20)).astype(np.float32)[:, None]
            yield block

    def _needed_db(self, sound: Floats) -> Doubles:
        """Gain that brings each frame under the ceiling, dB ≤ 0; shape (frames,)."""
        needed = np.zeros(len(sound))
        level = np.abs(sound).max(axis=1, initial=0.0)
        for start in range(0, len(sound), _STRETCH):
            # no music exceeds its samples by more than 4 dB between them
            if level[start : start + _STRETCH].max() > 0.63 * self._ceiling:
                first = max(0, start - _HALF_TAPS)
                peaks = true_peaks(sound[first : start + _STRETCH + _HALF_TAPS])[start - first :][:_STRETCH]
                needed[start : start + len(peaks)] = np.minimum(0.0, 20 * np.log10(self._ceiling / np.maximum(peaks, 1e-9)))
        return needed

    def _recovering(self, needed: Doubles, before: float) -> Doubles:
        """The lowest gain of the look-ahead ahead, rising no faster than the recovery rate; (frames + look-ahead,) → (frames,)."""
        frames = len(needed) - LOOK_AHEAD
        ahead = scipy.ndimage.minimum_filter1d(needed, LOOK_AHEAD + 1, origin=-(LOOK_AHEAD // 2))[:frames]
        slope = np.arange(1, frames + 1) * (_RECOVERY_DB_PER_S / SAMPLE_RATE)
        return np.asarray(np.minimum(np.minimum.accumulate(np.concatenate([[before], ahead - slope]))[1:] + slope, 0.0))
