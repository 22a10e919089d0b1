"""What ffmpeg says while it decodes: the time stamp of every picture, and what was damaged."""

from __future__ import annotations

import os
import re
from fractions import Fraction

from composer.process import Child

_SHOWN = re.compile(rb"\[Parsed_showinfo[^\]]*\] \[info\] (?:n: *\d+ pts: *(-?\d+|NOPTS) |config in time_base: (\d+)/(\d+))")
_SKIPPED = re.compile(rb"Error while decoding stream|Error submitting packet")
_PATCHED = re.compile(rb"corrupt decoded frame")


class DecodeLog:
    """ffmpeg's messages, read while it runs: time stamps and damage."""

    def __init__(self, time_base: Fraction) -> None:
        self.time_base = time_base
        self.last_error = ""
        self._stamps: list[int | None] = []
        self._position, self._rest = 0, b""
        self._skipped = self._patched = 0

    def stamps(self, child: Child, count: int) -> list[int | None]:
        """The next `count` time stamps; showinfo writes a line before its picture enters the pipe, so they are there."""
        if len(self._stamps) < count:
            self.read(child)
        taken, self._stamps = self._stamps[:count], self._stamps[count:]
        return taken + [None] * (count - len(taken))

    def read(self, child: Child) -> None:
        """Take in what ffmpeg has written since the last call."""
        while data := os.pread(child.errors.fileno(), 1 << 20, self._position):
            self._position += len(data)
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._take(line)

    def _take(self, line: bytes) -> None:
        shown = _SHOWN.match(line)  # from the line's start: a title tag may say anything
        if shown and shown[1]:
            self._stamps.append(None if shown[1] == b"NOPTS" else int(shown[1]))
        elif shown:
            self.time_base = Fraction(int(shown[2]), int(shown[3]))
        elif b"[error]" in line or b"[warning]" in line or b"[fatal]" in line:
            self._skipped += bool(_SKIPPED.search(line))
            self._patched += bool(_PATCHED.search(line))
            if b"[error]" in line or b"[fatal]" in line:
                self.last_error = line.rsplit(b"]", 1)[-1].strip().decode("utf-8", "replace")[:200]

    @property
    def damaged(self) -> bool:
        """Whether anything could not be decoded."""
        return bool(self._skipped or self._patched)

    def warnings(self) -> list[str]:
        """One line for each kind of damage."""
        lines = []
        if self._skipped:
            lines.append(f"damaged packets of the picture skipped: {self._skipped}")
        if self._patched:
            lines.append(f"damaged pictures patched from their neighbours: {self._patched}")
        return lines
