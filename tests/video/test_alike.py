"""Looks: the same place seen again is the same look, another place is not; key pictures stand for their shots."""

import json

import numpy as np

from composer.options import Options
from composer.video import watch
from composer.video.alike import look_numbers, places
from composer.video.looks import Change
from tests import films
from tests.video import montages
from tests.video.test_affect import rows as even_rows


def looks(name: str) -> list[int]:
    return [shot.look for shot in watch(films.clip(name), Options()).shots]


def test_a_silent_film():
    """Letter, writer, letter, writer, valley, arch, rider, arch, rider, wood."""
    assert looks("film/nosferatu_silent_48s.mp4") == [0, 1, 0, 1, 2, 3, 4, 3, 4, 5]


def test_the_montage():
    """No two takes share a look; most shots of one take do (the drone turns, the dancer comes near)."""
    truth = json.loads(films.clip("cuts/montage_accelerating_known_cuts.truth.json").read_text())
    sources = [segment["source"] for segment in truth["segments"]]
    found = looks("film/montage_accelerating_known_cuts.mp4")
    pairs = [(sources[i] == sources[j], found[i] == found[j]) for i in range(len(found)) for j in range(i)]
    assert not [pair for pair in pairs if pair == (False, True)]
    same = [together for really, together in pairs if really]
    assert sum(same) / len(same) > 0.75


def test_a_film_of_different_places():
    found = looks("film/bbb_35s_320x180.mp4")
    assert found == list(range(len(found)))


def shown(*pictures: np.ndarray) -> tuple[list[int], list[Change]]:
    """Looks of shots of ten equal thumbnails each, joined by cuts."""
    thumbs = np.repeat(np.stack(pictures), 10, axis=0)
    base = {name: np.resize(value, len(thumbs)) for name, value in even_rows().__dict__.items() if name != "thumbs"}
    base["contrast"] = thumbs.mean(axis=3).std(axis=(1, 2)) / 255
    measured = type(even_rows())(**base, thumbs=thumbs.astype(np.uint8))
    changes = [Change(i * 10, "cut", i * 10, i * 10, 1.0, 1.0) for i in range(1, len(pictures))]
    return look_numbers(measured, places(changes, measured)), changes


def test_light_and_dark():
    random = np.random.default_rng(0)
    room, street = random.integers(0, 255, (2, 9, 16, 3))
    assert shown(room, street, room, np.roll(street, 1, axis=1) * 0 + street, room)[0] == [0, 1, 0, 1, 0]
    assert shown(room, room * 0.9, room * 0.25)[0][:2] == [0, 0]
    dark_room, dark_street = room * 0.1, street * 0.1
    assert shown(dark_room, dark_street)[0] == [0, 1]  # alike only in being dark
    black = np.zeros((9, 16, 3))
    assert shown(black, room, black)[0] == [0, 1, 0]


def test_places_keep_clear_of_transitions():
    measured = even_rows()
    measured.thumbs[:] = np.random.default_rng(1).integers(0, 40, measured.thumbs.shape)
    measured.thumbs[100:150] = 200
    changes = [Change(50, "dissolve", 40, 60, 1, 1), Change(100, "cut", 100, 100, 1, 1), Change(155, "fade", 151, 249, 1, 1)]
    found = places(changes, measured)
    assert [(place.first, place.stop) for place in found] == [(0, 40), (61, 100), (100, 151), (249, 250)]
    assert all(place.first <= place.key < place.stop for place in found)
    assert 100 <= found[2].key < 150


def test_montages_take_by_take():
    """Five shots of two takes: no look is shared by different takes."""
    first, second = montages.take("desk"), montages.take("coast")
    parts = [first[:30], second[:30], first[60:90], second[40:70], first[100:130]]
    small = np.concatenate([part[:, ::2, ::2] for part in parts])
    from composer.video.frames import BLOCK_FRAMES, Block
    from composer.video.measure import Measurer

    measurer = Measurer()
    for start in range(0, len(small), BLOCK_FRAMES):
        images = np.ascontiguousarray(small[start : start + BLOCK_FRAMES])
        measurer.add(Block(start, images, np.arange(start, start + len(images)) / 25))
    changes = [Change(30 * i, "cut", 30 * i, 30 * i, 1, 1) for i in range(1, 5)]
    assert look_numbers(measurer.rows(), places(changes, measurer.rows())) == [0, 1, 0, 1, 0]
