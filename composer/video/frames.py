"""The one decode pass: small pictures streamed from ffmpeg, each with its exact presentation time.

How a picture gets its time: ffmpeg's ``showinfo`` filter writes one line with the integer time stamp of every picture
that passes, and ``-fps_mode passthrough`` lets neither drop nor repeat one between that filter and the pipe. So the
n-th picture in the pipe belongs to the n-th line, whatever the file: variable rate, edit lists, start offsets,
damaged packets. No time is ever computed as index / fps.

Conventions
-----------
Film time 0 is the first displayed picture. Pictures are RGB, upright (rotation applied), of about square pixels.
Memory stays constant: one block of pictures, reused; only the time stamps (8 bytes a picture) are kept.
Who wants other pictures of the same pass, one a second, gives a `composer.video.tap.Tap`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import subprocess
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import ffmpeg
import numpy as np
import numpy.typing as npt

from composer.errors import VideoError
from composer.options import Progress, silent
from composer.probe import Probe, locked_source, zero_keepers
from composer.process import Child, streaming
from composer.video.decode_log import DecodeLog
from composer.video.tap import PIPE, Tap, TapReader, tap_filters

#: pictures are averaged over square cells of this many pixels where a coarse look is enough
CELL_PIXELS = 10
#: about how many pixels a small picture has (160 × 90)
SMALL_PIXELS = 14_400
#: pictures per block: large enough for numpy, small enough (2 MB) for the processor's cache
BLOCK_FRAMES = 48
#: ffmpeg must deliver something within this time, else it hangs
STALL_S = 90.0
#: films shorter than this, or longer, are refused
SHORTEST_S, LONGEST_S = 1.0, 48 * 3600.0

_STANDARD_RATES = [Fraction(n) for n in (5, 6, 8, 10, 12, 15, 16, 18, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 144, 240)] + [
    Fraction(n * 1000, 1001) for n in (15, 24, 30, 48, 60, 120)
]


@dataclass(frozen=True)
class Block:
    """A run of consecutive pictures; the arrays are overwritten by the next block."""

    #: index of the first picture within the film
    first: int
    #: (B, H, W, 3) RGB, uint8
    images: npt.NDArray[np.uint8]
    #: (B,) presentation times, seconds of film time
    times_s: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Clock:
    """When every picture of the film is shown: measured, not claimed."""

    #: (N,) presentation times, seconds of film time, strictly rising, the first is 0
    times_s: npt.NDArray[np.float64]
    #: end of the last picture, seconds of film time
    duration_s: float
    #: pictures per second (average when variable)
    frame_rate: Fraction
    #: time of the first picture after ffmpeg's time zero, seconds
    start_offset_s: float
    #: what was damaged, one line each
    warnings: tuple[str, ...]


def small_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of the small pictures for a displayed size: whole cells, about SMALL_PIXELS in all."""
    aspect = min(max(width / height, 0.25), 4.0)
    cells_high = max(4, round((SMALL_PIXELS / aspect) ** 0.5 / CELL_PIXELS))
    cells_wide = max(4, round(cells_high * aspect))
    return cells_wide * CELL_PIXELS, cells_high * CELL_PIXELS


class Pictures:
    """Decodes a film once: iterate over `blocks()`, then ask for `clock()`."""

    def __init__(self, film: Probe, progress: Progress = silent, tap: Tap | None = None) -> None:
        self.film = film
        self._tap = tap
        self.width, self.height = small_size(film.width, film.height)
        self._progress = progress
        self._pts = array("q")  # time stamps of the pictures kept, in units of the time base
        self._disordered = self._timeless = 0
        self._log = DecodeLog(film.time_base)

    def blocks(self) -> Iterator[Block]:
        """All pictures of the film in order.

        Raises VideoError when ffmpeg delivers nothing or stops answering, MissingToolError without ffmpeg, and what the tap raises.
        """
        tap = TapReader(self._tap, self.film.time_base)
        with tap, streaming(self._command(), stdin=tap.sink, tolerate=True) as child, tap.reading(child):
            for images in self._raw_blocks(child, tap):
                tap.check()
                stamps = self._log.stamps(child, len(images))
                kept = self._keep(stamps)
                if not kept:
                    continue
                first = len(self._pts) - len(kept)
                yield Block(first, images if len(kept) == len(images) else images[kept], self._seconds(first))
                self._progress("watch", self._done())
            self._log.read(child)
            with contextlib.suppress(subprocess.TimeoutExpired):  # a much longer sound may still be passing by (see zero_keepers)
                child.wait(2.0)
            stopped = -(child.returncode or 0)
        if stopped > 0:
            hint = "Run it again; the machine may be short of memory."
            raise VideoError(f"ffmpeg was stopped (signal {stopped}) while it read {self.film.path}", hint)
        if not self._pts:
            last = self._log.last_error or "it has no pictures that can be decoded"
            raise VideoError(f"{self.film.path} cannot be decoded: {last}", "Check that it plays; if it does, export it as H.264 MP4.")
        self._progress("watch", 1.0)

    def clock(self) -> Clock:
        """When the pictures are shown; call it after the last block.

        Raises VideoError for one picture, less than a second, or time stamps that cannot be true.
        """
        times = self._seconds(0)
        last_s = float(times[-1])
        if len(times) < 2:
            raise VideoError(f"{self.film.path} has only one picture", "Give a film of at least one second.")
        duration_s = last_s + self._last_frame_s(times)
        if duration_s < SHORTEST_S - 1e-6:
            hint = "Give a film of at least one second."
            raise VideoError(f"{self.film.path} is only {duration_s:.2f} s long", hint)
        if duration_s > LONGEST_S:
            raise VideoError(f"{self.film.path} has time stamps that reach {duration_s / 3600:.0f} hours", "Export it again.")
        offset_s = float(self._pts[0] * self._log.time_base)
        warnings = (*self._log.warnings(), *self._missing(times), *self._time_warnings(offset_s + duration_s))
        return Clock(times, duration_s, self._frame_rate(times), offset_s, warnings)

    def _command(self) -> list[str]:
        scale = f"scale={self.width}:{self.height}:flags=area,setsar=1,showinfo=checksum=0"
        source = locked_source(self.film.path)
        picture = source[str(self.film.video_stream)]
        pipe = picture.output("pipe:1", vf=scale, fps_mode="passthrough", format="rawvideo", pix_fmt="rgb24")
        if self._tap is not None:
            filters = tap_filters(self._tap.framing, self.film.width, self.film.height)
            pipe = ffmpeg.merge_outputs(pipe, picture.output(PIPE, vf=filters, fps_mode="passthrough", format="rawvideo", pix_fmt="rgb24"))
        if keepers := zero_keepers(self.film, source):
            pipe = ffmpeg.merge_outputs(pipe, *keepers)
        command: list[str] = pipe.global_args("-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info").compile()
        return command

    def _raw_blocks(self, child: Child, tap: TapReader) -> Iterator[npt.NDArray[np.uint8]]:
        assert child.stdout is not None
        pipe = child.stdout.fileno()
        with contextlib.suppress(OSError, AttributeError):  # Linux only: fewer wake-ups on both sides
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)
        buffer = np.empty((BLOCK_FRAMES, self.height, self.width, 3), np.uint8)
        view, filled = memoryview(buffer.reshape(-1).data), 0
        frame_bytes = self.height * self.width * 3
        while True:
            while not select.select([pipe], [], [], STALL_S)[0]:
                if tap.was_busy(STALL_S):
                    continue
                hint = "Export it again; the file is probably damaged."
                raise VideoError(f"{self.film.path}: ffmpeg gave no picture for {STALL_S:g} s", hint)
            count = os.readv(pipe, [view[filled:]])
            filled += count
            if filled == len(view) or not count:
                if filled >= frame_bytes:
                    yield buffer[: filled // frame_bytes]
                filled = 0
            if not count:
                return

    def _keep(self, stamps: list[int | None]) -> list[int]:
        """Remember the time stamps of one block; returns which of its pictures to keep (time must rise)."""
        kept = []
        for i, stamp in enumerate(stamps):
            if stamp is None:  # no time stamp at all: one frame after the last
                self._timeless += 1
                stamp = self._pts[-1] + max(1, round(self._nominal_s() / self._log.time_base)) if self._pts else 0
            if self._pts and stamp <= self._pts[-1]:
                self._disordered += 1
                continue
            self._pts.append(stamp)
            kept.append(i)
        return kept

    def _seconds(self, first: int) -> npt.NDArray[np.float64]:
        """Film times of the kept pictures from `first` on: one exact integer, one rounding."""
        ticks = np.array(self._pts[first:], np.int64) - self._pts[0]
        base = self._log.time_base
        return np.asarray(ticks * base.numerator / base.denominator, np.float64)

    def _nominal_s(self) -> float:
        return float(1 / self.film.frame_rate) if self.film.frame_rate else 0.04

    def _done(self) -> float:
        length_s = self.film.picture_end_s or self.film.duration_s
        return min(0.999, float(self._seconds(len(self._pts) - 1)[0]) / length_s) if length_s else 0.0

    def _last_frame_s(self, times: npt.NDArray[np.float64]) -> float:
        """How long the last picture stays: what the header says if that is believable, else the usual interval."""
        intervals = np.diff(times)
        usual_s = float(np.median(intervals))
        end_s = self.film.picture_end_s
        if end_s is not None:
            stated_s = end_s - float(self._pts[-1] * self._log.time_base)
            if 0.5 * usual_s < stated_s <= 1.5 * float(intervals.max()):
                return stated_s
        return usual_s

    def _frame_rate(self, times: npt.NDArray[np.float64]) -> Fraction:
        """The rate of a steady film (missing pictures do not change it), snapped to the standard rate it cannot be told from;
        the average of a film with a variable rate.
        """
        intervals = np.diff(times)
        base_s = float(self._log.time_base)
        steady = np.abs(intervals - np.median(intervals)) <= 1.01 * base_s
        if np.mean(steady) < 0.8:
            return Fraction(len(intervals) / float(times[-1])).limit_denominator(1000)
        count, length_s = int(np.sum(steady)), float(np.sum(intervals[steady]))
        gaps = int(np.sum(~steady))
        rates = [rate for rate in (self.film.frame_rate, *_STANDARD_RATES) if rate]
        misses_s = [abs(float(count / rate) - length_s) for rate in rates]
        best = int(np.argmin(misses_s))  # the first of equals: the header's own
        if misses_s[best] <= (1.5 + gaps) * base_s + 1e-9:
            return rates[best]
        return Fraction(count / length_s).limit_denominator(1000)

    def _missing(self, times: npt.NDArray[np.float64]) -> list[str]:
        """How many pictures of a damaged film never came: the holes in its steady rate (one error may cost a dozen)."""
        intervals = np.diff(times)
        usual_s = float(np.median(intervals))
        missing = int(np.sum(np.round(intervals / usual_s) - 1)) if self._log.damaged and usual_s > 0 else 0
        return [f"pictures missing where the file is damaged: {missing}"] if missing > 0 else []

    def _time_warnings(self, end_s: float) -> list[str]:
        lines = []
        if self._timeless:
            lines.append(f"pictures without a time stamp put one frame after the last: {self._timeless}")
        if self._disordered:
            lines.append(f"pictures with disordered time stamps left out: {self._disordered}")
        stated_s = self.film.picture_end_s
        if stated_s is not None and abs(stated_s - end_s) > max(1.0, 0.02 * stated_s):
            ends = "the file is cut short" if stated_s > end_s else "the header is wrong"
            lines.append(
                f"the header says {stated_s:.1f} s, but the picture ends after {end_s:.1f} s ({ends}); the measured length is used"
            )
        return lines
