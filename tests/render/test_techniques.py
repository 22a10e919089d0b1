"""Parts that change how they play: other presets, in balance, from the right note on, in sound and in MIDI."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from composer.instruments import INSTRUMENTS, Technique
from composer.options import silent
from composer.render.events import technique_programs
from composer.render.levels import voice_volumes
from composer.render.midi import read_midi, write_midi
from composer.render.midi_reading import own_event
from composer.render.soundfont import open_soundfont, sounding
from composer.render.stems import render_stems
from composer.render.synth import cues_for, voices_of
from composer.render.tasks import stem_tasks
from composer.render.wav import SAMPLE_RATE
from composer.score import Note, Score, TechniqueChange, Track
from tests.render.conftest import build_score, read_wav


def cellos(*changes: tuple[float, Technique]) -> Score:
    """Four notes of two seconds at 60 beats a minute."""
    notes = tuple(Note(1.0 + 3 * k, 2.0, 50, 80) for k in range(4))
    track = Track("cellos", "Cellos", "cellos", notes, techniques=tuple(TechniqueChange(*change) for change in changes))
    return replace(build_score(("cellos",), 14.0, (60.0,)), tracks=(track,))


def test_notes_belong_to_the_voice_that_their_beat_asks_for() -> None:
    score = cellos((4.0, "pizzicato"), (10.0, "ordinary"))
    assert voices_of(score.tracks[0]) == ("ordinary", "pizzicato")
    assert [cue.voice for cue in cues_for(score, score.tracks[0], 10**6) if cue.is_note] == [0, 1, 1, 0]


def test_a_note_that_human_timing_brings_early_is_played_in_its_own_way() -> None:
    score = cellos((4.0, "pizzicato"))
    early = tuple(replace(note, start_beat=note.start_beat - 0.02) for note in score.tracks[0].notes)
    track = replace(score.tracks[0], notes=early)
    assert [cue.voice for cue in cues_for(score, track, 10**6) if cue.is_note] == [0, 1, 1, 1]


def test_pizzicato_dies_away_and_bowing_does_not_and_both_are_about_as_loud(bank: Path, tmp_path: Path) -> None:
    score = cellos((4.0, "pizzicato"), (10.0, "ordinary"))
    (job,) = stem_tasks(score, tmp_path, open_soundfont(bank))
    assert job.presets == ((0, 48), (0, 45))
    render_stems([job], tmp_path, silent)
    sound = np.abs(read_wav(job.path)).max(axis=1)

    def level(start_s: float, end_s: float) -> float:
        return float(sound[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)].max())

    for start_s, share in ((1.0, (0.3, 1.5)), (4.0, (0.0, 0.25)), (7.0, (0.0, 0.25)), (10.0, (0.3, 1.5))):
        assert share[0] <= level(start_s + 1.5, start_s + 1.9) / level(start_s, start_s + 0.6) <= share[1]
    assert 0.3 < level(4.0, 4.6) / level(1.0, 2.5) < 3.5


def test_a_bank_without_the_preset_plays_in_the_ordinary_way(bank: Path, tmp_path: Path) -> None:
    font = open_soundfont(bank)
    poorer = replace(font, presets=font.presets - {(0, 45)})
    (job,) = stem_tasks(cellos((4.0, "pizzicato")), tmp_path, poorer)
    assert job.presets == ((0, 48), (0, 48))


def test_every_technique_of_every_instrument_has_a_row_that_sounds_it() -> None:
    for instrument in INSTRUMENTS.values():
        for technique in instrument.techniques:
            assert sounding(instrument, technique).program == instrument.program_for(technique) != instrument.program
        assert sounding(instrument, "ordinary") is instrument


@given(st.lists(st.floats(0.02, 20.0), min_size=1, max_size=4))
def test_volumes_give_the_voices_their_levels(gains: list[float]) -> None:
    gains = [gain for gain in gains if 0.05 < gain / gains[0] < 20]
    whole, volumes = voice_volumes(gains)
    for gain, volume in zip(gains, volumes, strict=True):
        assert 1 <= volume <= 127
        assert 20 * np.log10(whole * (volume / 100) ** 2 / gain) == pytest.approx(0, abs=0.5)


def test_midi_changes_program_a_breath_before_the_beat_and_reads_back(tmp_path: Path) -> None:
    score = replace(cellos((0.0, "tremolo"), (4.0, "pizzicato"), (10.0, "ordinary")), start_tc="01:00:00:00")
    write_midi(score, tmp_path / "a.mid")
    now, found = 0, []
    for message in mido.MidiFile(tmp_path / "a.mid").tracks[1]:
        now += message.time
        if message.type == "program_change":
            found.append((now, message.program))
    assert found == [(0, 48), (0, 44), (4 * 960 - 24, 45), (10 * 960 - 24, 48)]  # 25 ms at 60 beats a minute
    back = read_midi(tmp_path / "a.mid")
    assert back.tracks == score.tracks
    assert (back.start_tc, back.start_of_day_s) == ("01:00:00:00", 3600.0)


# --- when a program changes -------------------------------------------------------------------------------------------

WAYS: tuple[Technique, ...] = ("ordinary", "pizzicato", "tremolo")


def techniques_of(score: Score) -> list[Technique]:
    """How each note of the only part is played, in order of onset."""
    (track,) = score.tracks
    return [voices_of(track)[cue.voice] for cue in cues_for(score, track, 10**9) if cue.is_note]


@st.composite
def moved_by_hand(draw: st.DrawFn) -> tuple[Score, list[Technique]]:
    """Notes on a grid at some tempo, each as far from it as composer.render.performing.timing may move it, and how each is meant."""
    qpm, step = draw(st.floats(40, 300)), draw(st.sampled_from([0.125, 0.25, 0.5, 1.0]))
    room_s = min(0.022, 0.3 * step * 60 / qpm)
    most = room_s * qpm / 60
    moves = draw(st.lists(st.floats(-most, most), min_size=2, max_size=24))
    starts = [round(max(0.0, k * step + move), 6) for k, move in enumerate(moves)]
    notes = tuple(Note(start, step * 0.5, 60, 80) for start in starts)
    meant: list[Technique] = ["ordinary"] * len(notes)
    changes = []
    for k in sorted(draw(st.sets(st.integers(0, len(notes) - 1), max_size=4))):
        changes.append(TechniqueChange(k * step, draw(st.sampled_from(WAYS))))
        meant[k:] = [changes[-1].technique] * (len(notes) - k)
    score = build_score(("cellos",), 40.0, (qpm,))
    return replace(score, tracks=(Track("cellos", "Cellos", "cellos", notes, techniques=tuple(changes)),)), meant


@given(moved_by_hand())
def test_every_note_is_played_as_its_beat_asks_for_however_fast_and_human(given_score: tuple[Score, list[Technique]]) -> None:
    score, meant = given_score
    assert techniques_of(score) == meant


@given(moved_by_hand(), st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_techniques_survive_the_file_with_our_events_and_without(
    tmp_path: Path, given_score: tuple[Score, list[Technique]], ours: bool
) -> None:
    score, meant = given_score
    write_midi(score, tmp_path / "a.mid")
    if not ours:
        file = mido.MidiFile(tmp_path / "a.mid")
        for track in file.tracks:
            strip(track)
        file.save(tmp_path / "a.mid")
    back = read_midi(tmp_path / "a.mid")
    assert techniques_of(back) == meant
    if ours:
        assert back.tracks[0].techniques == score.tracks[0].techniques
    assert (back.tracks[0].instrument, back.tracks[0].name) == ("cellos", "Cellos")


def strip(track: mido.MidiTrack) -> None:
    """Take our own events out of a track, as some programs do; what is left stays where it is."""
    waiting, kept = 0, []
    for message in track:
        if message.type == "sequencer_specific":
            waiting += message.time
        else:
            kept.append(message.copy(time=message.time + waiting))
            waiting = 0
    track[:] = kept


def test_the_change_comes_early_by_time() -> None:
    score = cellos((4.0, "pizzicato"))
    assert technique_programs(score.tracks[0], score.tempo) == [(4 * 960 - 24, "pizzicato", 45)]


def test_what_a_daw_moves_by_bars_moves_with_its_beat(tmp_path: Path) -> None:
    write_midi(cellos((0.0, "tremolo"), (4.0, "pizzicato")), tmp_path / "a.mid")
    file = mido.MidiFile(tmp_path / "a.mid")
    place = next(
        i for i, message in enumerate(file.tracks[1]) if message.type == "sequencer_specific" and b"technique" in bytes(message.data)
    )
    file.tracks[1][place].time += 8 * 960
    file.save(tmp_path / "a.mid")
    assert [change.beat for change in read_midi(tmp_path / "a.mid").tracks[0].techniques] == [8.0, 12.0]


def foreign(tmp_path: Path, *programs: int | None, channel: int = 2, name: str = "") -> Track:
    """What is read of a file of another program: a note of one beat after each change of program (None: none), in the cellos' range."""
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    for program in programs:
        if program is not None:
            track.append(mido.Message("program_change", channel=channel, program=program))
        track.append(mido.Message("note_on", channel=channel, note=45, velocity=80))
        track.append(mido.Message("note_off", channel=channel, note=45, time=480))
    file.tracks.append(track)
    file.save(tmp_path / "foreign.mid")
    (read,) = read_midi(tmp_path / "foreign.mid").tracks
    return read


@pytest.mark.parametrize(
    ("programs", "instrument", "changes"),
    [
        ((48, 45, None, 48), "cellos", [(1.0, "pizzicato"), (3.0, "ordinary")]),
        ((48, 45, 44, 48), "cellos", [(1.0, "pizzicato"), (2.0, "tremolo"), (3.0, "ordinary")]),
        ((45, 48, 45), "cellos", [(0.0, "pizzicato"), (1.0, "ordinary"), (2.0, "pizzicato")]),
        ((45, 44, 48), "cellos", [(0.0, "pizzicato"), (1.0, "tremolo"), (2.0, "ordinary")]),
        ((45, None), "pizzicato_strings", []),
        ((59, 56), "trumpets", [(0.0, "mute"), (1.0, "ordinary")]),
        ((56, 59, 56), "trumpets", [(1.0, "mute"), (2.0, "ordinary")]),
        ((48, 45, 60, 45), "cellos", [(1.0, "pizzicato"), (2.0, "ordinary"), (3.0, "pizzicato")]),  # horns end it
        ((0, 45, 0), "piano", []),  # no piano plays pizzicato
        ((42, 44, 42), "cello", []),  # the solo cello has no tremolo
        ((45, 0), "pizzicato_strings", []),
        ((48, 48, 45, 45), "cellos", [(2.0, "pizzicato")]),
    ],
)
def test_programs_of_other_files_are_techniques(
    tmp_path: Path, programs: tuple[int | None, ...], instrument: str, changes: list[tuple[float, Technique]]
) -> None:
    read = foreign(tmp_path, *programs)
    assert read.instrument == instrument
    assert [(change.beat, change.technique) for change in read.techniques] == changes


def test_kits_of_drums_are_no_techniques(tmp_path: Path) -> None:
    read = foreign(tmp_path, 48, 45, 48, channel=9)
    assert (read.instrument, read.techniques) == ("percussion_kit", ())


def test_files_of_older_versions_keep_their_changes(tmp_path: Path) -> None:
    """Their events told no beat, and came a sixteenth of a beat early."""
    write_midi(cellos((0.0, "tremolo"), (4.0, "pizzicato")), tmp_path / "a.mid")
    file = mido.MidiFile(tmp_path / "a.mid")
    for place, message in enumerate(file.tracks[1]):
        if message.type == "sequencer_specific" and b"technique" in bytes(message.data):
            technique = "pizzicato" if b"pizz" in bytes(message.data) else "tremolo"
            late = -36 if technique == "pizzicato" else 0
            file.tracks[1][place] = own_event({"technique": technique}).copy(time=message.time + late)
            file.tracks[1][place + 1].time = -late if late and file.tracks[1][place + 1].type != "program_change" else 0
    file.save(tmp_path / "a.mid")
    assert [change.beat for change in read_midi(tmp_path / "a.mid").tracks[0].techniques] == [0.0, 4.0]
