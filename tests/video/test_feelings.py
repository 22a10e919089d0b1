"""From vectors to emotions: the arithmetic, on made-up vectors."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays

from composer.film import EMOTIONS
from composer.video.feelings import PHRASES, TEMPLATES, Scale, blank_pictures, mean_direction, sentences, unit

RANDOM = np.random.default_rng(4)


def scale(sharpness: float = 100.0, size: int = 24) -> tuple[Scale, np.ndarray]:
    words, blanks = unit(RANDOM.normal(size=(6, size))), RANDOM.normal(size=(7, size)).astype(np.float32)
    return Scale.calibrated(words, sharpness, blanks), blanks


def test_every_emotion_has_as_many_different_sentences():
    said = sentences()
    assert tuple(PHRASES) == EMOTIONS
    assert [len(set(of_one)) for of_one in said] == [len(TEMPLATES) * 4] * 6
    assert len({sentence for of_one in said for sentence in of_one}) == 6 * len(TEMPLATES) * 4


def test_the_words_of_an_emotion_pull_towards_it():
    with_bias, _ = scale(10.0)
    plain = Scale(with_bias.words, 10.0, np.zeros(6))
    felt = plain.feel(plain.words.astype(np.float32))
    assert felt.argmax(axis=1).tolist() == list(range(6))


def test_plain_numbers():
    """Two emotions' words at a right angle: cosines 1 and 0, times the scale, less the bias, through the softmax."""
    words = np.eye(6)
    felt = Scale(words, 2.0, np.array([0.5, 0, 0, 0, 0, 0])).feel(np.array([[3.0, 0, 0, 0, 0, 0]], np.float32))[0]
    weights = np.exp([1.5, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(felt, weights / weights.sum(), rtol=1e-6)


def test_a_picture_that_says_what_blank_ones_say_gives_equal_probabilities():
    words = np.eye(6)
    blank = np.array([[1.0, 2, 3, 4, 5, 6]], np.float32)  # a model that is much for "neutral" whatever it sees
    assert Scale(words, 30.0, np.zeros(6)).feel(blank)[0, 5] > 0.9
    calibrated = Scale.calibrated(words, 30.0, blank)
    np.testing.assert_allclose(calibrated.feel(5 * blank), np.full((1, 6), 1 / 6), rtol=1e-6)


def test_the_blank_pictures_together_lean_to_no_emotion():
    calibrated, blanks = scale()
    lean = np.log(calibrated.feel(blanks)).mean(axis=0)
    np.testing.assert_allclose(lean, lean[0], atol=1e-9)
    uncalibrated = np.log(Scale(calibrated.words, 100.0, np.zeros(6)).feel(blanks)).mean(axis=0)
    assert np.ptp(uncalibrated) > 1


@given(arrays.arrays(np.float32, (3, 24), elements=st.floats(-1e3, 1e3, width=32)))
def test_probabilities_are_probabilities_and_length_does_not_matter(vectors):
    calibrated, _ = scale()
    felt = calibrated.feel(vectors)
    assert felt.shape == (3, 6)
    assert np.all(felt >= 0)
    np.testing.assert_allclose(felt.sum(axis=1), 1, rtol=1e-9)
    long_enough = np.linalg.norm(vectors.astype(np.float64), axis=1) > 1e-3
    np.testing.assert_allclose(calibrated.feel(vectors * 4)[long_enough], felt[long_enough], rtol=1e-4, atol=1e-9)


def test_mean_direction_does_not_let_a_long_vector_speak_for_all():
    assert mean_direction(np.array([[100.0, 0], [0, 1.0]])) == pytest.approx([0.5**0.5, 0.5**0.5])


def test_blank_pictures_are_always_the_same_and_without_content():
    first, again = blank_pictures(32, 24), blank_pictures(32, 24)
    assert first.shape == (7, 24, 32, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    flat = first[:4].reshape(4, -1)
    assert np.ptp(flat, axis=1).tolist() == [0, 0, 0, 0]
    grains = [np.abs(np.diff(picture.astype(int), axis=1)).mean() for picture in first[4:]]
    assert grains[0] > grains[1] > grains[2] > 0  # from fine to coarse
