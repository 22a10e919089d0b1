"""Sections and hits as a table, for whoever wants them without a project.

Conventions
-----------
The columns of Reaper's own export come first (#, Name, Start, End, Length), R for regions and M for markers; then timecode as the film
counts it and plain seconds of film time. Times are film time: 0:00 is the first displayed frame. UTF-8, comma, CRLF (RFC 4180).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from composer.render.daw.session import Session

HEADER = ("#", "Name", "Start", "End", "Length", "Timecode", "Seconds", "Kind")


def write_markers(session: Session, path: Path) -> None:
    """Write the table.

    Raises OSError when it cannot be written.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(HEADER)
        table.writerows(_rows(session))


def _rows(session: Session) -> Iterator[tuple[str, ...]]:
    tempo = session.score.tempo
    for number, region in enumerate(session.regions, 1):
        start_s, end_s = tempo.beat_to_s(region.start_beat), tempo.beat_to_s(region.end_beat)
        yield f"R{number}", region.name, _clock(start_s), _clock(end_s), _clock(end_s - start_s), session.timecode_at(start_s), f"{start_s:.6f}", "section"  # fmt: skip
    for number, hit in enumerate(session.hits, 1):
        time_s = tempo.beat_to_s(hit.beat)
        yield f"M{number}", hit.text, _clock(time_s), "", "", session.timecode_at(time_s), f"{time_s:.6f}", "hit"


def _clock(time_s: float) -> str:
    """Hours, minutes, seconds and milliseconds: "0:01:02.345"."""
    milliseconds = round(time_s * 1000)
    seconds, milliseconds = divmod(milliseconds, 1000)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{milliseconds:03d}"
