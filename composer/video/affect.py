"""Affect without a network: valence and arousal per second from what film and colour research has measured.

* Arousal: Hanjalic & Xu 2005 ("Affective video content representation and modeling", IEEE Trans. Multimedia 7(1)):
  motion, rhythm of cuts, sound energy, each smoothed with a Kaiser window, then averaged.
* Colour: Valdez & Mehrabian 1994 ("Effects of color on emotions", J. Exp. Psychol. Gen. 123(4)):
  pleasure = .69 brightness + .22 saturation, arousal = -.31 brightness + .60 saturation, in standard scores.
* Light: low-key lighting (much dark, high contrast) reads as unpleasant and tense, warm light as pleasant
  (Wang & Cheong 2006, "Affective understanding in film", IEEE Trans. CSVT 16(6)).
* Sound: besides its energy, roughness stirs and displeases (Zwicker & Fastl 2007, "Psychoacoustics", ch. 11 and 16.1: sensory
  pleasantness falls with roughness), and a high pitch stirs a little (after Hanjalic & Xu 2005, section V, and Juslin & Laukka 2003,
  "Communication of emotions in vocal expression and music performance", Psychol. Bull. 129(5)).

Conventions
-----------
Row i speaks for film seconds [i, i+1). The standard scores' means and deviations (`TYPICAL`) are fixed numbers for film in
general, not the film's own: a dark film stays dark. Smoothing never reaches over a change of picture further than the two
pictures are alike: a hard cut to something else lets nothing through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from composer.emotions_file import affect_curve, emotions_at, position_of
from composer.film import AffectCurve, Shot
from composer.video.measure import Rows
from composer.video.sound import Heard

Floats = npt.NDArray[np.float64]

#: (mean, standard deviation) that stand for film in general
TYPICAL = {
    "brightness": (0.38, 0.16),
    "saturation": (0.30, 0.17),
    "warmth": (0.08, 0.20),
    "low_key": (0.35, 0.25),
    "motion": (0.20, 0.22),  # of its square root, see `embedded_affect`
    "rhythm": (0.14, 0.25),
    "loudness": (-29.0, 8.0),
    "roughness": (0.65, 0.15),
    "pitch": (7.6, 0.9),  # octaves above 1 Hz: about 190 Hz
}
#: weights of the standard scores
VALENCE = {"brightness": 0.69, "saturation": 0.22, "warmth": 0.15, "low_key": -0.30, "roughness": -0.10}
AROUSAL = {"motion": 0.95, "rhythm": 0.60, "loudness": 0.76}
AROUSAL_SOUND = {"roughness": 0.12, "pitch": 0.08}
#: Valdez & Mehrabian's direction; brightness weighs less than theirs, since low-key light tells the same a second time
AROUSAL_COLOUR = {"brightness": -0.15, "saturation": 0.85, "low_key": 0.10}
#: how much colour stirs in a single picture, beside its usual weight
FRAME_SHARE = 0.8
#: the least and greatest score that counts, where it is not ±2.5. Black and white is a choice of its time, not the deepest gloom:
#: what is missing tells less than what is there. A chase need not stir more than a chase.
EXTREMES = {"saturation": (-1.0, 2.5), "motion": (-2.5, 2.0), "loudness": (-3.5, 2.5)}
#: in pictures darker than this colours fade (mean luma): chroma over value says nothing of how much of it is seen
SEEN_IN_COLOUR = 0.3
#: sound has no character below the first and all of it from the second on, LUFS
FAINT_LUFS, PLAIN_LUFS = -60.0, -20.0
#: what is taken from `Rows`
_MEASURED = ("brightness", "saturation", "warmth", "dark", "contrast")
#: how steeply the weighted scores go to ±1: valence, arousal
STEEPNESS = (0.50, 0.40)
#: half length of the Kaiser window, seconds, and its shape
REACH_S, KAISER_BETA = 3, 4.0
#: a shot of this length or more has no rhythm; one of that length or less has all, seconds
SLOW_SHOT_S, FAST_SHOT_S = 10.0, 0.4


def embedded_affect(rows: Rows, times_s: Floats, duration_s: float, shots: Sequence[Shot], motion: Floats, sound: Heard) -> AffectCurve:
    """Affect per second.

    `rows` and `times_s` (N,) are per picture, `motion` (M,) per second; `sound` is empty for a silent film.
    """
    seconds = len(motion)
    values = _picture_values({name: per_second(getattr(rows, name), times_s, seconds) for name in _MEASURED})
    values["motion"] = np.sqrt(motion)  # shares are small numbers most of the time; the root spreads them evenly
    within, across = Smoother(shots, seconds, duration_s), Smoother((), seconds, duration_s)
    scores = {name: _score(name, within(value)) for name, value in values.items()}
    # rhythm and sound belong to no single shot
    scores["rhythm"] = _score("rhythm", across(rhythm(shots, seconds)))
    if sound.usable:
        scores |= _sound_scores(sound, across)
    # a silent film leaves its say to the other causes: the sum keeps its usual spread
    spread, heard = (np.sqrt(sum(weight**2 for name, weight in AROUSAL.items() if name in there)) for there in (scores, AROUSAL))
    stirred = heard / spread * _weighted(AROUSAL, scores) + _weighted(AROUSAL_SOUND, scores)
    return _curve(_weighted(VALENCE, scores), stirred + _weighted(AROUSAL_COLOUR, scores))


def frame_affect(rows: Rows, index: int, seconds: int) -> AffectCurve:
    """The feeling of one picture, kept for a whole film: its colour and light say all, since one picture neither moves nor sounds."""
    values = _picture_values({name: np.asarray(getattr(rows, name)[index : index + 1], np.float64) for name in _MEASURED})
    scores = {name: _score(name, value) for name, value in values.items()}
    return _curve(
        *(np.repeat(_weighted(weights, scores) * share, seconds) for weights, share in ((VALENCE, 1), (AROUSAL_COLOUR, FRAME_SHARE)))
    )


def clip_affect(emotions: Floats, shots: Sequence[Shot], duration_s: float, *, smooth: bool = True) -> AffectCurve:
    """Affect from the (S, 6) probabilities of each second's picture: smoothed within the shots, and the two axes from the six."""
    if smooth:
        within = Smoother(shots, len(emotions), duration_s)
        emotions = np.stack([within(column) for column in emotions.T], axis=1)
    return affect_curve(np.arange(len(emotions), dtype=np.float64), emotions, *position_of(emotions))


def _picture_values(measured: Mapping[str, Floats]) -> dict[str, Floats]:
    """What is scored of the pictures, from what was measured on them (`_MEASURED`)."""
    low_key = measured["dark"] * np.clip(measured["contrast"] / 0.15, 0.5, 1.25)
    colourful = measured["saturation"] * np.clip(measured["brightness"] / SEEN_IN_COLOUR, 0, 1)
    return {"brightness": measured["brightness"], "saturation": colourful, "warmth": measured["warmth"], "low_key": low_key}


def _sound_scores(sound: Heard, smooth: Callable[[Floats], Floats]) -> dict[str, Floats]:
    """Scores of the sound; where there is none, or none with a pitch, roughness and pitch say nothing."""
    heard = np.clip((smooth(sound.loudness_lufs) - FAINT_LUFS) / (PLAIN_LUFS - FAINT_LUFS), 0, 1)
    pitched = smooth(np.asarray(sound.pitch_hz > 0, np.float64))
    octaves = smooth(np.where(sound.pitch_hz > 0, np.log2(np.maximum(sound.pitch_hz, 1.0)), TYPICAL["pitch"][0]))
    return {
        "loudness": _score("loudness", smooth(sound.loudness_lufs)),
        "roughness": _score("roughness", smooth(sound.roughness)) * heard,
        "pitch": _score("pitch", octaves) * heard * pitched,
    }


def _score(name: str, values: Floats) -> Floats:
    """Standard scores, without the extremes."""
    mean, deviation = TYPICAL[name]
    lowest, highest = EXTREMES.get(name, (-2.5, 2.5))
    return np.clip((values - mean) / deviation, lowest, highest)


def _weighted(weights: Mapping[str, float], scores: Mapping[str, Floats]) -> Floats:
    """Weighted sum of the scores that are there."""
    return np.asarray(sum(weight * scores[name] for name, weight in weights.items() if name in scores), np.float64)


def _curve(pleasant: Floats, stirred: Floats) -> AffectCurve:
    """The curve of two weighted sums."""
    valence, arousal = np.tanh(STEEPNESS[0] * pleasant), np.tanh(STEEPNESS[1] * stirred)
    return affect_curve(np.arange(len(valence), dtype=np.float64), emotions_at(valence, arousal), valence, arousal)


def per_second(values: npt.NDArray[np.floating], times_s: Floats, seconds: int) -> Floats:
    """(seconds,) means of (N,) values per picture; a second in which no picture begins shows the last one."""
    second = np.minimum(times_s.astype(int), seconds - 1)
    sums, counts = np.bincount(second, values, seconds), np.bincount(second, minlength=seconds)
    held = values[np.maximum(np.searchsorted(times_s, np.arange(seconds), side="right") - 1, 0)]
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), held), np.float64)


def rhythm(shots: Sequence[Shot], seconds: int) -> Floats:
    """(seconds,) rhythm of the shots, 0 (long takes) … 1 (very short ones): the logarithm of the length of the shots shown.

    Hanjalic & Xu's cut density e^(1-(n-p)) of the frames n, p of the two nearest cuts falls to nothing within a second;
    the logarithm keeps what listeners call tempo: halving the shots is one step, wherever one starts.
    """
    sums = np.zeros(seconds)
    cover = np.zeros(seconds)
    if len(shots) < 2:
        return sums  # one take, however short, has no rhythm
    for shot in shots:
        length_s = max(shot.length_s, 1e-3)
        value = float(np.clip(np.log(SLOW_SHOT_S / length_s) / np.log(SLOW_SHOT_S / FAST_SHOT_S), 0, 1))
        for row in range(int(shot.start_s), min(seconds, int(np.ceil(shot.end_s)))):
            part = min(shot.end_s, row + 1) - max(shot.start_s, row)
            sums[row] += value * max(part, 0)
            cover[row] += max(part, 0)
    return np.asarray(sums / np.maximum(cover, 1e-9), np.float64)


class Smoother:
    """A Kaiser window over seconds that stops at changes of shot.

    What passes a change is 1 minus its strength, so a cut within one scene lets more through than a cut to another.
    """

    def __init__(self, shots: Sequence[Shot], seconds: int, duration_s: float) -> None:
        starts = np.array([shot.start_s for shot in shots[1:]])
        passing = np.array([max(0.02, 1 - shot.strength * shot.confidence) for shot in shots[1:]])
        depth = np.concatenate([[0.0], np.cumsum(-np.log(passing))])
        centres = np.minimum(np.arange(seconds) + 0.5, duration_s)
        self._depth = depth[np.searchsorted(starts, centres, side="right")] if len(starts) else np.zeros(seconds)
        self._window = np.kaiser(2 * REACH_S + 1, KAISER_BETA)

    def __call__(self, values: Floats) -> Floats:
        """(seconds,) values, smoothed."""
        sums, weights = np.zeros(len(values)), np.zeros(len(values))
        for offset, height in zip(range(-REACH_S, REACH_S + 1), self._window, strict=True):
            here = np.arange(max(0, -offset), max(0, min(len(values), len(values) - offset)))
            weight = height * np.exp(-np.abs(self._depth[here + offset] - self._depth[here]))
            sums[here] += weight * values[here + offset]
            weights[here] += weight
        return np.asarray(sums / weights, np.float64)
