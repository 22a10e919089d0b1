"""Parts that change how they play: other presets, in balance, from the right note on, in sound and in MIDI."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given, strategies as st

from composer.instruments import INSTRUMENTS, Technique
from composer.options import silent
from composer.render.levels import voice_volumes
from composer.render.midi import read_midi, write_midi
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
    assert found == [(0, 48), (0, 44), (4 * 960 - 60, 45), (10 * 960 - 60, 48)]
    back = read_midi(tmp_path / "a.mid")
    assert back.tracks == score.tracks
    assert (back.start_tc, back.start_of_day_s) == ("01:00:00:00", 3600.0)
