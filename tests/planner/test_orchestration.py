"""Who plays what: everybody asked and nobody else, room for voices, an arc."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from composer.film import Span
from composer.instruments import ENSEMBLES, INSTRUMENTS, expand
from composer.options import Options
from composer.plan import Part, Plan, Section
from composer.planner import plan, spot
from composer.planner.orchestration import Ask, Voices, cast, choose_instruments, joined, told
from composer.theory.moods import MOODS
from tests.filmmaker import random_film


def players(section: Section) -> set[str]:
    return {*section.doubles, *(p for who in section.roles.values() for p in who)}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*INSTRUMENTS]), min_size=1, max_size=12, unique=True), st.integers(0, 1000))
def test_everybody_asked_plays_and_nobody_else(names: list[str], seed: int) -> None:
    film = random_film(seed, 45.0)
    options = Options(seed=seed, instruments=tuple(names))
    made = plan(film, spot(film, options), options)
    assert {p.instrument for p in made.parts} == set(names)
    assert set.union(*(players(s) for s in made.sections)) == {p.id for p in made.parts}
    for section in made.sections:
        assert not set(section.doubles) & {p for who in section.roles.values() for p in who}


@pytest.mark.parametrize("ensemble", ENSEMBLES)
def test_every_ensemble_by_name(ensemble: str) -> None:
    film = random_film(1, 60.0)
    options = Options(instruments=(ensemble.replace("_", " "),))
    made = plan(film, spot(film, options), options)
    assert [p.instrument for p in made.parts] == [i.id for i in expand((ensemble,))]


def spoken(share: float) -> Plan:
    film = random_film(2, 90.0)
    spans = tuple(Span(t, t + 10 * share) for t in range(0, 90, 10)) if share else ()
    film = replace(film, speech=spans)
    options = Options(instruments=("orchestra",))
    return plan(film, spot(film, options), options)


def test_music_makes_room_for_voices() -> None:
    silent, talking = spoken(0.0), spoken(0.9)
    assert all(bar.speech == 0 for bar in silent.bars) and sum(bar.speech for bar in talking.bars) > 0.7 * len(talking.bars)
    for section in talking.sections:
        if section.form not in ("climax", "whole"):  # there everybody asked for must be heard
            assert not {"ostinato", "counter", "percussion"} & {role for role, who in section.roles.items() if who}
    assert sum(s.density for s in talking.sections) / len(talking.sections) < sum(s.density for s in silent.sections) / len(silent.sections)


def test_few_open_and_all_play_at_the_climax() -> None:
    film = random_film(3, 120.0)
    options = Options(instruments=("orchestra",))
    made = plan(film, spot(film, options), options)
    climax = next(s for s in made.sections if s.form == "climax")
    assert len(players(climax)) == len(made.parts)
    assert all(len(players(s)) < len(made.parts) for s in made.sections if s.form in ("opening", "respite", "release"))


def test_who_suits_a_mood_can_play() -> None:
    for mood in MOODS.values():
        chosen = {choose_instruments(mood, random.Random(seed)) for seed in range(20)}
        assert len(chosen) > 1 and all(expand(words) for words in chosen)


def test_somebody_silent_is_given_something_to_do() -> None:
    parts = [Part(name, name) for name in ("flute", "violins_1", "cellos", "timpani")]
    roles, doubles = joined({"melody": ("violins_1",), "bass": ("cellos",)}, {}, [parts[0], parts[3]])
    assert doubles == {"flute": "violins_1"} and roles["percussion"] == ("timpani",)


def test_told_roles_take_the_place_of_their_own_only() -> None:
    parts = [Part(i.id, i.id) for i in expand(("strings", "oboe", "harp"))]
    casting = cast(parts, Ask(MOODS["hopeful"], 0.7, 0.3, "climax", tutti=True), random.Random(0), Voices())
    assert told(casting, {}, {}) == ({r: tuple(p) for r, p in casting.roles.items()}, casting.doubles)
    roles, doubles = told(casting, {"melody": ("oboe",), "ostinato": ()}, {})
    assert roles["melody"] == ("oboe",) and "ostinato" not in roles
    assert roles["bass"] == tuple(p for p in casting.roles["bass"] if p != "oboe")
    assert all("oboe" not in players for role, players in roles.items() if role != "melody")
    playing = {p for players in roles.values() for p in players}
    assert not set(doubles) & playing and set(doubles.values()) <= playing


def test_a_solo_is_alone_with_its_chords() -> None:
    parts = [Part(i.id, i.id) for i in expand(("strings", "oboe", "harp"))]
    ask = Ask(MOODS["sad"], 0.2, -0.5, "release")
    casts = [cast(parts, ask, random.Random(seed), Voices()) for seed in range(40)]
    assert any(not one.roles.get("counter") and not one.roles.get("ostinato") for one in casts)
    assert all(one.roles["melody"] for one in casts)
