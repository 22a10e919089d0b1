"""The film's own sound, heard while the picture is decoded: loudness, roughness and pitch per second, and where somebody speaks.

One ffmpeg decodes the sound once and does two things with it: its ebur128 filter reports the loudness (ITU-R BS.1770-4), and the samples,
brought to 16 kHz stereo, come through a pipe to a thread of ours that measures the rest as they pass (composer.video.speech, .timbre).

Conventions
-----------
Results are in film time: the picture's start offset is taken off, row i speaks for seconds [i, i+1). In the pipe, sample 0 is ffmpeg's time
zero: sound that starts late, and holes of HOLE_S or more in it, are filled with silence, so every sample keeps its time.

ebur128 reports the momentary loudness (the last 400 ms) every 100 ms. The short-term loudness of second i is the energy
mean of those within [i-1, i+2): a window of 3 s (EBU Tech 3341) centred on the second, shortened at the film's ends.

The thread reads blocks of a fixed size whatever the pipe's timing, so the same file gives the same numbers. No sound is kept: memory
grows by about 10 MB an hour, for a few numbers per frame and ffmpeg's reports.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import ffmpeg
import numpy as np
import numpy.typing as npt

from composer.errors import MissingToolError
from composer.film import Span
from composer.probe import Probe, locked_source, zero_keepers
from composer.process import Child, streaming
from composer.video.speech import SAMPLE_RATE, SpeechDetector
from composer.video.timbre import Timbre

Floats = npt.NDArray[np.float64]

#: what counts as silence, LUFS (the absolute gate of BS.1770)
SILENCE_LUFS = -70.0
#: gaps and overlaps between packets of this length or more are put right, seconds; shorter ones are rounding of the container
HOLE_S = 0.01
#: the most that ffmpeg may take for one block of memory: time stamps that leap by hours end the sound rather than the machine
MOST_BYTES = 1 << 29
#: stereo frames taken from the pipe at once (2 s)
BLOCK_FRAMES = 32_768
#: the momentary window ends with its report and is this long, seconds
_MOMENTARY_S = 0.4
_STEP_S = 0.1

_REPORT = re.compile(r"frame:\d+\s+pts:\S+\s+pts_time:(\S+)\s*\n[^\n]*lavfi\.r128\.M=(\S+)")
_DAMAGE = re.compile(r"Error while decoding stream|Error submitting packet")


@dataclass(frozen=True)
class Heard:
    """What was heard; the arrays are empty when the film has no sound that can be used."""

    #: (S,) short-term loudness per second, LUFS (SILENCE_LUFS = silence)
    loudness_lufs: Floats = field(default_factory=lambda: np.zeros(0))
    #: (S,) roughness per second, 0 (smooth or silent) … 1
    roughness: Floats = field(default_factory=lambda: np.zeros(0))
    #: (S,) pitch per second, Hz; 0 where nothing has a clear one
    pitch_hz: Floats = field(default_factory=lambda: np.zeros(0))
    #: where somebody speaks, in order, within the film
    speech: tuple[Span, ...] = ()
    #: what was odd, one line each
    warnings: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether there was any sound to measure."""
        return len(self.loudness_lufs) > 0


class Ears:
    """Everything that is measured of the samples; takes them block by block, in a thread of its own."""

    def __init__(self) -> None:
        self._timbre = Timbre()
        self._speech: SpeechDetector | None = None
        self._samples = 0
        self.warnings: list[str] = []
        try:
            self._speech = SpeechDetector()
        except MissingToolError as error:
            self.warnings.append(f"speech is not looked for: {error}")

    def add(self, block: npt.NDArray[np.int16]) -> None:
        """Take the next samples (n, 2) at 16 kHz."""
        self._samples += len(block)
        sound = block.astype(np.float32) / np.float32(32768)
        self._timbre.add(sound.mean(axis=1))
        if self._speech is not None:
            self._speech.add(sound)

    @property
    def end_s(self) -> float:
        """End of the sound so far, seconds."""
        return self._samples / SAMPLE_RATE

    def results(self, start_s: float, duration_s: float) -> tuple[Floats, Floats, tuple[Span, ...]]:
        """(roughness, pitch, speech) of the film that begins at `start_s` of the sound; call it once, after the last block."""
        roughness, pitch = self._timbre.per_second(start_s, _seconds(duration_s))
        spoken = self._speech.spans() if self._speech is not None else []
        shifted = [Span(max(0.0, span.start_s - start_s), min(duration_s, span.end_s - start_s)) for span in spoken]
        return roughness, pitch, tuple(Span(round(s.start_s, 3), round(s.end_s, 3)) for s in shifted if s.length_s > 0)


class Listening:
    """ffmpeg decoding the sound beside the picture; ask `hear` when the picture is done."""

    def __init__(self, child: Child | None = None, make_ears: Callable[[], Ears] = Ears) -> None:
        self._child = child
        self._make_ears = make_ears
        self._ears: Ears | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._listen, name="listening", daemon=True)
        if child is not None:
            self._thread.start()

    def hear(self, start_offset_s: float, duration_s: float, timeout_s: float) -> Heard:
        """What was heard of a film whose picture has this offset and length; waits for the end of the sound, at most `timeout_s`.

        Raises what went wrong in the thread.
        """
        if self._child is None:
            return Heard()
        until = time.monotonic() + timeout_s
        self._thread.join(timeout_s)
        try:
            self._child.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return Heard(warnings=(f"the sound could not be read in {timeout_s:.0f} s; the film is treated as silent",))
        self._thread.join()  # ffmpeg is gone: the pipe has an end
        if self._error is not None:
            raise self._error
        return self._results(start_offset_s, duration_s)

    def close(self) -> None:
        """End ffmpeg, and with it the thread."""
        if self._child is not None:
            self._child.kill_group()
            self._thread.join()

    def _results(self, start_offset_s: float, duration_s: float) -> Heard:
        assert self._child is not None
        assert self._ears is not None
        text = self._child.stderr_text(os.fstat(self._child.errors.fileno()).st_size)
        reports = [(float(at), float(level)) for at, level in _REPORT.findall(text)]
        if not reports:
            return Heard(warnings=("the sound cannot be decoded; the film is treated as silent",))
        damaged = len(_DAMAGE.findall(text))
        warnings = [f"damaged packets of the sound skipped: {damaged}"] if damaged else []
        table = np.array(reports)
        end_s = min(float(table[-1, 0]) + _STEP_S, self._ears.end_s) - start_offset_s
        if end_s < duration_s - 1.0:
            warnings.append(f"the sound ends after {max(end_s, 0):.1f} s, before the picture ({duration_s:.1f} s)")
        loudness = loudness_per_second(table[:, 0] + _STEP_S - start_offset_s, table[:, 1], duration_s)
        roughness, pitch, speech = self._ears.results(start_offset_s, duration_s)
        return Heard(loudness, roughness, pitch, speech, (*warnings, *self._ears.warnings))

    def _listen(self) -> None:
        """The thread: everything in the pipe goes to the ears; what goes wrong is kept, and the pipe emptied so that ffmpeg can end."""
        assert self._child is not None
        assert self._child.stdout is not None
        pipe = self._child.stdout.fileno()
        with contextlib.suppress(OSError, AttributeError):  # Linux only: fewer wake-ups on both sides
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)
        try:
            self._ears = self._make_ears()
            for block in _blocks(pipe):
                self._ears.add(block)
        except BaseException as error:
            self._error = error
            while os.read(pipe, 1 << 20):
                pass


def _blocks(pipe: int) -> Iterator[npt.NDArray[np.int16]]:
    """Stereo samples (BLOCK_FRAMES, 2) until the end of the pipe (the last block may be shorter); overwritten by the next."""
    buffer = np.empty((BLOCK_FRAMES, 2), "<i2")
    view, filled = memoryview(buffer.data).cast("B"), 0
    while True:
        count = os.readv(pipe, [view[filled:]])
        filled += count
        if filled == len(view) or not count:
            yield buffer[: filled // 4]
            filled = 0
        if not count:
            return


@contextlib.contextmanager
def listening(film: Probe, make_ears: Callable[[], Ears] = Ears) -> Iterator[Listening]:
    """Start listening to the chosen sound stream (nothing is started for a silent film); ended when the block ends."""
    if film.sound is None:
        yield Listening()
        return
    with streaming(_command(film), tolerate=True) as child:
        heard = Listening(child, make_ears)
        try:
            yield heard
        finally:
            heard.close()


def _command(film: Probe) -> list[str]:
    assert film.sound is not None
    source = locked_source(film.path)
    sound = source[str(film.sound.index)]
    meter = sound.output("-", af="ebur128=metadata=1,ametadata=print:key=lavfi.r128.M", threads=1, format="null")
    # first made small, then filled: an hour without sound takes ffmpeg 0.4 GB at this size, and 2 GB at 48 kHz in 5.1
    small = f"aresample={SAMPLE_RATE},aformat=sample_fmts=s16:channel_layouts=stereo"
    placed = f"{small},aresample=async=1:first_pts=0:min_hard_comp={HOLE_S}"
    samples = sound.output("pipe:1", af=placed, format="s16le")
    outputs = [meter, samples, *zero_keepers(film, source)]
    quiet = ("-nostdin", "-hide_banner", "-nostats", "-loglevel", "info", "-max_alloc", str(MOST_BYTES))
    command: list[str] = ffmpeg.merge_outputs(*outputs).global_args(*quiet).compile()
    return command


def _seconds(duration_s: float) -> int:
    return max(1, int(np.ceil(duration_s - 1e-6)))


def loudness_per_second(ends_s: Floats, momentary: Floats, duration_s: float) -> Floats:
    """(N,) short-term loudness, LUFS, from momentary loudness (M,) of windows that end at `ends_s` (M,).

    A second without sound is SILENCE_LUFS.
    """
    seconds = _seconds(duration_s)
    energy = np.where(np.isfinite(momentary), 10 ** (np.clip(momentary, -120.0, 20.0) / 10), 0.0)
    half_s = _MOMENTARY_S / 2
    centres = ends_s - half_s
    sums = np.concatenate([[0.0], np.cumsum(energy)])
    # only momentary windows that lie within the 3 s (and the film) count, so no loud moment leaks into its neighbours
    first_s = np.maximum(np.arange(seconds) - 1.0, 0.0) + half_s - _STEP_S / 2
    last_s = np.maximum(np.minimum(np.arange(seconds) + 2.0, duration_s) - half_s + _STEP_S / 2, first_s + _STEP_S)
    heard = sums[np.searchsorted(centres, last_s)] - sums[np.searchsorted(centres, first_s)]
    mean = heard * _STEP_S / (last_s - first_s)
    levels: Floats = 10 * np.log10(np.maximum(mean, 1e-12))
    return np.clip(levels, SILENCE_LUFS, 20.0)
