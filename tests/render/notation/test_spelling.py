from __future__ import annotations

import pytest

from composer.instruments import INSTRUMENTS
from composer.render.notation.spelling import letter_of, place_of, spell, written_fifths, written_place
from composer.theory.chords import parse_chord
from composer.theory.keys import MODES, Key, parse_key

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def name(pitch: int, key: str, chord: str = "", following: int | None = None) -> str:
    found = parse_key(key)
    step, alter = letter_of(place_of(pitch, found, parse_chord(chord, found) if chord else None, following))
    return step + "#" * alter + "b" * -alter


@pytest.mark.parametrize(
    ("pitch", "key", "chord", "wanted"),
    [
        (70, "D minor", "", "Bb"),
        (61, "D minor", "", "C#"),
        (61, "D minor", "V", "C#"),
        (63, "D minor", "bII", "Eb"),
        (66, "C major", "V7/V", "F#"),
        (66, "Db major", "IV", "Gb"),
        (68, "C major", "iv", "Ab"),
        (68, "A minor", "V", "G#"),
        (71, "D minor", "viio7/V", "B"),
        (65, "F# minor", "V", "E#"),
        (70, "A minor", "viio7/ii", "Bb"),
    ],
)
def test_notes_are_named_by_chord_and_key(pitch: int, key: str, chord: str, wanted: str) -> None:
    assert name(pitch, key, chord) == wanted


def test_a_chromatic_note_is_named_by_where_it_goes() -> None:
    assert name(70, "C major", "", 71) == "A#"
    assert name(70, "C major", "", 69) == "Bb"


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("mode", list(MODES))
def test_every_pitch_of_every_instrument_sounds_as_it_should(tonic: int, mode: str) -> None:
    key = Key(tonic, mode)
    for info in {row.transposition: row for row in INSTRUMENTS.values()}.values():
        assert -6 <= written_fifths(key.fifths, info.transposition) <= 6
        for pitch in range(30, 100):
            place = written_place(place_of(pitch, key, None), info.transposition, key.fifths)
            found = spell(pitch + info.transposition, place)
            sounding = _SEMITONES[found.step] + found.alter + 12 * (found.octave + 1) - info.transposition
            assert sounding == pitch
            assert abs(found.alter) <= 1


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("mode", list(MODES))
def test_a_scale_needs_no_accidentals_in_any_transposition(tonic: int, mode: str) -> None:
    key = Key(tonic, mode)
    for semitones in (0, 2, 7, 9, 12, -12):
        fifths = written_fifths(key.fifths, semitones)
        places = {written_place(place_of(60 + pc, key, None), semitones, key.fifths) for pc in key.scale}
        assert places == set(range(fifths - 1, fifths + 6))
