"""How loud a file is: integrated loudness and true peak by ffmpeg's ebur128 (EBU R128), courses of loudness by our own K-weighting.

Both after ITU-R BS.1770-4. Loudness courses have one value per step of a twentieth of a second.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from composer.errors import RenderError
from composer.process import run
from composer.render.wav import SAMPLE_RATE, Floats, WavReader, to_floats

Doubles = NDArray[np.float64]
STEP_SAMPLES = SAMPLE_RATE // 20
STEPS_PER_S = SAMPLE_RATE / STEP_SAMPLES
_STEPS_AT_ONCE = 100
#: both filters of BS.1770-4 (tables 1 and 2, 48 kHz), as second-order sections
_K_WEIGHTING = np.array([
    (1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585),
    (1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621),
])  # fmt: skip

#: what ebur128 calls silence
SILENCE_LUFS = -70.0
_INTEGRATED = re.compile(r"I:\s+(-?[\d.]+|-inf|nan) LUFS")
_PEAK = re.compile(r"Peak:\s+(-?[\d.]+|-inf) dBFS")


@dataclass(frozen=True)
class Loudness:
    """What was measured over a whole file."""

    #: integrated loudness, LUFS
    integrated_lufs: float
    #: true peak, dBTP; −inf when not asked for
    true_peak_dbtp: float


def measure(path: Path, *, true_peak: bool = True) -> Loudness:
    """Measure one sound file of ours.

    Raises MissingToolError without ffmpeg, RenderError when it cannot tell.
    """
    wanted = "ebur128=framelog=verbose" if not true_peak else "ebur128=framelog=verbose:peak=true"
    _, said = run(["ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-i", f"file:{path.absolute()}", "-af", wanted, "-f", "null", "-"])
    integrated, peak = _INTEGRATED.findall(said), _PEAK.findall(said)
    if not integrated or (true_peak and not peak):
        raise RenderError(f"the loudness of {path.name} could not be measured", "Is this ffmpeg complete (filter ebur128)?")
    return Loudness(_number(integrated[-1], SILENCE_LUFS), _number(peak[-1], -np.inf) if true_peak else -np.inf)


def short_term(path: Path) -> Doubles:
    """Short-term loudness (3 s window, centred) of a WAV of ours, LUFS, STEPS_PER_S values per second: shape (N,), not to be written to."""
    try:
        status = path.stat()
    except OSError as error:
        raise RenderError(f"{path} cannot be read ({error.strerror})", "Render the score again.") from None
    return _short_term(path.resolve(), status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=2)  # timeline and report ask for the same mix
def _short_term(path: Path, _size: int, _mtime_ns: int) -> Doubles:
    with WavReader(path) as reader:
        steps = energies(lambda start, count: to_floats(reader.read(start, count)), reader.length_frames)
    if not len(steps):
        return steps
    levels = np.maximum(to_lufs(scipy.ndimage.uniform_filter1d(steps, round(3 * STEPS_PER_S), mode="nearest")), SILENCE_LUFS)
    levels.setflags(write=False)
    return levels


def integrated(steps: Doubles) -> float:
    """Integrated loudness (BS.1770-4: blocks of 0.4 s every 0.1 s, gates at −70 LUFS and 10 LU below the mean) of energies per step; LUFS."""
    length = round(0.4 * STEPS_PER_S)
    blocks = np.convolve(steps, np.ones(length) / length, mode="valid")[:: round(0.1 * STEPS_PER_S)]
    loud = blocks[to_lufs(blocks) > SILENCE_LUFS]
    if len(loud):
        loud = loud[to_lufs(loud) > to_lufs(loud.mean(keepdims=True)) - 10.0]
    return float(to_lufs(loud.mean(keepdims=True))[0]) if len(loud) else SILENCE_LUFS


class Meter:
    """Energies of a sound that comes in blocks: K-weighted, per step of STEP_SAMPLES, summed over channels."""

    def __init__(self) -> None:
        self._rows: list[Doubles] = []
        self._state: Doubles | None = None
        self._rest = np.zeros((0, 1))

    def hear(self, block: Floats) -> None:
        """The next frames, (frames, channels)."""
        from scipy.signal import sosfilt

        if self._state is None:
            self._state = np.zeros((len(_K_WEIGHTING), block.shape[1], 2))
            self._rest = np.zeros((0, block.shape[1]))
        weighted, self._state = sosfilt(_K_WEIGHTING, block.T, axis=1, zi=self._state)
        sound = np.concatenate([self._rest, weighted.T])
        whole = len(sound) // STEP_SAMPLES * STEP_SAMPLES
        self._rows.append(np.square(sound[:whole]).reshape(-1, STEP_SAMPLES * sound.shape[1]).sum(axis=1) / STEP_SAMPLES)
        self._rest = sound[whole:]

    def steps(self) -> Doubles:
        """What was heard: shape (steps,); a last step that is not full counts as if silence followed."""
        last = np.square(self._rest).sum(keepdims=True).reshape(-1)[:1] / STEP_SAMPLES if len(self._rest) else np.zeros(0)
        return np.concatenate([*self._rows, last])


def energies(read: Callable[[int, int], Floats], length: int) -> Doubles:
    """K-weighted energy per step of STEP_SAMPLES, summed over channels, of what `read(start, count)` gives: shape (steps,)."""
    meter = Meter()
    for start in range(0, length, _STEPS_AT_ONCE * STEP_SAMPLES):
        meter.hear(read(start, min(_STEPS_AT_ONCE * STEP_SAMPLES, length - start)))
    return meter.steps()


def to_lufs(energy: Doubles) -> Doubles:
    """K-weighted mean energy as loudness (BS.1770-4, equation 2)."""
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(energy, 1e-10)))


def _number(text: str, silent: float) -> float:
    value = float(text)
    return value if np.isfinite(value) else silent
