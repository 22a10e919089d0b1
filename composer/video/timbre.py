"""What the film's sound feels like beyond its loudness: roughness and pitch, measured while the sound streams by.

* Roughness: the ear hears fluctuations of 20–150 Hz inside a critical band as rough (Zwicker & Fastl 2007, "Psychoacoustics",
  ch. 11; Daniel & Weber 1997, Acustica 83). The sound is split into overlapping bands one Bark apart (Traunmüller 1990), the
  modulation spectrum of each band's envelope is weighted by how rough its rate sounds there, and the depths that come out are averaged
  over the bands by loudness (Stevens's power law). A steady tone is 0, chords of instruments lie near 0.4, a semitone of two
  tones near 0.7, noise near 0.8, a growl near 1. Daniel & Weber's comparison of neighbouring bands, which takes noise out again,
  is left out on purpose: hiss and rumble are part of what makes a film's sound uneasy.
* Pitch: the normalised square difference function of McLeod & Wyvill 2005 ("A smarter way to find pitch", ICMC): the
  first of its peaks that comes near the highest, if that is high enough to be clear.

Conventions
-----------
Sound comes in as mono float32 at 16 kHz, full scale 1, in pieces of any length; how it is cut into pieces changes nothing.
Frame k is centred on sample (k + 0.5) · HOP. A frame quieter than SILENCE_DBFS has neither roughness nor pitch; above that
its level does not matter. Memory: one segment of sound, and 12 bytes for each frame of 64 ms.
"""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Sound = npt.NDArray[np.float32]

SAMPLE_RATE = 16_000
#: distance of the frames, and how many samples each looks at
HOP, FRAME = 1024, 2048
#: what is below this (root mean square) is silence
SILENCE_DBFS = -60.0
#: pitches that are looked for, Hz
LOWEST_HZ, HIGHEST_HZ = 60.0, 1000.0
#: a frame has a pitch when its function peaks at this or above (1: exactly periodic)
CLEAR = 0.85
#: a second has a pitch when this share of its frames that sound has one
CLEAR_SHARE = 0.3
#: fewer frames than this in a second are the edge of another second's sound (a fifth of a second)
LEAST_FRAMES = 3

#: one segment is transformed at once; what lies in the margins is done again with its neighbour
_SEGMENT, _MARGIN = 65536, 4096
_STEP = _SEGMENT - 2 * _MARGIN
#: samples per second of the envelopes: twice the width of the widest band
_ENVELOPE_RATE = 2000
#: centres of the bands, Bark (78 … 5300 Hz), and how far each reaches
_CENTRES = np.arange(0.5, 19.0)
_REACH_BARK = 1.0
#: modulation rates that sound roughest at some centre frequencies, both in Hz (Zwicker & Fastl 2007, fig. 11.2), and the width of
#: that preference (standard deviation, natural logarithm of the rate)
_ROUGHEST_HZ = ((125, 250, 500, 1000), (30, 40, 55, 70))
_RATE_WIDTH = 0.8
_SLOWEST_HZ, _FASTEST_HZ = 15.0, 300.0
#: the depth that counts as fully rough (a buzz of 55 Hz reaches it)
_FULL_DEPTH = 0.7
#: loudness grows with this power of the envelope (0.3 of its square)
_STEVENS = 0.6

#: pitch is looked for at this rate in windows of this many samples (64 ms: four periods of the lowest)
_PITCH_RATE, _PITCH_WINDOW = 8000, 512
_LONGEST = int(_PITCH_RATE / LOWEST_HZ) + 2
#: what counts for a pitch: not rumble, not what is too high to be told apart at this rate, Hz
_PITCH_BAND_HZ = (45.0, 2000.0)
#: and it must be this share of the frame's power
_PITCH_SHARE = 0.1
#: the first peak this near to the highest is the pitch (McLeod & Wyvill: 0.8 … 1)
_FIRST_PEAK = 0.9


class Timbre:
    """Takes sound piece by piece; ask `per_second` at the end."""

    def __init__(self) -> None:
        self._buffer = np.zeros(_SEGMENT, np.float32)
        self._filled = _MARGIN  # before the sound there is silence
        self._samples = 0
        self._bands, self._rates = _band_filters(), _rate_weights()
        self._power, self._rough, self._pitch = array("f"), array("f"), array("f")

    def add(self, sound: Sound) -> None:
        """Take the next samples (n,)."""
        self._samples += len(sound)
        self._fill(sound)

    def per_second(self, start_s: float, seconds: int) -> tuple[Floats, Floats]:
        """(roughness (S,) 0…1, pitch (S,) in Hz, 0 where none is clear) of [start_s + i, start_s + i + 1); call it once, at the end.

        The roughness of a second is the mean of its frames by loudness, its pitch the median of its clear frames.
        """
        self._fill(np.zeros(_STEP + _MARGIN, np.float32))
        count = -(-self._samples // HOP)
        at_s = (np.arange(count) + 0.5) * HOP / SAMPLE_RATE - start_s
        heard = (at_s >= 0) & (at_s < seconds) & (np.array(self._power[:count]) > 0)
        power, rough, pitch = (np.array(row[:count], np.float64)[heard] for row in (self._power, self._rough, self._pitch))
        second = at_s[heard].astype(np.int64)
        loudness = power ** (_STEVENS / 2)
        sums, weights = np.bincount(second, loudness * rough, seconds), np.bincount(second, loudness, seconds)
        enough = np.bincount(second, minlength=seconds) >= LEAST_FRAMES
        return np.where(enough, sums / np.maximum(weights, 1e-12), 0.0), _median_pitch(second, pitch, seconds)

    def _fill(self, sound: Sound) -> None:
        while len(sound):
            piece = sound[: _SEGMENT - self._filled]
            self._buffer[self._filled : self._filled + len(piece)] = piece
            self._filled += len(piece)
            sound = sound[len(piece) :]
            if self._filled == _SEGMENT:
                self._measure(self._buffer)
                self._buffer[: 2 * _MARGIN] = self._buffer[_STEP:]
                self._filled = 2 * _MARGIN

    def _measure(self, segment: Sound) -> None:
        """The frames centred between the margins of one segment."""
        power = _frames(np.square(segment), FRAME, SAMPLE_RATE).mean(axis=1)
        heard = power > 10 ** (SILENCE_DBFS / 10)
        rough, pitch = np.zeros(len(power), np.float32), np.zeros(len(power), np.float32)
        if heard.any():
            spectrum = np.asarray(np.fft.rfft(segment), np.complex64)
            rough[heard] = self._roughness(spectrum)[heard]
            pitch[heard] = _pitches(spectrum, power)[heard]
        for row, values in ((self._power, power * heard), (self._rough, rough), (self._pitch, pitch)):
            row.frombytes(np.asarray(values, np.float32).tobytes())

    def _roughness(self, spectrum: npt.NDArray[np.complex64]) -> Sound:
        """(K,) roughness of the frames of a segment, from its spectrum."""
        bands = np.zeros((len(self._bands), _SEGMENT * _ENVELOPE_RATE // SAMPLE_RATE), np.complex64)
        for band, (low, weights) in zip(bands, self._bands, strict=True):
            band[: len(weights)] = spectrum[low : low + len(weights)] * weights
        envelopes = np.abs(np.fft.ifft(bands))  # moving a band down to 0 Hz leaves its envelope as it is
        frames = _frames(envelopes, FRAME, _ENVELOPE_RATE)  # (bands, K, samples)
        mean = frames.mean(axis=2, keepdims=True)
        window = np.hanning(frames.shape[2] + 1)[:-1].astype(np.float32)
        modulation = np.fft.rfft((frames - mean) * window)
        energy = np.square(modulation.real) + np.square(modulation.imag)
        # 1 for an envelope that swings fully between 0 and twice its mean at the roughest rate
        scale = 4 / (frames.shape[2] * np.sum(window**2))
        depth = np.sqrt(scale * np.matmul(energy, self._rates[:, :, None])) / np.maximum(mean, 1e-9)
        loudness = mean**_STEVENS
        rough = np.sum(loudness * depth, axis=(0, 2)) / np.maximum(np.sum(loudness, axis=(0, 2)), 1e-12)
        return np.asarray(np.clip(rough / _FULL_DEPTH, 0, 1), np.float32)


def _frames(sound: Sound, length: int, rate: int) -> Sound:
    """(…, K, L) windows of `length` (samples at SAMPLE_RATE) centred on the frames between the margins; `sound` (…, segment) has `rate`."""
    margin, hop, long = (n * rate // SAMPLE_RATE for n in (_MARGIN, HOP, length))
    first = margin + hop // 2 - long // 2
    count = _STEP // HOP
    return np.lib.stride_tricks.sliding_window_view(sound, long, axis=-1)[..., first : first + count * hop : hop, :]


def _bark(frequency_hz: Floats) -> Floats:
    """Critical-band rate (Traunmüller 1990)."""
    return 26.81 * frequency_hz / (1960 + frequency_hz) - 0.53


def _band_filters() -> list[tuple[int, Sound]]:
    """(first bin, weights of it and the following) of every band: a raised cosine over Bark."""
    bark = _bark(np.asarray(np.fft.rfftfreq(_SEGMENT, 1 / SAMPLE_RATE), np.float64))
    filters = []
    for centre in _CENTRES:
        bins = np.flatnonzero(np.abs(bark - centre) < _REACH_BARK)
        shape = np.cos(np.pi / 2 * (bark[bins] - centre) / _REACH_BARK) ** 2
        filters.append((int(bins[0]), shape.astype(np.float32)))
    return filters


def _rate_weights() -> Sound:
    """(bands, modulation bins) how rough each rate of fluctuation sounds, 0…1."""
    rate = np.fft.rfftfreq(FRAME * _ENVELOPE_RATE // SAMPLE_RATE, 1 / _ENVELOPE_RATE)
    centre_hz = 1960 * (_CENTRES + 0.53) / (26.28 - _CENTRES)
    roughest = np.interp(centre_hz, *_ROUGHEST_HZ)[:, None]
    weights = np.exp(-0.5 * (np.log(np.maximum(rate, 1e-3) / roughest) / _RATE_WIDTH) ** 2)
    return np.where((rate >= _SLOWEST_HZ) & (rate <= _FASTEST_HZ), weights, 0).astype(np.float32)


def _pitches(spectrum: npt.NDArray[np.complex64], power: Sound) -> Sound:
    """(K,) pitch of the frames of a segment, Hz, 0 where none is clear; from its spectrum and the frames' power (K,)."""
    low, high = (round(edge * _SEGMENT / SAMPLE_RATE) for edge in _PITCH_BAND_HZ)
    kept = np.zeros(_SEGMENT * _PITCH_RATE // SAMPLE_RATE // 2 + 1, np.complex64)
    kept[low:high] = spectrum[low:high]
    sound = np.asarray(np.fft.irfft(kept), np.float32) * np.float32(_PITCH_RATE / SAMPLE_RATE)
    frames = _frames(sound, (_PITCH_WINDOW + _LONGEST) * SAMPLE_RATE // _PITCH_RATE, _PITCH_RATE)
    found = first_peaks(square_difference(frames))
    return np.where(np.square(frames).mean(axis=1) >= _PITCH_SHARE * power, found, 0).astype(np.float32)


def square_difference(frames: Sound) -> Sound:
    """(K, _LONGEST + 1) the normalised function of frames (K, _PITCH_WINDOW + _LONGEST): 1 at a lag that repeats them, −1 at one that reverses them."""
    length = 2 ** int(np.ceil(np.log2(_PITCH_WINDOW + _LONGEST)))  # long enough that nothing wraps into the lags asked for
    start = np.fft.rfft(frames[:, :_PITCH_WINDOW], length)
    alike = np.fft.irfft(np.conj(start) * np.fft.rfft(frames, length))[:, : _LONGEST + 1]
    sums = np.concatenate([np.zeros((len(frames), 1)), np.cumsum(np.square(frames, dtype=np.float64), axis=1)], axis=1)
    energy = sums[:, _PITCH_WINDOW:] - sums[:, : _LONGEST + 1]
    return np.asarray(2 * alike / np.maximum(energy[:, :1] + energy, 1e-12), np.float32)


def first_peaks(function: Sound) -> Sound:
    """(K,) pitch, Hz, from square difference functions (K, lags); 0 where no peak reaches CLEAR or the pitch is out of range."""
    left, here, right = function[:, :-2], function[:, 1:-1], function[:, 2:]
    # the hill at lag 0 ends where the function first turns negative
    peak = (here > left) & (here >= right) & np.logical_or.accumulate(here < 0, axis=1)
    heights = np.where(peak, here, 0.0)
    highest = heights.max(axis=1)
    chosen = np.argmax(heights >= np.maximum(_FIRST_PEAK * highest, 1e-6)[:, None], axis=1)
    rows = np.arange(len(function))
    a, b, c = left[rows, chosen], here[rows, chosen], right[rows, chosen]
    lag = chosen + 1 + 0.5 * (a - c) / np.minimum(a - 2 * b + c, -1e-9)  # the top of the parabola through the three
    pitch = _PITCH_RATE / np.maximum(lag, 1e-9)
    clear = (highest >= CLEAR) & (pitch >= LOWEST_HZ) & (pitch <= HIGHEST_HZ)
    return np.where(clear, pitch, 0).astype(np.float32)


def _median_pitch(second: npt.NDArray[np.int64], pitch: Floats, seconds: int) -> Floats:
    """(seconds,) median of the clear pitches (F,) of each second, 0 where too few of its frames have one."""
    medians = np.zeros(seconds)
    edges = np.searchsorted(second, np.arange(seconds + 1))
    for i, (first, stop) in enumerate(zip(edges, edges[1:], strict=False)):
        clear = pitch[first:stop][pitch[first:stop] > 0]
        if len(clear) >= max(LEAST_FRAMES, CLEAR_SHARE * (stop - first)):
            medians[i] = float(np.median(clear))
    return medians
