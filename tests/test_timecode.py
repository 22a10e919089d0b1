"""Timecode against SMPTE ST 12-1: golden values, and reading as the exact inverse of writing."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from composer.errors import OptionError
from composer.timecode import (
    check_start,
    count_frames,
    is_timecode,
    label_of,
    nominal_rate,
    parse_timecode,
    timecode,
)

F2398, F2997, F5994 = (Fraction(base * 1000, 1001) for base in (24, 30, 60))
RATES = [F2398, Fraction(24), Fraction(25), F2997, Fraction(30), Fraction(48), Fraction(50), F5994, Fraction(60), Fraction(2398, 100)]
WITH_DROP = [F2997, F5994]


@pytest.mark.parametrize(
    ("time_s", "rate", "text"),
    [
        (0, Fraction(25), "01:00:00:00"),
        (61.52, Fraction(25), "01:01:01:13"),
        (3600, Fraction(24), "02:00:00:00"),
        (1.0, F2398, "01:00:01:00"),
        (3603.6, F2398, "02:00:00:00"),  # 86400 pictures: timecode is 3.6 s an hour behind the clock
        (7207.2, F2997, "03:00:00:00"),
    ],
)
def test_non_drop(time_s: float, rate: Fraction, text: str) -> None:
    assert timecode(time_s, rate) == text


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        (0, "00:00:00;00"),
        (1799, "00:00:59;29"),
        (1800, "00:01:00;02"),
        (3597, "00:01:59;29"),
        (3598, "00:02:00;02"),
        (17981, "00:09:59;29"),
        (17982, "00:10:00;00"),
        (17983, "00:10:00;01"),
        (107892, "01:00:00;00"),
        (2589408 - 1, "23:59:59;29"),
        (2589408, "00:00:00;00"),
    ],
)
def test_drop_frame_at_29_97(frames: int, text: str) -> None:
    assert label_of(frames, F2997, True) == text
    assert timecode(float(frames / F2997), F2997, "00:00:00;00") == text


@pytest.mark.parametrize(
    ("frames", "text"), [(3599, "00:00:59;59"), (3600, "00:01:00;04"), (35964, "00:10:00;00"), (215784, "01:00:00;00")]
)
def test_drop_frame_at_59_94(frames: int, text: str) -> None:
    assert label_of(frames, F5994, True) == text
    assert count_frames(text, F5994) == frames


def test_drop_frame_numbers_every_picture_once_for_an_hour() -> None:
    texts = [label_of(frames, F2997, True) for frames in range(107892 + 1)]
    assert len(set(texts)) == len(texts) and texts == sorted(texts)
    assert [count_frames(text, F2997) for text in texts[::7]] == list(range(0, 107893, 7))


def test_drop_frame_keeps_to_the_wall_clock() -> None:
    assert timecode(3600.0, F2997, "00:00:00;00") == "01:00:00;00"  # within 4 ms an hour
    assert timecode(3600.0, F2997, "00:00:00:00") == "00:59:56:12"


@given(rate=st.sampled_from(RATES), first=st.integers(0, 10**7), frames=st.integers(0, 10**6))
def test_reading_is_the_inverse_of_writing(rate: Fraction, first: int, frames: int) -> None:
    start = label_of(first, rate, False)
    time_s = float(frames / rate)
    assert round(parse_timecode(timecode(time_s, rate, start), rate, start) * rate) == frames
    assert parse_timecode(timecode(time_s, rate, start), rate, start) == time_s


@given(rate=st.sampled_from(WITH_DROP), first=st.integers(0, 10**7), frames=st.integers(0, 10**6))
def test_reading_is_the_inverse_of_writing_with_drop_frame(rate: Fraction, first: int, frames: int) -> None:
    start = label_of(first, rate, True)
    text = timecode(float(frames / rate), rate, start)
    assert ";" in text
    assert parse_timecode(text, rate, start) == float(frames / rate)
    assert parse_timecode(text.replace(";", ":"), rate, start) == float(frames / rate)


def test_a_time_between_two_pictures_takes_the_nearer() -> None:
    assert timecode(0.019, Fraction(25), "00:00:00:00") == "00:00:00:00"
    assert timecode(0.021, Fraction(25), "00:00:00:00") == "00:00:00:01"


def test_across_midnight_and_before_the_start() -> None:
    assert timecode(2.0, Fraction(25), "23:59:59:00") == "00:00:01:00"
    assert parse_timecode("00:00:01:00", Fraction(25), "23:59:59:00") == 2.0
    assert parse_timecode("00:59:50:00", Fraction(25), "01:00:00:00") == -10.0


def test_nominal_rates() -> None:
    assert [nominal_rate(rate) for rate in RATES] == [24, 24, 25, 30, 30, 48, 50, 60, 60, 24]
    assert nominal_rate(Fraction(1, 5)) == 1
    assert timecode(10.0, Fraction(120), "00:00:00:00") == "00:00:10:00"
    assert timecode(float(Fraction(119, 120)), Fraction(120), "00:00:00:00") == "00:00:00:119"


@pytest.mark.parametrize(
    ("text", "rate", "words"),
    [
        ("01:00:00:25", Fraction(25), "Frames go to 24"),
        ("01:00:00:24", F2398, "Frames go to 23"),
        ("24:00:00:00", Fraction(25), "Hours go to 23"),
        ("01:60:00:00", Fraction(25), "does not exist"),
        ("01:00:00", Fraction(25), "no timecode"),
        ("", Fraction(25), "no timecode"),
        ("01:00:00.10", Fraction(25), "no timecode"),
        ("one", Fraction(25), "no timecode"),
        ("01:00:00;00", Fraction(25), "29.97"),
        ("01:00:00;00", Fraction(30), "29.97"),
        ("01:00:00;00", F2398, "29.97"),
        ("01:01:00;00", F2997, "drop-frame skips"),
        ("01:01:00;01", F2997, "begins with frame 02"),
        ("01:01:00;03", F5994, "begins with frame 04"),
    ],
)
def test_what_is_no_start(text: str, rate: Fraction, words: str) -> None:
    with pytest.raises(OptionError, match=words) as raised:
        check_start(text, rate)
    assert "--start-tc" in str(raised.value)


def test_starts_that_are_right() -> None:
    check_start("00:00:00:00", Fraction(25))
    check_start("10:00:00;00", F2997)
    check_start("10:10:00;00", F5994)
    check_start("10:11:00;02", Fraction(2997, 100))
    assert count_frames("01;00;00;00", F2997) == 107892


def test_drop_frame_against_a_start_that_counts_otherwise() -> None:
    with pytest.raises(OptionError, match="drop-frame"):
        parse_timecode("01:00:05;10", F2997, "01:00:00:00")


def test_what_looks_like_timecode() -> None:
    assert is_timecode("01:00:00:00") and is_timecode(" 1:00:00;00 ")
    assert not any(is_timecode(text) for text in ("1:00:00", "01:00:00.00", "12.5", "", "time"))
