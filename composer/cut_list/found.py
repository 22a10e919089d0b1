"""What all readers of cut lists share: the result, the clock of a timeline, and files from strangers."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from composer.cues import HitPoint
from composer.errors import OptionError
from composer.timecode import DEFAULT_START, count_frames, is_drop_frame, nominal_rate, within_half_a_day

#: no list that a person made is larger, bytes
LARGEST_BYTES = 20_000_000
#: a label is a few words, letters
LONGEST_LABEL = 80


@dataclass(frozen=True)
class Found:
    """What a list says, not yet held against the film."""

    #: changes of shot, seconds of film time, in any order
    cuts_s: tuple[float, ...]
    #: moments with a name, in any order
    markers: tuple[HitPoint, ...]
    #: timecode of film time 0 that they were read with
    start_tc: str


@dataclass(frozen=True)
class Clock:
    """From the pictures that an editor's timeline counts to film time."""

    #: pictures per second of the timeline
    rate: Fraction
    #: pictures per second of the film
    film_rate: Fraction
    #: timecode of the film's first picture
    start_tc: str

    @property
    def start_frames(self) -> int:
        """Number of the film's first picture on the timeline's clock, from 00:00:00:00."""
        return count_frames(self.start_tc, self.rate)

    def film_s(self, frames: Fraction | int) -> float:
        """Seconds of film time of the timeline's picture with timecode number `frames` (from 00:00:00:00).

        By count of pictures where both rates go by one name (24 and 23.976), else by seconds.
        """
        drop = is_drop_frame(self.start_tc)
        distance = within_half_a_day(frames - self.start_frames, self.rate, drop)
        return float(distance / (self.film_rate if nominal_rate(self.rate) == nominal_rate(self.film_rate) else self.rate))

    def opening(self, frames: Fraction | int) -> tuple[float, ...]:
        """The timeline's first picture as a change of shot: it is one where the film begins earlier."""
        time_s = self.film_s(frames)
        return (time_s,) if time_s > 0 else ()


def counted_like(start_tc: str, drop_frame: bool) -> str:
    """`start_tc`, marked as drop-frame where the list counts so: people type ':' for both."""
    return f"{start_tc[:-3]};{start_tc[-2:]}" if drop_frame else start_tc


def usual_start(first: str, drop_frame: bool) -> str:
    """Where a timeline probably starts whose first marker has timecode `first`: at hour one, or at zero if that marker comes earlier."""
    start = "00:00:00:00" if re.match(r"0?0[:;]", first) else DEFAULT_START
    return counted_like(start, drop_frame)


def marker(time_s: float, label: str, weight: float = 1.0) -> HitPoint:
    """A moment that a person named."""
    return HitPoint(time_s, weight, "marker", clean(label))


def clean(label: str) -> str:
    """A label on one line, without control characters, not endless."""
    printable = "".join(" " if unicodedata.category(letter).startswith("C") else letter for letter in label[: 4 * LONGEST_LABEL])
    return " ".join(printable.split())[:LONGEST_LABEL].rstrip()


def no_list(path: Path, why: str, hint: str) -> OptionError:
    """The error for a file that cannot be read."""
    return OptionError(f"The cut list {path.name} cannot be read ({why})", hint)


def read_bytes(path: Path) -> bytes:
    """A file's bytes. Raises OptionError when it is missing or larger than any list."""
    check_file(path, LARGEST_BYTES)
    try:
        return path.read_bytes()
    except OSError as error:
        raise no_list(path, error.strerror or "it cannot be opened", "Check the path.") from None


def check_file(path: Path, largest_bytes: int | None) -> None:
    """Raise OptionError when a file is missing, is none, or is larger than that (None: of any size)."""
    if not path.is_file():
        raise no_list(path, "it is a folder" if path.is_dir() else "it is no file", "Name a file.")
    if largest_bytes is not None and path.stat().st_size > largest_bytes:
        raise too_large(path)


def too_large(path: Path) -> OptionError:
    """The error for a list that is larger than any list."""
    return no_list(path, f"more than {LARGEST_BYTES // 1_000_000} MB", "A list of cuts is small: is this the right file?")


def read_text(path: Path) -> str:
    """A file's text: UTF-8 or UTF-16 by its byte order mark, else UTF-8, else Windows' Latin.

    Raises OptionError when it is missing, too large or no text.
    """
    data = read_bytes(path)
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252", "latin-1")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise no_list(path, "it is not text", "Export it anew.")
