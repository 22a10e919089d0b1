"""The judge of words over music: distances, turns of the gain, and films made for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from composer.evaluation import render_report as report, render_speech as judge
from composer.evaluation.render_films import LENGTH_S, RATE, SPOKEN, Spoken, spoken_film
from composer.probe import probe
from composer.render.loudness import STEPS_PER_S
from composer.render.wav import WavWriter, to_ints

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A minute of noise at −20 dBFS."""
    sound = 0.1 * np.random.default_rng(1).standard_normal((LENGTH_S * RATE, 2))
    with WavWriter(tmp_path / "music.wav", len(sound)) as writer:
        writer.write(to_ints(sound.astype(np.float32)))
    return tmp_path / "music.wav"


def test_turns_of_the_gain() -> None:
    def turns(*points: float) -> list[float]:
        curve = np.interp(np.arange(0, len(points) - 1, 0.01), np.arange(len(points)), points)
        return [round(turn, 1) for turn in judge._turns(curve)]

    assert turns(0, -20, -20) == []
    assert turns(0, -20, -10) == [20.0]
    assert turns(-20, -20.5, -20, -20.5) == []
    assert turns(0, -20, -15, -20, 0) == [20.0, 5.0, 5.0]


@needs_espeak
def test_made_films_sound_as_told() -> None:
    for one in (SPOKEN[0], next(s for s in SPOKEN if s.softer_db), next(s for s in SPOKEN if s.channels == 6)):
        words, sound = one.clean(), one.sound()
        assert sound.shape == (LENGTH_S * RATE, one.channels)
        truth = one.truth(round(LENGTH_S * STEPS_PER_S))
        assert 0.2 < truth.mean() < 0.6
        said = np.repeat(truth, round(RATE / STEPS_PER_S))
        assert np.square(words[said]).mean() > 1000 * np.square(words[~said]).mean()
        assert not words[28 * RATE : 38 * RATE].any()
    spoken = Spoken("", level_dbfs=-30)
    assert np.sqrt(np.square(spoken.clean()).sum() / np.square(SPOKEN[0].clean()).sum()) == pytest.approx(10 ** (-4 / 20))


@needs_espeak
def test_every_format_is_a_film(tmp_path: Path) -> None:
    for number, one in enumerate({(s.channels, s.rate): s for s in SPOKEN}.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        film = probe(spoken_film(one, folder))
        assert film.sound is not None and film.sound.channels == one.channels


@needs_espeak
def test_words_are_measured_above_the_music(music: Path, tmp_path: Path) -> None:
    (tmp_path / "duck").mkdir()
    row = judge.measure(SPOKEN[0], music, "noise", tmp_path / "duck")
    assert row.utterances > 8 and row.reached == row.utterances and row.least_lu >= 10
    assert row.deepest_db < -8 and row.reversals < 3 and row.rise_db_s < 20
    assert row.far_db is not None and abs(row.far_db) < 0.1
    assert row.residual_dbfs < -130 and row.changed == 0
    (tmp_path / "keep").mkdir()
    kept = judge.measure_passing(SPOKEN[0], music, tmp_path / "keep", "keep")
    assert kept.residual_dbfs < -130
    told = report.tables({
        "seed": 0, "quick": False, "banks": [], "folders": {}, "speech": {"films": [vars(row)], "passing": [vars(kept)], "clips": []},
    })  # fmt: skip
    assert any(row.condition in line for line in told)


@needs_espeak
def test_a_film_that_does_not_duck_fails(music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "duck_curve", lambda *_: judge._unducked)
    row = judge.measure(SPOKEN[0], music, "noise", tmp_path)
    assert row.reached == 0 and row.median_lu < 0 and row.deepest_db == 0
    assert row.residual_dbfs > -60  # what was delivered is ducked: another curve than the one that is told is noticed
