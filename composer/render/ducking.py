"""How far music steps back under the film's own sound: decided for the whole film before a sample is mixed.

A compressor hears the voice only when it has begun and lets go between words: that is what pumps. Here the whole sound is
known: music is already down when somebody begins to speak, stays down through pauses, and comes back slowly.

* *Under speech* the aim is music 10 LU below the words in every utterance (ITU-R BS.1770 weighting; the distance that speech needs: EBU R 128 s1
  discussion, Shirley et al. 2017), however soft they are. The level of the words is what the film's sound has above its background, in 5.1
  what the centre has; they are measured over two seconds at a time, and the loudest two of the music count against the softest two of the words.
  From utterance to utterance the music goes down where it must, but not up and down again: what would be a rise of less than _STEADY_S stays down.
* *Under other sound* that is loud it steps back too, but stays to be heard: 10 LU below it, and never by more than 10 dB. Where the film is silent
  or in the background nothing is touched.

Conventions
-----------
Everything is decided in steps of a twentieth of a second (composer.render.loudness); gains are in dB, ≤ 0. A *passage* is speech with pauses shorter than
_PAUSE_S. The curve never falls faster than _FALL_DB_S, nor rises faster than _RISE_DB_S where it can be heard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from composer.film import Film
from composer.render.loudness import STEP_SAMPLES, STEPS_PER_S, energies, to_lufs
from composer.render.wav import SAMPLE_RATE, Floats

Doubles = NDArray[np.float64]
Gain = Callable[[int, int], Floats]
#: first step and the one behind the last
Steps = tuple[int, int]

DISTANCE_LU = 10.0
#: the most music goes down, dB: under sound in general; under speech, where it is then as good as silent (words that would ask for
#: more lie near the noise that the detector lays under everything)
_MOST_DB, _MOST_SPEECH_DB = 10.0, 48.0
#: sound this far below the film's mean loudness is background (LU: none … full ducking)
_BACKGROUND_LU = (-18.0, -9.0)
#: nor does sound duck that is soft in itself: rooms and birds may stay under the music, voices are mixed louder (LUFS: none … full)
_SOFT_LUFS = (-46.0, -30.0)
_PAUSE_S = 4.0
#: inside a passage the music does not rise for less than this
_STEADY_S = 12.0
#: what is heard so shortly before and after known words, at most so much softer or louder than they (as power), so much above the background and not
#: softer than this, are words that the detector missed
_NEAR_S, _SOFTER, _LOUDER, _ABOVE, _HEARD_LUFS = 3.0, 0.1, 4.0, 10.0, -55.0
#: words with shorter gaps are one utterance
_JOINED_S = 0.3
#: words are measured over at most this much of an utterance
_WORDS_S = 2.0
#: the background of speech is what is heard in its quietest tenth around, and so much more on the average
_AROUND_S, _QUIETEST, _FLUCTUATION = 6.0, 10, 1.3
#: words are never taken for softer than this share of all that is heard with them, as power
_LEAST_WORDS = 0.25
#: a centre this much softer than everything (as power) does not hold the words
_LEAST_CENTRE = 0.03
_AHEAD_S, _SMOOTH_S = 0.15, 0.3
_FALL_DB_S, _RISE_DB_S = 30.0, 6.0
#: music further down than this is hardly heard: from there it rises so many times as fast, dB
_FAINT_DB, _FAINT_TIMES = 24.0, 3.0
_CENTRE, _LFE, _SURROUND = 2, 3, 6


class Sound(Protocol):
    """Anything that can be read frame by frame."""

    def read(self, start: int, count: int) -> Floats:
        """`count` frames from `start`."""


def duck_curve(original: Sound, music: Callable[[int, int], Floats], film: Film, lead_samples: int, length_samples: int) -> Gain:
    """The gain for the music as a function (start, count) → factors (count,)."""
    own, centre = _own_energies(original, length_samples)
    ours = energies(music, length_samples)
    spans = _spans(film, lead_samples, len(own))
    wanted_db = np.minimum(_under_sound(own, ours), _under_speech(own, centre, ours, spans))
    gain_db = _moved(wanted_db)
    centres = (np.arange(len(gain_db)) + 0.5) * STEP_SAMPLES

    def gain(start: int, count: int) -> Floats:
        return np.asarray(10 ** (np.interp(np.arange(start, start + count), centres, gain_db) / 20), np.float32)

    return gain


def _own_energies(original: Sound, length_samples: int) -> tuple[Doubles, Doubles]:
    """Energies of the film's sound without its low effects (BS.1770-4 leaves them out), and of its centre (all of it where there is none)."""

    def without_effects(start: int, count: int) -> Floats:
        sound = original.read(start, count)
        if sound.shape[1] == _SURROUND:
            sound[:, _LFE] = 0
        return sound

    own = energies(without_effects, length_samples)
    if original.read(0, 1).shape[1] != _SURROUND:
        return own, own
    return own, energies(lambda start, count: original.read(start, count)[:, [_CENTRE]], length_samples)


def _spans(film: Film, lead_samples: int, steps: int) -> list[Steps]:
    """Where somebody speaks, in order: none empty, none over another."""
    found: list[Steps] = []
    for span in film.speech:
        first, last = (int((at * SAMPLE_RATE + lead_samples) / STEP_SAMPLES) for at in (span.start_s, span.end_s))
        first = max(first, found[-1][1] if found else 0)
        if first < min(last + 1, steps):
            found.append((first, min(last + 1, steps)))
    return found


def _under_sound(own: Doubles, ours: Doubles) -> Doubles:
    """What sound in general asks for, whoever makes it: (steps,) dB ≤ 0."""
    momentary = to_lufs(_mean(own, 0.4))
    mean_lufs = _gated_lufs(own)
    low, high = mean_lufs + _BACKGROUND_LU[0], mean_lufs + _BACKGROUND_LU[1]
    active = np.clip((momentary - low) / (high - low), 0, 1) * np.clip((momentary - _SOFT_LUFS[0]) / (_SOFT_LUFS[1] - _SOFT_LUFS[0]), 0, 1)
    excess = to_lufs(_mean(ours, 2.0)) + DISTANCE_LU - to_lufs(_mean(own, 2.0))
    return _opened(-active * np.clip(excess, 0, _MOST_DB), _PAUSE_S)


def _under_speech(own: Doubles, centre: Doubles, ours: Doubles, spans: Sequence[Steps]) -> Doubles:
    """What the words ask for: (steps,) dB ≤ 0, 0 where nobody speaks."""
    wanted = np.zeros(len(own))
    if not spans:
        return wanted
    # in a film the centre of which is dumb the words come from the sides
    heard = sum(float(centre[a:b].sum()) for a, b in spans) > _LEAST_CENTRE * sum(float(own[a:b].sum()) for a, b in spans)
    voices = centre if heard else own
    around = max(1, round(_AROUND_S * STEPS_PER_S))
    background = _FLUCTUATION * scipy.ndimage.percentile_filter(voices, _QUIETEST, around, mode="nearest")
    words = np.maximum(voices - background, _LEAST_WORDS * voices)
    spans = _with_missed(spans, words, voices > _ABOVE * background)
    for a, b in spans:
        window = min(b - a, round(_WORDS_S * STEPS_PER_S))
        need = to_lufs(_mean_of(ours[a:b], window)) + DISTANCE_LU - to_lufs(_mean_of(words[a:b], window))
        wanted[a:b] = -scipy.ndimage.maximum_filter1d(np.clip(need, 0, _MOST_SPEECH_DB), window, mode="nearest")
    for a, b in _passages(spans):
        wanted[a:b] = _opened(_opened(wanted[a:b], _PAUSE_S), _STEADY_S)
    return wanted


def _with_missed(spans: Sequence[Steps], words: Doubles, above: NDArray[np.bool_]) -> list[Steps]:
    """Spans with the words before and after them that the detector missed."""
    smooth = _mean(words, _JOINED_S)
    heard = above & (to_lufs(smooth) > _HEARD_LUFS)
    near, joined = round(_NEAR_S * STEPS_PER_S), round(_JOINED_S * STEPS_PER_S)
    spoken = np.zeros(len(words), np.bool_)
    for a, b in spans:
        first, last = max(0, a - near), min(len(words), b + near)
        beside, known = smooth[first:last], words[a:b].mean()
        spoken[first:last] |= heard[first:last] & (beside > _SOFTER * known) & (beside < _LOUDER * known)
    for a, b in spans:
        spoken[a:b] = True
    edges = np.flatnonzero(np.diff(spoken.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    found: list[Steps] = []
    for a, b in edges.tolist():
        found.append((found.pop()[0], b) if found and a - found[-1][1] < joined else (a, b))
    return found


def _passages(spans: Sequence[Steps]) -> Iterator[Steps]:
    """Spans with no more than a pause between them, together."""
    first, last = spans[0]
    for a, b in spans[1:]:
        if a - last >= _PAUSE_S * STEPS_PER_S:
            yield first, last
            first = a
        last = b
    yield first, last


def _moved(wanted_db: Doubles) -> Doubles:
    """The way that music goes so as to be down in time: never above what is wanted, never too fast."""
    if not len(wanted_db):
        return wanted_db
    ahead, smooth = (max(1, round(length_s * STEPS_PER_S)) for length_s in (_AHEAD_S, _SMOOTH_S))
    # down before the sound begins and up only after it has ended: the smoothing takes half its window on either side
    early = scipy.ndimage.minimum_filter1d(wanted_db, 2 * (ahead + smooth // 2) + 1, mode="nearest")
    time_s = np.arange(len(early)) / STEPS_PER_S
    faint = np.minimum(early + _FAINT_DB, 0)
    drawn_in = early - faint * (1 - 1 / _FAINT_TIMES)
    up = np.minimum.accumulate(drawn_in - _RISE_DB_S * time_s) + _RISE_DB_S * time_s
    up += np.minimum(up + _FAINT_DB, 0) * (_FAINT_TIMES - 1)
    down = np.minimum.accumulate((up + _FALL_DB_S * time_s)[::-1])[::-1] - _FALL_DB_S * time_s
    window = np.hanning(smooth + 2)[1:-1]
    return np.asarray(scipy.ndimage.convolve1d(down, window / window.sum(), mode="nearest"))


def _opened(curve: Doubles, length_s: float) -> Doubles:
    """The curve without its rises that are shorter than this."""
    return np.asarray(scipy.ndimage.grey_opening(curve, max(1, min(len(curve), round(length_s * STEPS_PER_S))), mode="nearest"))


def _mean(energies: Doubles, window_s: float) -> Doubles:
    return _mean_of(energies, max(1, round(window_s * STEPS_PER_S)))


def _mean_of(energies: Doubles, window: int) -> Doubles:
    return np.asarray(scipy.ndimage.uniform_filter1d(energies, window, mode="nearest"))


def _gated_lufs(energies: Doubles) -> float:
    """Integrated loudness with the gates of BS.1770 (on steps rather than overlapping blocks)."""
    momentary = _mean(energies, 0.4)
    loud = momentary[to_lufs(momentary) > -70.0]
    if len(loud):
        loud = loud[to_lufs(loud) > to_lufs(np.array([loud.mean()]))[0] - 10.0]
    return float(to_lufs(np.array([loud.mean() if len(loud) else 0.0]))[0])
