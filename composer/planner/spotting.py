"""Spotting: where music goes, where its sections begin, and which moments it should hit.

Every change of shot is a candidate; its weight grows with how strong the change is, how long the picture rested before and after it
(a cut in a flurry marks nothing), and how much the feeling changes across it. Candidates that were not chosen are kept: they are the
denominator of coverage.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import replace
from statistics import fmean

import numpy as np

from composer.cues import HARD_WEIGHT, Cue, CueSheet, HitKind, HitPoint
from composer.errors import OptionError
from composer.film import Film
from composer.options import Options

#: music cannot answer two hard hits closer than this, seconds
MIN_HARD_GAP_S = 0.95
#: nor two hits of any kind closer than this
MIN_GAP_S = 0.45
#: no section is shorter than this (unless the film is), seconds
MIN_SECTION_S = 7.0
MAX_SECTION_S = 40.0


def spot(film: Film, options: Options) -> CueSheet:
    """One cue over the film, its section starts and hit points.

    Raises OptionError for a `--hit` outside the film.
    """
    candidates = _candidates(film, options)
    hits = _choose(candidates)
    sections = _section_starts(film, candidates)
    cue = Cue("1m1", 0.0, film.duration_s, hits, sections)
    return CueSheet((cue,), candidates)


def affect_change(film: Film, time_s: float, reach_s: float = 3.0) -> float:
    """How far (valence, arousal) moves across a moment, 0…~2: mean of `reach_s` after against before."""
    valence, arousal = film.affect.valence, film.affect.arousal
    middle = math.floor(time_s + 0.5)  # a row belongs to the side that holds most of its second
    before = slice(max(0, math.floor(time_s - reach_s)), middle)
    after = slice(middle, math.ceil(time_s + reach_s))
    if not valence[before] or not valence[after]:
        return 0.0
    return math.hypot(fmean(valence[after]) - fmean(valence[before]), fmean(arousal[after]) - fmean(arousal[before]))


def _loudness_jump(film: Film, time_s: float) -> float:
    """How much louder or softer the sound gets across a moment, 0…1 (15 LU = 1)."""
    second = int(time_s)
    if not 1 <= second < len(film.loudness_lufs):
        return 0.0
    return min(1.0, abs(film.loudness_lufs[second] - film.loudness_lufs[second - 1]) / 15)


def _candidates(film: Film, options: Options) -> tuple[HitPoint, ...]:
    found = []
    for before, shot in zip(film.shots, film.shots[1:], strict=False):
        rest = min(before.length_s, shot.length_s)
        weight = (
            0.30
            + 0.25 * shot.strength
            + 0.30 * min(1.0, rest / 1.5)
            + 0.10 * min(1.0, affect_change(film, shot.start_s) / 0.4)
            + 0.05 * _loudness_jump(film, shot.start_s)
        )
        if shot.opens_with in ("dissolve", "fade"):
            weight = min(weight, HARD_WEIGHT - 0.05)  # a change without an edge cannot be hit hard
        found.append(HitPoint(shot.start_s, round(min(1.0, weight * shot.confidence**0.25), 3), _kind(shot.opens_with), shot.opens_with))
    for time_s in options.hit_s:
        if not 0 <= time_s < film.duration_s:
            raise OptionError(f"--hit {time_s:g} lies outside the film", f"It is {film.duration_s:.2f} s long.")
        found = [c for c in found if abs(c.time_s - time_s) > film.frame_s]
        found.append(HitPoint(time_s, 1.0, "user", "user"))
    for time_s in options.no_hit_s:
        found = [replace(c, weight=0.0) if abs(c.time_s - time_s) <= 0.25 and c.kind != "user" else c for c in found]
    return tuple(sorted(found, key=lambda c: c.time_s))


def _kind(opens_with: str) -> HitKind:
    return "fade" if opens_with == "fade" else "dissolve" if opens_with == "dissolve" else "cut"


def _choose(candidates: tuple[HitPoint, ...]) -> tuple[HitPoint, ...]:
    """Greedy by weight: user marks first; never closer than music can answer; crowded hard ones become soft."""
    chosen: list[HitPoint] = []
    for hit in sorted(candidates, key=lambda c: (c.kind != "user", -c.weight, c.time_s)):
        if hit.weight <= 0.3 or hit.time_s < 0.5:
            continue
        gaps = [abs(hit.time_s - other.time_s) for other in chosen]
        if hit.kind != "user" and gaps and min(gaps) < MIN_GAP_S:
            continue
        hard_gaps = [abs(hit.time_s - other.time_s) for other in chosen if other.is_hard]
        if hit.kind != "user" and hit.is_hard and hard_gaps and min(hard_gaps) < MIN_HARD_GAP_S:
            hit = replace(hit, weight=HARD_WEIGHT - 0.01)
        chosen.append(hit)
    return tuple(sorted(chosen, key=lambda c: c.time_s))


def _section_starts(film: Film, candidates: tuple[HitPoint, ...]) -> tuple[float, ...]:
    """Boundaries that maximise what changes at them, for sections of a length that suits the arousal (dynamic programming)."""
    end = film.duration_s
    if end < 2 * MIN_SECTION_S:
        return ()
    points = {c.time_s: 0.4 * c.weight + 1.2 * affect_change(film, c.time_s, 5.0) for c in candidates if c.weight > 0.3}
    # a long take still has a form: whole seconds may begin a section where the feeling moves and no cut is near
    fixed, last = sorted(points), -math.inf
    for second in range(math.ceil(MIN_SECTION_S), int(end - MIN_SECTION_S) + 1):
        place = bisect.bisect(fixed, second)
        near = [*fixed[max(0, place - 1) : place + 1], last]
        if all(abs(second - time_s) > 3 for time_s in near):
            points[float(second)], last = 0.5 * affect_change(film, second, 5.0), second
    times = [0.0, *sorted(t for t in points if MIN_SECTION_S <= t <= end - MIN_SECTION_S), end]
    arousal = np.asarray(film.affect.arousal) if film.affect.arousal else np.zeros(1)
    cumulated = np.concatenate([[0.0], np.cumsum(arousal)])
    best: list[tuple[float, int]] = [(0.0, -1)]
    for j in range(1, len(times)):
        gain = points.get(times[j], 0.0) if times[j] < end else 0.0
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
