"""Sync measures: perfect is 1, far is 0, empty is defined."""

from __future__ import annotations

from fractions import Fraction

import pytest

from composer.evaluation.sync import beat_times, chance_on_beat, share_on_beat
from composer.tempo import Bar, TempoMap

STEADY = TempoMap((Bar(4, 4, 120),) * 20)


def test_perfect_and_hopeless() -> None:
    assert share_on_beat(STEADY, [0.5, 7.0, 20.0], Fraction(25)) == 1.0
    assert share_on_beat(STEADY, [0.75, 7.25], Fraction(25)) == 0.0
    assert share_on_beat(STEADY, [0.5 + 0.039, 0.5 + 0.041], Fraction(25)) == 0.5
    assert share_on_beat(STEADY, [], Fraction(25)) == 1.0


def test_chance_is_the_share_of_time_near_beats() -> None:
    assert chance_on_beat(STEADY, [3.0], Fraction(25), shifts=20_000) == pytest.approx(2 * 0.04 / 0.5, abs=0.01)


def test_odd_bars_keep_their_own_grid() -> None:
    assert list(beat_times(TempoMap((Bar(7, 8, 60), Bar(2, 4, 60))))) == [0, 1, 2, 3, 3.5, 4.5]
