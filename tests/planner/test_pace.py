"""Tempo wishes: inside the mood, and one pulse for the film."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, strategies as st

from composer.planner.pace import range_qpm, settled, wish_qpm
from composer.tempo import MAX_QPM, MIN_QPM
from composer.theory.moods import MOODS

ROWS = st.lists(st.tuples(st.floats(50, 160), st.floats(8, 40), st.floats(0, 1.2)), min_size=1, max_size=12)


@given(ROWS)
def test_neighbours_leap_no_further_than_the_picture_does(rows: list[tuple[float, float, float]]) -> None:
    wishes, lengths, changes = ([row[i] for row in rows] for i in range(3))
    done = settled(wishes, lengths, changes[1:])
    assert min(wishes) - 1e-6 <= min(done) and max(done) <= max(wishes) + 1e-6
    for (one, other), change in zip(itertools.pairwise(done), changes[1:], strict=True):
        assert abs(math.log(other / one)) <= math.log(1.06 + 0.3 * change) + 0.02


def test_one_cue_does_not_bind_the_next() -> None:
    near, apart = settled([60, 140], [20, 20], [0.0]), settled([60, 140], [20, 20], [math.inf])
    assert near[1] / near[0] < 1.07 and apart[1] / apart[0] > 1.5


def test_wishes_lie_in_the_moods_band_and_rise_with_the_feeling() -> None:
    for mood in MOODS.values():
        low, high = mood.qpm
        tempi = [wish_qpm(mood, arousal / 10, 0.4) for arousal in range(-10, 11)]
        assert all(low <= qpm <= high for qpm in tempi) and tempi == sorted(tempi)
        assert wish_qpm(mood, mood.arousal, 1.0) > wish_qpm(mood, mood.arousal, 0.1)
        for qpm in tempi:
            floor, ceiling = range_qpm(qpm, mood)
            assert MIN_QPM < floor <= qpm <= ceiling < MAX_QPM
            assert floor >= 0.8 * low - 1e-9 or floor == pytest.approx(0.97 * qpm)
            assert ceiling <= 1.2 * high + 1e-9 or ceiling == pytest.approx(1.03 * qpm)
