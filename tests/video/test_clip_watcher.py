"""`Watcher` beside the real decode pass, with a stand-in for the model that sees mean colours: what it keeps, and when it asks."""

import dataclasses
import shutil

import numpy as np
import pytest

from composer import cache
from composer.errors import MissingToolError, VideoError
from composer.options import Options
from composer.probe import probe
from composer.video import clip, feelings
from composer.video.clip import Watcher
from composer.video.clip_names import parse_name
from composer.video.feelings import Scale, unit
from composer.video.frames import Pictures
from composer.video.tap import Framing
from tests import films

OPTIONS = Options(emotion="clip")


class Colours:
    """Eyes that see three numbers: the mean colour of a picture."""

    framing = Framing(24, 16)
    scale = Scale(unit(np.random.default_rng(1).normal(size=(6, 3))), 20.0, np.zeros(6))

    def see(self, images):
        return images.astype(np.float32).mean(axis=(1, 2))


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return films.film(tmp_path_factory.mktemp("films") / "f.mp4", ("bars", 1.0), ("fire", 2.0), ("sea", 1.4))


@pytest.fixture(autouse=True)
def opened(tmp_path, monkeypatch):
    """How often the model was opened; the cache is this test's own."""
    monkeypatch.setenv("HITPOINT_CACHE", str(tmp_path / "cache"))
    times: list[Options] = []

    def opening(options):
        times.append(options)
        return Colours()

    monkeypatch.setattr(clip, "open_eyes", opening)
    return times


def look(path, options=OPTIONS):
    watcher = Watcher(probe(path), options)
    pictures = Pictures(probe(path), tap=watcher.tap)
    for _ in pictures.blocks():
        pass
    return watcher.seen(int(np.ceil(pictures.clock().duration_s - 1e-6)))


def test_a_row_for_every_second(film):
    seen = look(film)
    assert seen.model == "ViT-B-32/laion2b_s34b_b79k"
    assert seen.vectors.shape == (5, 3) and seen.emotions.shape == (5, 6)
    red = seen.vectors[:, 0] - seen.vectors[:, 2]
    assert red[1] > 60 and red[2] > 60 and red[3] < 0 and red[4] < 0  # fire, fire, sea, sea
    np.testing.assert_allclose(seen.emotions, Colours.scale.feel(seen.vectors))


def test_a_second_without_a_picture_shows_the_one_before(film):
    watcher = Watcher(probe(film), OPTIONS)
    assert watcher.tap is not None
    grey = np.full((3, 16, 24, 3), 1, np.uint8) * np.array([10, 20, 30], np.uint8)[:, None, None, None]
    watcher.tap.take(grey[:2], [0, 2])
    watcher.tap.take(grey[2:], [5])
    assert watcher.seen(7).vectors[:, 0].tolist() == [10, 10, 20, 20, 20, 30, 30]
    assert Watcher(probe(film), OPTIONS).seen(4).vectors[:, 0].tolist() == [10, 10, 20, 20]  # the same from the cache


def test_seen_before_is_seen_the_same_without_the_model(film, opened, tmp_path):
    first = look(film)
    copy = shutil.copy(film, tmp_path / "another name.mp4")
    watcher = Watcher(probe(copy), OPTIONS)
    assert watcher.tap is None
    again = watcher.seen(5)
    np.testing.assert_array_equal(again.vectors, first.vectors)
    np.testing.assert_array_equal(again.emotions, first.emotions)
    assert len(opened) == 1


def test_another_film_model_or_stream_is_seen_anew(film, opened, tmp_path):
    look(film)
    other = films.film(tmp_path / "o.mp4", ("sea", 1.2))
    assert Watcher(probe(other), OPTIONS).tap is not None
    assert Watcher(probe(film), dataclasses.replace(OPTIONS, clip_model="ViT-L-14/openai")).tap is not None
    assert Watcher(dataclasses.replace(probe(film), video_stream=3), OPTIONS).tap is not None
    assert Watcher(probe(film), OPTIONS).tap is None
    assert len(opened) == 4


def test_other_words_need_the_model_but_no_second_look(film, opened, monkeypatch):
    first = look(film)
    monkeypatch.setattr(feelings, "TEMPLATES", ("{}",))
    watcher = Watcher(probe(film), OPTIONS)
    assert watcher.tap is None
    np.testing.assert_array_equal(watcher.seen(5).vectors, first.vectors)
    assert len(opened) == 2


def test_a_kept_entry_that_makes_no_sense_is_made_anew(film, opened):
    look(film)
    keys = clip._keys(probe(film), parse_name(None))
    cache.store("clip-film", keys["clip-film"], {"seconds": np.arange(3), "vectors": np.zeros((2, 3), np.float32)})
    assert look(film).vectors.shape == (5, 3)
    assert len(opened) == 2


def test_without_a_cache_it_works_and_keeps_nothing(film, opened, monkeypatch, tmp_path):
    monkeypatch.setenv("HITPOINT_CACHE", "off")
    np.testing.assert_array_equal(look(film).vectors, look(film).vectors)
    assert len(opened) == 2
    assert not (tmp_path / "cache").exists()


def test_what_is_missing_is_said_before_the_pass(film, monkeypatch):
    def missing(options):
        raise MissingToolError("CLIP needs open_clip", "Install it.")

    monkeypatch.setattr(clip, "open_eyes", missing)
    with pytest.raises(MissingToolError, match="open_clip"):
        Watcher(probe(film), OPTIONS)


def test_a_film_without_a_single_time_stamp_is_an_error_not_a_crash(film):
    watcher = Watcher(probe(film), OPTIONS)
    with pytest.raises(VideoError, match="no time stamps"):
        watcher.seen(5)
