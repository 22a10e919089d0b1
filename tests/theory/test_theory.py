"""Keys, chords and voice-leading say what a theory book says."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from composer.errors import ComposerError
from composer.theory.chords import chord_scale, is_cadence, parse_chord
from composer.theory.keys import MODES, Key, parse_key
from composer.theory.moods import MOODS, mood_for
from composer.theory.voicing import into_range, voice

keys = st.builds(Key, st.integers(0, 11), st.sampled_from(sorted(MODES)))


@pytest.mark.parametrize(
    ("text", "name", "fifths", "signature"),
    [
        ("D minor", "D minor", -1, "Dm"),
        ("Dm", "D minor", -1, "Dm"),
        ("f# dorian", "F# dorian", 4, "C#m"),
        ("Bb", "Bb major", -2, "Bb"),
        ("E flat minor", "Eb minor", -6, "Ebm"),
        ("E phrygian", "E phrygian", 0, "Am"),
        ("C", "C major", 0, "C"),
    ],
)
def test_keys_are_read(text: str, name: str, fifths: int, signature: str) -> None:
    key = parse_key(text)
    assert (key.name, key.fifths, key.signature_name) == (name, fifths, signature)


@pytest.mark.parametrize("text", ["", "H minor", "D funky", "minor", "D minor minor", "\u0000"])
def test_unknown_keys_are_refused(text: str) -> None:
    with pytest.raises(ComposerError, match="unknown key"):
        parse_key(text)


@given(keys)
def test_a_key_reads_its_own_name(key: Key) -> None:
    assert parse_key(key.name) == key


@given(keys)
def test_scales_are_spelled_with_seven_letters(key: Key) -> None:
    assert len({key.pitch_name(pc)[0] for pc in key.scale}) == 7


@pytest.mark.parametrize(
    ("symbol", "name", "notes"),
    [
        ("i", "Dm", "D F A"),
        ("VI", "Bb", "Bb D F"),
        ("V7", "A7", "A C# E G"),
        ("viio7", "C#dim7", "C# E G Bb"),
        ("bII", "Eb", "Eb G Bb"),
        ("iv6", "Gm/Bb", "G Bb D"),
        ("V7/iv", "D7", "D F# A C"),
        ("iiø7", "Eø7", "E G Bb D"),
        ("iio65", "Eø7/G", "E G Bb D"),
        ("Vsus4", "Asus4", "A D E"),
        ("i42", "Dm7/C", "D F A C"),
        ("Bb7", "Bb7", "Bb D F G#"),
        ("C/E", "C/E", "C E G"),
    ],
)
def test_chords_of_d_minor(symbol: str, name: str, notes: str) -> None:
    key = parse_key("D minor")
    chord = parse_chord(symbol, key)
    assert chord.name(key) == name
    assert " ".join(key.pitch_name(pc) for pc in chord.pitch_classes) == notes


@pytest.mark.parametrize("symbol", ["", "VIII", "iVi", "X", "V7/", "h", "i iv"])
def test_unknown_chords_are_refused(symbol: str) -> None:
    with pytest.raises(ComposerError, match="unknown chord"):
        parse_chord(symbol, parse_key("C"))


@given(keys, st.sampled_from(["i", "IV", "V7", "bVI", "viio7", "ii65", "Isus2", "V7/V", "bII6", "I+"]))
def test_passing_notes_include_the_chord_and_no_clash(key: Key, symbol: str) -> None:
    chord = parse_chord(symbol, key)
    scale = chord_scale(chord, key)
    assert set(chord.pitch_classes) <= set(scale)
    steps = [(b - a) % 12 for a, b in zip(scale, [*scale[1:], scale[0]], strict=True)]
    assert sum(steps) == 12 and max(steps) <= 4


@pytest.mark.parametrize(
    ("before", "last", "name"),
    [("V7", "I", "authentic"), ("IV", "I", "plagal"), ("ii", "V", "half"), ("V", "vi", "deceptive"), ("I", "IV", None)],
)
def test_cadences_have_names(before: str, last: str, name: str | None) -> None:
    key = parse_key("G")
    assert is_cadence(parse_chord(before, key), parse_chord(last, key), key) == name


def test_every_mood_is_playable_and_found_where_it_stands() -> None:
    for mood in MOODS.values():
        assert mood.mode in MODES and all(weight > 0 for weight in mood.idioms.values())
        assert mood_for(mood.valence, mood.arousal) is mood


@given(keys, st.lists(st.sampled_from(["I", "IV", "V7", "vi", "ii", "iii", "bVII"]), min_size=2, max_size=8), st.integers(3, 5))
def test_voices_move_little_and_never_in_parallel_octaves_everywhere(key: Key, symbols: list[str], count: int) -> None:
    before: tuple[int, ...] | None = None
    for symbol in symbols:
        chord = parse_chord(symbol, key)
        now = voice(chord, count, 48, 76, before, (key.tonic + 11) % 12)
        assert all(48 <= p <= 76 and p % 12 in chord.pitch_classes for p in now)
        assert list(now) == sorted(set(now))
        if chord.third is not None:
            assert chord.third in {p % 12 for p in now}
        if before is not None and len(before) == len(now):
            assert max(abs(a - b) for a, b in zip(before, now, strict=True)) <= 9
        before = now


@given(st.integers(0, 127), st.integers(20, 70), st.integers(12, 40))
def test_octaves_fold_into_a_range(pitch: int, low: int, width: int) -> None:
    folded = into_range(pitch, low, low + width)
    assert folded % 12 == pitch % 12 and low <= folded <= low + width
