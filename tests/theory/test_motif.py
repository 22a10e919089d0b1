"""Motifs: text and back, and how they come back."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from composer.errors import ComposerError
from composer.theory.motif import HIGHEST, LOWEST, MAX_BEATS, VARIATIONS, Motif, motif_text, parse_motif, varied

LENGTHS = st.sampled_from([0.25, 0.5, 0.75, 1.0, 1.5, 2.0])
WORDS = st.lists(st.tuples(LENGTHS, st.one_of(st.just("r"), st.integers(LOWEST, HIGHEST).map(str))), min_size=1, max_size=8)


def of(words: list[tuple[float, str]]) -> str:
    return " ".join(f"{length:g}:{degree}" for length, degree in words)


@given(WORDS)
def test_text_survives(words: list[tuple[float, str]]) -> None:
    if all(degree == "r" for _, degree in words):
        with pytest.raises(ComposerError, match="no note"):
            parse_motif(of(words))
        return
    motif = parse_motif(of(words))
    assert parse_motif(motif_text(motif)) == motif
    assert motif.length_beats == pytest.approx(sum(length for length, _ in words))


@pytest.mark.parametrize(
    "text", ["", "1:", "x:1", "1:1.5", "0:1", "-1:1", "1:99", "1:-30", "9:1 9:1", "2:r 2:r", "1:1,1:2", "nan:1", "inf:1"]
)
def test_what_is_no_motif_is_refused(text: str) -> None:
    with pytest.raises(ComposerError):
        parse_motif(text)


@given(WORDS.filter(lambda words: any(degree != "r" for _, degree in words)), st.sampled_from(VARIATIONS))
def test_varied_motifs_are_motifs(words: list[tuple[float, str]], variation: str) -> None:
    motif = parse_motif(of(words))
    done = varied(motif, variation)  # type: ignore[arg-type]
    assert all(LOWEST <= note.degree <= HIGHEST for note in done.notes)
    assert all(note.onset_beats + note.length_beats <= done.length_beats + 1e-6 for note in done.notes)
    assert done.length_beats <= 2 * MAX_BEATS


def test_what_each_variation_does() -> None:
    motif = parse_motif("1:1 1:3 2:5 3:8 1:r")
    assert motif_text(varied(motif, "augmented")) == "2:1 2:3 4:5 6:8 2:r"
    assert motif_text(varied(motif, "diminished")) == "0.5:1 0.5:3 1:5 1.5:8 0.5:r"
    assert motif_text(varied(motif, "inverted")) == "1:1 1:-1 2:-3 3:-6 1:r"
    assert motif_text(varied(motif, "fragmented")) == "1:1 1:3 2:5"
    assert varied(motif, "plain") == motif
    assert isinstance(varied(parse_motif("4:1"), "fragmented"), Motif)
