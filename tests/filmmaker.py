"""Films that never were: seeded `Film` nouns for tests of everything after watching."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from composer.film import EMOTIONS, AffectCurve, Film, Shot


def shots_at(cuts_s: list[float], duration_s: float) -> tuple[Shot, ...]:
    """Hard-cut shots between the given times."""
    edges = [0.0, *cuts_s, duration_s]
    return tuple(
        Shot(a, b, "cut" if i else "start", 0.8, 0.95, 0.0, 0.4, 0.3, 0.2) for i, (a, b) in enumerate(zip(edges, edges[1:], strict=False))
    )


def film_of(cuts_s: list[float], duration_s: float, valence: list[float], arousal: list[float], rate: Fraction = Fraction(25)) -> Film:
    """A film with given cuts and one (valence, arousal) per second."""
    seconds = len(valence)
    return Film(
        path="somewhere/A small film.mp4",
        duration_s=duration_s,
        frame_rate=rate,
        width=640,
        height=360,
        start_offset_s=0.0,
        video_stream=0,
        audio_stream=None,
        frame_count=round(duration_s * rate),
        shots=shots_at(cuts_s, duration_s),
        affect=AffectCurve(
            times_s=tuple(float(i) for i in range(seconds)),
            emotions=((1 / len(EMOTIONS),) * len(EMOTIONS),) * seconds,
            valence=tuple(valence),
            arousal=tuple(arousal),
        ),
        motion=(0.2,) * seconds,
        loudness_lufs=(),
    )


def random_film(seed: int, duration_s: float = 60.0, mean_shot_s: float = 3.8) -> Film:
    """Log-normal shots (as in real films) and feelings that wander."""
    rng = np.random.default_rng(seed)
    cuts: list[float] = []
    time_s = 0.0
    while True:
        time_s += max(0.32, float(rng.lognormal(np.log(mean_shot_s) - 0.125, 0.5)))
        if time_s > duration_s - 1:
            break
        cuts.append(round(time_s * 25) / 25)
    seconds = int(np.ceil(duration_s))
    valence, arousal = (np.clip(np.cumsum(rng.normal(0, 0.15, seconds)), -0.9, 0.9) for _ in range(2))
    return film_of(cuts, duration_s, [round(float(v), 4) for v in valence], [round(float(a), 4) for a in arousal])
