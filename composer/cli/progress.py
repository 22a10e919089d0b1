"""The progress callback of the command line: one bar per stage on a terminal, nothing when piped."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from composer.options import Progress, silent

if TYPE_CHECKING:
    from rich.progress import TaskID

_REDRAW_S = 0.1
WIDTH = 10


@contextlib.contextmanager
def showing(stream: IO[str], wanted: bool = True) -> Iterator[Progress]:
    """A progress callback that draws on `stream` when that is a terminal (and `wanted`); the cursor is put right at the end."""
    if not wanted or not stream.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress as Bars, TaskProgressColumn, TextColumn, TimeElapsedColumn

    # a stage may be called after a language model, whose name is text and no markup
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    # no refresh thread: rendering forks workers, and threads and forks do not mix
    with Bars(*columns, console=Console(file=stream), auto_refresh=False) as bars:
        yield _Meter(bars)


class _Meter:
    """Draws at most every `_REDRAW_S` seconds, however often it is called."""

    def __init__(self, bars: object) -> None:
        from rich.progress import Progress as Bars

        assert isinstance(bars, Bars)
        self.bars = bars
        self.tasks: dict[str, TaskID] = {}
        self.drawn_s = 0.0

    def __call__(self, stage: str, done: float) -> None:
        """Show that `stage` is `done` (0…1)."""
        if stage not in self.tasks:
            self.tasks[stage] = self.bars.add_task(stage.ljust(WIDTH), total=1.0)
        self.bars.update(self.tasks[stage], completed=min(max(done, 0.0), 1.0))
        now = time.monotonic()
        if done >= 1.0 or now - self.drawn_s >= _REDRAW_S:
            self.bars.refresh()
            self.drawn_s = now
