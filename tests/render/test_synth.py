"""Notes sound when they are written, at the length asked, the same every time."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from composer.errors import MissingToolError, RenderError, SoundfontError
from composer.instruments import INSTRUMENTS
from composer.options import Options, silent
from composer.process import load_fluidsynth
from composer.render import render, stems, synth
from composer.render.soundfont import open_soundfont
from composer.render.stems import StemTask, render_stem, render_stems
from composer.render.tasks import stem_tasks
from composer.render.wav import SAMPLE_RATE
from composer.score import Control, Note, Score, Track
from tests.render.conftest import build_score, read_wav


def dry(score: Score, bank: Path) -> NDArray[np.float32]:
    track = score.tracks[0]
    length = round(score.end_s * SAMPLE_RATE)
    instrument = INSTRUMENTS[track.instrument]
    preset = open_soundfont(bank).preset_for(instrument)
    with synth.Player(bank, preset, instrument) as player:
        return np.concatenate(list(synth.play(player, synth.cues_for(score, track, length), length)))


def onset_errors_s(score: Score, bank: Path) -> NDArray[np.float64]:
    """Heard minus written, for a part of short notes with rests between."""
    level = np.abs(dry(score, bank)).max(axis=1)
    errors = []
    for time_s in score.tempo.beat_to_s([note.start_beat for note in score.tracks[0].notes]):
        around = round((time_s - 0.01) * SAMPLE_RATE)
        window = level[max(0, around) : around + round(0.04 * SAMPLE_RATE)]
        first = int(np.argmax(window > 0.002 * window.max())) + max(0, around)
        errors.append(first / SAMPLE_RATE - time_s)
    return np.array(errors)


def clicks(seconds: float, tempi: list[float]) -> Score:
    """Harpsichord notes of an eighth on odd places, each followed by a rest."""
    base = build_score(("harpsichord",), seconds, tempi)
    beats = np.arange(0, base.tempo.s_to_beat(seconds - 1), 1 + 1 / 7)
    notes = tuple(Note(round(beat * 960) / 960, 0.25, 72, 110) for beat in beats)
    return replace(base, tracks=(Track("h", "H", "harpsichord", notes),))


def test_onsets_are_within_a_millisecond(bank: Path) -> None:
    errors = onset_errors_s(clicks(40.0, [61.3, 97.7, 143.9, 83.1]), bank)
    assert len(errors) > 40
    assert np.abs(errors).max() < 0.001
    assert abs(errors.mean()) < 0.0002  # no constant delay is left


@pytest.mark.slow
def test_onsets_stay_within_a_millisecond_over_20_minutes_and_500_tempi(bank: Path) -> None:
    score = clicks(1200.0, [70 + 80 * ((i * 0.618) % 1) for i in range(500)])
    errors = onset_errors_s(score, bank)
    assert len({bar.us_per_beat for bar in score.tempo.bars}) == 500
    assert np.abs(errors).max() < 0.001
    assert abs(errors[-100:].mean() - errors[:100].mean()) < 0.0002  # nothing drifts


def test_what_is_played_does_not_depend_on_how_it_is_cut(bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score = build_score(("violins_1",), 4.0)
    whole = dry(score, bank)
    monkeypatch.setattr(synth, "CHUNK_FRAMES", 64 * 50)
    assert np.array_equal(whole, dry(score, bank))


def test_volume_expression_pan_and_pedal_are_heard(bank: Path) -> None:
    note = (Note(0.0, 1.0, 60, 100),)

    def sound(*controls: Control) -> NDArray[np.float32]:
        return dry(replace(build_score(("piano",), 4.0), tracks=(Track("p", "P", "piano", note, controls),)), bank)

    plain = np.abs(sound()).mean()
    assert np.abs(sound(Control(0.0, 7, 50))).mean() < 0.5 * plain
    assert np.abs(sound(Control(0.0, 11, 60))).mean() < 0.5 * plain
    left, right = np.abs(sound(Control(0.0, 10, 10))).mean(axis=0)
    assert left > 3 * right
    held, let_go = sound(Control(0.0, 64, 127)), sound()
    assert np.abs(held[-SAMPLE_RATE:]).mean() > 5 * np.abs(let_go[-SAMPLE_RATE:]).mean()


def test_a_note_struck_again_sounds_again(bank: Path) -> None:
    """Off and on of one pitch at one moment: the off must not silence the new note."""
    score = replace(build_score(("organ",), 3.0), tracks=(Track("o", "O", "organ", (Note(0, 1, 60, 90), Note(1, 3, 60, 90))),))
    sound = np.abs(dry(score, bank)).max(axis=1)
    assert sound[2 * SAMPLE_RATE :].max() > 0.3 * sound.max()


def tasks(score: Score, folder: Path, bank: Path) -> list[StemTask]:
    return stem_tasks(score, folder, open_soundfont(bank))


def test_stems_end_exactly_with_the_film_and_without_a_click(bank: Path, tmp_path: Path) -> None:
    score = replace(build_score(("organ", "choir"), 3.0), end_s=2.7183)
    jobs = tasks(score, tmp_path, bank)
    peaks = render_stems(jobs, tmp_path, silent)
    for job, peak in zip(jobs, peaks, strict=True):
        sound = read_wav(job.path)
        assert sound.shape == (round(2.7183 * SAMPLE_RATE), 2)
        assert peak == pytest.approx(np.abs(sound).max(), abs=1e-6)
        before = np.abs(sound[-4800:-2400]).max()
        assert before > 0.001  # it was sounding
        assert np.abs(sound[-1]).max() < 1e-6
        assert np.abs(np.diff(sound[-1440:], axis=0)).max() < 0.2 * before


def test_a_part_that_makes_no_sound_is_told_and_the_others_are_heard(bank: Path, tmp_path: Path) -> None:
    base = build_score(("piano", "cellos"), 2.0)
    mute = replace(base.tracks[1], controls=(Control(0.0, 7, 0),))
    rendering = render(replace(base, tracks=(base.tracks[0], mute)), tmp_path, Options(soundfont=bank))
    assert [warning for warning in rendering.warnings if "not heard" in warning and "Cellos" in warning]
    assert np.abs(read_wav(tmp_path / rendering.stems[1].path)).max() < 1e-5


def test_a_part_without_notes_is_a_silent_stem(bank: Path, tmp_path: Path) -> None:
    base = build_score(("piano", "cellos"), 2.0)
    jobs = tasks(replace(base, tracks=(base.tracks[0], replace(base.tracks[1], notes=()))), tmp_path, bank)
    assert render_stems(jobs, tmp_path, silent)[1] == 0
    assert not read_wav(jobs[1].path).any()


def _children() -> set[int]:
    listed = subprocess.run(["ps", "ww", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=True).stdout
    return {int(line.split()[0]) for line in listed.splitlines() if "composer.render.stems" in line}


def test_interrupting_ends_all_workers_at_once(bank: Path, tmp_path: Path) -> None:
    seen: set[int] = set()

    def interrupt(_stage: str, _done: float) -> None:
        seen.update(_children())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_stems(tasks(build_score(("piano", "cellos", "organ"), 30.0), tmp_path, bank), tmp_path, interrupt)
    assert seen
    assert not _children()


def test_a_worker_that_dies_is_one_clear_error(bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stems, "_BOOT", "import os; os.abort() # {path}")
    with pytest.raises(RenderError, match="died"):
        render_stems(tasks(build_score(), tmp_path, bank), tmp_path, silent)
    assert not _children()


def test_what_goes_wrong_in_a_worker_arrives_as_it_was(bank: Path, tmp_path: Path) -> None:
    jobs = tasks(build_score(("piano",), 1.0), tmp_path, bank)
    gone = replace(jobs[0], bank=tmp_path / "gone.sf2")
    with pytest.raises(SoundfontError, match=r"gone\.sf2"):
        render_stems([gone], tmp_path, silent)


def test_in_a_process_of_its_own_or_here_a_stem_is_the_same(bank: Path, tmp_path: Path) -> None:
    (job,) = tasks(build_score(("horns",), 3.0), tmp_path, bank)
    render_stems([job], tmp_path, silent)
    first = job.path.read_bytes()
    list(render_stem(job))
    assert job.path.read_bytes() == first


def test_without_the_library_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: object) -> object:
        if name == "fluidsynth":
            raise ImportError("Couldn't find the FluidSynth library.")
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.delitem(sys.modules, "fluidsynth", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingToolError, match="apt-get install"):
        load_fluidsynth()
