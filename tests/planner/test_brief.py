"""A brief in plain words, and what the rules make of it."""

from __future__ import annotations

import pytest

from composer.instruments import expand
from composer.options import Options
from composer.planner import plan, spot
from composer.planner.brief import Brief, read_brief
from composer.theory.moods import MOODS
from tests.filmmaker import random_film


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Brief()),
        ("xyzzy", Brief()),
        ("slow strings in D minor, no piano", Brief(("strings",), None, "D minor", 0.85, ("slow", "strings"))),
        ("horror without drums", Brief(("horror",), "fearful", None, 1.0, ("horror",))),
        ("Heroic brass fanfare!", Brief(("brass",), "heroic", None, 1.0, ("heroic", "brass"))),
    ],
)
def test_what_is_understood(text: str, expected: Brief) -> None:
    assert read_brief(text) == expected


def test_a_lonely_detective() -> None:
    brief = read_brief("a lonely detective, noir, muted trumpet")
    assert "muted_trumpet" in brief.instruments and "trumpet" not in brief.instruments and brief.mood in ("sad", "mysterious")
    film = random_film(4)
    made = plan(film, spot(film, Options()), Options(brief="a lonely detective, noir, muted trumpet"))
    assert "muted_trumpet" in {p.instrument for p in made.parts}
    assert any(line.startswith("brief: understood") for line in made.reasons) and not made.notes


def test_options_win_over_the_brief() -> None:
    film = random_film(4)
    options = Options(brief="slow horror in D minor", instruments=("piano",), key="E major", mood="heroic")
    made = plan(film, spot(film, options), options)
    assert [p.instrument for p in made.parts] == ["piano"] and made.key == "E major"
    assert {s.mood for s in made.sections} == {"heroic"}


def test_a_brief_pulls_the_mood_and_the_tempo() -> None:
    film = random_film(6, 90.0)

    def made(brief: str) -> tuple[float, float]:
        options = Options(brief=brief)
        one = plan(film, spot(film, options), options)
        return sum(MOODS[s.mood].valence * s.bars for s in one.sections) / len(one.bars), one.tempo.mean_qpm

    assert made("funny")[0] > made("horror")[0] + 0.3
    assert made("slow")[1] < made("fast")[1]


def test_what_is_not_understood_is_told() -> None:
    film = random_film(4)
    made = plan(film, spot(film, Options()), Options(brief="qwerty"))
    assert any("understood nothing of the brief" in note for note in made.notes)


def test_two_words_for_one_instrument_are_one() -> None:
    film = random_film(4)
    made = plan(film, spot(film, Options()), Options(brief="violins and first violins, cello, solo cello"))
    assert [p.instrument for p in made.parts] == [i.id for i in expand(("violins_1", "cello"))]
