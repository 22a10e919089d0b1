"""A film watched before is remembered, as long as neither it nor the eyes have changed."""

import shutil
from dataclasses import replace

import pytest

import composer.video as eyes
from composer.options import Options
from composer.video import kept, watch
from tests import films

PLAIN = Options(emotion="embedded")


@pytest.fixture
def film_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HITPOINT_CACHE", str(tmp_path / "cache"))
    return films.film(tmp_path / "f.mp4", ("bars", 0.8), ("fractal", 0.8))


@pytest.fixture
def looks(monkeypatch):
    """How often a film was really watched."""
    seen = []
    observe = eyes.observe

    def counted(video, *rest):
        seen.append(video)
        return observe(video, *rest)

    monkeypatch.setattr(eyes, "observe", counted)
    return seen


def test_the_second_time_it_is_remembered(film_path, looks, tmp_path):
    first = watch(film_path, PLAIN)
    assert watch(film_path, PLAIN) == first
    copy = shutil.copy(film_path, tmp_path / "another name.mp4")
    done = []
    assert watch(copy, PLAIN, lambda stage, share: done.append(share)) == replace(first, path=str(copy))
    assert done[-1] == 1
    assert looks == [film_path]
    auto = watch(film_path, Options())
    if auto.affect_from == "embedded":  # the same film; only why CLIP was not taken is said
        assert replace(auto, affect_note="") == first and auto.affect_note and looks == [film_path]


def test_another_film_or_another_question_is_looked_at(film_path, looks, tmp_path):
    watch(film_path, PLAIN)
    watch(film_path, replace(PLAIN, frame_s=0.5))
    watch(film_path, replace(PLAIN, frame_share=0.5))
    (tmp_path / "e.txt").write_text("time exciting fearful tense sad relaxing neutral\n0 1 0 0 0 0 0\n")
    watch(film_path, Options(emotion=str(tmp_path / "e.txt")))
    films.film(film_path, ("chart", 0.8), ("fractal", 0.8))
    watch(film_path, PLAIN)
    assert len(looks) == 5
    watch(film_path, PLAIN)
    assert len(looks) == 5


def test_changed_eyes_look_again(film_path, looks, monkeypatch):
    watch(film_path, PLAIN)
    monkeypatch.setattr(kept, "_senses", lambda: "others")
    watch(film_path, PLAIN)
    monkeypatch.setattr(kept, "versions", lambda: {"ffmpeg": "99"})
    watch(film_path, PLAIN)
    assert len(looks) == 3


def test_damage_and_no_cache(film_path, looks, tmp_path, monkeypatch):
    first = watch(film_path, PLAIN)
    [entry] = (tmp_path / "cache").rglob("*.npz")
    entry.write_bytes(entry.read_bytes()[:-40])
    assert watch(film_path, PLAIN) == first
    monkeypatch.setenv("HITPOINT_CACHE", "off")
    assert watch(film_path, PLAIN) == first
    assert len(looks) == 3
