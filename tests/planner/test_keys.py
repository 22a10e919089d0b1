"""Keys: a home that lies well, related keys, home again at the end."""

from __future__ import annotations

import random

from hypothesis import given, settings, strategies as st

from composer.options import Options
from composer.planner import plan, spot
from composer.planner.keys import Feeling, distance, home_tonic, relation, section_keys
from composer.theory.keys import Key, parse_key
from tests.filmmaker import random_film

MODES = ("major", "minor", "dorian", "phrygian", "mixolydian")


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.sampled_from(MODES)), min_size=1, max_size=9))
def test_neighbours_are_related_and_the_end_is_home(seed: int, rows: list[tuple[float, float, str]]) -> None:
    form = ["opening", *["build"] * 9]
    feelings = [Feeling("1m1", v, a, mode, form[i], "A" if i % 2 else "B") for i, (v, a, mode) in enumerate(rows)]  # type: ignore[arg-type]
    home = Key(2, rows[0][2])
    keys = section_keys(feelings, home, random.Random(seed))
    assert [one.key.mode for one in keys] == [mode for _, _, mode in rows]
    assert len(keys) == 1 or keys[-1].key.tonic == home.tonic
    for before, after in zip(keys, keys[1:], strict=False):
        assert after.modulation in ("", "pivot", "direct")
        assert (after.modulation == "") == (after.key.tonic == before.key.tonic and after.key.is_minor == before.key.is_minor)
        if after.modulation == "pivot":
            assert distance(before.key, after.key) <= 1 and after.key.tonic != before.key.tonic


def test_keys_do_not_wander_off() -> None:
    far = every = 0
    for seed in range(40):
        rng = random.Random(seed)
        feelings = [
            Feeling("1m1", rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4), rng.choice(MODES), "build", rng.choice("ABC")) for _ in range(12)
        ]
        home = Key(2, "minor")
        for one, feeling in zip(section_keys(feelings, home, rng), feelings, strict=True):
            every += 1
            far += distance(home, one.key) > 3
            assert one.key.mode == feeling.mode
    assert far / every < 0.08


def test_the_home_key_lies_well() -> None:
    strings = {home_tonic("major", ("violins_1", "cellos"), random.Random(s)) for s in range(60)}
    winds = {home_tonic("major", ("horns", "trumpets"), random.Random(s)) for s in range(60)}
    assert parse_key("D major").tonic in strings and parse_key("Eb major").tonic not in strings
    assert parse_key("Eb major").tonic in winds and parse_key("A major").tonic not in winds


def test_names_of_relations() -> None:
    named = {
        "C major": "same",
        "A minor": "relative",
        "C minor": "parallel",
        "G major": "fifth",
        "Ab major": "mediant",
        "D major": "step",
        "F# major": "far",
    }
    assert {name: relation(parse_key("C major"), parse_key(name)) for name in named} == named
    assert distance(parse_key("C major"), parse_key("A minor")) == 0 and distance(parse_key("C major"), parse_key("D major")) == 2


def test_the_whole_plan_is_in_the_key_that_is_asked_for() -> None:
    film = random_film(8, 120.0)
    made = plan(film, spot(film, Options()), Options(key="Eb minor"))
    assert {s.key for s in made.sections} == {made.key} == {"Eb minor"} and {s.modulation for s in made.sections} == {""}
