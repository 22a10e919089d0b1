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
#: no music exceeds its samples by more than 4 dB between them
_SURELY = 0.63
#: how much peaks between samples exceed them where the limiter works, on average, dB
_BETWEEN_DB = 0.2
#: frames of one value where the limiter's work is only estimated
PEAK_FRAMES = 120

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
    return np.asarray(np.maximum(np.maximum(between, before), loudest(sound)), np.float32)


def loudest(sound: Floats) -> Floats:
    """Largest absolute value of any channel: (frames, channels) → (frames,)."""
    level = np.abs(sound[:, 0])
    for channel in sound.T[1:]:
        np.maximum(level, np.abs(channel), out=level)
    return level


def _stretches(level: Floats, above: float) -> Iterator[int]:
    """Where the stretches begin in which `level` exceeds a value somewhere."""
    if len(level):
        yield from (np.flatnonzero(np.maximum.reduceat(level, np.arange(0, len(level), _STRETCH)) > above) * _STRETCH).tolist()


class PeakMeter:
    """The true peak of a sound that comes in blocks."""

    def __init__(self) -> None:
        #: largest true peak so far, as a factor
        self.peak = 0.0
        self._before = np.zeros((0, 1), np.float32)

    def hear(self, block: Floats) -> None:
        """The next block, (frames, channels); of its last few frames only the samples are looked at until more comes."""
        sound = np.concatenate([self._before, block]) if len(self._before) else block
        level = loudest(sound)
        self.peak = max(self.peak, float(level.max(initial=0.0)))
        for start in _stretches(level, _SURELY * self.peak):
            first, last = max(0, start - _HALF_TAPS), min(len(sound), start + _STRETCH + _HALF_TAPS)
            whole = true_peaks(sound[first:last])[_HALF_TAPS if first else 0 : last - first - _HALF_TAPS]
            self.peak = max(self.peak, float(whole.max(initial=0.0)))
        self._before = sound[-2 * _HALF_TAPS :].copy()


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

    def blocks(self, size: int = _BLOCK) -> Iterator[Floats]:
        """The limited sound in order, blocks (frames, channels) of `size` frames, the last one shorter."""
        # a sound that begins loud is already held back when it begins
        opening = self._read(-LOOK_AHEAD - _HALF_TAPS, 2 * (LOOK_AHEAD + _HALF_TAPS)) * self._gain
        held = self._recovering(self._needed_db(opening)[_HALF_TAPS : _HALF_TAPS + 2 * LOOK_AHEAD], 0.0)
        for start in range(0, self._length, size):
            frames = min(size, self._length - start)
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
        for start in _stretches(loudest(sound), _SURELY * self._ceiling):
            first = max(0, start - _HALF_TAPS)
            peaks = true_peaks(sound[first : start + _STRETCH + _HALF_TAPS])[start - first :][:_STRETCH]
            needed[start : start + len(peaks)] = np.minimum(0.0, 20 * np.log10(self._ceiling / np.maximum(peaks, 1e-9)))
        return needed

    @staticmethod
    def _recovering(needed: Doubles, before: float) -> Doubles:
        """The lowest gain of the look-ahead ahead, rising no faster than the recovery rate; (frames + look-ahead,) → (frames,)."""
        ahead = scipy.ndimage.minimum_filter1d(needed, LOOK_AHEAD + 1, origin=-(LOOK_AHEAD // 2))[: len(needed) - LOOK_AHEAD]
        return _rising(ahead, before, _RECOVERY_DB_PER_S / SAMPLE_RATE)


def _rising(gains_db: Doubles, before: float, most_db: float) -> Doubles:
    """Gains that rise by at most so much from one value to the next, ≤ 0: (N,) → (N,)."""
    slope = np.arange(1, len(gains_db) + 1) * most_db
    return np.asarray(np.minimum(np.minimum.accumulate(np.concatenate([[before], gains_db - slope]))[1:] + slope, 0.0))


def peaks_of(sound: Floats) -> Floats:
    """Largest sample of every PEAK_FRAMES, as a factor: (frames, channels) → (frames / PEAK_FRAMES, rounded up,)."""
    return np.asarray(np.maximum.reduceat(loudest(sound), np.arange(0, len(sound), PEAK_FRAMES)))


def estimated_db(peaks: Floats | Doubles, gain_db: Doubles | float, ceiling_dbtp: float) -> Doubles:
    """What a limiter would do to a sound of these peaks (`peaks_of`), to a few hundredths of a dB in the mean: gains in dB, one a peak."""
    needed = np.minimum(0.0, ceiling_dbtp - _BETWEEN_DB - gain_db - 20 * np.log10(np.maximum(peaks, 1e-9)))
    ahead = scipy.ndimage.minimum_filter1d(needed, round(2 * LOOK_AHEAD / PEAK_FRAMES) + 1)
    return _rising(ahead, 0.0, _RECOVERY_DB_PER_S * PEAK_FRAMES / SAMPLE_RATE)
