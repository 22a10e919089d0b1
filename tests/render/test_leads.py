"""Sounds are heard when they are written: every note begins as early as its attack is slow."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from composer.instruments import INSTRUMENTS
from composer.onset_strength import onsets_of
from composer.render import leads
from composer.render.leads import LONGEST_S, NO_LEADS, Leads, part_leads
from composer.render.soundfont import open_soundfont
from composer.render.synth import Player, cues_for, play
from composer.render.wav import SAMPLE_RATE
from composer.score import Control, Note, Score, Track
from tests.render.conftest import build_score

TABLE = Path(leads.__file__).with_name("leads.json")


def lone(instrument: str, notes: tuple[Note, ...], seconds: float = 12.0, controls: tuple[Control, ...] = ()) -> Score:
    """A score of one part at 60 beats a minute: beats are seconds."""
    return replace(build_score((instrument,), seconds, (60.0,)), tracks=(Track("part", "Part", instrument, notes, controls),))


def heard_late_s(bank: Path, instrument: str, *, with_leads: bool, velocity: int = 80) -> list[float]:
    """Heard minus written time of notes all over an instrument's range."""
    row = INSTRUMENTS[instrument]
    font = open_soundfont(bank)
    preset = font.preset_for(row)
    low, high = row.comfortable
    notes = tuple(Note(1.0 + 2 * k, 0.8, low + k * (high - low) // 5, velocity) for k in range(6))
    score = lone(instrument, notes, 14.0)
    length = 14 * SAMPLE_RATE
    given = [part_leads(font, row, preset).seconds] if with_leads else None
    with Player(bank, preset, row) as player:
        sound = np.concatenate(list(play(player, cues_for(score, score.tracks[0], length, given), length)))
    found = onsets_of(sound * np.float32(0.3 / np.abs(sound).max()))
    late = []
    for note in notes:
        near = np.abs(found.times_s - note.start_beat) < 0.3
        late.append(float(found.times_s[near][found.strengths[near].argmax()]) - note.start_beat)
    return late


@pytest.mark.parametrize("instrument", ["violins_1", "cello", "horns", "flute"])
def test_slow_sounds_are_heard_on_time(bank: Path, instrument: str) -> None:
    late, compensated = (np.array(heard_late_s(bank, instrument, with_leads=way)) for way in (False, True))
    assert late.mean() > 0.015
    assert abs(compensated.mean()) < 0.006 and np.abs(compensated).max() < 0.02
    assert np.abs(compensated).mean() < 0.4 * late.mean()


def test_sharp_sounds_hardly_move(bank: Path) -> None:
    assert max(heard_late_s(bank, "piano", with_leads=False)) < 0.015
    assert np.abs(heard_late_s(bank, "piano", with_leads=True)).max() < 0.004


@pytest.mark.parametrize("program", [0, 42, 48, 60])
def test_the_stored_leads_are_the_measured_ones(bank: Path, program: int) -> None:
    font = open_soundfont(bank)
    row = json.loads(TABLE.read_text())[font.sha256][f"0:{program}"]
    few = row["pitches"][::12]
    again = leads.measure_leads(bank, (0, program), few, row["velocities"])
    stored = [row["ms"][row["pitches"].index(pitch)] for pitch in few]
    assert np.array(again.leads_ms) == pytest.approx(np.array(stored), abs=1.0)


def test_every_preset_is_stored_for_every_known_bank(bank: Path) -> None:
    table = json.loads(TABLE.read_text())
    assert len(table) == 4
    wanted = {f"0:{row.program}" for row in INSTRUMENTS.values() if not row.is_drum}
    for rows in table.values():
        assert rows.keys() == wanted, "run: python -m composer.render.leads BANKS"
        for row in rows.values():
            ms = np.array(row["ms"])
            assert ms.shape == (len(row["pitches"]), len(row["velocities"]))
            assert ms.min() >= 0 and ms.max() <= 1000 * LONGEST_S


def test_an_unknown_bank_is_measured_to_nearly_the_same(bank: Path, tmp_path: Path) -> None:
    other = tmp_path / "own.sf2"
    data = bytearray(bank.read_bytes())
    data[data.index(b"INAM") + 8] ^= 1
    other.write_bytes(data)
    known, unknown, horns = open_soundfont(bank), open_soundfont(other), INSTRUMENTS["horns"]
    pitches, velocities = range(*horns.range), [90] * len(range(*horns.range))
    stored, measured = (part_leads(font, horns, (0, 60)).seconds(pitches, velocities) for font in (known, unknown))
    assert np.abs(stored - measured).mean() < 0.006


def test_leads_lie_between_what_was_measured() -> None:
    table = Leads((60, 64), (40, 120), ((40.0, 20.0), (80.0, 60.0)))
    found = table.seconds([60, 64, 62, 62, 20, 100], [40, 120, 40, 80, 40, 127])
    assert found == pytest.approx([0.04, 0.06, 0.06, 0.05, 0.04, 0.06])
    assert NO_LEADS.seconds([1, 127], [1, 127]) == pytest.approx([0, 0])


def test_drums_have_none(bank: Path) -> None:
    assert part_leads(open_soundfont(bank), INSTRUMENTS["drums"], (128, 0)) is NO_LEADS


def always(lead_s: float):
    return [lambda pitches, _velocities: np.full(len(pitches), lead_s)]


def test_a_note_begins_early_and_ends_as_written() -> None:
    score = lone("flute", (Note(1.0, 0.5, 70, 80), Note(2.0, 0.5, 74, 80)))
    cues = [(c.at_samples / SAMPLE_RATE, c.is_note, c.number) for c in cues_for(score, score.tracks[0], 10**6, always(0.1))[2:]]
    wanted = [(0.9, True, 70), (1.5, False, 70), (1.9, True, 74), (2.5, False, 74)]
    assert [row[1:] for row in cues] == [row[1:] for row in wanted]
    assert [row[0] for row in cues] == pytest.approx([row[0] for row in wanted], abs=0.0007)


def test_nothing_begins_before_the_film() -> None:
    score = lone("flute", (Note(0.0, 1.0, 70, 80), Note(0.05, 1.0, 74, 80)))
    cues = cues_for(score, score.tracks[0], 10**6, always(0.1))
    assert min(cue.at_samples for cue in cues) == 0
    assert [cue.number for cue in cues][:2] == [7, 10]  # volume and seat come first


def test_a_note_never_overtakes_the_end_of_its_own_pitch() -> None:
    """Repeated notes, some closer than the lead: on and off of a pitch alternate, and every note keeps some sound."""
    starts = [1.0, 1.5, 1.55, 1.6, 2.5, 2.58]
    notes = tuple(Note(a, min(0.5, b - a), 70, 80) for a, b in zip(starts, [*starts[1:], 4.0], strict=True))
    score = lone("flute", notes)
    cues = [cue for cue in cues_for(score, score.tracks[0], 10**6, always(0.12)) if cue.number == 70]
    assert [cue.is_note for cue in cues] == [True, False] * len(notes)
    on, off = cues[::2], cues[1::2]
    assert all(b.at_samples - a.at_samples >= 0.03 * SAMPLE_RATE for a, b in zip(on, off, strict=True))


def test_what_expression_holds_back_begins_earlier_still() -> None:
    notes = (Note(1.0, 0.5, 70, 80), Note(3.0, 0.5, 70, 80))
    dip = (Control(0.0, 11, 100), Control(2.9, 11, 40), Control(3.0, 11, 110))
    score = lone("violin", notes, controls=dip)
    on = [cue.at_samples / SAMPLE_RATE for cue in cues_for(score, score.tracks[0], 10**6, always(0.02)) if cue.is_note]
    assert on == pytest.approx([0.98, 2.95], abs=0.0007)
