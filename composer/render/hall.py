"""One good concert hall, made of seeded numbers: early reflections, then a diffuse tail that darkens as it decays.

Conventions
-----------
The room is an impulse response of shape (2 in, 2 out, frames) at 48 kHz: left and right on the platform to left and right in
the hall. It is linear, so wet stems sum to the wet mix. The direct sound is not delayed; below the player's lowest note it is cut (12 dB an octave),
a little lifted above 5 kHz, and the room hears it so. `depth` (0 front of the platform, 1 back) only raises what the room answers. Reverberation times per octave follow measured concert halls
(Beranek, *Concert Halls and Opera Houses*, 2nd ed.: about 1.8 s in the middle, more below, less above).
"""

from __future__ import annotations

import functools

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from composer.render.wav import SAMPLE_RATE, Floats

_SEED = 1876
_SECONDS = 2.2
_PREDELAY_S = 0.015
#: octave band centre, Hz → time to fall by 60 dB, s
_RT60_S = {63: 1.9, 125: 2.0, 250: 1.95, 500: 1.85, 1000: 1.8, 2000: 1.6, 4000: 1.2, 8000: 0.8, 16000: 0.5}
_LOW_CUT_HZ = 140.0
_REFLECTIONS = 14
_EARLY_S = (0.011, 0.080)
#: level of the room beside the direct sound, dB: at the front, and how much more at the back
_EARLY_DB = (-20.0, 9.0)
_TAIL_DB = (-17.5, 8.0)
#: a lift of the heights, dB in the end, and its middle
_AIR_DB, _AIR_HZ = 3.0, 5000.0
#: blocks that are transformed together
_AT_ONCE = 2
#: how much of one side of the platform reaches the other side of the hall
_CROSS = 0.75

Spectrum = NDArray[np.complex64]


def impulse_response(depth: float) -> Floats:
    """The room's answer to a player at `depth`, shape (2 in, 2 out, frames)."""
    (early, tail), (early_gain, tail_gain) = _room(), _gains(depth)
    return np.asarray(early_gain * early + tail_gain * tail, np.float32)


def _gains(depth: float) -> tuple[np.float32, np.float32]:
    """Factors of early reflections and tail at a depth."""
    early, tail = (10 ** ((front + back * depth) / 20) for front, back in (_EARLY_DB, _TAIL_DB))
    return np.float32(early), np.float32(tail)


@functools.cache
def _room() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(early, tail), each (2, 2, frames) and of unit energy per listener's side."""
    rng = np.random.default_rng(_SEED)
    frames = int(_SECONDS * SAMPLE_RATE)
    early = _shaped(np.array([[_echoes(rng, frames) for _ in range(2)] for _ in range(2)]), high_cut_hz=6500.0)
    tail = _shaped(_decaying(rng.standard_normal((2, 2, frames))), high_cut_hz=9000.0)
    for answer in (early, tail):
        answer[0, 1] *= _CROSS
        answer[1, 0] *= _CROSS
        answer /= np.sqrt((answer**2).sum(axis=(0, 2), keepdims=True))
    return early, tail


@functools.lru_cache(maxsize=2)
def _spectra(size: int) -> tuple[Spectrum, Spectrum]:
    """(early, tail) of the room at the bins of a transform of `size`, each (2, 2, bins)."""
    early, tail = (scipy.fft.rfft(answer, size).astype(np.complex64) for answer in _room())
    return early, tail


def _echoes(rng: np.random.Generator, frames: int) -> NDArray[np.float64]:
    """A few echoes of walls and ceiling, later ones weaker; shape (frames,)."""
    taps = np.zeros(frames)
    for time_s in np.sort(rng.uniform(*_EARLY_S, _REFLECTIONS)):
        taps[int(time_s * SAMPLE_RATE)] += rng.choice([-1.0, 1.0]) * _EARLY_S[0] / time_s
    return taps


def _decaying(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Noise whose octave bands die away each in its own time: (…, frames) → the same."""
    frames = noise.shape[-1]
    time_s = np.arange(frames) / SAMPLE_RATE
    spectrum = scipy.fft.rfft(noise)
    octave = np.log2(np.maximum(scipy.fft.rfftfreq(frames, 1 / SAMPLE_RATE), 1.0))
    tail = np.zeros_like(noise)
    for centre, rt60_s in _RT60_S.items():
        # cosine-shaped bands, one octave apart, that sum to one
        distance = np.clip(np.abs(octave - np.log2(centre)), 0, 1)
        tail += scipy.fft.irfft(spectrum * np.cos(distance * np.pi / 2) ** 2, frames) * 10 ** (-3 * time_s / rt60_s)
    swell = np.clip((time_s - _PREDELAY_S) / 0.03, 0, 1)
    end = np.clip((_SECONDS - time_s) / 0.2, 0, 1)
    return np.asarray(tail * np.sin(swell * np.pi / 2) ** 2 * end)


def _shaped(answer: NDArray[np.float64], high_cut_hz: float) -> NDArray[np.float64]:
    """Low and high cut of second order, so that basses stay clear and the room does not hiss: (…, frames) → the same."""
    frames = answer.shape[-1]
    hz = scipy.fft.rfftfreq(2 * frames, 1 / SAMPLE_RATE)
    low = (hz / _LOW_CUT_HZ) ** 4
    gain = np.sqrt(low / (1 + low)) / np.sqrt(1 + (hz / high_cut_hz) ** 4)
    # zero phase would ring before the sound: minimum phase of the same gain instead (real cepstrum)
    cepstrum = scipy.fft.irfft(np.log(np.maximum(gain, 1e-5)))
    cepstrum[1:frames] *= 2
    cepstrum[frames + 1 :] = 0
    return np.asarray(scipy.fft.irfft(scipy.fft.rfft(answer, 2 * frames) * np.exp(scipy.fft.rfft(cepstrum)))[..., :frames])


def _low_cut(hz: float, size: int) -> NDArray[np.complex128]:
    """Butterworth high-pass of second order at the bins of a transform of `size` (Bristow-Johnson, *Audio EQ Cookbook*); 0 cuts nothing."""
    if hz == 0:
        return np.ones(size // 2 + 1, complex)
    turn = 2 * np.pi * hz / SAMPLE_RATE
    cosine, alpha = np.cos(turn), np.sin(turn) / np.sqrt(2)
    delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    return np.asarray((1 + cosine) / 2 * (1 - delay) ** 2 / (1 + alpha - 2 * cosine * delay + (1 - alpha) * delay**2))


def _air(size: int) -> NDArray[np.complex128]:
    """A gentle shelf that lifts what General MIDI banks lack above some 5 kHz (Bristow-Johnson, *Audio EQ Cookbook*, slope 1/2)."""
    root = 10 ** (_AIR_DB / 40)
    turn = 2 * np.pi * _AIR_HZ / SAMPLE_RATE
    cosine, alpha = np.cos(turn), np.sin(turn) / 2 * np.sqrt((root + 1 / root) * (1 / 0.5 - 1) + 2)
    rim = 2 * np.sqrt(root) * alpha
    above = root * np.array(
        [root + 1 + (root - 1) * cosine + rim, -2 * (root - 1 + (root + 1) * cosine), root + 1 + (root - 1) * cosine - rim]
    )
    below = np.array([root + 1 - (root - 1) * cosine + rim, 2 * (root - 1 - (root + 1) * cosine), root + 1 - (root - 1) * cosine - rim])
    delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    powers = delay ** np.arange(3)[:, None]
    return np.asarray((above @ powers) / (below @ powers))


class Hall:
    """Streams sound through the room: overlap-add convolution, any length in constant memory."""

    def __init__(self, depth: float, low_cut_hz: float, chunk_frames: int) -> None:
        """`chunk_frames` is the most that `process` will be given at once."""
        self._block = -(-chunk_frames // _AT_ONCE)
        self._size = scipy.fft.next_fast_len(self._block + int(_SECONDS * SAMPLE_RATE) - 1, real=True)
        (early, tail), (early_gain, tail_gain) = _spectra(self._size), _gains(depth)
        self._answer: Spectrum = early_gain * early + tail_gain * tail
        self._answer[(0, 1), (0, 1)] += 1  # the direct sound is part of the answer
        self._answer *= (_low_cut(low_cut_hz, self._size) * _air(self._size)).astype(np.complex64)
        self._ringing = np.zeros((2, 0), np.float32)
        # made once: fresh pages cost as much as the arithmetic
        self._padded = np.zeros((_AT_ONCE, 2, self._size), np.float32)
        self._heard = np.zeros((_AT_ONCE, 2, self._size // 2 + 1), np.complex64)
        self._crossed = np.zeros(self._size // 2 + 1, np.complex64)

    def process(self, dry: Floats) -> Floats:
        """The direct sound plus the room's answer, (frames, 2), aligned with `dry`; in memory channel after channel."""
        frames = len(dry)
        out = np.zeros((2, max(frames + self._size - self._block, self._ringing.shape[1])), np.float32)
        out[:, : self._ringing.shape[1]] = self._ringing
        if dry.any():
            for number, wet in enumerate(self._answered(dry)):
                start = number * self._block
                end = min(start + self._size, out.shape[1])  # beyond it the last, shorter block has nothing to say
                out[:, start:end] += wet[:, : end - start]
        self._ringing = out[:, frames:].copy()
        return out[:, :frames].T

    def _answered(self, dry: Floats) -> Floats:
        """The room's answer to each block of `dry`, (blocks, 2, size): four transforms at once go through the vector units together."""
        blocks = -(-len(dry) // self._block)
        padded, heard = self._padded[:blocks], self._heard[:blocks]
        for number in range(blocks):
            block = dry[number * self._block : (number + 1) * self._block]
            padded[number, :, : len(block)] = block.T
            padded[number, :, len(block) :] = 0
        for source, answer in zip(scipy.fft.rfft(padded), heard, strict=True):
            for side in range(2):
                np.multiply(self._answer[0, side], source[0], out=answer[side])
                np.multiply(self._answer[1, side], source[1], out=self._crossed)
                answer[side] += self._crossed
        return np.asarray(scipy.fft.irfft(heard, self._size))
