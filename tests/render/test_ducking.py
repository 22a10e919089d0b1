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

Doubles = NDArray[np.float64]


class Sound:
    def __init__(self, samples: Doubles) -> None:
        self.samples = samples.astype(np.float32)

    def read(self, start: int, count: int) -> Floats:
        first, last = max(start, 0), min(start + count, len(self.samples))
        return np.pad(self.samples[first:last], ((first - start, start + count - max(last, first)), (0, 0)))


def noise(seconds: float, level: float, seed: int = 0, channels: int = 2) -> Doubles:
    return np.random.default_rng(seed).standard_normal((round(seconds * SAMPLE_RATE), channels)) * level


def curve_db(own: Doubles, music: Doubles, speech: tuple[Span, ...] = ()) -> Doubles:
    """The gain in dB at every hundredth of a second."""
    film = replace(invented_film(len(own) / SAMPLE_RATE), speech=speech)
    gain = duck_curve(Sound(own), Sound(music).read, film, 0, len(own))(0, len(own))
    return np.asarray(20 * np.log10(gain.astype(float))[:: SAMPLE_RATE // 100])


def placed(length_s: float, *sounds: tuple[float, Doubles]) -> Doubles:
    """(n, 2) sounds that begin at their seconds, silence elsewhere."""
    whole = np.zeros((round(length_s * SAMPLE_RATE), 2))
    for start_s, sound in sounds:
        first = round(start_s * SAMPLE_RATE)
        whole[first : first + len(sound)] += sound
    return whole


@pytest.fixture(scope="module")
def talk() -> Doubles:
    """Silence, "words" with short gaps from 8 s to 16 s, silence to 24 s."""
    words = noise(8, 0.08) * (np.sin(np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE * 2 * np.pi * 0.7) > -0.6)[:, None]
    return placed(24, (8, words))


SPOKEN = (Span(8.0, 16.0),)


def test_music_is_ten_units_below_the_words_and_untouched_away_from_them(talk: Doubles) -> None:
    music = noise(24, 0.1, seed=2)
    gain = curve_db(talk, music, SPOKEN)
    assert np.abs(gain[:600]).max() < 0.1
    assert np.abs(gain[2000:]).max() < 0.1
    during = slice(9 * SAMPLE_RATE, 15 * SAMPLE_RATE)
    words, under = np.square(talk[during]).mean(), np.square(music[during]).mean() * 10 ** (gain[900:1500].max() / 10)
    assert 10.0 <= to_lufs(np.array([words]))[0] - to_lufs(np.array([under]))[0] < 15.0


def test_it_is_down_before_the_words_holds_through_their_gaps_and_comes_back_slowly(talk: Doubles) -> None:
    gain = curve_db(talk, noise(24, 0.1, seed=2), SPOKEN)
    depth = gain[900:1500].min()
    assert depth < -9
    assert gain[800] < depth + 1.5  # as the first word begins
    assert np.ptp(gain[800:1600]) < 1.5  # no breathing between words
    slope = np.diff(gain) * 100
    assert slope.min() > -31  # dB a second
    assert slope[1600:].max() < 7


def test_music_that_is_soft_enough_is_left_alone(talk: Doubles) -> None:
    assert np.abs(curve_db(talk, noise(24, 0.005), SPOKEN)).max() < 0.5


def test_background_does_not_duck_where_the_film_is_otherwise_louder() -> None:
    own = noise(20, 0.001)
    own[10 * SAMPLE_RATE :] = noise(10, 0.1)
    gain = curve_db(own, noise(20, 0.1, seed=2))
    assert np.abs(gain[:800]).max() < 0.5
    assert -10.01 < gain[1500] < -8  # music stays to be heard where nobody speaks


def test_known_speech_goes_deeper_and_counts_however_soft_it_is() -> None:
    own = noise(20, 0.0005)
    own[3 * SAMPLE_RATE : 7 * SAMPLE_RATE] = noise(4, 0.004)
    own[12 * SAMPLE_RATE :] = noise(8, 0.1)
    music = noise(20, 0.1, seed=2)
    without, given = curve_db(own, music), curve_db(own, music, (Span(3.0, 7.0),))
    assert np.abs(without[500]) < 0.5
    assert -42 < given[500] < -37  # the words are 28 dB softer than the music


def test_between_utterances_of_one_passage_music_does_not_rise() -> None:
    """A soft sentence, a loud one, a soft one: what the loud one would allow is not taken."""
    own = placed(30, (5, noise(2, 0.02)), (9, noise(3, 0.1)), (14, noise(2, 0.02)))
    spans = (Span(5, 7), Span(9, 12), Span(14, 16))
    gain = curve_db(own, noise(30, 0.1, seed=2), spans)
    assert np.ptp(gain[500:1600]) < 1
    assert gain[500:1600].max() < -23


def test_a_long_silence_lets_the_music_return() -> None:
    own = placed(40, (5, noise(2, 0.05)), (25, noise(2, 0.05)))
    gain = curve_db(own, noise(40, 0.1, seed=2), (Span(5, 7), Span(25, 27)))
    assert gain[600] < -15 and gain[2600] < -15
    assert np.abs(gain[1300:2200]).max() < 0.1


def test_a_word_at_the_very_beginning_finds_the_music_down() -> None:
    gain = curve_db(placed(12, (0, noise(2, 0.05))), noise(12, 0.1, seed=2), (Span(0.0, 2.0),))
    assert gain[:200].max() < -15


def test_a_word_that_the_detector_missed_beside_others_counts() -> None:
    own = placed(20, (5, noise(1.2, 0.03)), (7.5, noise(2, 0.05)))
    gain = curve_db(own, noise(20, 0.1, seed=2), (Span(7.5, 9.5),))
    assert gain[500:620].max() < -19
    far = placed(20, (2, noise(1.2, 0.005)), (7.5, noise(2, 0.05)))  # a soft sound farther away is none
    assert np.abs(curve_db(far, noise(20, 0.1, seed=2), (Span(7.5, 9.5),))[200:320]).max() < 0.5
    blow = placed(20, (5, noise(1.2, 0.3)), (7.5, noise(2, 0.05)))  # nor is a blow
    assert curve_db(blow, noise(20, 0.1, seed=2), (Span(7.5, 9.5),))[500:600].max() > -10.1


def test_noise_under_the_words_is_not_taken_for_them() -> None:
    """Words and noise equally loud: the music goes 10 below the words, not below both."""
    words, room = placed(20, (6, noise(4, 0.05) * (np.arange(4 * SAMPLE_RATE) // 9600 % 2)[:, None])), noise(20, 0.035, seed=5)
    gain = curve_db(words + room, noise(20, 0.1, seed=2), (Span(6, 10),))
    said = 20 * np.log10(0.05 / np.sqrt(2) / 0.1)
    assert gain[600:1000].max() <= said - 10 + 0.5


def test_in_surround_sound_the_words_are_those_of_the_centre() -> None:
    own = np.zeros((20 * SAMPLE_RATE, 6))
    own[6 * SAMPLE_RATE : 10 * SAMPLE_RATE, 2] = noise(4, 0.05, channels=1)[:, 0]
    own[:, 3] = 0.5 * np.sin(np.arange(len(own)) * 2 * np.pi * 40 / SAMPLE_RATE)  # low effects count for nothing
    loud = own.copy()
    loud[6 * SAMPLE_RATE : 10 * SAMPLE_RATE, 4:] = noise(4, 0.1, seed=7)  # rain around them
    music, spans = noise(20, 0.1, seed=2), (Span(6, 10),)
    alone, around = curve_db(own, music, spans), curve_db(loud, music, spans)
    assert alone[600:1000].max() < -18
    assert np.abs(alone[:400]).max() < 0.5
    assert np.allclose(alone[600:1000], around[600:1000], atol=0.5)


def test_silence_and_full_scale_do_no_harm() -> None:
    assert np.abs(curve_db(noise(3, 0.0), noise(3, 0.1))).max() == 0
    for length_s in (3, 0.3, 0.04):
        full = noise(length_s, 1.0)
        assert np.isfinite(curve_db(full, full, (Span(0.0, length_s), Span(length_s, length_s + 9.0)))).all()
