"""The one door: a video goes in, a Film comes out, or one clear message."""

import contextlib
import re
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from composer.emotions_file import write_emotions
from composer.errors import ComposerError, OptionError, VideoError
from composer.film import Film
from composer.options import Options
from composer.serial import load_json, save_json
from composer.video import watch
from examples import make_film
from tests import films


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("watch")
    return films.with_sound(
        folder / "film.mp4", films.film(folder / "p.mp4", ("chart", 2.0), ("fractal", 1.6), ("sea", 1.8)), "sine=d=5.4:r=48000"
    )


def test_the_noun_is_whole_and_survives_json(path, tmp_path):
    film = watch(path, Options())
    assert film.path == str(path)
    assert (film.width, film.height, film.frame_rate, film.frame_count) == (160, 90, Fraction(25), 135)
    assert (film.video_stream, film.audio_stream) == (0, 1)
    assert film.duration_s == pytest.approx(5.4)
    assert len(film.warnings) == 0
    assert len(film.affect.times_s) == len(film.motion) == len(film.loudness_lufs) == 6
    assert list(film.affect.times_s) == [0, 1, 2, 3, 4, 5]
    assert np.sum(film.affect.emotions, axis=1) == pytest.approx(1, abs=1e-9)
    assert np.abs([film.affect.valence, film.affect.arousal]).max() <= 1
    assert 0 <= min(film.motion) <= max(film.motion) <= 1
    save_json(film, tmp_path / "film.json")
    assert load_json(Film, tmp_path / "film.json") == film


def test_the_same_film_twice_is_the_same(path):
    found = watch(path, Options())
    assert found.affect_from != "embedded" or found.affect_note  # "auto" says why CLIP was not taken
    if found.affect_from == "embedded":
        assert replace(found, affect_note="") == watch(path, Options(emotion="embedded"))


def test_one_picture_sets_the_mood(tmp_path):
    path = films.film(tmp_path / "f.mp4", ("black", 1.0), ("fire", 1.0), ("sea", 1.0))
    affects = [watch(path, Options(emotion="embedded", frame_s=at_s)).affect for at_s in (0.5, 1.5, 2.5)]
    assert all(len(set(affect.valence)) == len(set(affect.arousal)) == 1 for affect in affects)
    assert affects[1].valence[0] > affects[0].valence[0] + 0.4
    assert affects[1] == watch(path, Options(emotion="embedded", frame_share=0.5)).affect
    with pytest.raises(OptionError, match="beyond the film's end"):
        watch(path, Options(frame_s=3.0))


def test_an_emotion_file_overrides(path, tmp_path):
    own = watch(path, Options()).affect
    mine = tmp_path / "mine.txt"
    mine.write_text("time exciting fearful tense sad relaxing neutral\n0 0 0 0 1 0 0\n3 1 0 0 0 0 0\n")
    affect = watch(path, Options(emotion=str(mine))).affect
    assert [row.index(1.0) for row in affect.emotions] == [3, 3, 3, 0, 0, 0]
    assert affect.valence[0] < 0 < affect.valence[5]
    assert affect.arousal[0] < 0 < affect.arousal[5]
    write_emotions(own, tmp_path / "own.txt")
    assert np.array(watch(path, Options(emotion=str(tmp_path / "own.txt"))).affect.emotions) == pytest.approx(
        np.array(own.emotions), abs=1e-5
    )


def test_a_wrong_emotion_file_is_told_before_the_film_is_decoded(path, tmp_path):
    (tmp_path / "bad.txt").write_text("what\n")
    for emotion in (str(tmp_path / "bad.txt"), str(tmp_path / "absent.txt"), "joyful"):
        with pytest.raises(OptionError):
            watch(path, Options(emotion=emotion), lambda stage, done: pytest.fail("decoded"))


def test_progress(path):
    seen: list[float] = []
    watch(path, Options(), lambda stage, done: seen.append(done) if stage == "watch" else None)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_many_streams(path, tmp_path):
    many = tmp_path / "many.mkv"
    films.ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=64x64:d=2",
        "-i",
        path,
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-map",
        "1:v",
        "-c:v:1",
        "copy",
        "-disposition:v",
        "0",
        many,
    )
    film = watch(many, Options())
    assert (film.video_stream, film.audio_stream, film.width) == (2, 1, 160)
    assert film.duration_s == pytest.approx(5.4, abs=0.01)
    assert len(film.shots) == 3


def test_interrupted_in_the_middle_leaves_no_ffmpeg_behind(path):
    def stop(stage: str, done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(path, Options(), stop)
    running = [entry for entry in Path("/proc").glob("[0-9]*/cmdline") if str(path).encode() in _content(entry)]
    assert not running


def _content(entry: Path) -> bytes:
    try:
        return entry.read_bytes()
    except OSError:
        return b""


#: every odd file: the length of its film, or what the message says
ODD = {
    "-video-with-dash-.mp4": "only 1×1 pixels",
    "audio_first_6s.mp4": 6.166,
    "av1_5s.mkv": 5.0,
    "corrupted_5s.mp4": 5.0,
    "delayed_start_pts_2s.mp4": "only 0.96 s long",
    "failing_audio_11s.mp4": 11.2,
    "flower_cc0_5s.mp4": 5.005,
    "h264_10bit_1s.mp4": 1.0,
    "nasa_multi_stream_13s.mp4": 13.013,
    "no_duration.webm": 4.94,
    "one_by_one_px_1fps.mp4": "only 1×1 pixels",
    "rotated90_0.1s.mov": "only 0.10 s long",
    "truncated_header60s_data18s.mp4": 19.417,
    "unordered_pts.mov": "only 0.12 s long",
    "zero_bytes.webm": "empty",
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files(name):
    expected, odd, start = ODD[name], films.clip(f"odd/{name}"), time.monotonic()
    if isinstance(expected, str):
        with pytest.raises(VideoError, match=re.escape(expected)) as caught:
            watch(odd, Options())
        assert caught.value.hint
    else:
        film = watch(odd, Options())
        assert film.duration_s == pytest.approx(expected, abs=0.02)
        assert film.shots[-1].end_s == film.duration_s
    assert time.monotonic() - start < 20


def test_what_is_odd_is_said():
    assert any("damaged packets" in line for line in watch(films.clip("odd/corrupted_5s.mp4"), Options()).warnings)
    truncated = watch(films.clip("odd/truncated_header60s_data18s.mp4"), Options())
    assert any("60.1 s" in line and "cut short" in line for line in truncated.warnings)
    assert watch(films.clip("odd/flower_cc0_5s.mp4"), Options()).warnings == ()


@pytest.mark.parametrize("seed", range(6))
def test_any_damage_gives_a_film_or_a_message(path, tmp_path, seed):
    data, random = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for at in random.integers(0, len(data), 40):
        data[at] = random.integers(0, 256)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data[: random.integers(len(data) // 2, len(data))] if seed % 2 else data)
    with contextlib.suppress(ComposerError):  # one of these two, and nothing else
        assert watch(broken, Options()).duration_s >= 1


def test_the_demo_film_has_the_changes_of_its_cutting_list():
    film = make_film.SHOTS
    assert make_film.LENGTH_S >= 30
    assert len(film) >= 8
    assert sum(shot.dissolve_s > 0 for shot in film) == 2
    for shot in film[1:]:
        at = round(shot.start_s * make_film.RATE)
        before, after = make_film.frame(at - 1).astype(int), make_film.frame(at).astype(int)
        assert before.shape == (make_film.HEIGHT, make_film.WIDTH, 3)
        assert (np.abs(after - before).mean() > 12) == (shot.dissolve_s == 0), shot
    assert make_film.frame(round(make_film.LENGTH_S * make_film.RATE) - 1).max() == 0
    assert np.array_equal(make_film.frame(333), make_film.frame(333))


@pytest.mark.slow
def test_the_demo_film_as_watched(tmp_path):
    make_film.make_film(tmp_path / "demo.mp4")
    film = watch(tmp_path / "demo.mp4", Options())
    found = {(shot.opens_with, round(shot.start_s + (shot.transition_s / 2 if shot.transition_s else 0), 1)) for shot in film.shots[1:]}
    wanted = {("dissolve" if shot.dissolve_s else "cut", shot.start_s) for shot in make_film.SHOTS[1:]}
    cuts = {entry for entry in wanted if entry[0] == "cut"}
    assert cuts <= found
    assert sorted(kind for kind, _ in found) == sorted(kind for kind, _ in wanted)
    assert film.audio_stream is not None
    assert [p.name for p in tmp_path.iterdir()] == ["demo.mp4"]
