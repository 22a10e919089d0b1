"""24-bit broadcast WAV, written and read in blocks: what a DAW imports, and what our own passes stream through.

Conventions
-----------
Frames are sample instants; a block is float32 or int32 of shape (frames, channels), whichever way it lies in memory. Integers are 24-bit values
(±2**23), so that sums of stems are exact. Files carry a `bext` chunk (EBU Tech 3285) with a fixed date and the time
reference in samples; files beyond 4 GiB become RF64 (EBU Tech 3306), whose header takes the place of a JUNK chunk.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from composer.dates import fixed_date
from composer.errors import RenderError

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

SAMPLE_RATE = 48_000
FULL_SCALE = 1 << 23
_SAMPLE_BYTES = 3
_BEXT = struct.Struct("<256s32s32s10s8sIIH64s190s")
#: where the time reference lies in the chunk: 64 bits
_REFERENCE = slice(338, 346)
_HUGE = 0xFFFF_FFFF


def to_ints(block: Floats) -> Ints:
    """Nearest 24-bit integers of samples in −1…1 (clipped): same shape."""
    scaled = block * np.float32(FULL_SCALE)
    np.rint(scaled, out=scaled)
    np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1, out=scaled)
    return scaled.astype(np.int32)


def to_floats(block: Ints) -> Floats:
    """Samples in −1…1 of 24-bit integers (exact): same shape."""
    return block.astype(np.float32) / np.float32(FULL_SCALE)


class WavWriter:
    """Writes one WAV whose length is known before; use as a context manager."""

    def __init__(self, path: Path, length_frames: int, channels: int = 2, description: str = "", time_reference_samples: int = 0) -> None:
        self._expected = length_frames
        self._written = 0
        self._channels = channels
        self._file: IO[bytes] = path.open("wb")
        self._file.write(_header(length_frames, channels, description, time_reference_samples))

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._file:
            if self._written * self._channels * _SAMPLE_BYTES % 2:
                self._file.write(b"\0")
        if kind is None and self._written != self._expected:
            raise RenderError(f"internal: {self._written} of {self._expected} frames were written")

    def write(self, block: Ints) -> None:
        """Append 24-bit integers, shape (frames, channels)."""
        self._file.write(_pack(block))
        self._written += len(block)


def _pack(block: Ints) -> bytes:
    """The lower three bytes of every value, frame after frame; of stereo, two frames become three words at a time, which is what makes it fast."""
    whole = len(block) // 2 * 2 if block.shape[1] == 2 else 0
    values = block[:whole].view("<u4") if block.flags.c_contiguous else block[:whole].T.view("<u4").T
    words, one, other = np.empty((whole // 2, 3), "<u4"), np.empty(whole // 2, "<u4"), np.empty(whole // 2, "<u4")
    if whole:
        left, right, left_after, right_after = values[0::2, 0], values[0::2, 1], values[1::2, 0], values[1::2, 1]
        np.bitwise_or(np.bitwise_and(left, 0xFFFFFF, out=one), np.left_shift(right, 24, out=other), out=words[:, 0])
        np.bitwise_and(np.right_shift(right, 8, out=one), 0xFFFF, out=one)
        np.bitwise_or(one, np.left_shift(left_after, 16, out=other), out=words[:, 1])
        np.bitwise_and(np.right_shift(left_after, 16, out=one), 0xFF, out=one)
        np.bitwise_or(one, np.left_shift(right_after, 8, out=other), out=words[:, 2])
    rest = np.ascontiguousarray(block[whole:], "<i4").view(np.uint8).reshape(-1, 4)
    return words.tobytes() + rest[:, :_SAMPLE_BYTES].tobytes()


def _unpack(data: bytes) -> Ints:
    """The inverse of `_pack`, signed: every sample is read with the byte before it, which the shift drops as it carries the sign."""
    padded = np.frombuffer(b"\0" + data, np.uint8)
    return np.asarray(np.ndarray((len(data) // _SAMPLE_BYTES,), "<i4", padded, 0, (_SAMPLE_BYTES,)) >> 8, np.int32)


def _header(length: int, channels: int, description: str, time_reference: int) -> bytes:
    data_bytes = length * channels * _SAMPLE_BYTES
    date, time = fixed_date().strftime("%Y-%m-%d %H:%M:%S").encode().split()
    low, high = time_reference & _HUGE, time_reference >> 32
    bext = _BEXT.pack(description.encode("ascii", "replace")[:256], b"Hitpoint", b"", date, time, low, high, 1, b"", b"")
    fmt = struct.pack("<HHIIHH", 1, channels, SAMPLE_RATE, SAMPLE_RATE * channels * _SAMPLE_BYTES, channels * _SAMPLE_BYTES, 24)
    chunks = _chunk(b"bext", bext) + _chunk(b"fmt ", fmt)
    riff_bytes = 4 + (8 + 28) + len(chunks) + 8 + data_bytes + data_bytes % 2
    if riff_bytes <= _HUGE:
        junk = _chunk(b"JUNK", bytes(28))
        return struct.pack("<4sI4s", b"RIFF", riff_bytes, b"WAVE") + junk + chunks + struct.pack("<4sI", b"data", data_bytes)
    sizes = _chunk(b"ds64", struct.pack("<QQQI", riff_bytes, data_bytes, length, 0))
    return struct.pack("<4sI4s", b"RF64", _HUGE, b"WAVE") + sizes + chunks + struct.pack("<4sI", b"data", _HUGE)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2)


class WavReader:
    """Random access to a 24-bit WAV that this module wrote."""

    def __init__(self, path: Path) -> None:
        """Raises RenderError when the file is missing or of another kind."""
        try:
            self._file: IO[bytes] = path.open("rb")
        except OSError as error:
            raise RenderError(f"{path} cannot be read ({error.strerror})", "Render the score again.") from None
        try:
            self.channels, self._start, data_bytes, self.description, self.time_reference_samples = _find_data(self._file, path)
        except BaseException:
            self._file.close()
            raise
        self.length_frames = data_bytes // (self.channels * _SAMPLE_BYTES)

    def __enter__(self) -> WavReader:
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()

    def read(self, start: int, count: int) -> Ints:
        """`count` frames from `start` as 24-bit integers, (count, channels); zeros outside the file."""
        out = np.zeros((count, self.channels), np.int32)
        first, last = max(start, 0), min(start + count, self.length_frames)
        if first < last:
            stride = self.channels * _SAMPLE_BYTES
            self._file.seek(self._start + first * stride)
            values = _unpack(self._file.read((last - first) * stride))
            out[first - start : last - start] = values.reshape(-1, self.channels)
        return out

    def blocks(self, size: int = 1 << 18) -> Iterator[Ints]:
        """The whole file in order, blocks of at most `size` frames."""
        for start in range(0, self.length_frames, size):
            yield self.read(start, min(size, self.length_frames - start))


class RunningSum:
    """A raw file of 32-bit integers, channel after channel, to which blocks are added in place; what has no block yet is 0. A context manager."""

    def __init__(self, path: Path, length_frames: int, channels: int = 2) -> None:
        path.touch()
        self._file: IO[bytes] = path.open("r+b")
        self._length = length_frames
        self.channels = channels

    def __enter__(self) -> RunningSum:
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()

    def add(self, start: int, block: Ints) -> None:
        """Add (frames, channels) integers from frame `start` on; they must end within the length."""
        total = self.read(start, len(block)).T
        for channel, (sums, values) in enumerate(zip(total, block.T, strict=True)):
            sums += values
            self._file.seek(4 * (channel * self._length + start))
            self._file.write(sums.data)

    def read(self, start: int, count: int) -> Ints:
        """The sums so far, (count, channels), within the length."""
        values = np.zeros((self.channels, count), "<i4")
        for channel, row in enumerate(values):
            self._file.seek(4 * (channel * self._length + start))
            data = self._file.read(4 * count)
            row[: len(data) // 4] = np.frombuffer(data, "<i4")
        return values.T


def _find_data(file: IO[bytes], path: Path) -> tuple[int, int, int, str, int]:
    """(channels, offset of the first sample, bytes of samples, description, time reference in samples)."""
    problem = RenderError(f"{path} is not a 24-bit WAV of ours", "Render the score again.")
    if file.read(4) not in (b"RIFF", b"RF64"):
        raise problem
    file.seek(12)
    channels, huge_bytes, description, reference = 0, 0, "", 0
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if name == b"data" and channels:
            return channels, file.tell(), huge_bytes if size == _HUGE else size, description, reference
        body = file.read(size + size % 2)
        if name == b"ds64":
            huge_bytes = struct.unpack_from("<Q", body, 8)[0]
        elif name == b"bext":
            description = body[:256].rstrip(b"\0").decode("ascii", "replace")
            reference = int.from_bytes(body[_REFERENCE], "little")
        elif name == b"fmt ":
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
            if (kind, rate, bits) != (1, SAMPLE_RATE, 24):
                raise problem
    raise problem
