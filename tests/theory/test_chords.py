"""Chords over pedals and of fourths: read, named, and refused by name where they are wrong."""

from __future__ import annotations

import pytest

from composer.errors import ComposerError
from composer.theory.chords import is_cadence, parse_chord
from composer.theory.keys import parse_key


@pytest.mark.parametrize(
    ("symbol", "key", "name", "bass"),
    [
        ("IV/1", "C", "F/C", "C"),
        ("V7/1", "C", "G7/C", "C"),
        ("bII/5", "D minor", "Eb/A", "A"),
        ("VII/1", "A minor", "G/A", "A"),
        ("V7/V/1", "C", "D7/C", "C"),
        ("I/b7", "C", "C/Bb", "Bb"),
        ("Vsus4/1", "G", "Dsus4/G", "G"),
        ("I/1", "C", "C", "C"),
    ],
)
def test_chords_over_a_pedal(symbol: str, key: str, name: str, bass: str) -> None:
    parsed = parse_key(key)
    chord = parse_chord(symbol, parsed)
    assert (chord.name(parsed), parsed.pitch_name(chord.bass), chord.symbol) == (name, bass, symbol)
    assert chord.bass in chord.sounding


def test_a_pedal_changes_no_note_above_it() -> None:
    key = parse_key("E minor")
    assert parse_chord("iv/1", key).pitch_classes == parse_chord("iv", key).pitch_classes
    assert set(parse_chord("bII/5", key).sounding) == {5, 9, 0, 11}
    assert parse_chord("i6", key).sounding == parse_chord("i6", key).pitch_classes


def test_chords_of_fourths() -> None:
    key = parse_key("D")
    chord = parse_chord("Iq4", key)
    assert chord.pitch_classes == (2, 7, 0) and chord.third is None
    assert parse_chord(chord.name(key), key).pitch_classes == chord.pitch_classes
    assert parse_chord("V7sus4", key).name(key) == "A7sus4"


@pytest.mark.parametrize("symbol", ["IV/0", "IV/8", "/1", "1", "IV/11", "Q/1", "IV/1/V", "q4", "C/1"])
def test_wrong_pedals_are_refused(symbol: str) -> None:
    with pytest.raises(ComposerError, match="unknown chord"):
        parse_chord(symbol, parse_key("C"))


@pytest.mark.parametrize(
    ("before", "last", "key", "name"),
    [
        ("iv", "I", "C", "minor plagal"),
        ("iv", "i", "C minor", "plagal"),
        ("V7", "I", "C minor", "authentic"),
        ("v", "i", "D dorian", "modal"),
        ("bII", "i", "E phrygian", "modal"),
        ("V7", "VI", "A minor", "deceptive"),
        ("vi", "V7/V", "C", "leading"),
        ("iv", "V7/III", "A minor", "leading"),
        ("IV/1", "V/1", "C", "half"),
    ],
)
def test_cadences_of_all_kinds(before: str, last: str, key: str, name: str) -> None:
    parsed = parse_key(key)
    assert is_cadence(parse_chord(before, parsed), parse_chord(last, parsed), parsed) == name
