"""Affect: each dose moves it the way the literature says, and films feel like themselves."""

import numpy as np
import pytest

from composer.film import EMOTIONS, Shot
from composer.options import Options
from composer.video import watch
from composer.video.affect import Smoother, embedded_affect, rhythm
from composer.video.measure import Rows
from tests import films


def rows(**values: float) -> Rows:
    """Rows of 250 pictures, all alike."""
    usual = {"brightness": 0.4, "saturation": 0.3, "contrast": 0.15, "dark": 0.25, "warmth": 0.05, "recoloured": 0.0} | values
    columns = {name: np.full(250, value, np.float32) for name, value in usual.items()}
    return Rows(**columns, thumbs=np.zeros((250, 9, 16, 3), np.uint8))


def cutting(length_s: float, duration_s: float = 10.0, strength: float = 0.9) -> list[Shot]:
    """Shots of equal length."""
    edges = np.append(np.arange(0, duration_s - 1e-6, length_s), duration_s)
    return [Shot(a, b, "cut" if a else "start", strength, 1.0, 0.0, 0.4, 0.3, 0.2) for a, b in zip(edges, edges[1:], strict=False)]


def feel(motion: float = 0.05, loudness: float | None = -26.0, shot_s: float = 4.0, **values: float) -> tuple[float, float]:
    """(valence, arousal) of ten even seconds."""
    sound = None if loudness is None else np.full(10, loudness)
    curve = embedded_affect(rows(**values), np.arange(250) / 25, 10.0, cutting(shot_s), np.full(10, motion), sound)
    assert len(curve.times_s) == len(curve.emotions) == len(curve.valence) == len(curve.arousal) == 10
    return float(np.mean(curve.valence)), float(np.mean(curve.arousal))


def rises(values: list[float], by: float = 0.4) -> bool:
    return values == sorted(values) and values[-1] - values[0] >= by


def test_doses_of_arousal():
    assert rises([feel(motion=m)[1] for m in (0.0, 0.02, 0.08, 0.2, 0.5)])
    assert rises([feel(shot_s=s)[1] for s in (10.0, 5.0, 2.0, 1.0, 0.5)])
    assert rises([feel(loudness=level)[1] for level in (-60.0, -35.0, -25.0, -15.0, -8.0)])
    assert rises([feel(saturation=s)[1] for s in (0.1, 0.3, 0.5, 0.7)], by=0.2)


def test_doses_of_valence():
    assert rises([feel(brightness=b)[0] for b in (0.05, 0.2, 0.4, 0.6, 0.8)])
    assert rises([feel(saturation=s)[0] for s in (0.1, 0.3, 0.5, 0.7)], by=0.2)
    assert rises([feel(dark=d)[0] for d in (0.9, 0.5, 0.2, 0.0)], by=0.2)
    assert rises([feel(warmth=w)[0] for w in (-0.4, 0.0, 0.3)], by=0.1)


def test_a_silent_film_is_neither_calmer_nor_wilder_for_it():
    assert feel(loudness=None)[1] == pytest.approx(feel(loudness=-28.0)[1], abs=0.1)
    assert feel(loudness=None, motion=0.5, shot_s=1.0)[1] > 0.6


def test_every_emotion_can_win():
    cases = {
        "exciting": {"motion": 0.3, "shot_s": 1.5, "brightness": 0.55, "saturation": 0.5, "dark": 0.0, "loudness": -18.0},
        "fearful": {"motion": 0.3, "shot_s": 1.2, "brightness": 0.2, "dark": 0.6, "loudness": -16.0},
        "tense": {"motion": 0.06, "shot_s": 3.0, "brightness": 0.2, "dark": 0.6, "loudness": -24.0},
        "sad": {"motion": 0.01, "shot_s": 8.0, "brightness": 0.2, "saturation": 0.1, "dark": 0.7, "loudness": -38.0},
        "relaxing": {"motion": 0.02, "shot_s": 8.0, "brightness": 0.55, "saturation": 0.4, "dark": 0.0, "loudness": -36.0},
        "neutral": {"motion": 0.05, "shot_s": 4.0, "brightness": 0.4, "loudness": -28.0},
    }
    for emotion, values in cases.items():
        sound = np.full(10, values.pop("loudness"))
        motion, shot_s = np.full(10, values.pop("motion")), values.pop("shot_s")
        curve = embedded_affect(rows(**values), np.arange(250) / 25, 10.0, cutting(shot_s), motion, sound)
        mean = np.mean(curve.emotions, axis=0)
        assert EMOTIONS[int(mean.argmax())] == emotion, (emotion, mean.round(2), curve.valence[5], curve.arousal[5])


def test_a_cut_from_dark_to_bright_is_felt_at_once():
    brightness = np.repeat(np.array([0.1, 0.7], np.float32), 125)
    both = rows()
    both = Rows(**{**both.__dict__, "brightness": brightness})
    curve = embedded_affect(both, np.arange(250) / 25, 10.0, cutting(5.0, strength=1.0), np.full(10, 0.05), None)
    valence = np.array(curve.valence)
    assert valence[4] - valence[0] < 0.1
    assert valence[5] - valence[4] > 0.6
    assert valence[9] - valence[5] < 0.1


def test_smoothing():
    values = np.zeros(20)
    values[10] = 1.0
    free = Smoother((), 20, 20.0)(values)
    assert 0 < free[9] < free[10] < 1
    assert free[6] == free[14] == 0
    assert Smoother((), 20, 20.0)(np.full(20, 0.7)) == pytest.approx(0.7)
    stopped = Smoother(cutting(10.0, 20.0, strength=1.0), 20, 20.0)(values)
    assert stopped[9] < 0.05 * stopped[10]
    weak = Smoother(cutting(10.0, 20.0, strength=0.3), 20, 20.0)(values)
    assert stopped[9] < weak[9] < free[9]


def test_rhythm():
    assert rhythm(cutting(10.0), 10) == pytest.approx([0] * 10)
    quicker = [rhythm(cutting(s), 10).mean() for s in (5.0, 2.0, 1.0, 0.4)]
    assert quicker == sorted(quicker)
    assert quicker[-1] == pytest.approx(1)
    mixed = rhythm([*cutting(5.0, 5.0), *(Shot(s.start_s + 5, s.end_s + 5, "cut", 1, 1, 0, 0, 0, 0) for s in cutting(0.5, 5.0))], 10)
    assert mixed[:5].max() < mixed[5:].min()


@pytest.fixture(scope="module")
def seen():
    """Mean (valence, arousal) of passages of real films, watched once."""
    films_seen = {}

    def mean(name: str, first: int = 0, last: int | None = None) -> tuple[float, float]:
        if name not in films_seen:
            films_seen[name] = watch(films.clip(f"film/{name}"), Options())
        affect = films_seen[name].affect
        return float(np.mean(affect.valence[first:last])), float(np.mean(affect.arousal[first:last]))

    return mean


BBB, SINTEL = "bbb_35s_320x180.mp4", "sintel_trailer_480x204.mp4"
NOSFERATU, MONTAGE, DRIVE = "nosferatu_silent_48s.mp4", "montage_accelerating_known_cuts.mp4", "drive_car_31s.webm"
#: (what, axis, the passage that has more of it, the passage that has less)
PAIRS = [
    ("a meadow in the sun is pleasanter than a vampire's forest", 0, (BBB, 18, 35), (NOSFERATU, 22, 48)),
    ("the meadow is pleasanter than its burrow", 0, (BBB, 18, 35), (BBB, 8, 17)),
    ("the sky over the desert is pleasanter than the shaman's hut", 0, (SINTEL, 29, 40), (SINTEL, 12, 16)),
    ("the flight is pleasanter than the black titles", 0, (SINTEL, 29, 40), (SINTEL, 43, 52)),
    ("the meadow is pleasanter than the snow storm", 0, (BBB, 18, 35), (SINTEL, 0, 9)),
    ("the fight and chase stir more than the titles", 1, (SINTEL, 16, 33), (SINTEL, 43, 52)),
    ("the montage stirs more as it cuts faster", 1, (MONTAGE, 24, 31), (MONTAGE, 0, 10)),
    ("driving stirs more than waiting", 1, (DRIVE, 10, 28), (DRIVE, 0, 9)),
    ("a trailer stirs more than a silent film", 1, (SINTEL, 16, 33), (NOSFERATU, 0, 48)),
    ("people who ride and run stir more than a letter that is read", 1, (NOSFERATU, 31, 48), (NOSFERATU, 10, 19)),
]


@pytest.mark.parametrize(("what", "axis", "more", "less"), PAIRS, ids=[pair[0] for pair in PAIRS])
def test_passages_in_their_order(seen, what, axis, more, less):
    assert seen(*more)[axis] > seen(*less)[axis] + 0.1, what


def test_a_smaller_copy_feels_the_same(tmp_path):
    small = tmp_path / "small.mp4"
    films.ffmpeg("-ss", 17, "-t", 6, "-i", films.clip(f"film/{BBB}"), "-vf", "scale=240:-2", "-c:a", "copy", small)
    same = tmp_path / "same.mp4"
    films.ffmpeg("-ss", 17, "-t", 6, "-i", films.clip(f"film/{BBB}"), "-crf", "18", "-c:a", "copy", same)
    one, other = (watch(path, Options()).affect for path in (small, same))
    assert np.mean(one.valence) == pytest.approx(np.mean(other.valence), abs=0.05)
    assert np.mean(one.arousal) == pytest.approx(np.mean(other.arousal), abs=0.05)
