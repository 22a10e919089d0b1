"""The solver: exact on what it keeps, gentle, and far better than chance."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from composer.cues import HitPoint
from composer.evaluation.sync import chance_on_beat, share_on_beat
from composer.planner import tempo_grid
from composer.planner.tempo_bend import BAND, MOST_CHANGE
from composer.planner.tempo_fit import SectionFit, SectionSpan, fit
from composer.tempo import TempoMap


def span(start_s: float, end_s: float, qpm: float, moments: list[float], beats: int = 4, weight: float = 0.9) -> SectionSpan:
    inside = tuple(HitPoint(t, weight, "cut") for t in moments if start_s < t < end_s)
    return SectionSpan(start_s, end_s, qpm, (qpm * 0.8, qpm * 1.25), beats, inside)


def tempo_of(fits: list[SectionFit]) -> TempoMap:
    return TempoMap(tuple(bar for one in fits for bar in one.bars))


cut_lists = st.lists(st.floats(0.8, 7.0), min_size=1, max_size=8).map(lambda gaps: [round(float(t), 3) for t in np.cumsum(gaps)])


@settings(max_examples=60, deadline=None)
@given(cut_lists, st.floats(60, 150), st.sampled_from([3, 4]))
def test_kept_hits_are_on_time_and_bars_stay_in_the_band(cuts: list[float], qpm: float, beats: int) -> None:
    one_span = span(0.0, cuts[-1] + 6.0, qpm, cuts, beats)
    (one,) = fit([one_span])
    tempo = tempo_of([one])
    assert tempo.total_s == pytest.approx(one_span.end_s, abs=2e-4)
    for index, halves in one.placed.items():
        assert tempo.beat_to_s(halves / 2) == pytest.approx(one_span.hits[index].time_s, abs=one_span.tolerance_s)
    if one.placed:
        tempi = np.array([bar.qpm for bar in one.bars])
        assert np.all(np.abs(tempi / one.base_qpm - 1) <= BAND * 1.1)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(7, 25), min_size=1, max_size=5), cut_lists)
def test_sections_begin_on_bar_lines(lengths: list[float], cuts: list[float]) -> None:
    edges = [0.0, *np.cumsum(lengths)]
    spans = [span(float(a), float(b), 96, cuts) for a, b in zip(edges, edges[1:], strict=False)]
    fits = fit(spans)
    tempo, first = tempo_of(fits), 0
    for one_span, one in zip(spans, fits, strict=True):
        assert tempo.bar_seconds[first] == pytest.approx(one_span.start_s, abs=1e-3)
        first += len(one.bars)


@pytest.mark.parametrize("qpm", [60, 96, 133.7])
def test_the_asked_mean_tempo_is_kept(qpm: float) -> None:
    rng = np.random.default_rng(3)
    for _ in range(10):
        edges = [0.0, *np.cumsum(rng.uniform(8, 24, 4))]
        cuts = sorted(rng.uniform(1, edges[-1] - 1, 10))
        spans = [span(float(a), float(b), qpm, [float(c) for c in cuts]) for a, b in zip(edges, edges[1:], strict=False)]
        assert tempo_of(fit(spans, qpm)).mean_qpm == pytest.approx(qpm, rel=0.02)


def test_far_better_than_chance_on_film_like_cuts() -> None:
    """Hard cuts on beats alone; the whole of spotting, half-beats too, is judged in tests/evaluation/test_spotting.py."""
    rng = np.random.default_rng(7)
    on_beat, chance = [], []
    for _ in range(25):
        gaps = np.maximum(rng.lognormal(np.log(4) - 0.125, 0.5, 14), 1.0)
        cuts = [float(round(t * 25) / 25) for t in np.cumsum(gaps)]
        tempo = tempo_of(fit([span(0.0, cuts[-1] + 5, 100, cuts)]))
        on_beat.append(share_on_beat(tempo, cuts, Fraction(25)))
        chance.append(chance_on_beat(tempo, cuts, Fraction(25)))
    assert np.mean(on_beat) >= 0.72
    assert np.mean(chance) <= 0.25


def test_a_persons_hits_bend_the_tempo_further() -> None:
    cuts = [3.1, 5.3, 8.0, 9.9]
    own = tuple(HitPoint(t, 1.0, "user") for t in cuts)
    (one,) = fit([SectionSpan(0.0, 14.0, 100, (80, 125), 4, own)])
    assert len(one.placed) == len(cuts)


@settings(max_examples=40, deadline=None)
@given(cut_lists, st.floats(60, 150))
def test_the_tempo_is_gentle(cuts: list[float], qpm: float) -> None:
    (one,) = fit([span(0.0, cuts[-1] + 6.0, qpm, cuts)])
    tempi = np.array([bar.qpm for bar in one.bars])
    assert np.all(np.abs(np.diff(np.log(tempi))) <= np.log(1 + MOST_CHANGE + 0.013))  # a little more only for hits that need it
    assert all(bar.numerator in (3, 4, 5) for bar in one.bars[:-1])


def test_nothing_is_bent_without_need() -> None:
    steady = [2.5 * k for k in range(1, 8)]  # every beat at 96 and 120 falls on them
    (one,) = fit([span(0.0, 20.0, 96, steady)])
    assert len({bar.qpm for bar in one.bars}) == 1 and len(one.placed) == len(steady)


def test_the_search_finds_what_trying_everything_finds() -> None:
    """On a short span, every row of plain bars on the same grid is tried: none is better than the path that was found."""
    cuts, grid, length_s, base = [2.2, 3.9, 6.1], tempo_grid.Grid(24, 1, 1, 1), 7.3, 100.0
    hits = [HitPoint(t, 0.9, "cut") for t in cuts]
    (path,) = tempo_grid.best_paths(length_s, hits, cuts, [base], 4, (0.05, 0.05), grid, opens=False)
    assert path is not None
    search = tempo_grid._Search(length_s, hits, cuts, np.array([base]), 4, (0.05, 0.05), grid, False)
    best = -np.inf
    for bars in range(1, 5):
        for states in itertools.product(range(3), repeat=bars):
            for metres in itertools.product(range(3), repeat=bars):
                best = max(best, _score(search, states, metres))
    assert path.score == pytest.approx(best, abs=1e-4)


def _score(search: tempo_grid._Search, states: tuple[int, ...], metres: tuple[int, ...]) -> float:
    grid, step, score = search.grid, 0, 0.0
    for i, (state, metre) in enumerate(zip(states, metres, strict=True)):
        if i:
            ending = step >= search.ends[0] - tempo_grid._RITARDANDO_BARS * grid.bar_steps
            change = state - states[i - 1]
            if abs(change) > grid.most_change:
                return -np.inf
            score -= grid.change_price(change) * (0.3 if ending and change > 0 else 1.0)
        step += int(grid.steps(search.metres[metre])[state])
        if step > search.ends[0]:
            return -np.inf
        score += float(search.worth[0, metre, state, step]) - search._price(metre, state)
    return score if step == search.ends[0] else -np.inf


def test_an_impossible_crowd_lets_some_go() -> None:
    cuts = [2.0, 2.37, 2.61, 3.05, 3.2]
    (one,) = fit([span(0.0, 10.0, 70, cuts)])
    assert 1 <= len(one.placed) < len(cuts)
