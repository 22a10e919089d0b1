"""Keys and chords are heard as a musician would name them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from composer.theory.chords import parse_chord
from composer.theory.keys import parse_key
from composer.theory.listening import (
    QUALITIES,
    QUALITY_INTERVALS,
    chord_tone_share,
    find_chords,
    find_keys,
    majorness,
    majorness_by_bar,
    quality_of,
    strong_notes,
)
from composer.theory.passage import Line, Passage, sorted_passage

SCORES = Path(os.environ.get("HITPOINT_SCORES", Path(__file__).parents[2] / ".." / "shared" / "scores"))
LINES = (Line("Piano", "piano"), Line("Drums", "drums"))
Note = tuple[float, float, int]


def passage(notes: Sequence[Note], bars: int, metre: tuple[int, int] = (4, 4), drums: Sequence[Note] = ()) -> Passage:
    length = metre[0] * 4 / metre[1]
    played = [(on, long, pitch, 80, line) for line, part in enumerate((notes, drums)) for on, long, pitch in part]
    return sorted_passage(played, LINES, np.arange(bars + 1, dtype=np.float64) * length, np.array([metre] * bars), np.full(bars, 100.0))


def block(symbols: str, key: str = "C") -> Passage:
    """A bar for each chord: the bass below, the notes above."""
    notes: list[Note] = []
    for bar, symbol in enumerate(symbols.split()):
        chord = parse_chord(symbol, parse_key(key))
        notes += [(4.0 * bar, 4.0, 36 + chord.bass), *((4.0 * bar, 4.0, 60 + pc) for pc in chord.pitch_classes)]
    return passage(notes, len(symbols.split()))


def heard(music: Passage) -> list[tuple[int, str, int]]:
    """Chord of the first half of every bar."""
    chords = find_chords(music, find_keys(music))
    return [(int(root), QUALITIES[quality], int(bass)) for root, quality, bass in chords[:, 0]]


def keys_of(music: Passage) -> list[tuple[int, int]]:
    return [(int(tonic), int(mode)) for tonic, mode in find_keys(music)]


@pytest.mark.parametrize(
    ("key", "symbols", "expected"), [("C", "I IV V I", (0, 0)), ("Am", "i iv V i", (9, 1)), ("Eb", "I IV V7 I", (3, 0))]
)
def test_a_cadence_tells_its_key_and_its_chords(key: str, symbols: str, expected: tuple[int, int]) -> None:
    music = block(symbols, key)
    planned = [parse_chord(symbol, parse_key(key)) for symbol in symbols.split()]
    assert keys_of(music) == [expected] * 4
    assert heard(music) == [(chord.root, QUALITIES[quality_of(chord)], chord.bass) for chord in planned]
    assert chord_tone_share(music, find_chords(music, find_keys(music))) == 1.0


def test_a_modulation_is_followed_and_a_secondary_dominant_is_not() -> None:
    moved = keys_of(block("C F G7 C Am Dm G7 C " + "G D7 G C D7 Em D7 G"))
    assert moved[:7] == [(0, 0)] * 7
    assert moved[-7:] == [(7, 0)] * 7
    assert keys_of(block("C F G7 C Am D7 G7 C F G7 C")) == [(0, 0)] * 11


@pytest.mark.parametrize("symbol", ["C", "Fm", "Gsus4", "Cmaj7", "G7", "Dm7", "Bdim", "Bo7", "Bø7", "Caug", "C5", "C/E", "G7/F", "Am/C"])
def test_chords_are_named(symbol: str) -> None:
    chord = parse_chord(symbol, parse_key("C"))
    music = block(f"C F G C F {symbol} F C G C")
    assert heard(music)[5] == (chord.root, QUALITIES[quality_of(chord)], chord.bass)


@pytest.mark.parametrize(
    ("symbol", "quality"),
    [("C", "major"), ("Cadd9", "major"), ("C9", "dominant7"), ("Cm9", "minor7"), ("Csus2", "sus"), ("C7sus4", "sus"), ("C5", "open"),
     ("Cø7", "half_dim7"), ("Co7", "dim7"), ("Caug", "aug"), ("Cmaj7", "major7"), ("Cdim", "dim")],
)  # fmt: skip
def test_planned_chords_have_a_quality(symbol: str, quality: str) -> None:
    chord = parse_chord(symbol, parse_key("C"))
    assert QUALITIES[quality_of(chord)] == quality
    assert set(QUALITY_INTERVALS) == set(QUALITIES)


def test_a_broken_chord_is_one_chord() -> None:
    alberti = [(4.0 * bar + i / 2, 0.5, pitch) for bar, notes in enumerate(((48, 55, 52), (50, 57, 53), (47, 55, 50), (48, 55, 52)))
               for i, pitch in enumerate(notes[j] for j in (0, 1, 2, 1) * 2)]  # fmt: skip
    chords = find_chords(passage(alberti, 4), np.array([[0, 0]] * 4, dtype=np.int8))
    assert chords[:, 0, 0].tolist() == [0, 2, 7, 0]
    assert (chords[:, 0] == chords[:, 1]).all()


def test_two_chords_share_a_bar_and_held_notes_count() -> None:
    halves = [(0.0, 2.0, p) for p in (48, 64, 67, 72)] + [(2.0, 6.0, p) for p in (43, 62, 65, 71)] + [(8.0, 4.0, p) for p in (48, 64, 67)]
    chords = find_chords(passage(halves, 3), np.array([[0, 0]] * 3, dtype=np.int8))
    assert chords[..., 0].tolist() == [[0, 7], [7, 7], [0, 0]]


def test_silence_has_no_chord_and_keeps_the_key() -> None:
    music = block("G C D G")
    gap = Passage(music.onset, music.duration, music.pitch, music.velocity, music.line, music.lines,
                  np.arange(8, dtype=np.float64) * 4.0, np.array([(4, 4)] * 7), np.full(7, 100.0))  # fmt: skip
    assert keys_of(gap) == [(7, 0)] * 7
    assert (find_chords(gap, find_keys(gap))[4:] == -1).all()
    empty = passage([], 3)
    assert find_chords(empty, find_keys(empty)).tolist() == [[[-1] * 3] * 2] * 3
    assert np.isnan(chord_tone_share(empty, find_chords(empty, find_keys(empty))))
    assert majorness(empty) == 0.0
    assert find_chords(passage([], 0), find_keys(passage([], 0))).shape == (0, 2, 3)


def test_a_lone_melody_gets_a_chord_of_its_key() -> None:
    tune = [(float(i), 1.0, pitch) for i, pitch in enumerate((60, 62, 64, 65, 67, 67, 64, 60, 65, 69, 67, 65, 64, 62, 60, 60))]
    music = passage(tune, 4)
    chords = find_chords(music, find_keys(music))
    assert keys_of(music) == [(0, 0)] * 4
    assert set(chords[..., 0].ravel().tolist()) <= {0, 2, 4, 5, 7, 9, 11}


def test_drums_have_no_harmony() -> None:
    music = block("C F G C")
    notes = list(zip(music.onset, music.duration, music.pitch.tolist(), strict=True))
    kit = [(i / 2, 0.5, 37) for i in range(32)]
    drummed = passage(notes, 4, drums=kit)
    assert heard(drummed) == heard(music)
    assert strong_notes(drummed).sum() == strong_notes(music).sum() == len(notes)
    assert majorness(drummed) == majorness(music)


def test_strong_beats_follow_the_metre() -> None:
    def strong(metre: tuple[int, int], step: float, count: int) -> list[float]:
        music = passage([(i * step, step, 60) for i in range(count)], 2, metre)
        return [float(on) for on in music.onset[strong_notes(music)]]

    assert strong((4, 4), 0.5, 16) == [0.0, 2.0, 4.0, 6.0]
    assert strong((3, 4), 0.5, 12) == [0.0, 3.0]
    assert strong((6, 8), 0.5, 12) == [0.0, 1.5, 3.0, 4.5]
    upbeat = sorted_passage(
        [(i / 2, 0.5, 60, 80, 0) for i in range(8)], LINES, np.array([0.0, 1, 5]), np.array([(4, 4)] * 2), np.full(2, 100.0)
    )
    assert upbeat.onset[strong_notes(upbeat)].tolist() == [1.0, 3.0]


def test_wrong_notes_lower_the_share() -> None:
    music = passage([(4.0 * bar, 2.0, pitch) for bar in range(4) for pitch in (48, 64, 67, 61)], 4)
    planned = np.tile(np.array([0, QUALITIES.index("major"), 0], dtype=np.int8), (4, 2, 1))
    assert chord_tone_share(music, planned) == 0.75
    unplanned = planned.copy()
    unplanned[1:] = -1
    assert chord_tone_share(music, unplanned) == 0.75


def test_major_is_major() -> None:
    major, minor = block("C F G C Am Dm G C"), block("i iv V i VI iv V i", "Cm")
    assert majorness(major) > 0.1 > -0.1 > majorness(minor)
    both = block("C F G C Am Dm G C C F G C Cm Fm G Cm Ab Fm G Cm Cm Fm G Cm")
    by_bar = majorness_by_bar(both)
    assert by_bar.shape == (24,)
    assert by_bar[:8].min() > 0 > by_bar[16:].max()


chord_names = st.lists(
    st.sampled_from(["C", "F", "G7", "Am", "Dm", "Em", "Bo7", "D7", "E7", "Fm", "Cmaj7", "Gsus4", "Ab"]), min_size=1, max_size=10
)


@settings(max_examples=40, deadline=None)
@given(chord_names, st.integers(1, 11))
def test_transposition_moves_keys_and_chords_alike(symbols: list[str], by: int) -> None:
    music = block(" ".join(symbols))
    moved = Passage(
        music.onset, music.duration, music.pitch + by, music.velocity, music.line, music.lines, music.edges, music.metres, music.qpm
    )
    keys, chords = find_keys(music), find_chords(music, find_keys(music))
    keys[:, 0] = (keys[:, 0] + by) % 12
    chords[..., [0, 2]] = (chords[..., [0, 2]] + by) % 12
    assert find_keys(moved).tolist() == keys.tolist()
    assert find_chords(moved, keys).tolist() == chords.tolist()
    assert majorness(moved) == pytest.approx(majorness(music))


def read(path: Path) -> Passage:
    """Notes and bars of a MIDI file; every track is taken for violins."""
    symusic = pytest.importorskip("symusic")
    score = symusic.Score(str(path))
    beat = score.ticks_per_quarter
    notes = [(n.start / beat, n.duration / beat, n.pitch, n.velocity, i) for i, track in enumerate(score.tracks) for n in track.notes]
    changes = [(s.time / beat, s.numerator, s.denominator) for s in score.time_signatures]
    ends = [*(start for start, _, _ in changes[1:]), max(on + long for on, long, *_ in notes)]
    bars = [(at, n, d) for (start, n, d), end in zip(changes, ends, strict=True) for at in np.arange(start, end - 1e-6, n * 4 / d)]
    edges = np.array([*(at for at, _, _ in bars), ends[-1]])
    lines = [Line(track.name, "violins_1") for track in score.tracks]
    return sorted_passage(notes, lines, edges, np.array([bar[1:] for bar in bars]), np.full(len(bars), 100.0))


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Beethoven_Op.67_1", "Cm", "Cm"), ("Beethoven_Op.67_4", "C", "C"), ("Beethoven_Op.55_1", "Eb", "Eb"), ("Beethoven_Op.92_2", "Am", "Am"),
        ("Brahms_Op.73_3", "G", "G"), ("Brahms_Op.73_1", "D", "D"),
    ],
)  # fmt: skip
def test_symphonies_begin_and_end_in_their_keys(name: str, first: str, last: str) -> None:
    path = SCORES / "openscore_orchestra" / "midi" / f"{name.split('_')[0]}__{name}.mid"
    if not path.exists():
        pytest.skip(f"needs the scores of OpenScore Orchestra ({path})")
    music = read(path)
    found = keys_of(music)
    main = [max(set(part), key=part.count) for part in (found[:16], found[-12:])]
    assert main == [(key.tonic, int(key.is_minor)) for key in (parse_key(first), parse_key(last))]
    assert chord_tone_share(music, find_chords(music, find_keys(music))) > 0.85
    changes = sum(a != b for a, b in pairwise(found))
    assert music.bars / (changes + 1) > 6
