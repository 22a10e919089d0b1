"""MIDI files: round trips, and the DAW checks of design.md §7 over files as written, read by mido and pretty_midi."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from composer.errors import PlanError
from composer.render.events import stem_name, tick_notes
from composer.render.midi import read_midi, write_midi, write_midi_stems
from composer.score import Control, KeyChange, Marker, Note, Score, Track
from composer.tempo import TICKS_PER_BEAT, Bar, TempoMap
from tests.render.conftest import build_score

ORCHESTRA = ("flute", "oboe", "clarinet", "bassoon", "horns", "trumpets", "trombones", "tuba", "timpani", "percussion_kit", "harp", "piano", "choir", "violins_1", "violins_2", "violas", "cellos", "contrabasses", "celesta")  # fmt: skip

ticks = st.integers(0, 64 * TICKS_PER_BEAT)
bars = st.builds(Bar, st.integers(1, 16), st.sampled_from([1, 2, 4, 8, 16]), st.floats(20, 300))
controls = st.builds(
    lambda tick, number, value: Control(tick / 960, number, value), ticks, st.sampled_from([1, 7, 10, 11, 64]), st.integers(0, 127)
)
words = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)


@st.composite
def tracks(draw: st.DrawFn, place: int) -> Track:
    """Notes of one pitch never overlap: what a MIDI channel can hold."""
    notes = []
    for pitch in draw(st.sets(st.integers(0, 127), min_size=1, max_size=4)):
        edges = sorted(draw(st.sets(ticks, min_size=2, max_size=8)))
        for start, end in itertools.batched(edges, 2) if hasattr(itertools, "batched") else zip(edges[::2], edges[1::2], strict=False):
            notes.append(Note(start / 960, (end - start) / 960, pitch, draw(st.integers(1, 127))))
    instrument = draw(st.sampled_from(["piano", "violins_1", "cellos", "drums", "horns", "percussion_kit"]))
    moved = sorted(draw(st.lists(controls, max_size=6)), key=lambda control: control.beat)
    return Track(f"part_{place}", draw(words), instrument, tuple(sorted(notes, key=lambda n: (n.start_beat, n.pitch))), tuple(moved))


@st.composite
def scores(draw: st.DrawFn) -> Score:
    marks = [Marker(t / 960, "section", f"S{i} {draw(words).strip()}") for i, t in enumerate(sorted(draw(st.lists(ticks, max_size=3))))]
    keys = st.builds(
        lambda tonic, mode: f"{tonic} {mode}", st.sampled_from(["C", "F#", "Bb", "E"]), st.sampled_from(["major", "minor", "dorian"])
    )
    return Score(
        title=draw(st.text(max_size=12)) or "x",
        tempo=TempoMap(tuple(draw(st.lists(bars, min_size=1, max_size=8)))),
        end_s=draw(st.floats(0.5, 4000)),
        frame_rate=draw(st.sampled_from([Fraction(25), Fraction(30000, 1001)])),
        seed=draw(st.integers(0, 2**40)),
        tracks=tuple(draw(tracks(place)) for place in range(draw(st.integers(1, 3)))),
        markers=(*marks, Marker(70.0, "hit", "HIT 01 01:00:02:12")),
        keys=tuple(KeyChange(float(beat), draw(keys)) for beat in range(0, draw(st.integers(0, 3)) * 4, 4)),
    )


@given(scores())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_our_own_files_read_back_as_the_same_score(tmp_path: Path, score: Score) -> None:
    write_midi(score, tmp_path / "a.mid")
    back = read_midi(tmp_path / "a.mid")
    assert [(b.numerator, b.denominator, b.us_per_beat) for b in back.tempo.bars] == [
        (b.numerator, b.denominator, b.us_per_beat) for b in score.tempo.bars
    ]
    assert replace(back, tempo=score.tempo) == score


def _absolute(track: mido.MidiTrack) -> list[tuple[int, mido.Message]]:
    now, events = 0, []
    for message in track:
        now += message.time
        events.append((now, message))
    return events


@pytest.fixture
def written(tmp_path: Path) -> tuple[Score, mido.MidiFile, list[Path]]:
    score = build_score(ORCHESTRA, 20.0, (63.7, 71.3, 118.9))
    write_midi(score, tmp_path / "score.mid")
    return score, mido.MidiFile(tmp_path / "score.mid"), write_midi_stems(score, tmp_path / "stems")


def test_the_conductor_holds_all_tempi_metres_keys_and_markers(written: tuple[Score, mido.MidiFile, list[Path]]) -> None:
    score, file, _ = written
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (1, 960, 1 + len(ORCHESTRA))
    kinds = {"set_tempo", "time_signature", "key_signature", "marker"}
    assert kinds <= {message.type for message in file.tracks[0]}
    assert not any(message.type in kinds for track in file.tracks[1:] for message in track)
    assert all(message.is_meta for message in file.tracks[0])
    assert any(tick == 0 and message.type == "set_tempo" for tick, message in _absolute(file.tracks[0]))
    assert [message.text for message in file.tracks[0] if message.type == "marker"] == [marker.text for marker in score.markers]


def test_every_part_begins_with_its_name_program_volume_and_seat(written: tuple[Score, mido.MidiFile, list[Path]]) -> None:
    score, file, _ = written
    for track, part in zip(file.tracks[1:], score.tracks, strict=True):
        assert track[0].type == "track_name"
        assert track[0].name == part.name
        start = [message for tick, message in _absolute(track) if tick == 0]
        assert [m.control for m in start if m.type == "control_change"][:2] == [7, 10]
        assert sum(m.type == "program_change" for m in start) == 1


def test_channels_never_collide_and_drums_sit_on_ten(written: tuple[Score, mido.MidiFile, list[Path]]) -> None:
    score, file, _ = written
    places = []
    for track, part in zip(file.tracks[1:], score.tracks, strict=True):
        channels = {m.channel for m in track if not m.is_meta}
        port = next(m.port for m in track if m.type == "midi_port")
        assert len(channels) == 1
        assert (channels == {9}) == (part.instrument == "percussion_kit")
        places.append((port, channels.pop()))
    assert len(set(places)) == len(ORCHESTRA)
    assert {port for port, _ in places} == {0, 1}


def test_notes_of_one_pitch_never_overlap(tmp_path: Path) -> None:
    notes = (Note(0, 4, 60, 80), Note(1, 1, 60, 90), Note(1, 2, 60, 70), Note(1.5, 0.0001, 64, 70), Note(0, 4, 67, 80))
    score = replace(build_score(("piano",)), tracks=(Track("p", "Piano", "piano", notes),))
    assert [(n.pitch, n.start_ticks, n.end_ticks, n.velocity) for n in tick_notes(score.tracks[0])] == [
        (60, 0, 960, 80), (67, 0, 3840, 80), (60, 960, 2880, 90), (64, 1440, 1441, 70),
    ]  # fmt: skip
    write_midi(score, tmp_path / "a.mid")
    sounding: set[int] = set()
    for message in mido.MidiFile(tmp_path / "a.mid").tracks[1]:
        if message.type == "note_on":
            assert message.note not in sounding
            sounding.add(message.note)
        elif message.type == "note_off":
            sounding.remove(message.note)
    assert not sounding


def test_every_stem_carries_the_whole_conductor_and_one_part(written: tuple[Score, mido.MidiFile, list[Path]]) -> None:
    score, file, stems = written
    for index, (path, track) in enumerate(zip(stems, file.tracks[1:], strict=True)):
        stem = mido.MidiFile(path)
        assert stem.tracks[0] == file.tracks[0]
        assert stem.tracks[1:] == [track]
        assert path.name == stem_name(score, index, ".mid")


def test_stem_names_say_number_part_and_tempo() -> None:
    score = build_score(("violins_1", "trumpets"), tempi=(95.6,))
    assert stem_name(score, 0, ".wav") == "01_Violins_I_96bpm.wav"
    odd = replace(score, tracks=(replace(score.tracks[0], name="Flûte à bec / ♯2"),))
    assert stem_name(odd, 0, ".mid") == "01_Flute_a_bec_2_96bpm.mid"


def test_seconds_of_the_file_are_the_plans_within_a_millisecond(tmp_path: Path) -> None:
    tempi = [60 + 67.31 * ((i * 0.618) % 1) for i in range(500)]
    score = build_score(("piano",), 1200.0, tempi)
    write_midi(score, tmp_path / "long.mid")
    planned = score.tempo.beat_to_s([note.start_beat for note in score.tracks[0].notes])
    theirs = [note.start for note in pretty_midi.PrettyMIDI(str(tmp_path / "long.mid")).instruments[0].notes]
    assert np.abs(np.sort(theirs) - planned).max() < 1e-3
    now, starts = 0.0, []
    for message in mido.MidiFile(tmp_path / "long.mid"):
        now += message.time
        if message.type == "note_on":
            starts.append(now)
    assert np.abs(np.array(starts) - planned).max() < 1e-3


def test_same_score_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_midi(build_score(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_foreign_file_keeps_its_instruments_and_its_time(tmp_path: Path) -> None:
    file = mido.MidiFile(type=0, ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    track += [
        mido.MetaMessage("time_signature", numerator=3, denominator=4),
        mido.MetaMessage("set_tempo", tempo=500_000),
        mido.Message("program_change", channel=3, program=42),
        mido.Message("note_on", channel=3, note=48, velocity=90),
        mido.Message("note_on", channel=9, note=38, velocity=90),
        mido.MetaMessage("set_tempo", tempo=700_000, time=480),  # inside the bar
        mido.Message("note_on", channel=3, note=48, velocity=0, time=960),
        mido.Message("note_on", channel=3, note=50, velocity=77),
        mido.Message("note_off", channel=9, note=38, time=480),
    ]  # the last note is never let go
    file.save(tmp_path / "foreign.mid")
    score = read_midi(tmp_path / "foreign.mid")
    assert [track.instrument for track in score.tracks] == ["cello", "drums"]
    assert score.tracks[0].notes == (Note(0.0, 3.0, 48, 90), Note(3.0, 1.0, 50, 77))
    assert score.tempo.bars[0].beats == 3
    assert score.tempo.beat_to_s(3.0) == pytest.approx(0.5 + 2 * 0.7, abs=1e-5)
    assert score.end_s > score.tempo.beat_to_s(4.0)


@pytest.mark.parametrize("content", [b"", b"MThd", b"just text", b"MThd\0\0\0\x06\0\1\0\1\x03\xc0MTrk\0\0\1\0\0"])
def test_what_is_no_midi_file_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.mid").write_bytes(content)
    with pytest.raises(PlanError, match=r"bad\.mid"):
        read_midi(tmp_path / "bad.mid")
    with pytest.raises(PlanError, match="cannot be read"):
        read_midi(tmp_path / "none.mid")
