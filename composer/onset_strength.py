"""Onsets heard in sound: when something begins to sound, how strongly, and whether it stands out from what is around it.

How
---
1. *Loudness per band*: power in triangular bands half an ERB wide and apart (Glasberg & Moore 1990), every 5 ms through a window of 21 ms, raised to
   0.3 as loudness grows with intensity (Stevens 1957). What lies near the threshold of hearing adds nothing.
2. *Strength*: what each band gains from the 40 ms before a moment to the 40 ms after it, summed. A band counts only what exceeds 1.15 times (2 dB)
   the louder of itself and its two neighbours before: vibrato, which only carries sound into a neighbour, tremolo and the beating of many
   players gain little (the neighbours as in SuperFlux, Böck & Widmer 2013). A peak of this curve that is highest within ±40 ms is an onset.
3. *Time*: around such a peak power is measured again, every 2.5 ms through a window of 11 ms; the bands that gain are added up, each in proportion to its
   gain, and of that power's rise the moment is taken at which it has done 15 % (−8 dB, two fifths of the amplitude; Vos & Rasch 1981 find that
   listeners judge by a threshold some 6 to 15 dB below the top). A share of a *power* is passed at the same distance from a sudden start whatever
   sounds beside it, so the latency is one constant: a click or a sharp tone at t is reported at t (± 2 ms). A slow attack is reported where
   it has risen to −8 dB.

Conventions
-----------
Sound is float32 (frames,) or (frames, channels); channels are added as power; before the first sample there is silence. Strengths are in units of
loudness that mean nothing by themselves; twice as loud (10 dB) is twice as strong. Files are read in blocks: memory does not grow with their
length but for a few bytes an onset.

Böck & Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013. Vos & Rasch, "The perceptual onset of musical tones",
Perception & Psychophysics 29, 1981. Glasberg & Moore, Hearing Research 47, 1990. Stevens, Psychological Review 64, 1957.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
import scipy.ndimage
from numpy.typing import NDArray

from composer.errors import RenderError

Floats = NDArray[np.float64]
Sound = NDArray[np.float32]
#: samples from one index to another of the whole sound, (count, channels), zeros outside it
Read = Callable[[int, int], Sound]

_BAND_ERB, _LOWEST_HZ, _HIGHEST_HZ = 0.5, 50.0, 14_000.0
_LOUDNESS_POWER = 0.3
#: power of a band at the threshold of hearing (full scale = 1)
_THRESHOLD = 1e-8
#: a band that has not grown louder by this factor has gained nothing
_NOTICED = 1.15
#: share of its rise at which a sound is said to begin, as power
_RISEN = 0.15
#: how early that share is reached when a sound begins suddenly, for the window is as wide before its middle as after: between click and lasting tone
LATENCY_S = 0.0016
#: weaker than this is no onset
_AUDIBLE = 0.1
#: … nor what is weaker than this share of the strongest onset around it: that is masked
_MASKED = 0.06
#: what is around an onset: everything less than this away, seconds
AROUND_S = 2.0
#: strengths nearer to each other than this share (2.3 dB) are taken as equal
_TIE = 0.85
#: fewer onsets around than this count as this many
_FEWEST = 20
#: a single note is brought to this peak before its attack is measured
_NOTE_PEAK = 0.25
_BLOCK_S, _MARGIN_S = 16.0, 0.1


@dataclass(frozen=True)
class _Grain:
    """How finely time is cut."""

    #: length of the window, seconds
    window_s: float
    #: from one window to the next, seconds
    step_s: float


_COARSE, _FINE = _Grain(1024 / 48_000, 0.005), _Grain(512 / 48_000, 0.0025)
#: how long before and after a moment are compared, and how far apart onsets are at least, coarse steps
_SIDE = 8
#: coarse steps that a block begins before its first and ends after its last one: room for half a window
_PAD = 4
#: how far around a peak its rise may reach, fine steps
_REACH = 32


@dataclass(frozen=True)
class Onsets:
    """What begins in a stretch of sound, in order of time."""

    #: (N,) moments, seconds
    times_s: Floats
    #: (N,) how strongly each begins (see above)
    strengths: Floats
    #: (N,) whether it stands out (see `prominence`)
    prominent: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.times_s)

    @property
    def prominent_s(self) -> Floats:
        """Moments of those that stand out, seconds."""
        return self.times_s[self.prominent]

    @property
    def top_quartile_s(self) -> Floats:
        """Moments of those at or above the upper quartile of all less than 2 s away, however few these are, seconds."""
        first = np.searchsorted(self.times_s, self.times_s - AROUND_S, side="right")
        last = np.searchsorted(self.times_s, self.times_s + AROUND_S, side="left")
        quartiles = [np.quantile(self.strengths[a:b], 0.75) for a, b in zip(first, last, strict=True)]
        return self.times_s[self.strengths >= np.asarray(quartiles)]


def onsets_in_file(path: Path, start_s: float = 0.0, end_s: float | None = None, gain_db: float = 0.0) -> Onsets:
    """Onsets of a sound file from `start_s` to `end_s`, in seconds of the file, played `gain_db` louder than it is.

    Raises RenderError when it cannot be read.
    """
    import soundfile

    try:
        file = soundfile.SoundFile(path)
    except (OSError, soundfile.SoundFileError):
        raise RenderError(f"{path} cannot be read as sound", "Render the score again.") from None
    with file:
        end = len(file) if end_s is None else min(len(file), round(end_s * file.samplerate))

        def read(start: int, count: int) -> Sound:
            out = np.zeros((count, file.channels), np.float32)
            first, last = max(start, 0), min(start + count, len(file))
            if first < last:
                file.seek(first)
                file.read(out=out[first - start : last - start])
                if gain_db:
                    out *= np.float32(10 ** (gain_db / 20))
            return out

        return _onsets(read, max(0, round(start_s * file.samplerate)), end, file.samplerate)


def onsets_of(sound: NDArray[Any], sample_rate: int = 48_000) -> Onsets:
    """Onsets of sound in memory, (frames,) or (frames, channels), values in −1…1."""
    frames: Sound = np.asarray(sound, np.float32).reshape(len(sound), -1 if np.size(sound) else 1)

    def read(start: int, count: int) -> Sound:
        out = np.zeros((count, frames.shape[1]), np.float32)
        first, last = max(start, 0), min(start + count, len(frames))
        if first < last:
            out[first - start : last - start] = frames[first:last]
        return out

    return _onsets(read, 0, len(frames), sample_rate)


def attack_latency_s(sound: NDArray[Any], note_on_s: float = 0.0, sample_rate: int = 48_000) -> float | None:
    """Seconds from a note's beginning at `note_on_s` to its onset, where the note sounds alone; None when nothing is heard.

    The note is first brought to the same peak (−12 dBFS), so that its level does not matter; of several onsets the strongest is taken.
    """
    peak = float(np.abs(sound).max(initial=0.0))
    found = onsets_of(sound * (_NOTE_PEAK / max(peak, 1e-6)), sample_rate)
    return float(found.times_s[found.strengths.argmax()]) - note_on_s if len(found) else None


def prominence(times_s: Floats, strengths: Floats) -> NDArray[np.bool_]:
    """Which onsets stand out: those in the top quartile of all less than AROUND_S away, with ties counted against them.

    An onset's rank is the number of onsets around it, itself included, that are at least 0.85 times as strong. It stands out when its rank is
    at most a quarter of their number: one of many that are about equal does not. Fewer than 20 around (5 a second) count as 20, so that up to
    five of a few may stand out, however alike, but none of a constant row of sixteenths.
    """
    first = np.searchsorted(times_s, times_s - AROUND_S, side="right")
    last = np.searchsorted(times_s, times_s + AROUND_S, side="left")
    ranks = np.array([np.count_nonzero(strengths[a:b] >= _TIE * own) for a, b, own in zip(first, last, strengths, strict=True)], int)
    return np.asarray(ranks <= np.maximum(last - first, _FEWEST) / 4)


def _onsets(read: Read, start: int, end: int, rate: int) -> Onsets:
    """Onsets of the samples from `start` to `end`, block by block; every block is looked at with a margin on both sides."""
    hop = round(_COARSE.step_s * rate)
    block, margin = round(_BLOCK_S / _COARSE.step_s), round(_MARGIN_S / _COARSE.step_s)
    found: list[tuple[float, float]] = []
    first, last = -(-start // hop), -(-end // hop)
    for step in range(first, last, block):
        until = min(step + block, last)
        origin = (step - margin) * hop
        sound = read(origin - _PAD * hop, (until - step + 2 * margin + 2 * _PAD) * hop)
        found += [
            (origin / rate + after_s, strength)
            for row, after_s, strength in _peaks(sound, until - step + 2 * margin, rate)
            if margin <= row < margin + until - step
        ]
    times_s, strengths = np.array(sorted(found), float).reshape(-1, 2).T
    kept = _unmasked(times_s, strengths)
    times_s, strengths = times_s[kept], strengths[kept]
    return Onsets(times_s, strengths, prominence(times_s, strengths))


def _peaks(sound: Sound, rows: int, rate: int) -> list[tuple[int, float, float]]:
    """(coarse step, seconds after step 0, strength) of every onset in a block; step 0 is _PAD steps after the block's first sample."""
    hop = round(_COARSE.step_s * rate)
    pairs = _pairs(sound)
    gains, curve = _gains(_band_power(pairs, _PAD * hop, rows, _COARSE, rate))
    highest = scipy.ndimage.maximum_filter1d(curve, 2 * _SIDE + 1, mode="nearest")
    found: list[tuple[int, float, float]] = []
    for row in map(int, np.flatnonzero((curve == highest) & (curve >= _AUDIBLE))):
        fine, middle = round(_FINE.step_s * rate), hop * (row + _PAD)
        if fine * _REACH + hop * _PAD <= middle < len(sound) - fine * _REACH - hop * _PAD:
            power = _band_power(pairs, middle - fine * _REACH, 2 * _REACH + 1, _FINE, rate)
            found.append((row, row * hop / rate + _begins(power, gains[row]) * fine / rate + LATENCY_S, float(curve[row])))
    return found


def _begins(power: Sound, gain: Sound) -> float:
    """The (broken) number of rows after the middle row of (rows, bands) at which the rise that `gain` tells of has done its first part (_RISEN)."""
    after = power[_REACH + 1 :].mean(axis=0)
    new = power @ (gain / (after + _THRESHOLD))
    low = int(new[: _REACH + 1].argmin())
    high = low + int(new[low:].argmax())
    level = new[low] + _RISEN * (new[high] - new[low])
    passes = low + np.flatnonzero((new[low:high] < level) & (new[low + 1 : high + 1] >= level))
    if not len(passes):
        return 0.0
    best = passes[np.abs(passes - _REACH).argmin()]
    return float(best - _REACH + (level - new[best]) / (new[best + 1] - new[best]))


def _unmasked(times_s: Floats, strengths: Floats) -> NDArray[np.bool_]:
    """Which onsets are not drowned by a much stronger one around; of two that fall together the stronger remains."""
    first = np.searchsorted(times_s, times_s - AROUND_S, side="right")
    last = np.searchsorted(times_s, times_s + AROUND_S, side="left")
    strongest = np.array([strengths[a:b].max() for a, b in zip(first, last, strict=True)])
    kept = np.asarray(strengths >= _MASKED * strongest)
    for place in np.flatnonzero(np.diff(times_s) < _SIDE * _COARSE.step_s / 2):
        kept[place + int(strengths[place] > strengths[place + 1])] = False
    return kept


def _gains(power: Sound) -> tuple[Sound, Sound]:
    """(rows, bands) what each band gains in loudness around each row, and (rows,) their sum."""
    loudness = np.power(power + np.float32(_THRESHOLD), _LOUDNESS_POWER) - np.float32(_THRESHOLD**_LOUDNESS_POWER)
    means = scipy.ndimage.uniform_filter1d(loudness, _SIDE, axis=0, mode="nearest", output=np.float32)
    centre = _SIDE // 2  # row r of `means` is the mean of rows r - centre … r + centre - 1
    before, after = np.empty_like(means), np.empty_like(means)
    before[centre:], before[:centre] = means[:-centre], means[0]
    after[: -centre - 1], after[-centre - 1 :] = means[centre + 1 :], means[-1]
    louder = scipy.ndimage.maximum_filter1d(before, 3, axis=1, mode="nearest")
    gains = np.maximum(after - np.float32(_NOTICED) * louder, 0)
    return gains, gains.sum(axis=1) * np.float32(_BAND_ERB)


def _band_power(pairs: list[NDArray[np.complex64]], middle: int, rows: int, grain: _Grain, rate: int) -> Sound:
    """(rows, bands) power in windows whose middles are at `middle`, a step later, and so on."""
    window, bands, hop = _window(grain, rate), _bands(grain, rate), round(grain.step_s * rate)
    start = middle - len(window) // 2
    power = np.empty((rows, bands.shape[1]), np.float32)
    for row in range(0, rows, 512):  # small enough for the processor's cache
        stop = min(row + 512, rows)
        power[row:stop] = sum(_spectra(pair, start + row * hop, start + stop * hop, hop, window) for pair in pairs) @ bands
    return power


def _pairs(sound: Sound) -> list[NDArray[np.complex64]]:
    """Channels two by two, as the real and the imaginary part of what one transform takes."""
    pairs = []
    for channel in range(0, sound.shape[1], 2):
        pair = np.zeros(len(sound), np.complex64)
        pair.real = sound[:, channel]
        if channel + 1 < sound.shape[1]:
            pair.imag = sound[:, channel + 1]
        pairs.append(pair)
    return pairs


def _spectra(pair: NDArray[np.complex64], start: int, stop: int, hop: int, window: Sound) -> Sound:
    """(windows, size / 2 + 1) power of both channels of a pair in the windows that begin at start, start + hop … before stop."""
    size = len(window)
    views = np.lib.stride_tricks.sliding_window_view(pair, size)[start:stop:hop]
    spectra = scipy.fft.fft(views * window, axis=1, overwrite_x=True)
    power = spectra.real**2 + spectra.imag**2
    both: Sound = power[:, : size // 2 + 1].copy()
    both[:, 1:-1] += power[:, : size // 2 : -1]
    return both


@functools.cache
def _window(grain: _Grain, rate: int) -> Sound:
    """A Hann window through which sound of power 1 has power 1."""
    size = 2 * round(grain.window_s * rate / 2)
    window = np.hanning(size + 1)[:-1]
    return np.asarray(window / np.sqrt((window**2).sum() * size), np.float32)


@functools.cache
def _bands(grain: _Grain, rate: int) -> Sound:
    """(bins, bands) shares of a spectrum's bins in each band: triangles, where bins are wider than half an ERB as wide as these."""
    size = len(_window(grain, rate))
    bins = np.fft.rfftfreq(size, 1 / rate)
    erbs = np.arange(_erb(_LOWEST_HZ), _erb(min(_HIGHEST_HZ, 0.45 * rate)), _BAND_ERB)
    centres = _hz(erbs)
    half_widths = np.maximum(_hz(erbs + _BAND_ERB) - centres, rate / size)
    return np.asarray(np.clip(1 - np.abs(bins[:, None] - centres) / half_widths, 0, None), np.float32)


def _erb(hz: float) -> float:
    return float(21.4 * np.log10(1 + 0.00437 * hz))


def _hz(erbs: Floats) -> Floats:
    return np.asarray((10 ** (erbs / 21.4) - 1) / 0.00437)
