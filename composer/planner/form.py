"""Form: where a cue's sections begin, and what each of them is for.

Sections follow the film's own arc. They begin at its strongest turns (shot changes and swings of feeling; the strongest fifth is sought
first), 8 to 40 seconds apart, further apart where it is calm. In a cue the section at the peak of feeling is its climax; what comes before
builds up to it, what comes after releases it.

Conventions
-----------
Times are seconds of film. A turn's strength is that of the change of picture (strength × confidence, 0…1) plus how far the feeling moves
across it (mean of five seconds after against five before, on the circumplex).
"""

from __future__ import annotations

import bisect
import math
import random
from collections.abc import Iterable, Sequence
from statistics import fmean

import numpy as np

from composer.cues import HitPoint
from composer.film import Film
from composer.plan import Form

#: no section is shorter than this (unless the cue is), nor longer, seconds
MIN_SECTION_S, MAX_SECTION_S = 8.0, 40.0
#: no section begins this near to a person's hit, unless on it, seconds
_CLEAR_OF_OWN_S = 2.0
#: feeling is compared over so many seconds on either side of a turn
_REACH_S = 5.0
#: where no shot changes within so many seconds, a swing of feeling may begin a section
_LONG_TAKE_S = 3.0
#: share of a film's turns that count as strong, and what beginning a section at one of them is worth beside any other
_STRONG, _STRONG_GAIN = 0.2, 1.0
#: what the strength of a turn is worth
_GAIN = 0.3
#: what it is worth that cutting grows quicker or slower there, and over how many seconds that is seen
_RHYTHM, _RHYTHM_S = 0.3, 6.0
#: what any new section costs: without a strong turn it must be length that asks for it
_PRICE = 0.6
#: what lying later is worth to a climax, in arousal over the whole cue
_LATER = 0.06
#: music does not begin with its climax unless the film's beginning is so much wilder than all that follows
_TOO_SOON = 0.1
#: how much longer or shorter than usual the sections of a seed's reading are
_READINGS = (0.78, 0.9, 1.0, 1.12, 1.3)


def affect_change(film: Film, time_s: float, reach_s: float = 3.0) -> float:
    """How far (valence, arousal) moves across a moment, 0…~2: mean of `reach_s` after against before."""
    valence, arousal = film.affect.valence, film.affect.arousal
    middle = math.floor(time_s + 0.5)  # a row belongs to the side that holds most of its second
    before = slice(max(0, math.floor(time_s - reach_s)), middle)
    after = slice(middle, math.ceil(time_s + reach_s))
    if not valence[before] or not valence[after]:
        return 0.0
    return math.hypot(fmean(valence[after]) - fmean(valence[before]), fmean(arousal[after]) - fmean(arousal[before]))


def turns(film: Film, candidates: Iterable[HitPoint]) -> dict[float, float]:
    """Strength of every moment at which a section may begin, by its time: changes of picture and, within long takes, swings of feeling."""
    shots = sorted(film.shots[1:], key=lambda shot: shot.start_s)
    starts = [shot.start_s for shot in shots]
    found: dict[float, float] = {}
    for point in candidates:
        place = bisect.bisect_left(starts, point.time_s - 1.5 * film.frame_s)
        seen = shots[place] if place < len(shots) and abs(starts[place] - point.time_s) <= 1.5 * film.frame_s else None
        picture = seen.strength * seen.confidence if seen else point.weight
        if point.weight > 0.3:
            found[point.time_s] = picture + 1.5 * affect_change(film, point.time_s, _REACH_S)
    moments = sorted(found)
    swings = [affect_change(film, second, _REACH_S) for second in range(math.ceil(film.duration_s))]
    for second in range(1, len(swings) - 1):
        place = bisect.bisect(moments, second)
        alone = all(abs(second - time_s) > _LONG_TAKE_S for time_s in moments[max(0, place - 1) : place + 1])
        if alone and swings[second] > 0 and swings[second - 1] <= swings[second] >= swings[second + 1]:
            found[float(second)] = 1.5 * swings[second]
    return found


def rhythm_change(cuts_s: Sequence[float], time_s: float) -> float:
    """How far the rhythm of cutting changes at a moment, 0…1 (1: four times as quick or slow); `cuts_s` in order."""
    before = bisect.bisect_left(cuts_s, time_s - 1e-6) - bisect.bisect_left(cuts_s, time_s - _RHYTHM_S)
    after = bisect.bisect_right(cuts_s, time_s + _RHYTHM_S) - bisect.bisect_right(cuts_s, time_s + 1e-6)
    return min(1.0, abs(math.log2((after + 1) / (before + 1))) / 2)


def section_starts(film: Film, candidates: Sequence[HitPoint], start_s: float, end_s: float, seed: int = 0) -> tuple[float, ...]:
    """Boundaries inside a cue that maximise what turns at them, for sections of a length that suits the arousal (dynamic programming).

    Another seed reads the film in longer or shorter strokes, and weighs equal turns otherwise.
    """
    if end_s - start_s < 2 * MIN_SECTION_S:
        return ()
    rng = random.Random(f"form/{seed}/{start_s:.3f}")
    gains = _gains(film, candidates, start_s, end_s, rng)
    times = [start_s, *sorted(gains), end_s]
    arousal = np.asarray(film.affect.arousal) if film.affect.arousal else np.zeros(1)
    cumulated = np.concatenate([[0.0], np.cumsum(arousal)])
    reading = _READINGS[rng.randrange(len(_READINGS))] if seed else 1.0
    best: list[tuple[float, int]] = [(0.0, -1)]
    for j in range(1, len(times)):
        gain = gains.get(times[j], 0.0) if times[j] < end_s else 0.0
        ways: list[tuple[float, int]] = []
        for i in range(j - 1, -1, -1):
            length = times[j] - times[i]
            if length > MAX_SECTION_S and ways:
                break
            a, b = int(times[i]), min(len(arousal), math.ceil(times[j]))
            mean = float(cumulated[b] - cumulated[a]) / max(1, b - a) if b > a else 0.0
            if length < _shortest_s(mean) and not (i == 0 and j == len(times) - 1):
                continue
            ways.append((best[i][0] + gain - _length_price(length, mean, reading), i))
        best.append(max(ways, default=(-math.inf, 0)))
    chosen, j = [], len(times) - 1
    while j > 0:
        j = best[j][1]
        if j > 0:
            chosen.append(times[j])
    return tuple(reversed(chosen))


def _shortest_s(arousal: float) -> float:
    """Four bars are a phrase, and calm bars are long."""
    return min(14.0, max(MIN_SECTION_S, 10.5 - 5.0 * arousal))


def _length_price(length_s: float, arousal: float, reading: float) -> float:
    """What a section of this length costs: calm music takes its time, and none outstays forty seconds."""
    wanted = min(0.8 * MAX_SECTION_S, max(1.2 * MIN_SECTION_S, (18.0 - 8.0 * arousal) * reading))
    return 0.6 * math.log(length_s / wanted) ** 2 + 4.0 * max(0.0, length_s / MAX_SECTION_S - 1)


def _gains(film: Film, candidates: Sequence[HitPoint], start_s: float, end_s: float, rng: random.Random) -> dict[float, float]:
    """What a section that begins at a turn gains, by the turn's time; a plain second now and then, so that no section outgrows its length."""
    own = [c.time_s for c in candidates if c.is_own and c.weight > 0]
    first, last = start_s + MIN_SECTION_S, end_s - MIN_SECTION_S

    def is_free(time_s: float) -> bool:
        """A bar line just beside a person's hit would keep the tempo from reaching it."""
        return first <= time_s <= last and not any(0 < abs(time_s - other) < _CLEAR_OF_OWN_S for other in own)

    strengths = turns(film, candidates)
    strong = strong_turns(strengths)
    weight = {c.time_s: c.weight for c in candidates}
    cuts_s = [c.time_s for c in candidates]
    gains = {
        time_s: _GAIN * min(2.0, strength)
        - _PRICE
        + (_STRONG_GAIN if time_s in strong else 0.0)
        + 0.2 * weight.get(time_s, 0.0)
        + _RHYTHM * rhythm_change(cuts_s, time_s)
        + 0.12 * rng.random()
        for time_s, strength in strengths.items()
        if is_free(time_s)
    }
    fixed, latest = sorted(gains), -math.inf
    for second in range(math.ceil(first), int(last) + 1):
        place = bisect.bisect(fixed, second)
        near = [*fixed[max(0, place - 1) : place + 1], latest]
        if is_free(second) and all(abs(second - time_s) > 2 * _LONG_TAKE_S for time_s in near):
            gains[float(second)], latest = -1.0, second  # nothing turns here: only so that a section may end at all
    return gains


def strong_turns(strengths: dict[float, float]) -> frozenset[float]:
    """Times of the strongest fifth of all turns, one at least."""
    count = max(1, round(_STRONG * len(strengths)))
    return frozenset(sorted(strengths, key=lambda time_s: (-strengths[time_s], time_s))[:count])


def forms(arousals: Sequence[float], peaks: Sequence[float] | None = None) -> tuple[Form, ...]:
    """What each section of one cue is for: the arc of opening, build, climax, release and ending.

    `arousals` are the sections' means, `peaks` the highest five seconds in each (None: as the means).
    """
    if len(arousals) == 1:
        return ("whole",)
    # of two peaks that are nearly as high the later one: what comes last is remembered
    heights = [(mean + top) / 2 for mean, top in zip(arousals, peaks or arousals, strict=True)]
    heights[0] -= _TOO_SOON
    peak = max(range(len(heights)), key=lambda i: (heights[i] + _LATER * i / len(heights), i))
    found: list[Form] = []
    for i, arousal in enumerate(arousals):
        if i == peak:
            found.append("climax")
        elif i == 0:
            found.append("opening")
        elif i == len(arousals) - 1:
            found.append("ending")
        elif i < peak:
            found.append("build" if arousal >= arousals[i - 1] - 0.05 else "respite")
        else:
            found.append("release")
    return tuple(found)
