"""Timecode: the clock of editors, in which pictures are counted and written as hours, minutes, seconds and frames (SMPTE ST 12-1).

Conventions
-----------
A picture is known by its number, ``round(time_s * frame_rate)`` with the film's real rate, so rates over 1001 stay exact over hours.
Timecode counts with the nominal rate: 24 for 24000/1001 (23.976), 30 for 30000/1001 (29.97), 60 for 60000/1001 (59.94). Counted like that,
it falls behind the wall clock by 3.6 s an hour. Drop-frame, for 29.97 and 59.94 only, catches up: every minute but each tenth skips the
first 2 (4 at 59.94) *numbers*; no picture is lost. A ";" before the frames says drop-frame: 00:01:00;02 follows 00:00:59;29.

A day has 24 hours: after 23:59:59:29 comes 00:00:00:00. Reading, a timecode is taken to lie within half a day of the film's start.
"""

from __future__ import annotations

import re
from fractions import Fraction

from composer.errors import OptionError

#: timecode of the first picture unless somebody says otherwise: reels begin at hour one
DEFAULT_START = "01:00:00:00"

_FORM = re.compile(r"(\d{1,2})[:;](\d{2})[:;](\d{2})[:;](\d{2,3})")  # Premiere writes 01;00;00;00 for drop-frame
_HINT = "Write e.g. 01:00:00:00, or 01:00:00;00 for drop-frame."
#: how far a measured rate may be off and still be 29.97 or 59.94, as a share (30 is off by 0.001)
_RATE_TOLERANCE = Fraction(4, 10_000)


def nominal_rate(frame_rate: Fraction) -> int:
    """How many numbers a second of timecode has, e.g. 24 for 24000/1001."""
    return max(1, round(frame_rate))


def timecode(time_s: float, frame_rate: Fraction, start: str = DEFAULT_START) -> str:
    """Timecode of the picture at `time_s` seconds of film time, when the first picture has `start`.

    Raises OptionError when `start` is no timecode of that rate.
    """
    first = count_frames(start, frame_rate)
    return label_of(first + round(time_s * frame_rate), frame_rate, is_drop_frame(start))


def parse_timecode(text: str, frame_rate: Fraction, start: str = DEFAULT_START) -> float:
    """Seconds of film time of the picture that `text` names, when the first picture has `start`: the inverse of `timecode`.

    Negative before `start`. With a drop-frame `start`, ":" before the frames of `text` is read as ";", as many programs write it.
    Raises OptionError when either is no timecode of that rate, or `text` counts drop-frame and `start` does not.
    """
    drop = is_drop_frame(start)
    if is_drop_frame(text) and not drop:
        raise OptionError(f"Timecode {text.strip()} counts drop-frame, but the film's start {start} does not", _HINT)
    frames = count_frames(text, frame_rate, drop_frame=drop) - count_frames(start, frame_rate)
    return float(within_half_a_day(frames, frame_rate, drop) / frame_rate)


def check_start(text: str, frame_rate: Fraction) -> None:
    """Raise OptionError unless `text` can be the timecode of the first picture of a film of that rate."""
    try:
        count_frames(text, frame_rate)
    except OptionError as error:
        raise OptionError(f"--start-tc: {error.problem}", error.hint) from None


def is_timecode(text: str) -> bool:
    """Whether `text` is written like a timecode with frames (it may still name a picture that does not exist)."""
    return _FORM.fullmatch(text.strip()) is not None


def is_drop_frame(text: str) -> bool:
    """Whether a timecode says that it counts drop-frame."""
    return ";" in text


def count_frames(text: str, frame_rate: Fraction, *, drop_frame: bool | None = None) -> int:
    """Pictures from 00:00:00:00 to a timecode. `drop_frame` overrides what its ":" or ";" says.

    Raises OptionError when it is no timecode, or names a picture that does not exist at that rate.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise OptionError(f"{text.strip()[:40]!r} is no timecode", _HINT)
    hours, minutes, seconds, frames = map(int, match.groups())
    base = nominal_rate(frame_rate)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise OptionError(f"Timecode {text.strip()} does not exist", "Hours go to 23, minutes and seconds to 59.")
    if frames >= base:
        raise OptionError(
            f"Timecode {text.strip()} does not exist at {float(frame_rate):.6g} pictures a second", f"Frames go to {base - 1}."
        )
    drop = is_drop_frame(text) if drop_frame is None else drop_frame
    skipped = _skipped_a_minute(frame_rate) if drop else 0
    all_minutes = 60 * hours + minutes
    if frames < skipped and seconds == 0 and minutes % 10:
        raise OptionError(f"Timecode {text.strip()} is one that drop-frame skips", f"The minute begins with frame {skipped:02d}.")
    return (all_minutes * 60 + seconds) * base + frames - skipped * (all_minutes - all_minutes // 10)


def label_of(frames: int, frame_rate: Fraction, drop_frame: bool) -> str:
    """The timecode of picture number `frames` from 00:00:00:00; past a day it begins anew.

    Raises OptionError for drop-frame at a rate that has none.
    """
    base, number = nominal_rate(frame_rate), frames % _frames_a_day(frame_rate, drop_frame)
    if drop_frame:
        skipped = _skipped_a_minute(frame_rate)
        tens, rest = divmod(number, 600 * base - 9 * skipped)
        # the first minute of ten skips nothing, so the others begin `skipped` later
        minutes = max(0, (rest - skipped) // (60 * base - skipped))
        number += skipped * (9 * tens + minutes)
    seconds, frame = divmod(number, base)
    mark = ";" if drop_frame else ":"
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{frame:02d}"


def within_half_a_day(frames: Fraction | int, frame_rate: Fraction, drop_frame: bool) -> Fraction:
    """A distance in frames, taken across midnight where that is shorter: −12 h … 12 h."""
    day = _frames_a_day(frame_rate, drop_frame)
    return Fraction((frames + day // 2) % day - day // 2)


def _frames_a_day(frame_rate: Fraction, drop_frame: bool) -> int:
    skipped = _skipped_a_minute(frame_rate) if drop_frame else 0
    return 24 * 6 * (600 * nominal_rate(frame_rate) - 9 * skipped)


def _skipped_a_minute(frame_rate: Fraction) -> int:
    """Numbers that drop-frame skips in nine minutes of ten: 2 at 29.97, 4 at 59.94."""
    for base in (30, 60):
        exact = Fraction(base * 1000, 1001)
        if abs(frame_rate / exact - 1) < _RATE_TOLERANCE:
            return base // 15
    raise OptionError(
        f"Drop-frame timecode at {float(frame_rate):.6g} pictures a second does not exist",
        "Only 29.97 and 59.94 have it; write the timecode with ':' before the frames.",
    )
