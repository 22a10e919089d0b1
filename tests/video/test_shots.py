"""Shots: known cuts found to the picture, nothing else taken for one."""

import json

import numpy as np
import pytest

from composer.options import Options
from composer.video import watch
from composer.video.frames import Block
from composer.video.looks import Looks
from composer.video.measure import Measurer
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


#: looked at, picture by picture: the cuts
SEEN = {
    "film/nosferatu_silent_48s.mp4": [70, 240, 497, 551, 683, 788, 852, 962, 1017],
    "film/bbb_35s_320x180.mp4": [425, 626, 736, 811],
    "film/sintel_trailer_480x204.mp4": [336, 398, 406, 422, 573, 623, 660, 674, 1165, 1222],
    "odd/nasa_multi_stream_13s.mp4": [240],
}
#: and the dissolves and fades, by a picture in their middle; Sintel's title comes, stands over the desert and goes
SEEN_GRADUAL = {
    "film/nosferatu_silent_48s.mp4": [],
    "film/bbb_35s_320x180.mp4": [("dissolve", 58)],
    "film/sintel_trailer_480x204.mp4": [
        ("fade", 128), ("fade", 225), ("fade", 282), ("fade", 522), ("fade", 774), ("dissolve", 848), ("dissolve", 985), ("fade", 1137)
    ],
    "odd/nasa_multi_stream_13s.mp4": [("dissolve", 164)],
}  # fmt: skip


@pytest.mark.parametrize("name", SEEN)
def test_changes_of_real_films(name):
    film = watch(films.clip(name), Options())
    assert [round(shot.start_s * film.frame_rate) for shot in film.shots if shot.opens_with == "cut"] == SEEN[name]
    gradual = [shot for shot in film.shots if shot.opens_with in ("dissolve", "fade")]
    assert [shot.opens_with for shot in gradual] == [kind for kind, _ in SEEN_GRADUAL[name]]
    assert [round(shot.start_s * film.frame_rate) for shot in gradual] == pytest.approx([at for _, at in SEEN_GRADUAL[name]], abs=6)


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


def _two_shots(count: int = 60):
    """Two takes side by side: (before, after), each (count, 90, 160, 3), 0…255."""
    return tuple(montages.take(name)[:count, ::2, ::2].astype(np.float64) for name in ("coast", "flower"))


def _mixed(count: int = 60, mixed: int = 20):
    """A dissolve of `mixed` pictures from picture count - mixed on."""
    before, after = _two_shots(count)
    share = ((np.arange(mixed) + 1) / (mixed + 1))[:, None, None, None]
    return np.concatenate([before[:-mixed], before[-mixed:] * (1 - share) + after[:mixed] * share, after[mixed:]])


def test_flicker_hides_neither_cut_nor_dissolve():
    before, after = _two_shots()
    film = np.concatenate([before, after[:40], _mixed()])
    film = film.mean(axis=3, keepdims=True) + 28 * (np.random.default_rng(2).random((len(film), 1, 1, 1)) - 0.5)
    film = np.repeat(np.clip(film, 0, 255).astype(np.uint8), 3, axis=3)
    found = montages.changes_of(film)
    assert [(change.kind, change.at) for change in found if change.kind == "cut"] == [("cut", 60), ("cut", 100)]
    [dissolve] = [change for change in found if change.kind != "cut"]
    assert dissolve.first == pytest.approx(140, abs=5)
    assert dissolve.last == pytest.approx(160, abs=5)


def test_a_dissolve_into_movement_ends_where_it_ends():
    before, after = montages.take("coast")[:60, ::2, ::2].astype(np.float64), montages.take("drive")[60:160, ::2, ::2].astype(np.float64)
    share = ((np.arange(20) + 1) / 21)[:, None, None, None]
    film = np.concatenate([before[:40], before[40:] * (1 - share) + after[:20] * share, after[20:]])
    [dissolve] = montages.changes_of(film.astype(np.uint8))
    assert dissolve.kind == "dissolve"
    assert (dissolve.first, dissolve.last) == pytest.approx((39, 60), abs=4)


def test_a_tilt_from_the_empty_sky_to_the_ground_is_no_dissolve():
    ground = montages.take("coast")[0, ::2, ::2]
    view = np.concatenate([np.full_like(ground, 150), ground])
    tops = np.concatenate([np.zeros(40), np.linspace(0, 90, 14), np.full(40, 90)]).astype(int)
    assert montages.changes_of(np.stack([view[top : top + 90] for top in tops])) == []


@pytest.mark.parametrize("colour", [0, 255])
def test_a_fade_between_black_bars(colour):
    before, after = _two_shots()
    share = np.concatenate([np.zeros(40), np.linspace(0, 1, 20), np.ones(3), np.linspace(1, 0, 20), np.zeros(40)])
    film = np.concatenate([before, before[-1:], after, after[-2:]])[: len(share)]
    film = film * (1 - share[:, None, None, None]) + colour * share[:, None, None, None]
    film[:, :13] = film[:, -13:] = 0
    [fade] = montages.changes_of(film.astype(np.uint8))
    assert fade.kind == "fade"
    assert (fade.first, fade.last) == pytest.approx((40, 82), abs=3)


def test_bars_do_not_make_pictures_alike():
    before, after = (shot.astype(np.uint8) for shot in _two_shots(30))
    [plain] = montages.changes_of(np.concatenate([before, after]))
    for shot in (before, after):
        shot[:, :24] = shot[:, -24:] = 0
    [barred] = montages.changes_of(np.concatenate([before, after]))
    assert barred.at == plain.at == 30
    assert barred.strength > plain.strength - 0.1


def test_a_fade_out_of_a_misty_shot():
    mist = 120 + 0.2 * (_two_shots()[0] - 120)  # hardly any contrast
    share = np.concatenate([np.zeros(40), np.linspace(0, 1, 12), np.ones(4), np.linspace(1, 0, 12), np.zeros(40)])[:, None, None, None]
    film = np.concatenate([mist[:54], _two_shots()[1][:54]]) * (1 - share)
    [fade] = montages.changes_of(film.astype(np.uint8))
    assert fade.kind == "fade"
    assert (fade.first, fade.last) == pytest.approx((40, 67), abs=3)


def test_a_film_that_ends_in_a_flash_ends_in_no_shot():
    film = _two_shots()[0]
    film[-2:] = 255
    assert montages.changes_of(film.astype(np.uint8)) == []


def test_a_shifted_picture_is_told_from_another():
    measurer = Measurer()
    wide = montages.take("coast")[0]
    views = [wide[20:110, x : x + 160] for x in (40, 70)] + [montages.take("flower")[0][20:110, 40:200]]
    measurer.add(Block(0, np.ascontiguousarray(views), np.arange(3) / 25))
    looks = Looks(measurer.rows())
    assert looks.swung(np.array([0]), np.array([1])) < 0.1
    assert looks.swung(np.array([1]), np.array([2])) > 0.4
    assert looks.alike[1:] == pytest.approx([looks.likeness(0, 1), looks.likeness(1, 2)], abs=1e-5)


@pytest.mark.parametrize("change", ["plain", "pan", "swing", "zoom", "shake", "brighter", "flicker", "flash", "strobe"])
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
