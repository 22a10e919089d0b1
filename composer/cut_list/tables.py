"""Tables: `time,label,weight` as CSV, markers as Premiere exports them, and the list of scenes that PySceneDetect writes.

Conventions
-----------
Columns are separated by comma, semicolon or tab, whichever the first line uses. Without a header the columns are time, label, weight. A time is
seconds (12.5), M:SS or H:MM:SS with decimals if wanted, all from the film's first picture; or timecode HH:MM:SS:FF (HH:MM:SS;FF: drop-frame).
Lines that begin with # and empty lines are skipped.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator
from pathlib import Path

from composer.cut_list.found import Found, counted_like, marker, no_list, read_text, usual_start
from composer.errors import OptionError
from composer.film import Film
from composer.timecode import DEFAULT_START, is_drop_frame, is_timecode, parse_timecode

#: what a column may be called ("in" and "marker name": Premiere)
TIME_NAMES = ("time", "time_s", "timecode", "seconds", "in")
LABEL_NAMES = ("label", "name", "marker", "marker name", "description", "comment")
WEIGHT_NAMES = ("weight",)
#: the column of PySceneDetect's list that says when a scene begins, and its unit in seconds (the second: before version 0.5)
SCENE_COLUMNS = {"start time (seconds)": 1.0, "time (ms)": 0.001}
#: no film is longer, seconds
LONGEST_S = 1e7

_SECONDS = re.compile(r"\d{1,7}(?:[.,]\d*)?")
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2}(?:[.,]\d*)?)")
_FORM = "Each line is time,label,weight; a time is 12.5, 1:02.5, 0:01:02.5 or timecode 01:00:12:05."

Row = tuple[int, list[str]]


def read_table(path: Path, film: Film, start_tc: str | None) -> Found:
    """A table's moments as markers, or the scenes of a PySceneDetect list as cuts.

    Raises OptionError naming the line that is wrong.
    """
    text = read_text(path)
    rows = _rows(text, path)
    scenes = next((i for i, (_, cells) in enumerate(rows[:5]) if any(cell.lower() in SCENE_COLUMNS for cell in cells)), None)
    if scenes is not None:
        return Found(tuple(_scene_cuts(rows[scenes:], path)), (), start_tc or DEFAULT_START)
    return _markers(rows, film, start_tc, path)


def _rows(text: str, path: Path) -> list[Row]:
    """(line number, cells) of every line that says something."""
    lines = text.splitlines(keepends=True)
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(first), skipinitialspace=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise no_list(path, f"line {reader.line_num}: {error}", _FORM) from None
    return [(number, cells) for number, cells in rows if any(cells) and not cells[0].startswith("#")]


def _separator(line: str) -> str:
    """What separates the columns of a first line. A comma may be a decimal one (12,5;label), a semicolon part of a timecode."""
    if re.match(r"\s*(\d+:)*\d+,\d+\s*;", line):
        return ";"
    for separator in "\t,;":
        cells = [cell.strip().strip('"').lower() for cell in line.split(separator)]
        if set(cells) & {*TIME_NAMES, *SCENE_COLUMNS} or _is_time(cells[0]):
            return separator
    return ","


def _is_time(cell: str) -> bool:
    return bool(is_timecode(cell) or _SECONDS.fullmatch(cell) or _CLOCK.fullmatch(cell))


# --- PySceneDetect ----------------------------------------------------------------------------------------------------


def _scene_cuts(rows: list[Row], path: Path) -> Iterator[float]:
    """The start of every scene but the first, seconds."""
    header = [cell.lower() for cell in rows[0][1]]
    name = next(name for name in SCENE_COLUMNS if name in header)
    column, unit_s = header.index(name), SCENE_COLUMNS[name]
    for index, (number, cells) in enumerate(rows[1:]):
        if not cells[0].isdigit():
            return  # old versions end with a list for other programs
        try:
            time_s = float(cells[column]) * unit_s
        except (ValueError, IndexError):
            time_s = math.nan
        if not 0 <= time_s < LONGEST_S:
            raise OptionError(f"{path.name}, line {number}: no number below {name!r}", "Export the list of scenes anew.")
        if index:
            yield time_s


# --- time, label, weight ----------------------------------------------------------------------------------------------


def _markers(rows: list[Row], film: Film, start_tc: str | None, path: Path) -> Found:
    if not rows:
        raise OptionError(f"{path.name} is empty", _FORM)
    columns = _columns(rows[0], path)
    body = rows if columns is None else rows[1:]
    time_at, label_at, weight_at = columns or (0, 1, 2)
    times = [(number, _cell(cells, time_at)) for number, cells in body]
    _refuse_split_timecode(body, time_at, path)
    timecodes = [time for _, time in times if is_timecode(time)]
    drop = any(is_drop_frame(time) for time in timecodes)
    start = counted_like(start_tc, drop) if start_tc else usual_start(min(timecodes, default=DEFAULT_START), drop)
    found = tuple(
        marker(_time_s(time, film, start, number, path), _cell(cells, label_at), _weight(_cell(cells, weight_at), number, path))
        for (number, time), (_, cells) in zip(times, body, strict=True)
    )
    return Found((), found, start)


def _columns(first: Row, path: Path) -> tuple[int, int, int] | None:
    """Where time, label and weight stand (−1: nowhere); None for a table without a header."""
    number, cells = first
    if _is_time(cells[0]):
        return None
    names = [cell.lower() for cell in cells]
    if any(character.isdigit() for character in cells[0]) and not set(names) & set(TIME_NAMES):
        raise OptionError(f"{path.name}, line {number}: {cells[0][:40]!r} is no time", _FORM)
    found = [next((names.index(name) for name in known if name in names), -1) for known in (TIME_NAMES, LABEL_NAMES, WEIGHT_NAMES)]
    if found[0] < 0:
        raise OptionError(f"{path.name} has no column 'time' (its first line is {' | '.join(cells)[:80]!r})", _FORM)
    return found[0], found[1], found[2]


def _refuse_split_timecode(rows: list[Row], column: int, path: Path) -> None:
    """Between semicolons, 01:00:05;10;Boom would be 1:00:05 with the label 10."""
    for number, cells in rows:
        if re.fullmatch(r"\d\d:\d\d:\d\d", _cell(cells, column)) and re.fullmatch(r"\d\d", _cell(cells, column + 1)):
            raise OptionError(
                f"{path.name}, line {number}: it is unclear whether {cells[column + 1]} is a label or the frames of a timecode",
                'Separate the columns with commas or put timecodes in quotes ("01:00:05;10").',
            )


def _cell(cells: list[str], column: int) -> str:
    return cells[column] if 0 <= column < len(cells) else ""


def _time_s(text: str, film: Film, start: str, number: int, path: Path) -> float:
    if is_timecode(text):
        try:
            return parse_timecode(text, film.frame_rate, start)
        except OptionError as error:
            raise OptionError(f"{path.name}, line {number}: {error.problem}", error.hint) from None
    if _SECONDS.fullmatch(text):
        return float(text.replace(",", "."))
    match = _CLOCK.fullmatch(text)
    seconds = float(match[3].replace(",", ".")) if match else 60.0
    if match is None or seconds >= 60 or (match[1] is not None and int(match[2]) >= 60):
        raise OptionError(f"{path.name}, line {number}: {text[:40]!r} is no time", _FORM)
    return 3600 * int(match[1] or 0) + 60 * int(match[2]) + seconds


def _weight(text: str, number: int, path: Path) -> float:
    """1 where nothing is said; 0 means that the moment is no hit."""
    try:
        weight = float(text.replace(",", ".")) if text else 1.0
    except ValueError:
        weight = math.nan
    if not 0 <= weight <= 1:
        raise OptionError(f"{path.name}, line {number}: weight {text[:40]!r} is not between 0 and 1", "1 is hit without fail, 0 is no hit.")
    return weight
