"""The film's own sound, heard while the picture is decoded: loudness, roughness and pitch per second, and where somebody speaks.

One ffmpeg decodes the sound once and does two things with it: its ebur128 filter reports the loudness (ITU-R BS.1770-4), and the samples,
brought to 16 kHz stereo, go to a second one that fills what is missing with silence, and from there to a thread of ours that measures
the rest as they pass (composer.video.speech, .timbre). The second one is there because sound may change its rate or channels midway:
ffmpeg then builds its filters anew, and one that fills from time zero would do so again. It sees one format only.

Conventions
-----------
Results are in film time: the picture's start offset is taken off, row i speaks for seconds [i, i+1). In the pipe, sample 0 is ffmpeg's time
zero: sound that starts late, and holes of HOLE_S or more in it, are filled with silence, so every sample keeps its time.

ebur128 reports the momentary loudness (the last 400 ms) every 100 ms. The short-term loudness of second i is the energy
mean of those within [i-1, i+2): a window of 3 s (EBU Tech 3341) centred on the second, shortened at the film's ends.

The thread reads blocks of a fixed size whatever the pipe's timing, so the same file gives the same numbers. No sound is kept: memory
grows by about 10 MB an hour, for a few numbers per frame and ffmpeg's reports. What follows the film's end is not waited for.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import ffmpeg
import numpy as np
import numpy.typing as npt

from composer.errors import MissingToolError, VideoError
from composer.film import Span
from composer.probe import Probe, locked_source, zero_keepers
from composer.process import Child
from composer.sound_placing import in_a_row, placer
from composer.video.speech import SAMPLE_RATE, SpeechDetector
from composer.video.timbre import Timbre

Floats = npt.NDArray[np.float64]

#: what counts as silence, LUFS (the absolute gate of BS.1770)
SILENCE_LUFS = -70.0
#: gaps and overlaps between packets of this length or more are put right, seconds; shorter ones are rounding of the container
HOLE_S = 0.01
#: the most that ffmpeg may take for one block of memory: time stamps that leap by hours end the sound rather than the machine
MOST_BYTES = 1 << 29
#: the film's last second is measured together with what follows it; this much is more than any of the measures looks ahead, seconds
AFTER_S = 5.0
#: stereo frames taken from the pipe at once (2 s)
BLOCK_FRAMES = 32_768
#: the momentary window ends with its report and is this long, seconds
_MOMENTARY_S = 0.4
_STEP_S = 0.1

_REPORT = re.compile(r"frame:\d+\s+pts:\S+\s+pts_time:([-+.\de]+)\s*\n[^\n]*lavfi\.r128\.M=(\S+)")
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

    def __init__(self, children: Sequence[Child] = (), path: Path = Path(), make_ears: Callable[[], Ears] = Ears) -> None:
        """`children` are a chain: the first writes the reports, the last gives the samples."""
        self._children, self._path = children, path
        self._make_ears = make_ears
        self._ears: Ears | None = None
        self._error: BaseException | None = None
        self._enough_s = float("inf")
        self._had_enough = False
        self._thread = threading.Thread(target=self._listen, name="listening", daemon=True)
        if children:
            self._thread.start()

    def hear(self, start_offset_s: float, duration_s: float, timeout_s: float) -> Heard:
        """What was heard of a film whose picture has this offset and length; waits for the sound of it, at most `timeout_s`.

        Raises VideoError when somebody else stopped ffmpeg, and what went wrong in the thread.
        """
        if not self._children:
            return Heard()
        until = time.monotonic() + timeout_s
        end_s = start_offset_s + duration_s
        self._enough_s = end_s + AFTER_S
        self._thread.join(timeout_s)
        late = False
        try:
            for child in () if self._had_enough or self._error else self._children:
                child.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            late = True
        stopped = [-child.returncode for child in self._children if child.returncode is not None and child.returncode < 0]
        self.close()
        if self._error is not None:
            raise self._error
        if stopped and not self._had_enough:
            problem = f"ffmpeg was stopped (signal {stopped[0]}) while it read the sound of {self._path}"
            raise VideoError(problem, "Run it again; memory may be short.")
        if late and (self._ears is None or self._ears.end_s < end_s):
            return Heard(warnings=(f"the sound could not be read in {timeout_s:.0f} s; the film is treated as silent",))
        return self._results(start_offset_s, duration_s)

    def close(self) -> None:
        """End ffmpeg, and with it the thread: the pipe has an end then."""
        for child in self._children:
            child.kill_group()
        if self._children:
            self._thread.join()

    def _results(self, start_offset_s: float, duration_s: float) -> Heard:
        assert self._ears is not None
        text = self._children[0].stderr_text(os.fstat(self._children[0].errors.fileno()).st_size)
        # how far ffmpeg came beyond the film is chance
        beyond = (match.start() for match in _REPORT.finditer(text) if float(match[1]) > start_offset_s + duration_s + 1.0)
        text = text[: next(beyond, None)]
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
        """The thread: what comes through the pipe goes to the ears until they have heard the film; what goes wrong is kept."""
        samples = self._children[-1].stdout
        assert samples is not None
        pipe = samples.fileno()
        with contextlib.suppress(OSError, AttributeError):  # Linux only: fewer wake-ups on both sides
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)
        try:
            self._ears = self._make_ears()
            for block in _blocks(pipe):
                self._ears.add(block)
                if self._ears.end_s >= self._enough_s:
                    self._had_enough = True
                    return
        except BaseException as error:
            self._error = error


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
    with in_a_row(*_commands(film)) as children:
        heard = Listening(children, film.path, make_ears)
        try:
            yield heard
        finally:
            heard.close()


def _commands(film: Probe) -> tuple[list[str], list[str]]:
    """ffmpeg that decodes, and ffmpeg that puts every sample at its time."""
    assert film.sound is not None
    source = locked_source(film.path)
    sound = source[str(film.sound.index)]
    meter = sound.output("-", af="ebur128=metadata=1,ametadata=print:key=lavfi.r128.M", threads=1, format="null")
    # first made small, then filled: an hour without sound takes ffmpeg 0.4 GB at this size, and 2 GB at 48 kHz in 5.1
    small = f"aresample={SAMPLE_RATE},aformat=sample_fmts=s16:channel_layouts=stereo,atrim=start_pts=0"
    samples = sound.output("pipe:1", af=small, acodec="pcm_s16le", format="nut")
    outputs = [meter, samples, *zero_keepers(film, source)]
    quiet = ("-nostdin", "-hide_banner", "-nostats", "-loglevel", "info", "-max_alloc", str(MOST_BYTES))
    decoder: list[str] = ffmpeg.merge_outputs(*outputs).global_args(*quiet).compile()
    return decoder, placer("pipe:1", "s16le", f"aresample=async=1:first_pts=0:min_hard_comp={HOLE_S}", "-max_alloc", str(MOST_BYTES))


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
