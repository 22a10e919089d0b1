"""EDL: the edit decision list of the CMX 3600, as Avid, Premiere and Resolve write it today.

Conventions
-----------
An event is a line of number, reel, channel, kind of edit (C cut, D dissolve, W wipe, K key), length of the transition, and four
timecodes: source in and out, record in and out. Only record time is read: it is where the picture stands in the film. The list names no
frame rate, the film's is taken. Film time 0 is the first event's record-in unless somebody says otherwise.

This is read here and not through OpenTimelineIO's adapter, which rebuilds clips from *source* time and so refuses whole lists for what
real ones hold: sources of another rate, changes of speed without an M2 line, a fade-in as the first event, "FCM: DROP FRAME", film rates
such as 12, picture and sound of one event on two lines. Where it can read a list the two agree (tests/test_cut_list.py).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from composer.cues import HitPoint
from composer.cut_list.found import Clock, Found, counted_like, marker, read_text, usual_start
from composer.errors import OptionError
from composer.film import Film
from composer.timecode import count_frames, is_drop_frame, label_of

_TC = r"\d\d[:;]\d\d[:;]\d\d[:;.]\d\d"
_EVENT = re.compile(rf"(\d+\w?)\s+(\S.*?)\s+(\S+)\s+(C|D|W\d*|K\s?[BO]?)(?:\s+(\d+)F?)?\s+({_TC})\s+({_TC})\s+({_TC})\s+({_TC})")
#: a line that begins like an event and names timecode has to be one
_LIKE_EVENT = re.compile(rf"\d+\w?\s.*{_TC}")
#: Avid's locators stand in comments, in record time: * LOC: 01:00:05:00 RED  name
_LOCATOR = re.compile(rf"\*?\s*(?:LOC|MARKER)\s*:?\s+({_TC})(?:\s+(.*))?", re.IGNORECASE)
_COLOUR = re.compile(r"(?:RED|GREEN|BLUE|CYAN|MAGENTA|YELLOW|BLACK|WHITE|PINK|PURPLE|ORANGE)\b\s*")
#: Resolve exports markers as events of a line more: note |C:ResolveColorBlue |M:name |D:frames
_RESOLVE = re.compile(r"(.*?)\s*\|C:[^|]*\|M:([^|]*?)\s*(?:\|D:.*)?")
_HINT = "Export the list anew as CMX 3600."


@dataclass(frozen=True)
class _Event:
    """One line of the list on a picture channel."""

    #: number of the picture track, from 1
    track: int
    #: kind of edit: C, D, W…, K…
    kind: str
    #: length of the transition, frames
    transition_frames: int
    #: record time, frames from 00:00:00:00
    start_frames: int
    #: record time, frames from 00:00:00:00
    end_frames: int


@dataclass(frozen=True)
class _Listed:
    """What an EDL says, in record time."""

    #: in order of record time
    events: tuple[_Event, ...]
    #: (frames from 00:00:00:00, label)
    markers: tuple[tuple[int, str], ...]


def read_edl(path: Path, film: Film, start_tc: str | None) -> Found:
    """The changes of shot on the first picture track, and the markers.

    Raises OptionError naming the line that is wrong, and when the list counts drop-frame at a rate that has none, or `start_tc` does not fit.
    """
    lines = [line.strip() for line in read_text(path).splitlines()]
    drop = _counts_drop_frame(lines, start_tc, path)
    listed = _parse(lines, film.frame_rate, drop, path)
    start = counted_like(start_tc, drop) if start_tc else _own_start(listed, film.frame_rate, drop)
    clock = Clock(film.frame_rate, film.frame_rate, start)
    shown = _shown(listed.events)
    opening = clock.opening(shown[0].start_frames) if shown else ()
    cuts = tuple(clock.film_s(frames) for frames in _changes(shown))
    return Found((*opening, *cuts), tuple(_marker(clock, frames, label) for frames, label in listed.markers), start)


def _marker(clock: Clock, frames: int, label: str) -> HitPoint:
    return marker(clock.film_s(frames), label)


def _counts_drop_frame(lines: list[str], start_tc: str | None, path: Path) -> bool:
    """As the first FCM line says, later ones speak of source tapes; else as the timecodes or `start_tc` are written."""
    modes = [line for line in lines if line.upper().startswith("FCM")]
    written = any(is_drop_frame(event[8]) for event in map(_EVENT.fullmatch, lines) if event)  # source tapes may count otherwise
    drop = written or (bool(modes) and "NON" not in modes[0].upper())
    if not drop and start_tc is not None and is_drop_frame(start_tc):
        if modes:
            raise OptionError(f"{path.name} counts non-drop, but --start-tc {start_tc} says drop-frame", "Write ':' before the frames.")
        return True
    return drop


def _own_start(listed: _Listed, rate: Fraction, drop: bool) -> str:
    """The first event's record-in; for markers alone the usual start of a timeline."""
    if listed.events:
        return label_of(min(event.start_frames for event in listed.events), rate, drop)
    first = min((frames for frames, _ in listed.markers), default=0)
    return usual_start(label_of(first, rate, drop), drop)


# --- lines ------------------------------------------------------------------------------------------------------------


def _parse(lines: list[str], rate: Fraction, drop: bool, path: Path) -> _Listed:
    events: list[_Event] = []
    markers: list[tuple[int, str]] = []
    lone: _Event | None = None  # the event just read, which a line of Resolve's turns into a marker
    for number, line in enumerate(lines, 1):
        resolve, locator, event = _RESOLVE.fullmatch(line), _LOCATOR.fullmatch(line), _EVENT.fullmatch(line)
        if resolve:
            if lone is not None:
                events.pop()
                markers.append((lone.start_frames, _resolve_label(*resolve.groups())))
            lone = None
        elif locator:
            markers.append((_frames(locator[1], rate, drop, number, path), _COLOUR.sub("", locator[2] or "", count=1)))
        elif event:
            lone = _event(event, rate, drop, number, path)
            events += [lone] if lone else []
        elif _LIKE_EVENT.match(line):
            raise OptionError(f"{path.name}, line {number}: {line[:60]!r} is no event", _HINT)
    return _Listed(tuple(sorted(events, key=lambda e: e.start_frames)), tuple(markers))


def _resolve_label(note: str, name: str) -> str:
    """The name of a marker, or its note where Resolve only numbered it."""
    return note if note and re.fullmatch(r"Marker \d+|", name) else name


def _event(match: re.Match[str], rate: Fraction, drop: bool, number: int, path: Path) -> _Event | None:
    """The event of a line; None when it is sound."""
    track = _picture_track(match[3])
    if track is None:
        return None
    start, end = (_frames(match[group], rate, drop, number, path) for group in (8, 9))
    return _Event(track, match[4], int(match[5] or 0), start, end)


def _picture_track(channel: str) -> int | None:
    """Which picture track a channel means (V, V2, B: both, AA/V …); None for sound."""
    match = re.search(r"V(\d*)", channel.upper())
    if match is None:
        return 1 if channel.upper() == "B" else None
    return int(match[1] or 1)


def _frames(text: str, rate: Fraction, drop: bool, number: int, path: Path) -> int:
    plain = re.sub(r"[;.]", ":", text)
    try:
        return count_frames(plain, rate, drop_frame=drop)
    except OptionError as error:
        raise OptionError(f"{path.name}, line {number}: {error.problem}", f"{error.hint} Was the list made at another rate?") from None


# --- changes of shot --------------------------------------------------------------------------------------------------


def _shown(events: tuple[_Event, ...]) -> list[_Event]:
    """The shots of the first picture track."""
    first = min((event.track for event in events), default=1)
    # no length: the side of a transition that goes; K and KO: a title laid over the picture
    return [e for e in events if e.track == first and e.end_frames > e.start_frames and e.kind.replace(" ", "") not in ("K", "KO")]


def _changes(shown: list[_Event]) -> Iterator[Fraction]:
    """Record time at which one shot follows another, frames: a dissolve's middle; black between two begins and ends one."""
    for before, event in itertools.pairwise(shown):
        if before.end_frames < event.start_frames:
            yield Fraction(before.end_frames)
        yield event.start_frames + (Fraction(event.transition_frames, 2) if event.kind[0] in "DW" else Fraction(0))
