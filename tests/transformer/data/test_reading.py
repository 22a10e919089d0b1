from __future__ import annotations

import numpy as np
import pytest

from composer.errors import ComposerError
from composer.transformer.data.hands import inner_voices, right_hand
from composer.transformer.data.mapping import TrackFacts, instruments_of
from composer.transformer.data.reading import bar_grid, bar_tempo, read_piece
from tests.transformer.data.midi_files import tune, write


def _facts(*rows: tuple[str, int], median: float = 62.0) -> list[TrackFacts]:
    return [TrackFacts(name, max(program, 0), program < 0, median) for name, program in rows]


def test_a_quartet_has_soloists() -> None:
    facts = _facts(("Violin 1", 40), ("Violin 2", 40), ("Viola", 41), ("Violoncello", 42))
    assert instruments_of(facts) == ["violin", "violin", "viola", "cello"]


def test_an_orchestra_has_sections_and_names_beat_programs() -> None:
    rows = [("Flute 1", 73), ("Oboe 1", 68), ("Contrabassoon", 70), ("F Horn 1", 60), ("Alto Trombone", 53), ("Soprano", 53), ("Alto", 53)]
    rows += [
        ("Violin 1", 40),
        ("Violin 2", 40),
        ("Viola", 41),
        ("Violoncello solo", 42),
        ("Violoncello", 42),
        ("Contrabass", 43),
        ("Triangle", -1),
    ]
    assert instruments_of(_facts(*rows)) == [
        "flute", "oboe", "bassoon", "horns", "trombones", "choir", "choir",
        "violins_1", "violins_2", "violas", "cello", "cellos", "contrabasses", "percussion_kit",
    ]  # fmt: skip


def test_a_song_has_a_solo_voice_and_a_chorus_has_a_choir() -> None:
    assert instruments_of(_facts(("Singstimme Voice", 53), ("Pianoforte", 0))) == ["solo_voice", "piano"]
    assert instruments_of(_facts(("Mignon", 68), ("Piano", 0))) == ["solo_voice", "piano"]
    assert instruments_of(_facts(("Soprano", 53), ("Tenor", 53), ("Piano", 0))) == ["choir", "choir", "piano"]


def test_game_music_goes_by_program_and_drops_effects() -> None:
    facts = _facts(("Square Lead", 30), ("bass", 34), ("Seagulls", 123), ("str", 48), ("drm", -1))
    assert instruments_of(facts) == ["electric_guitar", "bass_guitar", None, "violas", "drums"]


def test_what_the_catalogue_says_beats_organ_stops() -> None:
    assert instruments_of(_facts(("right:", 75), ("", 74), ("pedal:", 70)), "Organ") == ["organ"] * 3
    assert instruments_of(_facts(("chant:", 75), ("pianoUp:", 0), ("pianoDown:", 1)), "Voice and Piano") == ["solo_voice", "piano", "piano"]


def test_bars_follow_the_time_signatures_and_tempo_is_weighted_by_time() -> None:
    edges, metres = bar_grid([(0.0, 3, 4), (6.0, 2, 4)], 9.0)
    assert edges.tolist() == [0.0, 3.0, 6.0, 8.0, 10.0]
    assert metres.tolist() == [[3, 4], [3, 4], [2, 4], [2, 4]]
    # two quarters at 60 and two at 120 take 3 s: 80 a minute
    assert bar_tempo([(0.0, 60.0), (2.0, 120.0)], np.array([0.0, 4.0, 8.0])) == pytest.approx([80.0, 120.0])
    assert bar_grid([], 5.0)[1].tolist() == [[4, 4], [4, 4]]


def test_one_piano_track_becomes_right_inner_and_left(tmp_path) -> None:
    notes = []
    for beat in range(32):
        notes += [(beat, 1.0, p) for p in (76 + beat % 5, 67, 64)] + [(beat, 1.0, 40 + beat % 3)]
    piece = read_piece(write(tmp_path / "a.mid", [("Piano", 0, notes)]))
    names = [line.name for line in piece.passage.lines]
    assert names == ["Piano (right)", "Piano (inner)", "Piano (left)"]
    pitches = [sorted(set(piece.passage.pitch[piece.passage.line == i].tolist())) for i in range(3)]
    assert pitches == [[76, 77, 78, 79, 80], [64, 67], [40, 41, 42]]


def test_staves_of_a_piano_stay_hands(tmp_path) -> None:
    piece = read_piece(write(tmp_path / "a.mid", [("up:", 0, tune(8, base=72)), ("down:", 0, tune(8, 2, base=40))]))
    assert [line.name for line in piece.passage.lines] == ["Piano (right)", "Piano (left)"]


def test_a_note_under_a_held_tune_is_inner() -> None:
    onset = np.array([0.0, 0.0, 1.0, 2.0, 2.0])
    inner = inner_voices(onset, np.array([2.0, 1.0, 1.0, 1.0, 1.0]), np.array([76, 67, 69, 65, 77]))
    assert inner is not None and inner.tolist() == [False, True, True, True, False]
    assert inner_voices(np.arange(8.0), np.ones(8), np.full(8, 70)) is None


def test_the_split_of_hands_moves_with_the_music() -> None:
    bar = np.repeat(np.arange(8), 8)
    onset = bar * 4 + np.tile(np.repeat(np.arange(4.0), 2), 8)
    high = np.where(bar < 4, 84, 64)
    pitch = np.where(np.arange(64) % 2 == 0, high, high - 24)
    assert right_hand(onset, pitch, bar).tolist() == [True, False] * 32


def test_a_broken_file_is_named(tmp_path) -> None:
    broken = tmp_path / "broken.mid"
    broken.write_bytes(b"MThd\x00\x00\x00\x06nonsense")
    with pytest.raises(ComposerError, match=r"broken\.mid"):
        read_piece(broken)
