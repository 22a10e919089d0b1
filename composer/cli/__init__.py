"""The command line: `parameters` say what can be asked, `tree` which commands there are, `main` what happens when it goes wrong."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType


def run() -> None:
    """Run the program on this process's arguments, then end the process with its exit code (interface.md)."""
    _stop_by(_interrupt)
    try:
        from composer.cli.main import main

        code = main(sys.argv[1:])
    except KeyboardInterrupt:  # while that was being imported
        print("Interrupted; nothing was written.", file=sys.stderr)
        code = 130
    _stop_by(signal.SIG_IGN)  # the work is done: let the interpreter close down in peace
    if code == 130:
        # … but not when a library's own threads may be half made (onnxruntime's): C++ would abort the process for them
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """The first request to stop counts; more of them wait for the tidying up."""
    _stop_by(signal.SIG_IGN)
    raise KeyboardInterrupt


def _stop_by(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Treat the system's request to stop, and a closed terminal, like Ctrl-C; who runs us with one of them ignored means it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)
