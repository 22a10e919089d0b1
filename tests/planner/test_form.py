"""Form: sections begin where the film turns, last as long as suits, and follow an arc."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings, strategies as st

from composer.options import Options
from composer.plan import Plan
from composer.planner import plan, spot
from composer.planner.form import MAX_SECTION_S, MIN_SECTION_S, forms, section_starts, strong_turns, turns
from tests.filmmaker import film_of, random_film


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(20.0, 200.0), st.floats(0.8, 9.0))
def test_sections_last_as_long_as_they_should(seed: int, duration_s: float, mean_shot_s: float) -> None:
    film = random_film(seed, round(duration_s, 2), mean_shot_s)
    sheet = spot(film, Options(seed=seed))
    edges = [0.0, *sheet.cues[0].section_starts_s, film.duration_s]
    lengths = [b - a for a, b in itertools.pairwise(edges)]
    assert all(MIN_SECTION_S - 1e-9 <= length <= MAX_SECTION_S + 1e-9 for length in lengths)
    assert set(edges[1:-1]) <= {*turns(film, sheet.candidates), *map(float, range(round(film.duration_s) + 1))}


def test_the_strongest_turns_are_taken() -> None:
    valence, arousal = [0.3] * 20 + [-0.6] * 20, [-0.2] * 20 + [0.6] * 20
    film = film_of([5.0, 9.0, 13.0, 17.0, 20.0, 26.0, 31.0, 35.0], 40.0, valence, arousal)
    sheet = spot(film, Options())
    strengths = turns(film, sheet.candidates)
    assert max(strengths, key=lambda t: strengths[t]) == 20.0 and 20.0 in strong_turns(strengths)
    for seed in range(6):
        assert 20.0 in section_starts(film, sheet.candidates, 0.0, 40.0, seed)


def test_a_long_take_has_a_form_too() -> None:
    film = film_of([], 90.0, [0.2] * 45 + [-0.4] * 45, [-0.3] * 45 + [0.5] * 45)
    starts = section_starts(film, (), 0.0, 90.0)
    assert any(abs(start - 45.0) <= 1.0 for start in starts)
    assert all(b - a <= MAX_SECTION_S for a, b in itertools.pairwise([0.0, *starts, 90.0]))


def test_calm_music_takes_its_time() -> None:
    def mean_length(arousal: float) -> float:
        lengths = []
        for seed in range(6):
            film = random_film(seed, 120.0, 4.0)
            curve = film_of([s.start_s for s in film.shots[1:]], 120.0, [0.0] * 120, [arousal] * 120)
            sheet = spot(curve, Options())
            lengths.append(120.0 / (1 + len(sheet.cues[0].section_starts_s)))
        return sum(lengths) / len(lengths)

    assert mean_length(-0.7) > 1.25 * mean_length(0.7)


@pytest.mark.parametrize(
    ("arousals", "expected"),
    [
        ([0.1], ["whole"]),
        ([0.5, 0.1], ["climax", "ending"]),
        ([0.1, 0.5], ["opening", "climax"]),
        ([0.0, 0.3, 0.1, 0.8, 0.2, -0.3], ["opening", "build", "respite", "climax", "release", "ending"]),
    ],
)
def test_the_arc(arousals: list[float], expected: list[str]) -> None:
    assert list(forms(arousals)) == expected


def test_every_cue_has_its_own_arc() -> None:
    film = random_film(3, 150.0)
    options = Options(cue_s=((0.0, 60.0), (80.0, 150.0)))
    made: Plan = plan(film, spot(film, options), options)
    for cue in ("1m1", "1m2"):
        own = [s.form for s in made.sections if s.cue == cue]
        assert own == ["whole"] or own.count("climax") == 1
