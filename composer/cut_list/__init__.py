"""A person's list of cuts and moments: CSV, PySceneDetect's CSV, EDL (CMX3600), FCPXML and OTIO, as film time.

Conventions
-----------
Film time 0 is the first picture. Where a list counts in timecode, `start_tc` is the timecode of that picture; without it the timeline's
own start is taken, see each reader. Pictures are counted, not clocked: a timeline of 24 and a film of 23.976 agree picture by picture.

Times stay where they were put. Only one that is a picture's own time but for rounding (a millisecond) is moved onto it, as PySceneDetect
writes three decimals. Of moments less than half a frame apart one stays. A marker on a cut takes nothing from `cuts_s`: the shot changes there.

A list is data: nothing in it is executed, no file that it names is opened.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from composer.cues import HitPoint
from composer.cut_list.edl import read_edl
from composer.cut_list.fcpxml import read_fcpxml
from composer.cut_list.found import Found, no_list
from composer.cut_list.otio import read_otio
from composer.cut_list.tables import read_table
from composer.errors import OptionError, nearest
from composer.film import Film
from composer.timecode import check_start, timecode

Reader = Callable[[Path, Film, str | None], Found]

#: who reads what, by the end of the name
READERS: dict[str, Reader] = {
    ".csv": read_table,
    ".tsv": read_table,
    ".edl": read_edl,
    ".fcpxml": read_fcpxml,
    ".fcpxmld": read_fcpxml,
    ".xml": read_fcpxml,
    ".otio": read_otio,
    ".otioz": read_otio,
}
#: a time this near to a picture's is that picture's, written with three decimals, seconds
ROUNDING_S = 0.001


@dataclass(frozen=True)
class CutList:
    """Cuts and moments that a person chose, held against one film."""

    #: changes of shot, seconds of film time, in order; also those with a marker on them
    cuts_s: tuple[float, ...]
    #: moments a person named (kind "marker"), in order; weight from the file, else 1; 0 means that it is no hit
    markers: tuple[HitPoint, ...]
    #: timecode of the film's first picture that the list was read with
    start_tc: str
    #: how many cuts and markers lay outside the film and were left out
    outside: int = 0


def check_kind(path: Path) -> Reader:
    """Who reads this list.

    Raises OptionError when there is no such file, or no list is called so.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        hint = nearest(path.suffix, READERS) or f"Known are {', '.join(READERS)}."
        raise OptionError(f"{path.name} is no kind of cut list that can be read", hint)
    if not path.exists():
        raise no_list(path, "it does not exist", "Check the path.")
    return reader


def read_cut_list(path: Path, film: Film, start_tc: str | None = None) -> CutList:
    """The cuts and markers of a list, as film time. `start_tc` is the timecode of the film's first picture; None = as the list says.

    Raises OptionError when the list is missing, of an unknown kind, not readable, empty, or lies wholly outside the film;
    MissingToolError when it is OTIO and OpenTimelineIO is not installed.
    """
    reader = check_kind(path)
    if start_tc is not None:
        check_start(start_tc, film.frame_rate)
    found = reader(path, film, start_tc)
    held = _held_against(found, film)
    if not held.cuts_s and not held.markers:
        raise _all_outside(found, film, path.name) if held.outside else _empty(path.name)
    return held


def _held_against(found: Found, film: Film) -> CutList:
    """What lies within the film, in order, each moment once."""
    half_s = film.frame_s / 2
    cuts = [_on_picture(time_s, film) for time_s in found.cuts_s]
    markers = [replace(marker, time_s=_on_picture(marker.time_s, film)) for marker in found.markers]
    cuts_in = [time_s for time_s in cuts if -half_s <= time_s <= film.duration_s + half_s]
    markers_in = [replace(m, time_s=max(0.0, m.time_s)) for m in markers if -half_s <= m.time_s < film.duration_s]
    outside = len(cuts) + len(markers) - len(cuts_in) - len(markers_in)
    within = [time_s for time_s in cuts_in if half_s < time_s < film.duration_s - half_s]  # the film's own edges are no changes of shot
    return CutList(_apart(within, half_s), _merged(markers_in, half_s), found.start_tc, outside)


def _on_picture(time_s: float, film: Film) -> float:
    picture_s = float(round(time_s * film.frame_rate) / film.frame_rate)
    return picture_s if abs(picture_s - time_s) <= ROUNDING_S else time_s


def _apart(times_s: Iterable[float], least_s: float) -> tuple[float, ...]:
    kept: list[float] = []
    for time_s in sorted(times_s):
        if not kept or time_s - kept[-1] > least_s:
            kept.append(time_s)
    return tuple(kept)


def _merged(markers: Iterable[HitPoint], least_s: float) -> tuple[HitPoint, ...]:
    """Of markers on one picture the heaviest stays, with the first label there is."""
    kept: list[HitPoint] = []
    for marker in sorted(markers, key=lambda m: m.time_s):
        if kept and marker.time_s - kept[-1].time_s <= least_s:
            first = kept.pop()
            heavier = max(first, marker, key=lambda m: m.weight)
            marker = replace(heavier, label=heavier.label or first.label or marker.label)
        kept.append(marker)
    return tuple(kept)


def _empty(name: str) -> OptionError:
    return OptionError(f"{name} holds no change of shot and no marker", "Export the timeline with its cuts or markers.")


def _all_outside(found: Found, film: Film, name: str) -> OptionError:
    """The error that says what the first moment (after the film's start, if one is) was read as."""
    times_s = sorted([*found.cuts_s, *(marker.time_s for marker in found.markers)])
    first_s = times_s[min(bisect_right(times_s, film.frame_s), len(times_s) - 1)]
    where = f"{abs(first_s):.2f} s {'after' if first_s >= 0 else 'before'} the film's first picture"
    return OptionError(
        f"Nothing in {name} lies within the film, which is {film.duration_s:.2f} s long: "
        f"{timecode(first_s, film.frame_rate, found.start_tc)} was read as {where}, which has timecode {found.start_tc}",
        "Say with --start-tc which timecode the film's first picture has.",
    )
