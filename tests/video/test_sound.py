"""Loudness of the film's own sound, lined up with the picture."""

import numpy as np
import pytest

from composer.options import Options
from composer.video import watch
from composer.video.sound import SILENCE_LUFS, loudness_per_second
from tests import films


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    return films.film(tmp_path_factory.mktemp("sound") / "p.mp4", ("chart", 6.0))


def loudness(path):
    return np.array(watch(path, Options()).loudness_lufs)


def test_steps_of_loudness(picture, tmp_path):
    """BS.1770: a 997 Hz sine at -20 dBFS in one channel is -23.0 LUFS."""
    tone = "sine=f=997:r=48000:d=6,volume='if(lt(t,3),0.8,0.08)':eval=frame"  # lavfi's sine peaks at 1/8
    levels = loudness(films.with_sound(tmp_path / "s.mkv", picture, tone, "-c:a", "flac"))
    assert levels.shape == (6,)
    assert levels[:2] == pytest.approx(-23.0, abs=0.3)
    assert levels[4:] == pytest.approx(-43.0, abs=0.4)
    assert -43 < levels[3] < levels[2] < -22


def test_silence_and_no_sound(picture, tmp_path):
    quiet = films.with_sound(tmp_path / "q.mkv", picture, "anullsrc=r=44100:cl=stereo:d=6", "-c:a", "flac")
    assert loudness(quiet) == pytest.approx([SILENCE_LUFS] * 6)
    silent = watch(picture, Options())
    assert (silent.audio_stream, silent.loudness_lufs) == (None, ())


def test_sound_that_ends_early(picture, tmp_path):
    film = watch(films.with_sound(tmp_path / "s.mkv", picture, "sine=d=2:r=48000", "-c:a", "flac"), Options())
    assert film.loudness_lufs[0] > -30
    assert film.loudness_lufs[4:] == (SILENCE_LUFS, SILENCE_LUFS)
    assert any("sound ends after 2.0 s" in line for line in film.warnings)


def test_times_are_the_picture_s(picture, tmp_path):
    """The picture starts 2 s after the sound: a bang at 5 s of the file is at 3 s of the film."""
    bang = "aevalsrc='if(between(t,5,5.5),0.5*sin(4000*t),0)':d=8:s=48000"
    film = watch(films.delayed(tmp_path / "d.mkv", picture, bang, 2.0), Options())
    assert film.start_offset_s == pytest.approx(2.0, abs=0.03)
    assert int(np.argmax(film.loudness_lufs)) in (2, 3, 4)
    heard = np.array(film.loudness_lufs) > -35
    assert list(np.flatnonzero(heard)) == [2, 3, 4]  # the window of 3 s around second 3


def test_broken_sound_is_a_warning(picture, tmp_path):
    whole = films.with_sound(tmp_path / "w.ts", picture, "sine=d=6:r=48000", "-c:a", "mp2")
    data = bytearray(whole.read_bytes())
    packets = range(0, len(data), 188)
    sound = [at for at in packets if (data[at + 1] & 0x1F) << 8 | data[at + 2] == 0x101]
    for at in sound[10:]:
        data[at + 12 : at + 188] = bytes(176)
    broken = tmp_path / "broken.ts"
    broken.write_bytes(data)
    film = watch(broken, Options())
    assert film.duration_s == pytest.approx(6.0, abs=0.1)
    assert any("sound" in line for line in film.warnings)


def test_real_broken_sound():
    film = watch(films.clip("odd/failing_audio_11s.mp4"), Options())
    assert len(film.loudness_lufs) == 12
    assert film.loudness_lufs[-1] == SILENCE_LUFS


def test_windows():
    ends = np.arange(1, 101) / 10
    levels = loudness_per_second(ends, np.full(100, -20.0), 10.0)
    assert levels == pytest.approx([-20.0] * 10, abs=0.2)
    assert len(loudness_per_second(ends, np.full(100, -20.0), 9.04)) == 10
    assert loudness_per_second(ends, np.full(100, np.nan), 10.0) == pytest.approx([SILENCE_LUFS] * 10)
