"""Shots: known cuts found to the picture, nothing else taken for one."""

import json

import numpy as np
import pytest

from composer.options import Options
from composer.video import watch
from tests import films
from tests.video import montages


def test_the_truth_clip_to_the_picture():
    truth = json.loads(films.clip("cuts/montage_accelerating_known_cuts.truth.json").read_text())
    film = watch(films.clip("film/montage_accelerating_known_cuts.mp4"), Options())
    assert [round(shot.start_s * 25) for shot in film.shots[1:]] == truth["cut_frames"]
    assert [shot.start_s for shot in film.shots[1:]] == pytest.approx(truth["cut_seconds"], abs=1e-9)
    assert {shot.opens_with for shot in film.shots[1:]} == {"cut"}
    assert min(shot.confidence for shot in film.shots) > 0.8
    assert min(shot.strength for shot in film.shots) > 0.6


def test_a_drive_is_one_shot():
    assert len(watch(films.clip("film/drive_car_31s.webm"), Options()).shots) == 1


#: looked at, picture by picture; Sintel's dissolves are left out: where the sky dissolves into the desert is a matter of taste
SEEN = {
    "film/nosferatu_silent_48s.mp4": [70, 240, 497, 551, 683, 788, 852, 962, 1017],
    "film/bbb_35s_320x180.mp4": [425, 626, 736, 811],
    "film/sintel_trailer_480x204.mp4": [336, 398, 406, 422, 573, 623, 660, 674, 1165, 1222],
}


@pytest.mark.parametrize("name", SEEN)
def test_cuts_of_real_films(name):
    film = watch(films.clip(name), Options())
    assert [round(shot.start_s * film.frame_rate) for shot in film.shots if shot.opens_with == "cut"] == SEEN[name]


def test_made_cuts_at_every_rate(tmp_path):
    for rate, seconds in [("25", 1.2), ("24000/1001", 1.001), ("60", 0.5)]:
        path = films.film(tmp_path / "f.mp4", ("bars", seconds), ("fractal", seconds), ("fire", seconds), ("chart", seconds), rate=rate)
        film = watch(path, Options())
        frames = round(seconds * film.frame_rate)
        assert [round(shot.start_s * film.frame_rate) for shot in film.shots] == [0, frames, 2 * frames, 3 * frames]
        assert film.shots[1].start_s == pytest.approx(float(frames / film.frame_rate), abs=1e-6)


def test_a_cut_keeps_its_presentation_time_in_a_variable_film(tmp_path):
    film = watch(films.variable_rate(tmp_path / "v.mp4"), Options())
    assert [shot.start_s for shot in film.shots] == pytest.approx([0, 2.0], abs=1e-9)


def test_dissolve(tmp_path):
    film = watch(films.crossfaded(tmp_path / "d.mp4", "chart", "fractal", 3.0, 1.0), Options())
    assert [shot.opens_with for shot in film.shots] == ["start", "dissolve"]
    assert film.shots[1].start_s == pytest.approx(2.5, abs=0.1)
    assert film.shots[1].transition_s == pytest.approx(1.0, abs=0.2)


def test_fades_through_black_and_white_are_changes_those_at_the_ends_are_not(tmp_path):
    for colour in ("black", "white"):
        fades = (
            f"fade=in:0:25:c={colour},fade=out:st=2:d=0.6:c={colour}:enable='lt(t,2.8)',fade=in:st=2.8:d=0.6:c={colour}:enable='gte(t,2.8)'"
        )
        path = films.film(tmp_path / "f.mp4", ("chart", 2.8), ("fractal", 2.8), filters=f"{fades},fade=out:st=5:d=0.6:c={colour}")
        film = watch(path, Options())
        assert [shot.opens_with for shot in film.shots] == ["start", "fade"], colour
        assert film.shots[1].start_s == pytest.approx(2.7, abs=0.15)
        assert 0.8 < film.shots[1].transition_s < 1.7
        assert film.shots[1].confidence > 0.8


def test_cuts_to_and_from_black(tmp_path):
    film = watch(films.film(tmp_path / "b.mp4", ("chart", 1.2), ("black", 0.6), ("fractal", 1.2)), Options())
    assert [(shot.opens_with, round(shot.start_s, 6)) for shot in film.shots] == [("start", 0.0), ("cut", 1.2), ("cut", 1.8)]


def test_shots_cover_the_film():
    film = watch(films.clip("film/sintel_trailer_480x204.mp4"), Options())
    assert film.shots[0].start_s == 0
    assert film.shots[-1].end_s == film.duration_s
    for shot, following in zip(film.shots, film.shots[1:], strict=False):
        assert shot.end_s == following.start_s > shot.start_s
    for shot in film.shots:
        assert all(0 <= value <= 1 for value in (shot.strength, shot.confidence, shot.brightness, shot.saturation, shot.motion))
        assert (shot.transition_s > 0) == (shot.opens_with in ("dissolve", "fade"))


def test_strength_tells_another_picture_from_the_same_in_another_crop():
    desk = montages.take("desk")[:60]
    wide = np.stack([p[::2, ::2] for p in desk])
    closer = np.stack([p[20:110, 60:220] for p in desk])
    other = montages.take("coast")[:60, ::2, ::2]
    [near] = montages.changes_of(np.concatenate([wide, closer]))
    [far] = montages.changes_of(np.concatenate([wide, other]))
    assert near.at == far.at == 60
    assert far.strength > near.strength > 0.3


@pytest.mark.parametrize("change", ["plain", "pan", "zoom", "shake", "brighter", "flash", "strobe"])
@pytest.mark.parametrize("name", ["drive", "coast", "dancer"])
def test_a_moving_camera_and_light_are_no_change(name, change):
    assert montages.changes_of(montages.single_take(name, change)) == []


def test_montages():
    """A floor for the detector, well above what its parts reach alone."""
    totals = {"cut": np.zeros(3), "gradual": np.zeros(3)}
    for seed in range(10):
        film, truth = montages.montage(seed)
        for kind, counts in montages.agreement(truth, montages.changes_of(film)).items():
            totals[kind] += counts
    for kind, floor in [("cut", 0.98), ("gradual", 0.85)]:
        right, missed, false = totals[kind]
        assert right + missed > 20
        assert 2 * right / (2 * right + missed + false) >= floor, (kind, totals[kind])
