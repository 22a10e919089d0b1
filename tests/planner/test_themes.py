"""Themes: one for each look, back with its pictures, varied with the feeling."""

from __future__ import annotations

import random

from hypothesis import given, strategies as st

from composer.planner.themes import Scenery, cast_themes, cosine, invent
from composer.theory.moods import MOODS
from composer.theory.motif import parse_motif


def scenery(look: int, mood: str = "tender", valence: float = 0.4, arousal: float = 0.0, form: str = "build") -> Scenery:
    return Scenery({look: 8.0, 90 + look: 1.0}, MOODS[mood], valence, arousal, form)  # type: ignore[arg-type]


def test_themes_come_back_with_their_pictures() -> None:
    rooms = [0, 1, 0, 2, 1, 0]
    moods = ["tender", "tense", "sad", "heroic", "furious", "hopeful"]
    for seed in range(10):
        cast = cast_themes([scenery(look, mood) for look, mood in zip(rooms, moods, strict=True)], random.Random(seed))
        letters = [one.letter for one in cast]
        assert letters[0] == letters[2] == letters[5] == "A" and letters[1] == letters[4] != "A"
        assert [cast[i].look for i in (0, 1)] == [0, 1]


def test_how_a_theme_returns_follows_the_feeling() -> None:
    first = scenery(0, arousal=0.2, form="opening")
    returns = {
        "inverted": scenery(0, valence=-0.6, arousal=0.2, form="release"),
        "augmented": scenery(0, arousal=-0.5, form="ending"),
        "fragmented": scenery(0, arousal=0.3, form="build"),
        "diminished": scenery(0, arousal=0.95, form="climax"),
        "plain": scenery(0, arousal=0.2, form="release"),
    }
    for variation, again in returns.items():
        between = scenery(5, "furious", -0.5, 0.9)
        assert cast_themes([first, between, again], random.Random(0))[2].variation == variation
        assert cast_themes([first, again], random.Random(0))[0].variation == "plain"


def test_a_film_of_one_look_has_few_themes() -> None:
    moods = list(MOODS)
    cast = cast_themes([scenery(0, moods[i % len(moods)], form="release") for i in range(24)], random.Random(1))
    assert len({one.letter for one in cast}) <= 3 + 24 // 6


@given(st.integers(0, 100_000), st.sampled_from(list(MOODS)), st.sampled_from([2, 3, 4, 6]))
def test_motifs_fill_two_bars_and_can_be_sung(seed: int, mood: str, beats: int) -> None:
    motif = parse_motif(invent(MOODS[mood], beats, random.Random(seed)))
    degrees = [note.degree for note in motif.notes]
    assert motif.length_beats == 2 * beats and len(degrees) >= 2
    assert max(degrees) - min(degrees) <= 10
    assert motif.notes[-1].onset_beats + motif.notes[-1].length_beats < motif.length_beats  # a breath


def test_two_seeds_two_motifs() -> None:
    assert len({invent(MOODS["hopeful"], 4, random.Random(seed)) for seed in range(40)}) > 25


def test_likeness_of_looks() -> None:
    assert cosine({1: 3.0}, {1: 9.0}) == 1.0 and cosine({1: 3.0}, {2: 3.0}) == 0.0 and cosine({}, {1: 1.0}) == 0.0
