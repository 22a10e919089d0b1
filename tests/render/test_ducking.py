"""Music steps back under the film's own sound, before it begins, without pumping; elsewhere it is untouched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from composer.film import Span
from composer.render.ducking import duck_curve
from composer.render.loudness import to_lufs
from composer.render.wav import SAMPLE_RATE, Floats
from tests.render.conftest import invented_film


class Sound:
    def __init__(self, samples: NDArray[np.float64]) -> None:
        self.samples = samples.astype(np.float32)

    def read(self, start: int, count: int) -> Floats:
        first, last = max(start, 0), min(start + count, len(self.samples))
        return np.pad(self.samples[first:last], ((first - start, start + count - max(last, first)), (0, 0)))


def noise(seconds: float, level: float, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal((round(seconds * SAMPLE_RATE), 2)) * level


def curve_db(own: NDArray[np.float64], music: NDArray[np.float64], speech: tuple[Span, ...] = ()) -> NDArray[np.float64]:
    """The gain in dB at every hundredth of a second."""
    film = replace(invented_film(len(own) / SAMPLE_RATE), speech=speech)
    gain = duck_curve(Sound(own), Sound(music).read, film, 0, len(own))(0, len(own))
    return np.asarray(20 * np.log10(gain.astype(float))[:: SAMPLE_RATE // 100])


@pytest.fixture(scope="module")
def talk() -> NDArray[np.float64]:
    """Silence, "words" with short gaps from 8 s to 16 s, silence to 24 s."""
    sound = np.zeros((24 * SAMPLE_RATE, 2))
    words = noise(8, 0.08) * (np.sin(np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE * 2 * np.pi * 0.7) > -0.6)[:, None]
    sound[8 * SAMPLE_RATE : 16 * SAMPLE_RATE] = words
    return sound


def test_music_is_ten_units_below_the_words_and_untouched_away_from_them(talk: NDArray[np.float64]) -> None:
    music = noise(24, 0.1, seed=2)
    gain = curve_db(talk, music)
    assert np.abs(gain[:600]).max() < 0.1
    assert np.abs(gain[1900:]).max() < 0.1
    during = slice(9 * SAMPLE_RATE, 15 * SAMPLE_RATE)
    words, under = np.square(talk[during]).mean(), np.square(music[during]).mean() * 10 ** (gain[900:1500].max() / 10)
    assert to_lufs(np.array([words]))[0] - to_lufs(np.array([under]))[0] > 9.0


def test_it_is_down_before_the_words_and_holds_through_their_gaps(talk: NDArray[np.float64]) -> None:
    gain = curve_db(talk, noise(24, 0.1, seed=2))
    depth = gain[900:1500].min()
    assert depth < -9
    assert gain[800] < 0.8 * depth  # as the first word begins
    assert np.ptp(gain[850:1550]) < 3  # no breathing between words
    assert np.abs(np.diff(gain)).max() < 0.5  # dB per hundredth of a second: never a jump


def test_music_that_is_soft_enough_is_left_alone(talk: NDArray[np.float64]) -> None:
    assert np.abs(curve_db(talk, noise(24, 0.005))).max() < 0.5


def test_background_does_not_duck_where_the_film_is_otherwise_louder() -> None:
    own = noise(20, 0.001)
    own[10 * SAMPLE_RATE :] = noise(10, 0.1)
    gain = curve_db(own, noise(20, 0.1, seed=2))
    assert np.abs(gain[:800]).max() < 0.5
    assert gain[1500] < -8


def test_known_speech_goes_deeper_and_counts_however_soft_it_is() -> None:
    own = noise(20, 0.004)
    own[12 * SAMPLE_RATE :] = noise(8, 0.1)
    music = noise(20, 0.1, seed=2)
    without, given = curve_db(own, music), curve_db(own, music, (Span(3.0, 7.0),))
    assert np.abs(without[500]) < 0.5
    assert given[500] < -20


def test_silence_and_full_scale_do_no_harm() -> None:
    assert np.abs(curve_db(noise(3, 0.0), noise(3, 0.1))).max() == 0
    assert np.isfinite(curve_db(noise(3, 1.0), noise(3, 1.0))).all()
    assert np.isfinite(curve_db(noise(0.3, 0.1), noise(0.3, 0.1))).all()
