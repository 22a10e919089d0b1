"""Cut lists made from numbers, as films: what spotting and tempo fitting are judged on beside real clips.

Six kinds, each of a known rhythm of cutting. Shot lengths in real films are close to log-normal (Cutting, DeLong & Nothelfer 2010; Salt
2006); Poisson cutting is the hardest to follow, an accelerating montage and a steady one with jitter stand for what editors do to music.
Feeling wanders smoothly and turns at some cuts, as it does where a scene ends.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from composer.film import EMOTIONS, AffectCurve, Film, Shot

#: name → mean length of a shot, seconds
KINDS = {
    "poisson 4 s": 4.0,
    "log-normal 2 s": 2.0,
    "log-normal 3 s": 3.0,
    "log-normal 4 s": 4.0,
    "log-normal 6 s": 6.0,
    "log-normal 8 s": 8.0,
    "log-normal 10 s": 10.0,
    "accelerating": 3.0,
    "regular and jitter": 3.0,
}
RATES = (Fraction(24), Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(50))
#: no shot is shorter, seconds
_SHORTEST_S = 0.2
_SPREAD = 0.6


def made_films(count: int, seed: int = 0) -> Iterator[tuple[str, Film]]:
    """`count` films (kind, film), kinds in turn; the same seed gives the same films."""
    for number, kind in zip(range(count), itertools.cycle(KINDS), strict=False):
        yield kind, made_film(kind, seed * 100_003 + number)


def made_film(kind: str, seed: int, duration_s: float | None = None) -> Film:
    """A film without pictures: shots of one kind of cutting, on whole frames, and a feeling that wanders."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    rate = RATES[int(rng.integers(len(RATES)))]
    wanted_s = duration_s or float(rng.uniform(60, 240))
    frames = np.unique(np.rint(_cuts(kind, rng, wanted_s) * float(rate)).astype(int))
    total = int(np.rint(wanted_s * float(rate)))
    edges = [0, *(int(f) for f in frames if 0 < f < total), total]
    times = [float(f / rate) for f in edges]
    shots = tuple(
        Shot(a, b, "cut" if i else "start", round(float(rng.uniform(0.5, 1.0)), 3), 1.0, 0.0, 0.5, 0.4, 0.2)
        for i, (a, b) in enumerate(itertools.pairwise(times))
    )
    return Film(
        path=f"{kind} {seed}.mp4",
        duration_s=times[-1],
        frame_rate=rate,
        width=640,
        height=360,
        start_offset_s=0.0,
        video_stream=0,
        audio_stream=None,
        frame_count=total,
        shots=shots,
        affect=_affect(rng, int(np.ceil(times[-1])), times),
        motion=(0.2,) * int(np.ceil(times[-1])),
        loudness_lufs=(),
    )


def _cuts(kind: str, rng: np.random.Generator, length_s: float) -> NDArray[np.float64]:
    """Times of the cuts, seconds, some beyond the end."""
    mean, count = KINDS[kind], int(3 * length_s / KINDS[kind]) + 10
    if kind.startswith("poisson"):
        gaps = rng.exponential(mean, count)
    elif kind == "accelerating":
        # from eight seconds a shot to less than one, then anew
        gaps = np.resize(8.0 * 0.86 ** np.arange(16), count) * rng.uniform(0.9, 1.1, count)
    elif kind == "regular and jitter":
        gaps = mean + rng.normal(0, 0.25, count)
    else:
        gaps = rng.lognormal(np.log(mean) - _SPREAD**2 / 2, _SPREAD, count)
    return np.asarray(np.cumsum(np.maximum(gaps, _SHORTEST_S)))


def _affect(rng: np.random.Generator, seconds: int, cuts_s: list[float]) -> AffectCurve:
    """Valence and arousal: a slow wander, and new levels at one cut in six."""
    curves = []
    for _ in range(2):
        level, now = np.zeros(seconds), 0.0
        turns = {int(t) for t in cuts_s[1:-1] if rng.random() < 1 / 6}
        for second in range(seconds):
            now = float(rng.uniform(-0.7, 0.7)) if second in turns else now
            level[second] = now
        smooth = np.convolve(np.pad(level, 2, mode="edge"), np.ones(5) / 5, "valid")
        curves.append(np.clip(smooth + 0.1 * np.sin(np.arange(seconds) / rng.uniform(7, 19)), -1, 1))
    rows = tuple(tuple(1 / len(EMOTIONS) for _ in EMOTIONS) for _ in range(seconds))
    valence, arousal = (tuple(round(float(v), 3) for v in curve) for curve in curves)
    return AffectCurve(tuple(float(i) for i in range(seconds)), rows, valence, arousal)
