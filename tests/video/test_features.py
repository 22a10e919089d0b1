"""The feature table: Video2Music's definitions, done again in the plainest way, and ours; and the key pictures as files."""

import cv2
import numpy as np
import pytest

from composer.film import AffectCurve, Film, Shot, Span
from composer.options import Options
from composer.probe import probe
from composer.video import watch
from composer.video.features import features, picture_differences, scene_offsets, scenes, speech_shares, write_features
from composer.video.keyframes import write_keyframes
from tests import films
from tests.filmmaker import film_of


def cut_at(*starts_s: float, end_s: float) -> Film:
    """A film of shots that begin at these moments."""
    edges = [*starts_s, end_s]
    shots = tuple(Shot(a, b, "cut", 1, 1, 0, 0.5, 0.5, 0.1, look=i % 2) for i, (a, b) in enumerate(zip(edges, edges[1:], strict=False)))
    seconds = int(np.ceil(end_s))
    curve = AffectCurve(tuple(map(float, range(seconds))), ((0.1, 0.1, 0.1, 0.1, 0.1, 0.5),) * seconds, (0.0,) * seconds, (0.0,) * seconds)
    base = film_of([], end_s, [0.0] * seconds, [0.0] * seconds)
    return Film(**{**base.__dict__, "shots": shots, "affect": curve, "duration_s": end_s, "speech": (Span(0.5, 2.25), Span(2.5, 3.0))})


def by_hand(path, seconds: int) -> np.ndarray:
    """Video2Music's motion as its authors compute it: OpenCV reads, the first picture a whole second later is compared with its predecessor."""
    found, capture, before, last = np.zeros(seconds), cv2.VideoCapture(str(path)), None, 0
    while True:
        there, picture = capture.read()
        if not there:
            return found
        now = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if before is not None and now - last >= 1:
            last = int(now)
            found[last] = cv2.absdiff(picture, before).mean()
        before = picture


def test_motion_as_in_video2music():
    for name in ("odd/flower_cc0_5s.mp4", "film/drive_car_31s.webm"):
        path = films.clip(name)
        header = probe(path)
        seconds = int(watch(path, Options()).duration_s) if "flower" in name else 30
        assert picture_differences(header, 0.0, seconds) == pytest.approx(by_hand(path, seconds), rel=0.02, abs=0.02)


def test_motion_of_odd_films(tmp_path):
    slow = films.film(tmp_path / "slow.mp4", ("chart", 6.0), rate="1")
    assert (picture_differences(probe(slow), 0.0, 6)[1:] > 1).all()  # every picture begins a second
    late = films.delayed(tmp_path / "late.ts", films.film(tmp_path / "p.mp4", ("bars", 2.0), ("fractal", 2.0)), "sine=d=7", 1.5)
    seen = watch(late, Options())
    found = picture_differences(probe(late), seen.start_offset_s, 4)
    assert found[2] > 5 * max(found[1], 0.5)  # the cut is where the film has it
    plain = picture_differences(probe(tmp_path / "p.mp4"), 0.0, 4)
    assert found == pytest.approx(plain, abs=0.05)
    small = films.film(tmp_path / "small.ts", ("chart", 3.0))
    large = films.film(tmp_path / "large.ts", ("chart", 3.0), filters="scale=320:180")
    both = tmp_path / "both.ts"
    both.write_bytes(
        small.read_bytes() + large.read_bytes()
    )  # a stream that changes its size; its times begin anew, so rows 1 and 2 come twice
    grown = picture_differences(probe(both), 0.0, 3)
    assert grown[1:] == pytest.approx(picture_differences(probe(small), 0.0, 3)[1:], abs=1.0)


def test_scenes():
    film = cut_at(0, 2.5, 2.9, 6.0, end_s=8.2)
    # the first scene ends at 2.5: second 2 is still its own; the second one ends at 2.9 and so gets no second
    assert scenes(film).tolist() == [0, 0, 0, 2, 2, 2, 3, 3, 3]
    assert scene_offsets(scenes(film)).tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2]


def test_speech_shares():
    assert speech_shares(cut_at(0, end_s=4.0)) == pytest.approx([0.5, 1.0, 0.75, 0.0])


def test_the_table_is_read_without_pickles(tmp_path):
    path = films.film(tmp_path / "f.mp4", ("bars", 1.2), ("fractal", 1.8))
    seen = watch(path, Options())
    semantic = np.arange(12, dtype=np.float32).reshape(3, 4)
    write_features(features(seen, probe(path), semantic, "a model"), tmp_path / "f.npz")
    with np.load(tmp_path / "f.npz", allow_pickle=False) as table:
        assert {len(table[name]) for name in ("time_s", "scene_offset", "motion", "emotion", "semantic", "valence", "look", "speech")} == {
            3
        }
        assert table["emotion"].shape == (3, 6) and table["emotion"].sum(axis=1) == pytest.approx(1)
        assert table["scene_offset"].tolist() == [0, 1, 0]
        assert table["motion"][0] == 0
        assert str(table["clip_model"]) == "a model" and str(table["affect_from"]) == "embedded"
        assert "loudness_lufs" not in table


def picture_of(path) -> np.ndarray:
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture


def keyframe_error(video, film: Film, paths) -> list[int]:
    """How many pictures each JPEG is off, by the nearest of the film's pictures."""
    capture, pictures = cv2.VideoCapture(str(video)), []
    while (read := capture.read())[0]:
        pictures.append(read[1])
    found = []
    for shot, path in zip(film.shots, paths, strict=True):
        image = picture_of(path)
        wanted = round(shot.keyframe_s * film.frame_rate)
        near = range(max(0, wanted - 4), min(len(pictures), wanted + 5))
        found.append(min(near, key=lambda i: cv2.absdiff(pictures[i], image).mean()) - wanted)
    return found


def test_keyframes_are_the_pictures_named(tmp_path):
    video = films.clip("film/montage_accelerating_known_cuts.mp4")
    film = watch(video, Options())
    paths = write_keyframes(video, film, tmp_path)
    assert [path.name for path in paths][:2] == ["shot-0001.jpg", "shot-0002.jpg"] and len(paths) == 20
    assert keyframe_error(video, film, paths) == [0] * 20
    assert all(shot.start_s <= shot.keyframe_s < shot.end_s for shot in film.shots)


@pytest.mark.parametrize("kind", ["ts", "mpg", "avi"])
def test_keyframes_where_seeking_is_coarse(tmp_path, kind):
    """Streams without an index: a seek lands on some random access point, before or after."""
    video = tmp_path / f"coarse.{kind}"
    codec = ("-c:v", "mpeg2video" if kind == "mpg" else "libx264", "-g", "90", "-bf", "2", "-q:v", "3")
    films.ffmpeg("-t", 16, "-i", films.clip("film/montage_accelerating_known_cuts.mp4"), "-vf", "scale=320:180", *codec, video)
    film = watch(video, Options())
    assert len(film.shots) == 4
    assert keyframe_error(video, film, write_keyframes(video, film, tmp_path / "k")) == [0] * 4


def test_keyframes_of_odd_files(tmp_path):
    late = films.delayed(tmp_path / "late.mp4", films.film(tmp_path / "p.mp4", ("chart", 1.2), ("fractal", 1.2)), "sine=d=4", 0.7)
    film = watch(late, Options())
    assert film.start_offset_s == pytest.approx(0.7, abs=0.05)
    paths = write_keyframes(late, film, tmp_path / "late")
    assert keyframe_error(late, film, paths) == [0, 0]
    turned = films.rotated(tmp_path / "turned.mp4", films.film(tmp_path / "q.mp4", ("chart", 1.2)))
    [upright] = write_keyframes(turned, watch(turned, Options()), tmp_path / "turned")
    assert picture_of(upright).shape[:2] == (160, 90)
    bare = films.clip("odd/no_duration.webm")  # no index to seek by
    assert len(write_keyframes(bare, watch(bare, Options()), tmp_path / "bare")) >= 1
