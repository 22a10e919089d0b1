"""The one way to start another program (and to load FluidSynth): never through a shell, always with a time limit, its whole group killed on any failure.

Children get a process group of their own, so Ctrl-C reaches only us; whatever ends us ends them.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from composer.errors import ComposerError, MissingToolError

_INSTALL = {
    "ffmpeg": "Install it: `apt-get install ffmpeg` (Debian), `brew install ffmpeg` (macOS), or run `make setup`.",
    "libfluidsynth": "Install it: `apt-get install libfluidsynth3` (Debian), `brew install fluid-synth` (macOS), or run `make setup`.",
    "ffprobe": "It comes with ffmpeg: `apt-get install ffmpeg` (Debian), `brew install ffmpeg` (macOS), or run `make setup`.",
}


class ProgramError(ComposerError):
    """A program ended with an error; `stderr` holds the last lines it wrote."""

    def __init__(self, program: str, stderr: str, returncode: int) -> None:
        self.stderr = stderr
        self.returncode = returncode
        last = stderr.strip().splitlines()[-1:] or [f"exit status {returncode}"]
        super().__init__(f"{program} failed: {last[0][:300]}", "Run with --verbose for its full message.")


def find_tool(name: str) -> str:
    """Path of a program.

    Raises MissingToolError saying how to install it.
    """
    path = shutil.which(name)
    if path is None:
        raise MissingToolError(f"{name} is not installed or not on the PATH", _INSTALL.get(name, ""))
    return path


def load_fluidsynth() -> Any:
    """The pyfluidsynth module, which loads libfluidsynth.

    Raises MissingToolError saying how to install it.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # where CI is set, it prints what it finds
            import fluidsynth
    except (ImportError, OSError) as error:
        raise MissingToolError(f"the FluidSynth library (libfluidsynth) is not installed ({error})", _INSTALL["libfluidsynth"]) from None
    return fluidsynth


def run(command: Sequence[str | os.PathLike[str]], timeout_s: float = 600.0) -> tuple[bytes, str]:
    """Run a program to its end; returns (stdout, stderr).

    Raises MissingToolError, or ProgramError when it fails or exceeds `timeout_s`.
    """
    with streaming(command) as process:
        try:
            output, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise ProgramError(str(command[0]), f"it did not end within {timeout_s:g} s", -1) from None
    return output, process.stderr_text()


class Child(subprocess.Popen[bytes]):
    """A running program whose stderr is collected in a file (a full pipe would block it)."""

    errors: IO[Any]
    group: int

    def stderr_text(self, tail_bytes: int = 20_000) -> str:
        """The last part of what it wrote to stderr."""
        size = os.fstat(self.errors.fileno()).st_size
        data = os.pread(self.errors.fileno(), tail_bytes, max(0, size - tail_bytes))
        return data.decode("utf-8", "replace")

    def kill_group(self) -> None:
        """End the program and everything it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.group, signal.SIGKILL)
        self.wait()


@contextlib.contextmanager
def streaming(command: Sequence[str | os.PathLike[str]], stdin: int | None = None, tolerate: bool = False) -> Iterator[Child]:
    """Start a program with its stdout (and, with `stdin=subprocess.PIPE`, stdin) as pipes; it is gone when the block ends.

    Raises ProgramError at the end of the block when it failed (unless `tolerate`), MissingToolError when there is none.
    """
    program, *arguments = [os.fspath(part) for part in command]
    with tempfile.TemporaryFile() as errors:
        child = Child(
            [find_tool(program), *arguments],
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            bufsize=-1,
        )
        child.errors, child.group = errors, child.pid
        try:
            yield child
            for pipe in (child.stdin, child.stdout):
                if pipe is not None and not pipe.closed:
                    pipe.close()
            child.wait()
        finally:
            child.kill_group()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        text = child.stderr_text()
        child.stderr_text = lambda tail_bytes=20_000: text  # type: ignore[method-assign]
        if child.returncode != 0 and not tolerate:
            raise ProgramError(Path(program).name, text, child.returncode)
