"""All parts to stems at once: worker processes, one part each at a time, killed with us and never outliving us.

A worker is a fresh Python that imports only the synthesizer and the hall. It sits in a session of its own, so Ctrl-C reaches
only the parent, which then ends it; when the parent dies, the pipe to it breaks and it ends by itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import IO, Any

import numpy as np

from composer.errors import ComposerError, RenderError
from composer.instruments import INSTRUMENTS
from composer.options import Progress
from composer.render.wav import SAMPLE_RATE, Floats, RunningSum, WavWriter, to_ints

#: below this nobody hears a stem
SILENCE_DBFS = -80.0
#: what still sounds when the film ends is taken out over this time
FADE_S = 0.03
#: one thread each; and glibc keeps the large blocks that every chunk needs instead of asking the kernel for zeroed pages anew
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "1073741824",
}
_BOOT = "import sys; sys.path[:] = {path!r}; from composer.render.stems import serve; serve(int(sys.argv[1]), sys.argv[2])"


@dataclass(frozen=True)
class StemTask:
    """Everything a worker must know to render one part."""

    #: key of the instrument table
    instrument: str
    #: name for people
    name: str
    #: sound bank
    bank: Path
    #: (bank, program) within it: of the ordinary voice, then of the others (composer.render.synth)
    presets: tuple[tuple[int, int], ...]
    #: composer.render.synth.Cue rows, in order
    cues: tuple[Any, ...]
    #: notes among them
    note_count: int
    #: level of the part, factor
    gain: float
    #: below this there is nothing but rumble, Hz
    low_cut_hz: float
    #: film time 0 on the clock of timecode, samples after midnight
    time_reference_samples: int
    #: length of the stem, samples
    length_samples: int
    #: file to write
    path: Path

    @property
    def work(self) -> float:
        """How much there is to do, roughly, beside other parts: sounds that die away by themselves go on long after their notes."""
        return self.note_count * (4.0 if INSTRUMENTS[self.instrument].decays else 1.0)


def render_stem(task: StemTask, sums: Path | None = None) -> Iterator[tuple[int, float]]:
    """Render one part to its file and add it to the raw file `sums` (composer.render.wav.RunningSum); yields (frames done, largest sample so far, 0…1) after every chunk."""
    from composer.render.hall import Hall
    from composer.render.synth import CHUNK_FRAMES, Player, play

    instrument = INSTRUMENTS[task.instrument]
    done, peak = 0, 0.0
    hall = Hall(instrument.depth, task.low_cut_hz, CHUNK_FRAMES)
    with (
        RunningSum(sums, task.length_samples) if sums is not None else contextlib.nullcontext() as total,
        Player(task.bank, task.presets[0], instrument, task.presets[1:]) as player,
        WavWriter(task.path, task.length_samples, description=task.name, time_reference_samples=task.time_reference_samples) as writer,
    ):
        for dry in play(player, list(task.cues), task.length_samples):
            dry *= np.float32(task.gain)
            wet = hall.process(dry)
            _fade_out(wet, task.length_samples - done)
            whole = to_ints(wet)
            writer.write(whole)
            if total is not None:
                total.add(done, whole)
            done += len(wet)
            peak = max(peak, float(wet.max()), -float(wet.min()))
            yield done, peak


def _fade_out(block: Floats, left: int) -> None:
    """Take the last FADE_S before the end down to 0 along half a cosine; `left` frames remain from the block's start."""
    fade = round(FADE_S * SAMPLE_RATE)
    first = max(0, left - fade)
    if first < len(block):
        to_go = (left - 1 - np.arange(first, len(block))) / fade
        block[first:] *= (0.5 - 0.5 * np.cos(np.pi * to_go)).astype(np.float32)[:, None]


def serve(handle: int, sum_path: str) -> None:
    """The worker's life: take tasks from the socket `handle`, add what it renders up in a file, report progress, until the socket closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe = Connection(handle)
    Path(sum_path).write_bytes(b"")
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            task: StemTask = pipe.recv()
            try:
                for done, peak in render_stem(task, Path(sum_path)):
                    pipe.send(("chunk", done, peak))
                pipe.send(("done", None, None))
            except ComposerError as error:
                pipe.send(("failed", type(error).__name__, (error.problem, error.hint)))
            except OSError as error:
                pipe.send(("failed", "OutputError", (f"{task.path.name} cannot be written ({error.strerror})", "Is the disk full?")))


class _Worker:
    """The parent's end of one worker."""

    def __init__(self, sum_path: Path) -> None:
        ours, theirs = socket.socketpair()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _BOOT.format(path=sys.path), str(theirs.fileno()), str(sum_path)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                start_new_session=True,
                env={**os.environ, **_ENVIRONMENT},
            )
        self.pipe = Connection(ours.detach())
        self.index = -1

    def said(self) -> str:
        """The last line it wrote to stderr."""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def close(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()
        self.pipe.close()
        self._errors.close()


def render_stems(tasks: Sequence[StemTask], sums: Path, progress: Progress) -> list[float]:
    """Render every part; returns the largest sample of each (0…1), in the order of `tasks`.

    In the folder `sums` every worker leaves the sum of what it has rendered, as a raw file (composer.render.wav.RunningSum). Raises RenderError when
    a worker dies, and whatever ComposerError a worker met.
    """
    waiting = sorted(range(len(tasks)), key=lambda index: tasks[index].work)  # the longest job is taken first
    peaks, done = [0.0] * len(tasks), [0] * len(tasks)
    total = sum(task.length_samples for task in tasks) or 1
    workers: list[_Worker] = []
    try:
        while len(workers) < min(len(tasks), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1):
            workers.append(_Worker(sums / f"{len(workers)}.raw"))
            _hand_out(workers[-1], waiting, tasks)
        while busy := {worker.pipe: worker for worker in workers if worker.index >= 0}:
            for pipe in wait(list(busy), timeout=1.0):
                worker = busy[pipe]  # type: ignore[index]
                kind, first, second = _heard(worker, tasks)
                if kind == "chunk":
                    done[worker.index], peaks[worker.index] = first, second
                    progress("render", sum(done) / total)
                elif kind == "done":
                    _hand_out(worker, waiting, tasks)
                else:
                    raise _error(first, second)
    finally:
        for worker in workers:
            worker.close()
    return peaks


def _hand_out(worker: _Worker, waiting: list[int], tasks: Sequence[StemTask]) -> None:
    worker.index = waiting.pop() if waiting else -1
    if worker.index >= 0:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its death is noticed when we listen
            worker.pipe.send(tasks[worker.index])


def _heard(worker: _Worker, tasks: Sequence[StemTask]) -> Any:
    try:
        return worker.pipe.recv()
    except (EOFError, ConnectionResetError):
        worker.process.wait()
        why = worker.said() or f"exit status {worker.process.returncode}"
        problem = f"the process that renders {tasks[worker.index].name} died ({why[:200]})"
        raise RenderError(problem, "It may have run out of memory; try again.") from None


def _error(kind: str, arguments: tuple[str, str]) -> ComposerError:
    import composer.errors

    made: ComposerError = getattr(composer.errors, kind, RenderError)(*arguments)
    return made
