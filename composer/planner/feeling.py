"""What a stretch of film, or a bar of music over it, feels like, and how full of cuts and of speech it is."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence

import numpy as np

from composer.film import Film
from composer.plan import PlanBar
from composer.tempo import TempoMap
from composer.theory.moods import tension_of


def mean_affect(film: Film, start_s: float, end_s: float) -> tuple[float, float]:
    """Mean (valence, arousal) of a span; the strongest quarter of its seconds counts double (a shock colours its scene)."""
    rows = slice(int(start_s), max(int(start_s) + 1, math.ceil(end_s)))
    valence, arousal = np.asarray(film.affect.valence[rows]), np.asarray(film.affect.arousal[rows])
    if valence.size == 0:
        return 0.0, 0.0
    strength = np.hypot(valence, arousal)
    weights = np.where(strength >= np.quantile(strength, 0.75), 2.0, 1.0)
    return float(np.average(valence, weights=weights)), float(np.average(arousal, weights=weights))


def peak_arousal(film: Film, start_s: float, end_s: float, over_s: int = 5) -> float:
    """Highest mean arousal over so many seconds within a span (over all of a shorter one)."""
    rows = np.asarray(film.affect.arousal[int(start_s) : max(int(start_s) + 1, math.ceil(end_s))])
    if rows.size == 0:
        return 0.0
    size = min(over_s, rows.size)
    return float(np.convolve(rows, np.full(size, 1 / size), "valid").max())


def speech_share(film: Film, start_s: float, end_s: float) -> float:
    """Share of a span in which somebody speaks, 0…1."""
    first = bisect.bisect_right(film.speech, start_s, key=lambda span: span.end_s)
    after = bisect.bisect_left(film.speech, end_s, key=lambda span: span.start_s)
    spoken = sum(max(0.0, min(end_s, span.end_s) - max(start_s, span.start_s)) for span in film.speech[first:after])
    return float(min(1.0, spoken / max(1e-9, end_s - start_s)))


def cut_rate(times_s: Sequence[float], start_s: float, end_s: float) -> float:
    """Cuts per second in a span; `times_s` in order."""
    return (bisect.bisect_left(times_s, end_s) - bisect.bisect_left(times_s, start_s)) / max(1e-9, end_s - start_s)


def look_seconds(film: Film, start_s: float, end_s: float) -> dict[int, float]:
    """Seconds of a span that each look (see `Shot.look`) is seen."""
    seen: dict[int, float] = {}
    for shot in film.shots[bisect.bisect_right(film.shots, start_s, key=lambda shot: shot.end_s) :]:
        if shot.start_s >= end_s:
            break
        length = min(end_s, shot.end_s) - max(start_s, shot.start_s)
        if length > 0:
            seen[shot.look] = seen.get(shot.look, 0.0) + length
    return seen


def plan_bars(film: Film, tempo: TempoMap) -> tuple[PlanBar, ...]:
    """A row of the plan for every bar: what the film feels like, how it is cut, whether somebody speaks."""
    cuts_s = [shot.start_s for shot in film.shots[1:]]
    return tuple(plan_bar(film, cuts_s, tempo, i) for i in range(len(tempo.bars)))


def plan_bar(film: Film, cuts_s: Sequence[float], tempo: TempoMap, index: int) -> PlanBar:
    """The row of one bar (index from 0); `cuts_s` are the film's cuts, in order."""
    bar = tempo.bars[index]
    start_s, end_s = float(tempo.bar_seconds[index]), float(tempo.bar_seconds[index + 1])
    valence, arousal = mean_affect(film, min(start_s, film.duration_s - 0.01), min(end_s, film.duration_s))
    return PlanBar(
        bar=index + 1,
        metre=f"{bar.numerator}/{bar.denominator}",
        qpm=bar.qpm,
        valence=round(valence, 2),
        arousal=round(arousal, 2),
        tension=round(tension_of(valence, arousal), 2),
        cut_rhythm=round(cut_rate(cuts_s, start_s - 2, end_s + 2), 2),
        speech=round(speech_share(film, start_s, end_s), 2),
    )
