"""Form: where a cue's sections begin, at moments where most changes, in lengths that suit the feeling."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Sequence
from statistics import fmean

import numpy as np

from composer.cues import HitPoint
from composer.film import Film

#: no section is shorter than this (unless the cue is), seconds
MIN_SECTION_S = 7.0
MAX_SECTION_S = 40.0
#: no section begins this near to a person's hit, unless on it, seconds
_CLEAR_OF_OWN_S = 2.0


def affect_change(film: Film, time_s: float, reach_s: float = 3.0) -> float:
    """How far (valence, arousal) moves across a moment, 0…~2: mean of `reach_s` after against before."""
    valence, arousal = film.affect.valence, film.affect.arousal
    middle = math.floor(time_s + 0.5)  # a row belongs to the side that holds most of its second
    before = slice(max(0, math.floor(time_s - reach_s)), middle)
    after = slice(middle, math.ceil(time_s + reach_s))
    if not valence[before] or not valence[after]:
        return 0.0
    return math.hypot(fmean(valence[after]) - fmean(valence[before]), fmean(arousal[after]) - fmean(arousal[before]))


def section_starts(film: Film, candidates: Iterable[HitPoint], start_s: float, end_s: float) -> tuple[float, ...]:
    """Boundaries inside a cue that maximise what changes at them, for sections of a length that suits the arousal (dynamic programming)."""
    if end_s - start_s < 2 * MIN_SECTION_S:
        return ()
    gains = _gains(film, [c for c in candidates if start_s < c.time_s < end_s], start_s, end_s)
    times = [start_s, *sorted(t for t in gains if start_s + MIN_SECTION_S <= t <= end_s - MIN_SECTION_S), end_s]
    arousal = np.asarray(film.affect.arousal) if film.affect.arousal else np.zeros(1)
    cumulated = np.concatenate([[0.0], np.cumsum(arousal)])
    best: list[tuple[float, int]] = [(0.0, -1)]
    for j in range(1, len(times)):
        gain = gains.get(times[j], 0.0) if times[j] < end_s else 0.0
        ways: list[tuple[float, int]] = []
        for i in range(j - 1, -1, -1):
            length = times[j] - times[i]
            a, b = int(times[i]), min(len(arousal), math.ceil(times[j]))
            mean = float(cumulated[b] - cumulated[a]) / max(1, b - a) if b > a else 0.0
            shortest = min(12.0, max(MIN_SECTION_S, 9.0 - 5.0 * mean))  # slow music needs longer for a phrase
            if length > 2 * MAX_SECTION_S and ways:
                break
            if length < shortest and not (i == 0 and j == len(times) - 1):
                continue
            wanted = 17.0 - 8.0 * mean
            cost = 0.45 * math.log(length / wanted) ** 2 + 2.0 * max(0.0, length / MAX_SECTION_S - 1)
            ways.append((best[i][0] + gain - cost, i))
        best.append(max(ways, default=(-math.inf, 0)))
    chosen, j = [], len(times) - 1
    while j > 0:
        j = best[j][1]
        if j > 0:
            chosen.append(times[j])
    return tuple(reversed(chosen))


def _gains(film: Film, candidates: Sequence[HitPoint], start_s: float, end_s: float) -> dict[float, float]:
    """What a boundary gains, by its time. A long take still has a form: whole seconds may begin a section where the feeling moves."""
    own = [c.time_s for c in candidates if c.is_own and c.weight > 0]

    def is_free(time_s: float) -> bool:
        """A bar line just beside a person's hit would keep the tempo from reaching it."""
        return not any(0 < abs(time_s - other) < _CLEAR_OF_OWN_S for other in own)

    gains = {
        c.time_s: 0.4 * c.weight + 1.2 * affect_change(film, c.time_s, 5.0) for c in candidates if c.weight > 0.3 and is_free(c.time_s)
    }
    fixed, last = sorted(gains), -math.inf
    for second in range(math.ceil(start_s + MIN_SECTION_S), int(end_s - MIN_SECTION_S) + 1):
        place = bisect.bisect(fixed, second)
        near = [*fixed[max(0, place - 1) : place + 1], last]
        if is_free(second) and all(abs(second - time_s) > 3 for time_s in near):
            gains[float(second)], last = 0.5 * affect_change(film, second, 5.0), second
    return gains
