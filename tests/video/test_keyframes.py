"""Pictures of chosen moments: the right ones, and small."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from composer.errors import VideoError
from composer.video.keyframes import pictures_at
from tests.filmmaker import film_of
from tests.films import ffmpeg, film

FILM = film_of([1.0], 2.0, [0.0, 0.0], [0.0, 0.0])


def seen(jpeg: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture


def test_pictures_of_moments(tmp_path):
    video = film(tmp_path / "two.mp4", ("fire", 1.0), ("sea", 1.0))
    fire, sea, last = (seen(one).mean(axis=(0, 1)) for one in pictures_at(video, FILM, [0.5, 1.0, 2.0]))
    assert fire[2] > fire[0] + 50  # red over blue
    assert sea[0] > sea[2] + 50
    assert last[0] > last[2] + 50  # the film's end means its last picture


@pytest.mark.parametrize(("size", "made"), [("1280x720", (288, 512)), ("400x1000", (512, 205)), ("160x90", (90, 160))])
def test_pictures_are_made_small_and_never_large(tmp_path, size, made):
    ffmpeg("-f", "lavfi", "-i", f"testsrc=s={size}:r=25:d=0.2", "-pix_fmt", "yuv420p", tmp_path / "x.mp4")
    assert seen(pictures_at(tmp_path / "x.mp4", replace(FILM, duration_s=0.2), [0.1])[0]).shape[:2] == pytest.approx(made, abs=1)


def test_a_moment_that_cannot_be_read(tmp_path):
    video = film(tmp_path / "short.mp4", ("fire", 0.4))
    with pytest.raises(VideoError, match=r"the picture at 1\.50 s"):
        pictures_at(video, FILM, [1.5])
