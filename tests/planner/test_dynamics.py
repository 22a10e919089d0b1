"""Dynamics: marks along the arc, hairpins into what matters."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings, strategies as st

from composer.options import Options
from composer.plan import DYNAMICS, Plan
from composer.planner import plan, spot
from composer.planner.dynamics import hairpins, mark
from tests.filmmaker import film_of, random_film


def planned(seed: int, duration_s: float = 90.0) -> Plan:
    film = random_film(seed, duration_s)
    return plan(film, spot(film, Options(seed=seed)), Options(seed=seed))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_hairpins_follow_each_other_and_lead_somewhere(seed: int) -> None:
    made = planned(seed)
    tempo = made.tempo
    spans = [(tempo.beat_of(h.bar, h.beat), tempo.beat_of(h.to_bar, h.to_beat)) for h in made.hairpins]
    assert all(start < end for start, end in spans)
    assert all(one[1] <= other[0] + 1e-6 for one, other in itertools.pairwise(spans))
    assert all(h.start != h.end for h in made.hairpins)


def test_louder_sections_are_led_into() -> None:
    quiet, loud = [0.1] * 20 + [0.2] * 20, [-0.6] * 20 + [0.8] * 20
    film = film_of([5.0, 10.0, 20.0, 30.0], 40.0, quiet, loud)
    made = plan(film, spot(film, Options()), Options())
    turn = next(s for s in made.sections if abs(made.tempo.bar_seconds[s.first_bar - 1] - 20.0) < 0.05)
    into = next(h for h in made.hairpins if h.to_bar == turn.first_bar)
    assert DYNAMICS.index(into.end) > DYNAMICS.index(into.start) and into.end == turn.dynamics
    assert made.sections[0].dynamics in ("pp", "p") and turn.dynamics in ("f", "ff")


def test_marks_span_the_scale_and_make_room_for_voices() -> None:
    assert mark(-0.9, 0.0, "opening", 0.0) == "pp" and mark(0.9, 0.3, "climax", 0.0) == "ff"
    assert mark(0.9, 0.9, "build", 0.0) == "f"  # the top is kept for the climax
    for form in ("opening", "build", "climax"):
        assert DYNAMICS.index(mark(0.2, 0.0, form, 1.0)) < DYNAMICS.index(mark(0.2, 0.0, form, 0.0))


@pytest.mark.parametrize("seed", range(4))
def test_hairpins_come_from_the_plan_alone(seed: int) -> None:
    made = planned(seed)
    assert hairpins(made) == made.hairpins
