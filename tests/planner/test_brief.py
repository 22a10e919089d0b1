"""A brief in plain words, and what the rules make of it."""

from __future__ import annotations

import pytest

from composer.instruments import expand
from composer.options import Options
from composer.planner import plan, spot
from composer.planner.brief import Brief, read_brief
from composer.planner.refusals import refused_players
from composer.theory.moods import MOODS
from tests.filmmaker import random_film


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Brief()),
        ("xyzzy", Brief()),
        (
            "slow strings in D minor, no piano",
            Brief(("strings",), None, "D minor", 0.85, ("slow", "strings", "D minor", "no piano"), ("piano", "electric_piano")),
        ),
        ("horror without drums", Brief(("horror",), "fearful", None, 1.0, ("horror", "no drums"), ("timpani", "percussion_kit", "drums"))),
        ("not too sad", Brief()),
        ("in d minor", Brief((), None, "D minor", 1.0, ("D minor",))),
        ("Heroic brass fanfare!", Brief(("brass",), "heroic", None, 1.0, ("heroic", "brass"))),
    ],
)
def test_what_is_understood(text: str, expected: Brief) -> None:
    assert read_brief(text) == expected


@pytest.mark.parametrize(
    ("text", "players", "refused"),
    [
        ("without brass or drums", (), "brass drums"),
        ("neither brass nor drums", (), "brass drums"),
        ("without the drums, brass and any choir", (), "drums brass choir"),
        ("warm strings, no drums, piano or guitar", ("strings",), "drums piano guitar"),
        ("no drums and slow strings", ("strings",), "drums"),
        ("no drums, piano and strings", ("piano", "strings"), "drums"),
        ("don't use loud drums", (), "drums"),
        ("noir, no trumpet", ("noir",), "trumpet"),
        ("no dialogue, strings", ("strings",), ""),
        ("not only strings", ("strings",), ""),
        ("no vocals", (), "vocals"),
    ],
)
def test_who_is_refused(text: str, players: tuple[str, ...], refused: str) -> None:
    brief = read_brief(text)
    wanted = {i for word in refused.split() for i in refused_players(word)}
    assert brief.instruments == players and set(brief.without) == wanted
    assert [word for word in brief.understood if word.startswith("no ")] == [f"no {word}" for word in refused.split()]


def test_a_refused_name_takes_its_kin_along() -> None:
    assert refused_players("violins") == ("violins_1", "violins_2", "violin", "violin_2")
    assert refused_players("solo violin") == ("violin",)
    assert "tremolo_strings" in refused_players("strings") and refused_players("trumpet") == ("trumpets", "muted_trumpet")
    assert refused_players("jazz") == refused_players("xyzzy") == ()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("a waltz in E-flat major.", "Eb major"),
        ("bb minor", "Bb minor"),
        ("F sharp Minor, slow", "F# minor"),
        ("something in A minor", "A minor"),
        ("slow, a minor", "A minor"),
        ("D dorian lament", "D dorian"),
        ("A major storm at sea", None),
        ("A minor car chase", None),
        ("in a minor car chase", None),
        ("it was a minor.", None),
        ("not in D minor", None),
    ],
)
def test_a_key_is_no_article(text: str, key: str | None) -> None:
    assert read_brief(text).key == key


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "text", ["without brass or drums", "horror without choir", "no strings, drums, brass, woodwinds, choir, synth or harp"]
)
def test_who_is_refused_never_plays(text: str, seed: int) -> None:
    film, options = random_film(seed), Options(seed=seed, brief=text)
    playing = {part.instrument for part in plan(film, spot(film, options), options).parts}
    assert playing and not playing & set(read_brief(text).without)
    assert any(expand([one])[0].family != "percussion" for one in playing)


def test_options_win_over_a_refusal_and_somebody_always_plays() -> None:
    film = random_film(4)

    def playing(options: Options) -> list[str]:
        return [part.instrument for part in plan(film, spot(film, options), options).parts]

    assert playing(Options(brief="no piano", instruments=("piano",))) == ["piano"]
    everybody = " or ".join(["strings", "brass", "woodwinds", "percussion", "synth", "choir", "voice", "harp", "piano", "guitar", "organ"])
    assert playing(Options(brief=f"no {everybody}"))


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
