"""What a mix sounds like, in numbers and as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from composer.errors import RenderError
from composer.evaluation.render_pictures import Landmarks, draw, landmarks, tone_lines
from composer.evaluation.render_tone import look_at
from composer.options import Options
from composer.planner import plan, spot
from tests.filmmaker import random_film

RATE = 48_000
Doubles = NDArray[np.float64]


def pink(seconds: float, level: float = 0.05) -> Doubles:
    rng = np.random.default_rng(4)
    spectrum = np.fft.rfft(rng.standard_normal(round(seconds * RATE)))
    sound = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), round(seconds * RATE))
    return np.asarray(level * sound / sound.std())


@pytest.fixture
def write(tmp_path: Path):
    def wav(sound: Doubles) -> Path:
        soundfile.write(tmp_path / "a.wav", np.stack([sound, sound], axis=1), RATE, subtype="PCM_24")
        return tmp_path / "a.wav"

    return wav


def test_pink_noise_lies_on_the_line(write) -> None:
    tone = look_at(write(pink(20)))
    assert all(abs(tilt) < 1 for tilt in tone.tilts().values())
    assert tone.clicks_s == () and tone.offset_dbfs < -60
    assert np.ptp(tone.loudness(3.0)) < 2


def test_what_sticks_out_is_named(write) -> None:
    harsh = 0.1 * np.sin(2 * np.pi * 3000 * np.arange(20 * RATE) / RATE)
    tilts = look_at(write(pink(20) + harsh)).tilts()
    assert max(tilts, key=lambda band: tilts[band]) == "harsh"
    assert tilts["harsh"] > 3


def test_offset_and_clicks_are_found_and_notes_are_no_clicks(write) -> None:
    time_s = np.arange(6 * RATE) / RATE
    rng = np.random.default_rng(2)
    cymbals = sum(0.2 * rng.standard_normal(len(time_s)) * np.exp(-(time_s - at) * 12) * (time_s >= at) for at in (1.0, 2.5, 4.0))
    sound = 0.2 * np.sin(2 * np.pi * 220 * time_s) + cymbals + 0.01
    assert look_at(write(sound)).clicks_s == ()
    assert look_at(write(sound)).offset_dbfs == pytest.approx(-40, abs=1)
    sound[5 * RATE :] += 0.3  # a jump
    found = look_at(write(sound)).clicks_s
    assert len(found) >= 1 and all(abs(at - 5.0) < 0.005 for at in found)


def test_loudness_by_section(write) -> None:
    sound = pink(20)
    sound[10 * RATE :] *= 0.5
    tone = look_at(write(sound))
    told = tone_lines(tone, [("loud", 0.0, 10.0), ("soft", 10.0, 20.0)])["sections_lufs"]
    assert told["loud"] - told["soft"] == pytest.approx(6, abs=0.5)


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"nothing")
    with pytest.raises(RenderError, match="cannot be read"):
        look_at(tmp_path / "a.wav")
    soundfile.write(tmp_path / "b.wav", np.zeros((100, 2)), RATE)
    with pytest.raises(RenderError, match="shorter"):
        look_at(tmp_path / "b.wav")


def test_the_picture_is_drawn_the_same_each_time(write, tmp_path: Path) -> None:
    film = random_film(3, 20.0)
    options = Options(instruments=("piano",))
    made = plan(film, spot(film, options), options)
    marks = landmarks(made)
    assert marks.sections[0][1] == 0.0 and marks.sections[-1][2] <= film.duration_s
    assert len(marks.hard_s) + len(marks.soft_s) == len(made.hits)
    mix = write(pink(20))
    for name, given in (("one", marks), ("two", marks), ("bare", Landmarks())):
        draw(mix, "A film with ünusual $name", given, -14.0, tmp_path / f"{name}.png")
    pictures = [(tmp_path / f"{name}.png").read_bytes() for name in ("one", "two", "bare")]
    assert pictures[0] == pictures[1] != pictures[2]
