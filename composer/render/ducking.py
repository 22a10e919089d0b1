"""How far music steps back under the film's own sound: decided for the whole film before a sample is mixed.

A compressor hears the voice only when it has begun and lets go between words: that is what pumps. Here the whole sound is
known: music is already down when somebody begins to speak, stays down through short pauses, and comes back slowly.
Aim: music 10 LU below the film's sound where that is active (ITU-R BS.1770 weighting; the distance that speech
needs: EBU R 128 s1 discussion, Shirley et al. 2017), untouched where it is silent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from composer.film import Film
from composer.render.loudness import STEP_SAMPLES, STEPS_PER_S, energies, to_lufs
from composer.render.wav import SAMPLE_RATE, Floats

Doubles = NDArray[np.float64]
Gain = Callable[[int, int], Floats]

DISTANCE_LU = 10.0
#: the most music goes down, dB: under sound in general, under known speech
_MOST_DB, _MOST_SPEECH_DB = 18.0, 26.0
#: sound this far below the film's mean loudness is background (LU: none … full ducking)
_BACKGROUND_LU = (-18.0, -9.0)
#: nor does sound duck that is soft in itself: rooms and birds may stay under the music, voices are mixed louder (LUFS: none … full)
_SOFT_LUFS = (-46.0, -30.0)
_PAUSE_S = 4.0
_AHEAD_S = 0.25
_SMOOTH_S = 0.8


class Sound(Protocol):
    """Anything that can be read frame by frame."""

    def read(self, start: int, count: int) -> Floats:
        """`count` frames from `start`."""


def duck_curve(original: Sound, music: Callable[[int, int], Floats], film: Film, lead_samples: int, length_samples: int) -> Gain:
    """The gain for the music as a function (start, count) → factors (count,)."""
    own = energies(original.read, length_samples)
    ours = energies(music, length_samples)
    speech = np.zeros(len(own), bool)
    for span in film.speech:
        first, last = (int((at * SAMPLE_RATE + lead_samples) / STEP_SAMPLES) for at in (span.start_s, span.end_s))
        speech[first : last + 1] = True
    gain_db = _gain_db(own, ours, speech)
    centres = (np.arange(len(gain_db)) + 0.5) * STEP_SAMPLES

    def gain(start: int, count: int) -> Floats:
        return np.asarray(10 ** (np.interp(np.arange(start, start + count), centres, gain_db) / 20), np.float32)

    return gain


def _gain_db(own: Doubles, ours: Doubles, speech: NDArray[np.bool_]) -> Doubles:
    """Gain of the music per step, dB ≤ 0, from K-weighted energies of film and music per step."""
    momentary = to_lufs(_mean(own, 0.4))
    mean_lufs = _gated_lufs(own)
    low, high = mean_lufs + _BACKGROUND_LU[0], mean_lufs + _BACKGROUND_LU[1]
    active = np.clip((momentary - low) / (high - low), 0, 1) * np.clip((momentary - _SOFT_LUFS[0]) / (_SOFT_LUFS[1] - _SOFT_LUFS[0]), 0, 1)
    active[speech] = 1.0
    excess = to_lufs(_mean(ours, 2.0)) + DISTANCE_LU - to_lufs(_mean(own, 2.0))
    wanted = -active * np.clip(excess, 0, np.where(speech, _MOST_SPEECH_DB, _MOST_DB))
    pause, ahead, smooth = (max(1, round(length_s * STEPS_PER_S)) for length_s in (_PAUSE_S, _AHEAD_S, _SMOOTH_S))
    bridged = scipy.ndimage.grey_opening(wanted, pause, mode="nearest")
    # down before the sound begins and up only after it has ended: the smoothing takes half its window on either side
    early = scipy.ndimage.minimum_filter1d(bridged, 2 * (ahead + smooth // 2) + 1, mode="nearest")
    window = np.hanning(smooth + 2)[1:-1]
    return np.asarray(scipy.ndimage.convolve1d(early, window / window.sum(), mode="nearest"))


def _mean(energies: Doubles, window_s: float) -> Doubles:
    return np.asarray(scipy.ndimage.uniform_filter1d(energies, max(1, round(window_s * STEPS_PER_S)), mode="nearest"))


def _gated_lufs(energies: Doubles) -> float:
    """Integrated loudness with the gates of BS.1770 (on steps rather than overlapping blocks)."""
    momentary = _mean(energies, 0.4)
    loud = momentary[to_lufs(momentary) > -70.0]
    if len(loud):
        loud = loud[to_lufs(loud) > to_lufs(np.array([loud.mean()]))[0] - 10.0]
    return float(to_lufs(np.array([loud.mean() if len(loud) else 0.0]))[0])
