"""A gentle bus compressor: the loudest passages of a piece come a little nearer to the rest, slowly, and nothing pumps.

How it works: the whole course of loudness is known before a sample is touched (one value every 50 ms, K-weighted as in ITU-R BS.1770-4), so the gain
is drawn over it rather than steered: above a threshold beside the piece's own integrated loudness, half of the excess is taken away behind a soft
knee, never more than MOST_DB. Gains are smoothed evenly to both sides: the level is down when a loud passage begins. What is
shorter than the smoothing (strokes, attacks) keeps its shape; the limiter sees to its peaks. Soft-knee curve as in Giannoulis,
Massberg and Reiss, "Digital Dynamic Range Compressor Design", JAES 60 (2012), equation 4.
"""

from __future__ import annotations

import numpy as np
import scipy.ndimage

from composer.render.limiter import Read
from composer.render.loudness import STEP_SAMPLES, STEPS_PER_S, Doubles, to_lufs
from composer.render.wav import Floats

#: the most that is taken away, dB
MOST_DB = 5.0
#: where it begins, LU above the integrated loudness; what is left of each dB above; width of the knee, dB
_THRESHOLD_LU, _RATIO, _KNEE_DB = 0.0, 2.0, 6.0
#: loudness is looked at through a window of this length, and gains move over another one, seconds
_LISTEN_S, _SMOOTH_S = 0.4, 0.5


def gains_db(steps: Doubles, integrated_lufs: float) -> Doubles:
    """Gain of every step, dB ≤ 0, from K-weighted energies per step (composer.render.loudness.energies): shape (steps,)."""
    if not len(steps):
        return steps
    level = to_lufs(scipy.ndimage.uniform_filter1d(steps, round(_LISTEN_S * STEPS_PER_S), mode="nearest"))
    over = level - integrated_lufs - _THRESHOLD_LU
    bent = np.clip(over + _KNEE_DB / 2, 0, _KNEE_DB) ** 2 / (2 * _KNEE_DB) + np.maximum(over - _KNEE_DB / 2, 0)
    wanted = -np.minimum((1 - 1 / _RATIO) * bent, MOST_DB)
    window = np.hanning(round(_SMOOTH_S * STEPS_PER_S) + 2)[1:-1]
    return np.asarray(scipy.ndimage.convolve1d(wanted, window / window.sum(), mode="nearest"))


def compressed(read: Read, gain_db: Doubles) -> Read:
    """`read` with gains per step laid over it, in between them linear in dB."""
    centres = (np.arange(len(gain_db)) + 0.5) * STEP_SAMPLES

    def through(start: int, count: int) -> Floats:
        factors = 10 ** (np.interp(np.arange(start, start + count), centres, gain_db) / 20)
        return np.asarray(read(start, count) * factors.astype(np.float32)[:, None])

    return through if gain_db.any() else read
