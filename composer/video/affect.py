"""Affect without a network: valence and arousal per second from what film and colour research has measured.

* Arousal: Hanjalic & Xu 2005 ("Affective video content representation and modeling", IEEE Trans. Multimedia 7(1)):
  motion, rhythm of cuts, sound energy, each smoothed with a Kaiser window, then averaged.
* Colour: Valdez & Mehrabian 1994 ("Effects of color on emotions", J. Exp. Psychol. Gen. 123(4)):
  pleasure = .69 brightness + .22 saturation, arousal = -.31 brightness + .60 saturation, in standard scores.
* Light: low-key lighting (much dark, high contrast) reads as unpleasant and tense, warm light as pleasant
  (Wang & Cheong 2006, "Affective understanding in film", IEEE Trans. CSVT 16(6)).

Conventions
-----------
Row i speaks for film seconds [i, i+1). The standard scores' means and deviations (`TYPICAL`) are fixed numbers for film in
general, not the film's own: a dark film stays dark. Smoothing never reaches over a change of picture further than the two
pictures are alike: a hard cut to something else lets nothing through.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from composer.emotions_file import affect_curve, emotions_at
from composer.film import AffectCurve, Shot
from composer.video.measure import Rows

Floats = npt.NDArray[np.float64]

#: (mean, standard deviation) that stand for film in general
TYPICAL = {
    "brightness": (0.38, 0.16),
    "saturation": (0.30, 0.17),
    "warmth": (0.08, 0.20),
    "low_key": (0.35, 0.25),
    "motion": (0.20, 0.18),  # of its square root, see `embedded_affect`
    "rhythm": (0.24, 0.22),
    "loudness": (-28.0, 9.0),
}
#: weights of the standard scores
VALENCE = {"brightness": 0.69, "saturation": 0.22, "warmth": 0.15, "low_key": -0.30}
AROUSAL = {"motion": 0.75, "rhythm": 0.60, "loudness": 0.45}
AROUSAL_COLOUR = {"brightness": -0.31, "saturation": 0.60, "low_key": 0.25}
#: how much colour counts beside Hanjalic & Xu's three
COLOUR_SHARE = 0.35
#: how steeply the weighted scores go to ±1
STEEPNESS = 0.55
#: half length of the Kaiser window, seconds, and its shape
REACH_S, KAISER_BETA = 3, 4.0
#: a shot of this length or more has no rhythm; one of that length or less has all, seconds
SLOW_SHOT_S, FAST_SHOT_S = 10.0, 0.4


def embedded_affect(
    rows: Rows, times_s: Floats, duration_s: float, shots: Sequence[Shot], motion: Floats, loudness: Floats | None
) -> AffectCurve:
    """Affect per second.

    `rows` and `times_s` (N,) are per picture, `motion` (M,) and `loudness` (M,; LUFS, None for a silent film) per second.
    """
    seconds = len(motion)
    values = {
        name: per_second(getattr(rows, name), times_s, seconds) for name in ("brightness", "saturation", "warmth", "dark", "contrast")
    }
    values["low_key"] = values["dark"] * np.clip(values["contrast"] / 0.15, 0.5, 1.25)
    values["motion"] = np.sqrt(motion)  # shares are small numbers most of the time; the root spreads them evenly
    values["rhythm"] = rhythm(shots, seconds)
    if loudness is not None:
        values["loudness"] = loudness
    within = Smoother(shots, seconds, duration_s)
    across = Smoother((), seconds, duration_s)  # rhythm and sound belong to no single shot
    scores = {
        name: ((across if name in ("rhythm", "loudness") else within)(values[name]) - mean) / deviation
        for name, (mean, deviation) in TYPICAL.items()
        if name in values
    }
    # black and white is a choice of its time, not the deepest gloom: what is missing tells less than what is there
    scores = {name: np.clip(score, -1.2 if name == "saturation" else -2.5, 2.5) for name, score in scores.items()}
    colour = sum(weight * scores[name] for name, weight in AROUSAL_COLOUR.items())
    active = {name: weight for name, weight in AROUSAL.items() if name in scores}
    missing = sum(AROUSAL.values()) / sum(active.values())  # a silent film leaves its say to the other causes
    stirred = missing * sum(weight * scores[name] for name, weight in active.items())
    valence = np.tanh(STEEPNESS * np.asarray(sum(weight * scores[name] for name, weight in VALENCE.items())))
    arousal = np.tanh(STEEPNESS * np.asarray(stirred + COLOUR_SHARE * colour))
    return affect_curve(np.arange(seconds, dtype=np.float64), emotions_at(valence, arousal), valence, arousal)


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
