"""Tempo fitting: bend a musical tempo map so that the chosen moments fall on beats.

Two exact steps per section (sections begin on bar lines at known times, so they are independent but for the choice of base tempo):

1. *Which beat for which hit* — dynamic programming over the hits. A state is (half-beats since the section began, position in the bar);
   a step to the next hit that is kept tries every whole number of half-beats whose mean tempo stays in the band, with or without one bar
   of odd length. Hard hits may fall on downbeats and beats, soft hits also between. Skipping a hit costs its weight.
2. *When each beat sounds* — the tempo of every bar by weighted least squares: smooth from bar to bar, near the base tempo, the section's
   end exact, and every kept hit within a fraction of a frame of its beat. A hit that would push a bar out of the band, or make the tempo
   lurch, is let go, lightest first.

Base tempi are then chosen across sections (Viterbi): near what the mood asks, and equal to the neighbour's unless hits gain much.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from composer.cues import HitPoint
from composer.tempo import MAX_QPM, MIN_QPM, Bar

Floats = NDArray[np.float64]

#: a bar's tempo may leave the section's base by this much
BAND = 0.08
#: in step 1 the mean between two hits stays a little inside, to leave room for smoothness
_INNER_BAND = 0.072
_ODD_BAR_COST = 0.8
_BEND_COST = 70.0
#: scales of step 2: bar-to-bar change and distance from the base tempo (relative), error on hits (share of the tolerance)
_CHANGE_SCALE, _BASE_SCALE, _ERROR_SCALE = 0.012, 0.05, 0.3
#: largest change from bar to bar for the sake of a soft and of a hard hit (relative)
_LURCH_SOFT, _LURCH_HARD = 0.04, 0.09
_STATES_KEPT = 14
_MAX_SKIPS = 4
_BEAM_N = 24


@dataclass(frozen=True)
class SectionSpan:
    """What one section asks of the tempo."""

    #: begins on a bar line here, seconds
    start_s: float
    #: the next section's bar line, or the end of the music, seconds
    end_s: float
    #: tempo the mood asks for, qpm
    target_qpm: float
    #: lowest and highest base tempo
    limits_qpm: tuple[float, float]
    #: beats (quarter notes) in a normal bar
    beats_per_bar: int
    #: hit points inside, in order of time, the section's start excluded
    hits: tuple[HitPoint, ...]
    #: a beat this near to a hit is on it, seconds
    tolerance_s: float = 0.016


@dataclass(frozen=True)
class SectionFit:
    """Bars of one section."""

    #: base tempo, qpm
    base_qpm: float
    #: the bars
    bars: tuple[Bar, ...]
    #: index of hit in the span → half-beats since the section began
    placed: dict[int, int]
    #: total cost (comparable between fits of one section)
    cost: float


@dataclass
class _State:
    cost: float
    halves: int
    phase: int
    hit: int
    back: _State | None
    #: length of an odd bar, in half-beats, that ends the segment into this state (0: none)
    odd: int = field(default=0)


def fit(spans: Sequence[SectionSpan], tempo_qpm: float | None = None) -> list[SectionFit]:
    """Bars for every section; together they cover the film without a gap.

    With `tempo_qpm` every section has that base and the beats of all sections together come out at that mean tempo.
    """
    if tempo_qpm is not None:
        return _fit_to_mean(spans, tempo_qpm)
    choices = [[f for qpm in _base_candidates(span) for f in [_fit_section(span, qpm)] if f is not None] for span in spans]
    costs = [[_mood_cost(span, f.base_qpm) + f.cost for f in fits] for span, fits in zip(spans, choices, strict=True)]
    return [choices[i][j] for i, j in enumerate(_viterbi(choices, costs))]


def _mood_cost(span: SectionSpan, qpm: float) -> float:
    return 14.0 * math.log(qpm / span.target_qpm) ** 2


def _viterbi(choices: list[list[SectionFit]], costs: list[list[float]]) -> list[int]:
    total = [costs[0]]
    back: list[list[int]] = [[-1] * len(costs[0])]
    for i in range(1, len(choices)):
        row, pointers = [], []
        for j, one in enumerate(choices[i]):
            steps = [total[-1][k] + _change_cost(other.base_qpm, one.base_qpm) for k, other in enumerate(choices[i - 1])]
            k = int(np.argmin(steps))
            row.append(steps[k] + costs[i][j])
            pointers.append(k)
        total.append(row)
        back.append(pointers)
    path = [int(np.argmin(total[-1]))]
    for pointers in reversed(back[1:]):
        path.append(pointers[path[-1]])
    return path[::-1]


def _change_cost(before_qpm: float, qpm: float) -> float:
    change = abs(math.log(qpm / before_qpm))
    return 0.0 if change < 1e-9 else 0.12 + 3.0 * change


def _base_candidates(span: SectionSpan) -> list[float]:
    """A grid of about 3 % steps over the mood's band (one grid for all sections, so neighbours can agree)."""
    low, high = (min(max(q, MIN_QPM * 1.1), MAX_QPM / 1.1) for q in span.limits_qpm)
    grid = [40.0 * 1.03**k for k in range(62)]
    inside = [round(q, 2) for q in grid if low <= q <= high]
    return inside or [span.target_qpm]


def _fit_to_mean(spans: Sequence[SectionSpan], qpm: float) -> list[SectionFit]:
    """Choose each section's number of beats so that all together come closest to the mean asked for at least cost."""
    beams: dict[int, tuple[float, tuple[SectionFit, ...]]] = {0: (0.0, ())}
    elapsed = 0.0
    for span in spans:
        elapsed += span.end_s - span.start_s
        wanted = 2 * qpm / 60 * elapsed
        fits = _fits_by_length(span, qpm)
        grown: dict[int, tuple[float, tuple[SectionFit, ...]]] = {}
        for total, (cost, path) in beams.items():
            for halves, one in fits.items():
                new = (cost + one.cost, (*path, one))
                if total + halves not in grown or new[0] < grown[total + halves][0]:
                    grown[total + halves] = new
        ranked = sorted(grown.items(), key=lambda item: abs(item[0] - wanted) / wanted * 30 + item[1][0] / 40)
        beams = dict(ranked[:_BEAM_N])
    wanted = 2 * qpm / 60 * elapsed
    within = {n: v for n, v in beams.items() if abs(n / wanted - 1) <= 0.015}
    if within:
        return list(min(within.values(), key=lambda v: v[0])[1])
    return list(beams[min(beams, key=lambda n: abs(n - wanted))][1])


def _fits_by_length(span: SectionSpan, qpm: float) -> dict[int, SectionFit]:
    fits: dict[int, SectionFit] = {}
    for state in _assign(span, qpm):
        if state.halves not in fits:
            one = _realise(span, qpm, state)
            if one is not None:
                fits[state.halves] = one
    # the mean asked for comes first: any whole number of beats near it, though no hit is bent for
    expected = (span.end_s - span.start_s) * qpm / 60
    for beats in {max(1, math.floor(expected)), max(1, math.ceil(expected))}:
        fits.setdefault(2 * beats, _even_section(span, qpm, beats))
    return fits


def _fit_section(span: SectionSpan, qpm: float) -> SectionFit | None:
    for state in sorted(_assign(span, qpm), key=lambda s: s.cost)[:3]:
        one = _realise(span, qpm, state)
        if one is not None:
            return one
    return _even_section(span, qpm, max(1, round((span.end_s - span.start_s) * qpm / 60)))


def _even_section(span: SectionSpan, qpm: float, beats: int) -> SectionFit:
    """Bars of one tempo between the two bar lines: what is left when nothing bends far enough."""
    length = span.end_s - span.start_s
    bars, rest = divmod(beats, span.beats_per_bar)
    sizes = [span.beats_per_bar] * bars + ([rest] if rest else [])
    tempo = beats * 60 / length
    clipped = round(min(max(tempo, MIN_QPM), MAX_QPM), 4)
    return SectionFit(qpm, tuple(Bar(size, 4, clipped) for size in sizes), {}, 3.0 * sum(h.weight for h in span.hits) + 4.0)


# --- step 1: which beat for which hit ---------------------------------------------------------------------------------


def _assign(span: SectionSpan, qpm: float) -> list[_State]:
    """Final states (end of section on a bar line), each the best way to its number of half-beats."""
    times = [hit.time_s - span.start_s for hit in span.hits] + [span.end_s - span.start_s]
    skip_before = np.concatenate([[0.0], np.cumsum([_skip_cost(hit) for hit in span.hits])])
    layers: list[list[_State]] = []
    start = _State(0.0, 0, 0, -1, None)
    for i, time_s in enumerate(times):
        is_end = i == len(times) - 1
        found: dict[tuple[int, int], _State] = {}
        sources = [start] if i <= _MAX_SKIPS or is_end else []
        sources += [state for layer in layers[max(0, i - 1 - _MAX_SKIPS) :] for state in layer]
        for source in sources:
            skipped = float(skip_before[min(i, len(span.hits))] - skip_before[source.hit + 1])
            source_s = 0.0 if source.hit < 0 else times[source.hit]
            for state in _steps(span, qpm, source, i, time_s - source_s, is_end):
                state.cost += skipped
                key = (state.halves, 0 if is_end else state.phase)
                if key not in found or state.cost < found[key].cost:
                    found[key] = state
        keep = sorted(found.values(), key=lambda s: s.cost)
        layers.append(keep if is_end else keep[:_STATES_KEPT])
    return layers[-1]


def _skip_cost(hit: HitPoint) -> float:
    return 3.0 * hit.weight if hit.is_hard else 0.9 * hit.weight


def _steps(span: SectionSpan, qpm: float, source: _State, hit: int, length_s: float, is_end: bool) -> list[_State]:
    per_bar = 2 * span.beats_per_bar
    expected = length_s * qpm / 30
    low, high = math.ceil(expected * (1 - _INNER_BAND)), math.floor(expected * (1 + _INNER_BAND))
    states = []
    for halves in range(max(1, low), high + 1):
        bend = _BEND_COST * min(length_s, 8.0) * (halves / expected - 1) ** 2
        for odd in (0, per_bar - 2, per_bar + 2):
            shift = 0 if odd == 0 else odd - per_bar
            phase = (source.phase + halves - shift) % per_bar
            if odd and halves + source.phase - phase - odd < 0:
                continue  # no room for a whole bar of that length
            place = _place_cost(span, hit, phase, is_end)
            if place is None:
                continue
            cost = source.cost + bend + place + (_ODD_BAR_COST if odd else 0.0)
            states.append(_State(cost, source.halves + halves, phase, hit, source, odd))
    return states


def _place_cost(span: SectionSpan, hit: int, phase: int, is_end: bool) -> float | None:
    """What it costs a hit to stand at this half-beat of the bar; None where it may not."""
    if is_end:
        return 0.0 if phase == 0 else None
    point = span.hits[hit]
    if phase % 2:
        return None if point.is_hard else 0.25 * point.weight
    strong = phase == 0 or (phase == 4 and span.beats_per_bar == 4)
    return point.weight * (0.0 if phase == 0 else 0.08 if strong else 0.22)


# --- step 2: when each beat sounds ------------------------------------------------------------------------------------


def _realise(span: SectionSpan, qpm: float, last: _State) -> SectionFit | None:
    """Tempi for the bars of one assignment; hits that bend too far are let go, lightest first."""
    path: list[_State] = []
    state: _State | None = last
    while state is not None and state.hit >= 0:
        path.append(state)
        state = state.back
    path.reverse()
    sizes = _bar_sizes(path, 2 * span.beats_per_bar)
    edges = np.concatenate([[0.0], np.cumsum(sizes)])
    placed = {s.hit: s.halves for s in path[:-1]}
    kept = dict(placed)
    base = 30.0 / qpm  # seconds per half-beat
    s_per_half = _smoothest(edges, sizes, kept, span, base)
    while (let_go := _unbearable(edges, sizes, kept, span, base, s_per_half)) is not None:
        if let_go < 0:
            return None
        del kept[let_go]
        s_per_half = _smoothest(edges, sizes, kept, span, base)
    # whole milli-qpm: the plan file and the tempo map in memory are then the same to the bit
    bars = tuple(_bar(size, 30.0 / s) for size, s in zip(sizes, s_per_half, strict=True))
    cost = last.cost + 3.0 * sum(span.hits[h].weight for h in placed if h not in kept)
    return SectionFit(qpm, bars, kept, cost)


def _bar(halves: int, qpm: float) -> Bar:
    metre = (halves // 2, 4) if halves % 2 == 0 else (halves, 8)
    return Bar(*metre, round(float(qpm), 4))


def _bar_sizes(path: list[_State], per_bar: int) -> list[int]:
    """Half-beats of every bar, odd ones where the assignment put them."""
    sizes: list[int] = []
    filled = 0
    for state in path:
        bar_line = state.halves - state.phase
        if state.odd:
            bar_line -= state.odd
        while filled < bar_line:
            sizes.append(per_bar)
            filled += per_bar
        if state.odd:
            sizes.append(state.odd)
            filled += state.odd
    return sizes


def _smoothest(edges: Floats, sizes: list[int], kept: dict[int, int], span: SectionSpan, base: float) -> Floats:
    """Seconds per half-beat of every bar (K,): weighted least squares under one equality, the section's exact length."""
    bars = len(sizes)
    rows, moments = _hit_rows(edges, sizes, kept, span)
    change = np.diff(np.eye(bars), axis=0) / (_CHANGE_SCALE * base)
    weights = np.concatenate([np.ones(len(change)), np.ones(bars), np.full(len(rows), 1.0)])
    for _ in range(6):
        matrix = np.vstack([change, np.eye(bars) / (_BASE_SCALE * base), rows / (_ERROR_SCALE * span.tolerance_s)])
        target = np.concatenate([np.zeros(len(change)), np.full(bars, 1 / _BASE_SCALE), moments / (_ERROR_SCALE * span.tolerance_s)])
        weighted = matrix * weights[:, None]
        lengths = np.asarray(sizes, dtype=float)
        system = np.block([[weighted.T @ weighted, lengths[:, None]], [lengths[None, :], np.zeros((1, 1))]])
        right = np.concatenate([weighted.T @ (target * weights), [span.end_s - span.start_s]])
        solution: Floats = np.linalg.solve(system, right)[:bars]
        late = np.abs(rows @ solution - moments) > 0.8 * span.tolerance_s
        if not late.any():
            break
        weights[len(change) + bars :][late] *= 2.5  # hold these harder
    return solution


def _hit_rows(edges: Floats, sizes: list[int], kept: dict[int, int], span: SectionSpan) -> tuple[Floats, Floats]:
    """(H, K) how many half-beats of each bar lie before each kept hit, and (H,) when the hit is, seconds from the section's start."""
    positions = np.asarray(list(kept.values()), dtype=float)
    rows = np.clip(positions[:, None] - edges[None, :-1], 0, np.asarray(sizes, dtype=float)[None, :])
    return rows, np.asarray([span.hits[h].time_s - span.start_s for h in kept])


def _unbearable(edges: Floats, sizes: list[int], kept: dict[int, int], span: SectionSpan, base: float, s_per_half: Floats) -> int | None:
    """The hit to let go next: None when all is well, -1 when no hit is to blame."""
    if np.any(s_per_half <= 0):
        return min(kept, key=lambda h: span.hits[h].weight, default=-1)
    rows, moments = _hit_rows(edges, sizes, kept, span)
    if kept:
        off = np.abs(rows @ s_per_half - moments)
        late = [h for h, o in zip(kept, off, strict=True) if o > span.tolerance_s]
        if late:
            return min(late, key=lambda h: (span.hits[h].weight, h))
    if np.max(np.abs(base / s_per_half - 1)) > BAND:
        return min(kept, key=lambda h: (span.hits[h].weight, h), default=-1)
    lurch = np.abs(np.diff(np.log(s_per_half)))
    for limit, is_hard in ((_LURCH_SOFT, False), (_LURCH_HARD, True)):
        for bar in np.flatnonzero(lurch > limit).tolist():
            near = [h for h, n in kept.items() if span.hits[h].is_hard == is_hard and edges[bar] <= n <= edges[min(bar + 2, len(sizes))]]
            if near:
                return min(near, key=lambda h: (span.hits[h].weight, h))
    return None


@functools.cache
def steady_bar_count(duration_s: float, qpm: float, beats_per_bar: int) -> int:
    """Bars of one steady tempo that cover a film."""
    return max(1, math.ceil(duration_s / Bar(beats_per_bar, 4, qpm).seconds - 1e-6))
