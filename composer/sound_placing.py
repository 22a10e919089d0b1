"""Every sample at its time: sound is decoded by one ffmpeg and placed by a second, which fills late starts and holes with silence.

Two, because ffmpeg builds its filters anew when a stream changes channels or rate midway (broadcast does), and a filter that fills from
time 0 would then begin again at 0. The second sees one format from beginning to end. In between go samples with their times, as NUT.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import ffmpeg

from composer.process import Child, streaming


@contextlib.contextmanager
def in_a_row(first: Sequence[str], second: Sequence[str]) -> Iterator[tuple[Child, Child]]:
    """Start two programs, what the first writes being what the second reads; both are gone when the block ends, however they end."""
    with streaming(first, tolerate=True) as writer:
        assert writer.stdout is not None
        with streaming(second, stdin=writer.stdout.fileno(), tolerate=True) as reader:
            writer.stdout.close()  # so that the first ends when the second does
            yield writer, reader


def placer(target: str, sample_format: str, filters: str, *arguments: str) -> list[str]:
    """The command of an ffmpeg that reads samples with their times (NUT) and writes what `filters` make of them, without times."""
    placed = ffmpeg.input("pipe:0", format="nut").output(target, af=filters, format=sample_format)
    command: list[str] = placed.global_args("-copyts", "-v", "error", "-y", *arguments).compile()
    return command
