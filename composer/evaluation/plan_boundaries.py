"""Do sections begin where the film turns? Inner boundaries of plans against the film's strongest events, beside chance.

Conventions
-----------
An *event* is found without asking the planner: every change of shot, and, where none lies within 3 s, every whole second at which the feeling's
change is a local maximum. Its strength is the shot change's strength × confidence (0 for a whole second) plus the change of feeling across it
in units of its spread. That change is the distance between the mean (valence, arousal) of 5 s after and of 5 s before, the spread its root mean
square over all whole seconds of the film. The strongest fifth of a film's events, one at least, are its *turns*.

Inner boundaries are first bar lines of sections that follow another in their cue. A boundary *could* stand on a turn when one lies within 4 s of it and
7 s or more from the boundaries beside it (or the ends of the cue); it *does* within half a frame of any turn. Beside it the same
count for the film's boundaries moved at random: all boundaries of a cue turned round it together by one random amount (`SHIFTS` draws), and every one put
on an event of the cue drawn at random, each as often, which is the chance of a planner that knows where shots change but not which changes matter.

A planner may weigh shots and feeling much as this module does. So boundaries are also held against what no curve tells: where the scenes of a
made story begin (`count_against`, `count_scenes`).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from composer.cues import HIT_FRAMES
from composer.evaluation.plan_checks import neighbours, span_s
from composer.film import Film
from composer.plan import Plan
from composer.theory.passage import Floats

TOP_SHARE = 0.2
REACH_S, CLEAR_S = 4.0, 7.0
SHIFTS = 200
_WINDOW_S = 5
_ALONE_S = 3.0
_HAIR = 1e-6


@dataclass(frozen=True)
class Event:
    """A moment at which the film turns."""

    #: seconds
    time_s: float
    #: change of picture (0…1) plus change of feeling in units of its spread
    strength: float


def feeling_change(film: Film) -> Floats:
    """How far feeling moves across every whole second 0 … N, see Conventions; 0 at both ends."""
    feeling = np.array([film.affect.valence, film.affect.arousal], dtype=np.float64)
    seconds = feeling.shape[1]
    total = np.concatenate([np.zeros((2, 1)), np.cumsum(feeling, axis=1)], axis=1)
    change = np.zeros(seconds + 1)
    for at in range(1, seconds):
        low, high = max(0, at - _WINDOW_S), min(seconds, at + _WINDOW_S)
        before, after = (total[:, at] - total[:, low]) / (at - low), (total[:, high] - total[:, at]) / (high - at)
        change[at] = float(np.hypot(*(after - before)))
    return change


def events(film: Film) -> list[Event]:
    """All events of a film, in order of time."""
    change = feeling_change(film)
    spread = float(np.sqrt(np.mean(change[1:-1] ** 2))) if len(change) > 2 else 0.0
    scaled = change / spread if spread > 1e-9 else np.zeros_like(change)
    cuts = [shot.start_s for shot in film.shots[1:]]
    found = [
        Event(shot.start_s, shot.strength * shot.confidence + float(scaled[min(len(scaled) - 1, round(shot.start_s))]))
        for shot in film.shots[1:]
    ]
    for second in range(1, len(scaled) - 1):
        is_peak = scaled[second] > scaled[second - 1] + _HAIR and scaled[second] >= scaled[second + 1]
        if is_peak and all(abs(second - cut) > _ALONE_S for cut in cuts):
            found.append(Event(float(second), float(scaled[second])))
    return sorted(found, key=lambda event: event.time_s)


def turns(found: Sequence[Event]) -> list[float]:
    """Times of the strongest fifth of a film's events, in order, seconds."""
    best = sorted(found, key=lambda event: (-event.strength, event.time_s))[: max(1, int(np.ceil(TOP_SHARE * len(found))))]
    return sorted(event.time_s for event in best)


@dataclass(frozen=True)
class _Cue:
    """A cue with its inner boundaries, seconds."""

    start_s: float
    end_s: float
    inner: tuple[float, ...]


def _cues_of(plan: Plan) -> list[_Cue]:
    """The plan's cues that have inner boundaries."""
    inner: dict[str, list[float]] = {}
    for _, section in neighbours(plan):
        inner.setdefault(section.cue, []).append(span_s(plan, section)[0])
    return [_Cue(cue.start_s, cue.end_s, tuple(inner[cue.id])) for cue in plan.cues if cue.id in inner]


def _counted(cue: _Cue, inner: Sequence[float], tops: Floats, half_frame_s: float) -> Counter[str]:
    """How many boundaries there are, are on a turn, could stand on one, and of these do."""
    found = Counter[str]()
    for low, here, high in zip((cue.start_s, *inner), inner, (*inner[1:], cue.end_s), strict=False):
        off = np.abs(tops - here)
        free = (tops >= low + CLEAR_S - _HAIR) & (tops <= high - CLEAR_S + _HAIR)
        could, does = bool(((off <= REACH_S + _HAIR) & free).any()), bool((off <= half_frame_s + _HAIR).any())
        found.update({"boundaries": 1, "on a turn": does, "in reach": could, "in reach, on a turn": could and does})
    return found


def count_boundaries(plan: Plan, film: Film, seed: int = 0) -> Counter[str]:
    """Inner boundaries, those on a turn, those that could be, those of them that are, and those on any event; the first
    four also as sums over random draws ("shifted …", "drawn …").
    """
    found = events(film)
    on_any = sum(
        any(abs(event.time_s - t) <= HIT_FRAMES * film.frame_s + _HAIR for event in found) for cue in _cues_of(plan) for t in cue.inner
    )
    return count_against(plan, film, turns(found), seed) + Counter({"on an event": on_any})


def count_against(plan: Plan, film: Film, tops_s: Sequence[float], seed: int = 0) -> Counter[str]:
    """The same for other moments than a film's own turns, as the scenes of a made story."""
    tops, half, rng = np.array(tops_s), HIT_FRAMES * film.frame_s, np.random.default_rng([seed, 31])
    times_s, found = [event.time_s for event in events(film)], Counter[str]()
    for cue in _cues_of(plan):
        ways: dict[str, Sequence[Sequence[float]]] = {"": [cue.inner], "shifted ": _shifted(cue, rng), "drawn ": _drawn(cue, times_s, rng)}
        for name, draws in ways.items():
            for draw in draws:
                found.update({name + what: count for what, count in _counted(cue, draw, tops, half).items()})
    return found


def count_scenes(plan: Plan, film: Film, scenes_s: Sequence[float]) -> Counter[str]:
    """Scenes of a story that could begin a section (`CLEAR_S` from each other and the cue's ends), and those that do within half a frame."""
    found = Counter[str]()
    for cue in plan.cues:
        inner = [span_s(plan, b)[0] for a, b in neighbours(plan) if a.cue == cue.id]
        mine = [t for t in scenes_s if cue.start_s < t < cue.end_s]
        for low, here, high in zip((cue.start_s, *mine), mine, (*mine[1:], cue.end_s), strict=False):
            if min(here - low, high - here) >= CLEAR_S:
                found.update({"scenes": 1, "scenes begun": any(abs(t - here) <= HIT_FRAMES * film.frame_s + _HAIR for t in inner)})
    return found


def _shifted(cue: _Cue, rng: np.random.Generator) -> list[list[float]]:
    length = cue.end_s - cue.start_s
    return [sorted(cue.start_s + (t - cue.start_s + float(shift)) % length for t in cue.inner) for shift in rng.uniform(0, length, SHIFTS)]


def _drawn(cue: _Cue, times_s: Sequence[float], rng: np.random.Generator) -> list[list[float]]:
    """Boundaries on events of the cue, each event once; none where the cue has too few."""
    inside = [t for t in times_s if cue.start_s < t < cue.end_s]
    if len(inside) < len(cue.inner):
        return []
    return [sorted(float(t) for t in rng.choice(inside, len(cue.inner), replace=False)) for _ in range(SHIFTS)]


def count_themes(plan: Plan, film: Film) -> Counter[str]:
    """Sections whose main look (the one seen longest in them) was an earlier section's main look, and those among them that bring its theme back;
    beside them pairs of sections of different looks, and those that share a theme all the same.
    """
    found, looks = Counter[str](), [main_look(film, *span_s(plan, section)) for section in plan.sections]
    for i, (section, look) in enumerate(zip(plan.sections, looks, strict=True)):
        earlier = [s.theme for s, other in zip(plan.sections[:i], looks[:i], strict=True) if other == look]
        if earlier:
            found.update({"looks returned": 1, "themes returned": section.theme in earlier})
    for (one, look), (other, second) in itertools.combinations(zip(plan.sections, looks, strict=True), 2):
        if look != second:
            found.update({"pairs of other looks": 1, "with one theme": one.theme == other.theme})
    return found


def main_look(film: Film, start_s: float, end_s: float) -> int:
    """The look that is seen longest in a span."""
    seen: dict[int, float] = {}
    for shot in film.shots:
        seen[shot.look] = seen.get(shot.look, 0.0) + max(0.0, min(end_s, shot.end_s) - max(start_s, shot.start_s))
    return max(seen, key=lambda look: (seen[look], -look))
