"""A tap on the decode pass: one picture per second of film, in another size, out of the same ffmpeg that makes the small ones.

The tap is a second output of the one command: decoded once, filtered twice. Its pictures come through a pipe of their own,
read by a thread of their own, so that neither pipe can block the other and a slow reader (a large model) only slows ffmpeg down.

Conventions
-----------
The picture of second k is the first whose presentation time, from the film's first picture, is k or later but before k + 1.
A second in which no picture begins has none: what is shown then is the one before (`held`).
Where a stream changes the size of its pictures midway, ffmpeg starts counting anew: from there on they may be up to a second late.
A resized picture has the size that torchvision's and open_clip's transforms would give it; so has its crop the same place.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from composer.process import Child
from composer.video.decode_log import DecodeLog

Images = npt.NDArray[np.uint8]

#: pictures handed over at once: memory is this many, whatever the film's length
BATCH = 16
#: times this close below a whole second count as that second: they are sums of fractions in floating point, seconds
EPSILON_S = 1e-7
#: ffmpeg's own name of the second output: its standard input, which it does not read (-nostdin), is the pipe's writing end
PIPE = "pipe:0"

_FIRST_OF_SECOND = (
    f"select='not(isnan(t))*(isnan(prev_selected_t)+gt(floor(t-start_t+{EPSILON_S}),floor(prev_selected_t-start_t+{EPSILON_S})))'"
)
_SHOWN = re.compile(rb"\[showinfo@tap[^\]]*\] \[info\] (?:n: *\d+ pts: *(-?\d+|NOPTS) |config in time_base: (\d+)/(\d+))")


@dataclass(frozen=True)
class Framing:
    """How a model wants its pictures: RGB of this size, as open_clip's preprocessing makes it."""

    #: width and height, pixels
    width: int
    height: int
    #: "shortest": fill the frame and crop the middle; "longest": show all on a ground; "squash": stretch
    mode: Literal["shortest", "longest", "squash"] = "shortest"
    #: how pixels are interpolated
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    #: grey level of the ground around a picture shown whole, 0…255
    ground: int = 0

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) that a picture of this size has before it is cropped or put on the ground."""
        if self.mode == "squash":
            return self.width, self.height
        if self.mode == "shortest" and self.width == self.height:  # torchvision's Resize: the long side is rounded down
            short = self.width
            return (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
        ratios = (height / self.height, width / self.width)
        ratio = max(ratios) if self.mode == "longest" else min(ratios)
        return round(width / ratio), round(height / ratio)

    def filters(self, width: int, height: int) -> str:
        """ffmpeg filters for pictures that are displayed with this size."""
        wide, high = self.resized(width, height)
        # RGB before scaling, as a decoded picture would reach the transforms
        chain = f"format=rgb24,scale={wide}:{high}:flags={self.interpolation}+accurate_rnd"
        if (wide, high) == (self.width, self.height):
            return chain
        if self.mode == "longest":
            left, top = (self.width - wide) // 2, (self.height - high) // 2
            return f"{chain},pad={self.width}:{self.height}:{left}:{top}:color=0x{self.ground:02x}{self.ground:02x}{self.ground:02x}"
        left, top = round((wide - self.width) / 2), round((high - self.height) / 2)
        return f"{chain},crop={self.width}:{self.height}:{left}:{top}:exact=1"


class Tap(Protocol):
    """Who wants one picture per second."""

    @property
    def framing(self) -> Framing:
        """What the pictures shall look like."""

    def take(self, images: Images, seconds: Sequence[int]) -> None:
        """The next pictures (B, H, W, 3), RGB, and their B seconds of film, rising; called in order from one other thread.

        The array is overwritten by the next call. What is raised here ends the pass and reaches who asked for it.
        """


def tap_filters(framing: Framing, width: int, height: int) -> str:
    """The filters of ffmpeg's second output for a film displayed with this size."""
    return f"{_FIRST_OF_SECOND},showinfo@tap=checksum=0,{framing.filters(width, height)}"


def held(seconds: Sequence[int], count: int) -> npt.NDArray[np.intp]:
    """(count,) for every second of film the index of the picture shown then, from the rising seconds that have one of their own."""
    return np.maximum(np.searchsorted(np.asarray(seconds), np.arange(count), side="right") - 1, 0)


class TapReader:
    """Reads a tap's pipe beside the main one (and does nothing without a tap).

    Enter it, start ffmpeg with its standard input at `sink`, and read the main pipe within `reading`.
    """

    def __init__(self, tap: Tap | None, time_base: Fraction) -> None:
        self._tap = tap
        self._log = _TapLog(time_base)
        self._source: int | None = None
        self.sink: int | None = None
        self._failure: BaseException | None = None
        self._stopped = self._busy = False
        self._busy_until_s = -1e9
        self._first: int | None = None
        self._second = -1

    def __enter__(self) -> TapReader:
        if self._tap is not None:
            self._source, self.sink = os.pipe()
            with contextlib.suppress(OSError, AttributeError):  # Linux only: fewer wake-ups on both sides
                fcntl.fcntl(self._source, fcntl.F_SETPIPE_SZ, 1 << 20)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close_sink()
        self._close_source()

    @contextlib.contextmanager
    def reading(self, child: Child) -> Iterator[None]:
        """The thread runs while the block does; when the block fails, `child` is killed; when the thread does, that is raised here."""
        if self._tap is None:
            yield
            return
        self._close_sink()  # the child has it now; when the child ends, so does the pipe
        thread = threading.Thread(target=self._run, args=(self._tap, child), name="tap")
        thread.start()
        try:
            yield
        except BaseException:
            self._stopped = True
            child.kill_group()
            raise
        finally:
            thread.join()
        self.check()

    def check(self) -> None:
        """Raise what the tap raised, if it did."""
        if self._failure is not None:
            raise self._failure

    def was_busy(self, within_s: float) -> bool:
        """Whether the tap has been at work in the last `within_s` seconds: then it is not ffmpeg that hangs."""
        return self._busy or time.monotonic() - self._busy_until_s < within_s

    def _run(self, tap: Tap, child: Child) -> None:
        try:
            self._read(tap, child)
        except BaseException as error:  # nobody is there to catch it but the other thread
            self._failure = error
        finally:
            self._close_source()  # an ffmpeg that still writes ends at once instead of waiting for a reader

    def _read(self, tap: Tap, child: Child) -> None:
        buffer = np.empty((BATCH, tap.framing.height, tap.framing.width, 3), np.uint8)
        seconds: list[int] = []
        while self._fill(buffer[len(seconds)]):
            stamp = self._log.stamps(child, 1)[0]
            if stamp is not None and self._begins_second(stamp):
                seconds.append(self._second)
            if len(seconds) == BATCH:
                self._hand_over(tap, buffer, seconds)
                seconds = []
        if seconds and not self._stopped:
            self._hand_over(tap, buffer[: len(seconds)], seconds)

    def _fill(self, picture: Images) -> bool:
        """Read one whole picture; False when there is none any more."""
        assert self._source is not None
        view = memoryview(picture.reshape(-1).data)
        while len(view) and not self._stopped:
            count = os.readv(self._source, [view])
            if not count:
                return False
            view = view[count:]
        return not self._stopped

    def _begins_second(self, stamp: int) -> bool:
        """Whether a picture with this time stamp is in a later second than the last (a stream that changes its size may repeat one)."""
        self._first = stamp if self._first is None else self._first
        second = int(float((stamp - self._first) * self._log.time_base) + EPSILON_S)
        if second <= self._second:
            return False
        self._second = second
        return True

    def _hand_over(self, tap: Tap, images: Images, seconds: list[int]) -> None:
        self._busy = True
        try:
            tap.take(images, seconds)
        finally:
            self._busy, self._busy_until_s = False, time.monotonic()

    def _close_source(self) -> None:
        if self._source is not None:
            os.close(self._source)
            self._source = None

    def _close_sink(self) -> None:
        if self.sink is not None:
            os.close(self.sink)
            self.sink = None


class _TapLog(DecodeLog):
    """The time stamps of the tap's pictures; damage is counted by the main log."""

    def _take(self, line: bytes) -> None:
        shown = _SHOWN.match(line)
        if shown and shown[1]:
            self._stamps.append(None if shown[1] == b"NOPTS" else int(shown[1]))
        elif shown:
            self.time_base = Fraction(int(shown[2]), int(shown[3]))
