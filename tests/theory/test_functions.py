"""Every chord has a function, and it is the one a theory book names."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from composer.theory.functions import cadence_names, function_names
from composer.theory.keys import MODES, Key, parse_key

keys = st.builds(Key, st.integers(0, 11), st.sampled_from(sorted(MODES)))
heads = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "b", "#"]),
        st.sampled_from(["I", "II", "III", "IV", "V", "VI", "VII", "i", "ii", "iii", "iv", "v", "vi", "vii"]),
        st.sampled_from(["", "o", "ø", "+"]),
        st.sampled_from(["", "7", "maj7", "6", "64", "65", "43", "42", "sus2", "sus4", "7sus4", "q4", "add9", "9", "5"]),
        st.sampled_from(["", "/1", "/5", "/b3", "/V", "/iv", "/V/1", "/bVI", "/Em"]),
    ),
)
plain = st.builds(
    "".join, st.tuples(st.sampled_from(["C", "F#", "Bb", "E"]), st.sampled_from(["", "m", "7", "dim", "q4"]), st.sampled_from(["", "/G"]))
)


@given(keys, st.lists(heads | plain, min_size=1, max_size=4))
def test_every_legal_chord_has_one_function(key: Key, symbols: list[str]) -> None:
    names = function_names(" ".join(symbols), key).split(", ")
    assert len(names) == len(symbols) and all(names)


@pytest.mark.parametrize(
    ("key", "entry", "names"),
    [
        ("C", "I IV V7 vi", "tonic, subdominant, dominant, submediant"),
        ("C", "IV/1 V7/1 ii/5", "subdominant over tonic pedal, dominant over tonic pedal, subdominant over dominant pedal"),
        ("C", "iv bVI bVII", "borrowed subdominant, chromatic mediant, borrowed subtonic"),
        ("C", "V7/ii II7 viio7/V I64", "dominant of ii, dominant of V, leading-note chord of V, cadential six-four"),
        ("C", "Vsus4 Iq4 V+ I5", "suspended dominant, quartal tonic, augmented dominant, open tonic"),
        ("A minor", "i bII6 V7/iv IV I", "tonic, Neapolitan, dominant of iv, borrowed subdominant, picardy tonic"),
        ("A minor", "bvi iii viio7 VII", "chromatic mediant, chromatic mediant, dominant, subtonic"),
        ("A minor", "bv VI7 iiø65 v6", "tritone pole, augmented sixth, subdominant, minor dominant"),
        ("D dorian", "i IV v", "tonic, dorian subdominant, minor dominant"),
        ("E phrygian", "bII vii", "phrygian second, subtonic"),
        ("F lydian", "II II5", "lydian second, open lydian second"),
        ("C", "bII7 bII5 bII", "tritone substitute, open Neapolitan, Neapolitan"),
        ("G mixolydian", "I7 VII", "tonic, subtonic"),
        ("C", "F/C C/E Db", "subdominant, tonic, Neapolitan"),
    ],
)
def test_functions_have_their_names(key: str, entry: str, names: str) -> None:
    assert function_names(entry, parse_key(key)) == names


def test_cadences_are_read_phrase_by_phrase() -> None:
    chords = ["I", "vi", "ii65", "V", "I", "IV", "V7", "I I I vi", "I"]
    assert cadence_names(chords, parse_key("G"), [4, 4, 1]) == ("half", "", "")
    assert cadence_names(["I", "IV V7 I"], parse_key("G"), [2]) == ("authentic",)
