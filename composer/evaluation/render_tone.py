"""What a mix sounds like, in numbers: its spectrum beside pink noise, its loudness over time and by section, clicks and constant offset.

Conventions
-----------
Power densities are means over the whole sound (windows of 2^14 samples, Hann, left and right added), dB. *Pink* falls by 3 dB an octave; it is laid
through the octaves from 125 Hz to 4 kHz, and a band's *tilt* is how far it lies above that line. Music of orchestras follows pink noise to about 2 kHz and falls
faster above (Pestana et al. 2013, "Spectral characteristics of popular commercial recordings", AES 135; Elowsson & Friberg 2017).
A *click* is a millisecond in which what lies above 15 kHz is 25 dB stronger than in the tenth of a second around it, and louder than −60 dBFS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.ndimage
import scipy.signal
from numpy.typing import NDArray

from composer.errors import RenderError
from composer.render.loudness import SILENCE_LUFS, STEPS_PER_S, energies, integrated, to_lufs

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]

_WINDOW = 1 << 14
#: bands that mixers have names for, Hz
BANDS_HZ: dict[str, tuple[float, float]] = {
    "sub": (20, 45), "bass": (45, 110), "low": (110, 220), "mud": (220, 450), "middle": (450, 900), "presence": (900, 2000),
    "harsh": (2000, 5000), "brilliance": (5000, 10_000), "air": (10_000, 18_000),
}  # fmt: skip
_PINK_HZ = (125.0, 4000.0)
#: loudness is measured over at least one block of 0.4 s
_FEWEST_STEPS = round(0.4 * STEPS_PER_S)
_CLICK_HZ, _CLICK_DB, _CLICK_DBFS = 15_000.0, 25.0, -60.0


@dataclass(frozen=True)
class Tone:
    """A sound, looked at."""

    #: samples a second, and length, seconds
    rate: int
    length_s: float
    #: (F,) centres of the bins, Hz, and (F,) power density of left and right together, dB
    hz: Doubles
    density_db: Doubles
    #: level of pink noise at 1 kHz that lies through the middle, dB
    pink_db: float
    #: (steps,) K-weighted energies, STEPS_PER_S a second
    steps: Doubles
    #: moments of clicks, seconds
    clicks_s: tuple[float, ...]
    #: mean of all samples, of the side where it is larger, dBFS
    offset_dbfs: float

    def tilts(self) -> dict[str, float]:
        """Band → how far it lies above pink noise, dB."""
        return {name: round(self._over_pink(*edges), 1) for name, edges in BANDS_HZ.items()}

    def _over_pink(self, low_hz: float, high_hz: float) -> float:
        inside = (self.hz >= low_hz) & (self.hz < high_hz)
        pink = 10 ** (self.pink_db / 10) * 1000 / self.hz[inside]
        return float(10 * np.log10(max(np.sum(10 ** (self.density_db[inside] / 10)) / np.sum(pink), 1e-12)))

    def loudness(self, window_s: float) -> Doubles:
        """(steps,) loudness in windows of that length around every step, LUFS."""
        return np.maximum(to_lufs(scipy.ndimage.uniform_filter1d(self.steps, round(window_s * STEPS_PER_S), mode="nearest")), SILENCE_LUFS)

    def loudness_of(self, start_s: float, end_s: float) -> float:
        """Integrated loudness of a stretch, LUFS."""
        first = max(0, min(int(start_s * STEPS_PER_S), len(self.steps) - _FEWEST_STEPS))
        return integrated(self.steps[first : max(int(end_s * STEPS_PER_S), first + _FEWEST_STEPS)])


def look_at(path: Path) -> Tone:
    """Look at a sound file.

    Raises RenderError when it cannot be read or is too short (a second).
    """
    import soundfile

    try:
        file = soundfile.SoundFile(path)
    except (OSError, soundfile.SoundFileError):
        raise RenderError(f"{path} cannot be read as sound", "Render the score again.") from None
    with file:
        rate, length = file.samplerate, len(file)
        if length < rate:
            raise RenderError(f"{path} is shorter than a second", "Give a longer one.")

        def read(start: int, count: int) -> Floats:
            out = np.zeros((count, file.channels), np.float32)
            file.seek(start)
            found = file.read(min(count, length - start), dtype="float32", always_2d=True)
            out[: len(found)] = found
            return out

        hz, density = _density(read, length, rate)
        return Tone(
            rate=rate,
            length_s=length / rate,
            hz=hz,
            density_db=10 * np.log10(np.maximum(density, 1e-20)),
            pink_db=_pink_db(hz, density),
            steps=energies(read, length),
            clicks_s=tuple(_clicks(read, length, rate)),
            offset_dbfs=float(20 * np.log10(max(np.abs(_means(read, length)).max(), 1e-9))),
        )


def _means(read: Callable[[int, int], Floats], length: int) -> Doubles:
    size = 1 << 20
    sums = [read(start, min(size, length - start)).sum(axis=0, dtype=np.float64) for start in range(0, length, size)]
    return np.asarray(np.sum(sums, axis=0) / length)


def _density(read: Callable[[int, int], Floats], length: int, rate: int) -> tuple[Doubles, Doubles]:
    """(F,) bins without 0 Hz, (F,) mean power density."""
    total, count, size = np.zeros(_WINDOW // 2 + 1), 0, 32 * _WINDOW
    for start in range(0, length - _WINDOW + 1, size):
        block = read(start, min(size, length - start))
        if len(block) >= _WINDOW:
            total += scipy.signal.welch(block, rate, nperseg=_WINDOW, axis=0)[1].sum(axis=1) * len(block)
            count += len(block)
    hz: Doubles = np.arange(1, len(total), dtype=np.float64) * float(rate / _WINDOW)
    return hz, total[1:] / max(count, 1)


def _pink_db(hz: Doubles, density: Doubles) -> float:
    """Level at 1 kHz of pink noise through the middle: the mean over octaves of how far they lie above it is 0."""
    edges = _PINK_HZ[0] * 2 ** np.arange(np.log2(_PINK_HZ[1] / _PINK_HZ[0]) + 0.5)
    levels = [np.mean((density * hz / 1000)[(hz >= low) & (hz < high)]) for low, high in zip(edges, edges[1:], strict=False)]
    return float(np.mean(10 * np.log10(np.maximum(levels, 1e-20))))


def _clicks(read: Callable[[int, int], Floats], length: int, rate: int) -> list[float]:
    """Moments at which something very high sounds for an instant and no longer, seconds."""
    if rate < 2.2 * _CLICK_HZ:
        return []
    high = scipy.signal.butter(6, _CLICK_HZ, "high", fs=rate, output="sos")
    frame, found, size = rate // 1000, list[float](), rate * 20
    for start in range(0, length, size):
        first = max(0, start - rate // 5)
        sound = scipy.signal.sosfilt(high, read(first, min(size + rate // 2, length - first)), axis=0)
        power = np.square(sound[: len(sound) // frame * frame]).reshape(-1, frame * sound.shape[1]).mean(axis=1)
        around = scipy.ndimage.percentile_filter(power, 50, 101, mode="nearest")
        sharp = (power > around * 10 ** (_CLICK_DB / 10)) & (power > 10 ** (_CLICK_DBFS / 10))
        # the sound goes on after the beginning of a note, not after a click
        after = np.append(scipy.ndimage.uniform_filter1d(power, 10, origin=-5, mode="nearest")[2:], [0.0, 0.0])
        moments_s = first / rate + np.flatnonzero(sharp & (power > 10 ** (_CLICK_DB / 10) * after)) / 1000
        found += [float(at) for at in moments_s if start / rate <= at < (start + size) / rate and at > 0.01]
    return found
