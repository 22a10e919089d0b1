"""Constant tempi: what is known to fit is found, with its errors."""

from __future__ import annotations

from fractions import Fraction

import pytest

from composer.cues import HitPoint
from composer.planner.constant_tempo import APART_QPM, find_tempi


def hits(*times_s: float, weight: float = 0.9) -> list[HitPoint]:
    return [HitPoint(t, weight, "cut") for t in times_s]


def test_the_tempo_behind_the_hits_is_found() -> None:
    beat = 60 / 97.0
    best, *_ = find_tempi(hits(*(beat * k for k in (4, 9, 14, 23, 31, 42))), Fraction(25), 80, 130)
    assert best.qpm == pytest.approx(97.0, abs=0.1)
    assert (best.hits, best.near, best.missed) == (6, 0, 0)
    assert max(map(abs, best.frames_off)) <= 0.5


def test_light_hits_may_stand_between_beats() -> None:
    beat = 60 / 100.0
    between = [beat * (k + 0.5) for k in (3, 8, 13)]
    (soft,) = find_tempi(hits(*between, weight=0.5), Fraction(25), 99.9, 100.1, 1)
    (hard,) = find_tempi(hits(*between), Fraction(25), 99.9, 100.1, 1)
    assert (soft.hits, hard.hits) == (3, 0)


def test_answers_differ_and_come_best_first() -> None:
    found = find_tempi(hits(1.7, 4.4, 6.1, 9.3, 12.9), Fraction(24), 60, 150, 6)
    assert len(found) == 6
    assert all(abs(a.qpm - b.qpm) >= APART_QPM for i, a in enumerate(found) for b in found[:i])
    worth = [one.hits + 0.35 * one.near for one in found]
    assert worth == sorted(worth, reverse=True)
    assert all(one.hits + one.near + one.missed == 5 == len(one.frames_off) for one in found)


def test_no_hits_no_answer() -> None:
    assert find_tempi([], Fraction(25), 60, 120) == ()
