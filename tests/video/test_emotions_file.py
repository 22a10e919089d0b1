"""emotions.txt and the circumplex behind it."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from composer.emotions_file import POSITIONS, affect_curve, at_moment, emotions_at, position_of, read_emotions, write_emotions
from composer.errors import OptionError
from composer.film import EMOTIONS

HEADER = "time " + " ".join(EMOTIONS) + "\n"


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=20))
def test_probabilities(points):
    valence, arousal = np.array(points).T
    emotions = emotions_at(valence, arousal)
    assert emotions.shape == (len(points), 6)
    assert np.all(emotions >= 0)
    assert emotions.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize(("number", "name"), list(enumerate(EMOTIONS)))
def test_each_emotion_wins_at_its_place(number, name):
    emotions = emotions_at(*POSITIONS[[number]].T)
    assert EMOTIONS[int(emotions.argmax())] == name
    assert emotions.max() > 0.5


@pytest.mark.parametrize(
    ("name", "valence", "arousal"), [("exciting", 1, 1), ("fearful", -1, 1), ("tense", -1, 1), ("sad", -1, -1), ("relaxing", 1, -1)]
)
def test_pure_emotions_lie_in_their_quadrant(name, valence, arousal):
    found = position_of(np.eye(6)[[EMOTIONS.index(name)]])
    assert np.sign(found[0][0]) == valence
    assert np.sign(found[1][0]) == arousal
    assert np.hypot(found[0][0], found[1][0]) > 0.5


def test_neutral_is_the_centre():
    valence, arousal = position_of(np.eye(6)[[5]])
    assert (valence[0], arousal[0]) == (0, 0)


def test_round_trip(tmp_path):
    valence, arousal = np.array([-0.8, 0.0, 0.7, 0.4]), np.array([0.6, 0.0, -0.5, 0.8])
    curve = affect_curve(np.arange(4.0), emotions_at(valence, arousal), valence, arousal)
    write_emotions(curve, tmp_path / "emotions.txt")
    assert (tmp_path / "emotions.txt").read_text().splitlines()[0] == HEADER.strip() + " valence arousal"
    back = read_emotions(tmp_path / "emotions.txt", 4)
    assert back.times_s == curve.times_s
    assert np.array(back.emotions) == pytest.approx(np.array(curve.emotions), abs=2e-6)
    # the order along both axes survives, though six numbers cannot hold two exactly
    assert np.corrcoef(back.valence, valence)[0, 1] > 0.95
    assert np.corrcoef(back.arousal, arousal)[0, 1] > 0.95
    write_emotions(back, tmp_path / "again.txt")
    assert (tmp_path / "again.txt").read_text() == (tmp_path / "emotions.txt").read_text()


def test_lines_hold_until_the_next(tmp_path):
    path = tmp_path / "e.txt"
    path.write_text(HEADER + "\n1 1 0 0 0 0 0\n3.5 0 0 0 2 2 0\n")
    curve = read_emotions(path, 6)
    assert [row.index(max(row)) for row in curve.emotions] == [0, 0, 0, 0, 3, 3]
    assert curve.emotions[5][3:5] == (0.5, 0.5)


def test_valence_and_arousal_may_be_given(tmp_path):
    path = tmp_path / "e.txt"
    path.write_text(HEADER.rstrip() + " valence arousal\n0 1 0 0 0 0 0 -0.5 0.25\n2 0 0 0 1 0 3 1 -1\n")
    curve = read_emotions(path, 3)
    assert (curve.valence, curve.arousal) == ((-0.5, -0.5, 1.0), (0.25, 0.25, -1.0))
    assert curve.emotions[2] == (0, 0, 0, 0.25, 0, 0.75)


def test_rounding_leaves_no_probability_below_zero(tmp_path):
    random = np.random.default_rng(0)
    rows = random.integers(0, 5, (2000, 6)).astype(float)
    rows[:, -1] = 0
    rows[:, 0] += 1
    curve = affect_curve(np.arange(2000.0), rows, np.zeros(2000), np.zeros(2000))
    assert np.min(curve.emotions) == 0
    assert np.sum(curve.emotions, axis=1) == pytest.approx(1, abs=1e-9)
    write_emotions(curve, tmp_path / "e.txt")
    assert read_emotions(tmp_path / "e.txt", 2000).emotions[7] == pytest.approx(curve.emotions[7], abs=1e-6)


def test_video2musics_files_are_read(tmp_path):
    (tmp_path / "v.txt").write_text("time " + " ".join(f"{name}_prob" for name in EMOTIONS) + "\n0 0.1 0.2 0.3 0.2 0.1 0.1\n")
    assert read_emotions(tmp_path / "v.txt", 1).emotions[0] == pytest.approx((0.1, 0.2, 0.3, 0.2, 0.1, 0.1))
    (tmp_path / "w.txt").write_text("time sad_prob exciting_prob fearful_prob tense_prob relaxing_prob neutral_prob\n0 1 0 0 0 0 0\n")
    with pytest.raises(OptionError, match="header"):
        read_emotions(tmp_path / "w.txt", 1)


def test_the_feeling_of_one_moment():
    times = np.arange(4.0)
    curve = affect_curve(times, np.eye(6)[:4], np.array([0.1, 0.2, 0.3, 0.4]), -times / 4)
    held = at_moment(curve, 2.9)
    assert (held.valence, held.arousal) == ((0.3,) * 4, (-0.5,) * 4)
    assert held.emotions == (curve.emotions[2],) * 4
    assert at_moment(curve, 99.0).valence == (0.4,) * 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "header"),
        (HEADER.rstrip() + " valence arousal\n0 1 0 0 0 0 0\n", "Line 2 .* 7 numbers instead of 9"),
        (HEADER.rstrip() + " valence arousal\n0 1 0 0 0 0 0 2 0\n", "Line 2 .* between -1 and 1"),
        (HEADER, "no rows"),
        ("0 1 0 0 0 0 0\n", "no header"),
        ("time sad exciting fearful tense relaxing neutral\n0 1 0 0 0 0 0\n", "header"),
        (HEADER + "0 1 0 0 0 0\n", "Line 2 .* 6 numbers"),
        (HEADER + "0 1 0 0 0 0 0\n1 a 0 0 0 0 0\n", "Line 3 .* no number"),
        (HEADER + "0 1 0 0 0 0 -1\n", "Line 2 .* negative"),
        (HEADER + "0 nan 0 0 0 0 0\n", "Line 2 .* negative or infinite"),
        (HEADER + "0 1e308 1e308 1e308 0 0 0\n", "Line 2 .* negative or infinite"),
        (HEADER + "0 0 0 0 0 0 0\n", "Line 2 .* no emotion"),
        (HEADER + "2 1 0 0 0 0 0\n1 1 0 0 0 0 0\n", "Line 3 .* later"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, words):
    path = tmp_path / "e.txt"
    path.write_text(text)
    with pytest.raises(OptionError, match=words):
        read_emotions(path, 5)


def test_unreadable(tmp_path):
    with pytest.raises(OptionError, match="cannot be read"):
        read_emotions(tmp_path / "absent.txt", 5)
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(OptionError, match="not text"):
        read_emotions(tmp_path / "binary.txt", 5)
