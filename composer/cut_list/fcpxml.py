"""FCPXML: the timelines of Final Cut Pro, which Resolve also writes.

Conventions
-----------
Times are rational seconds ("1001/30000s"). The shots of the primary storyline (`spine`) follow each other; an item's `offset` is where it
stands in its parent's time, its `start` where its own local time begins, in which its markers and connected clips are placed. `tcStart` is
the timecode of the timeline's first picture: film time 0 unless somebody says otherwise. Connected clips lie above or below the picture:
their markers count, their edges do not. A compound clip in the storyline is looked into.

This is read here and not through OpenTimelineIO's adapter, which cuts rates to whole numbers (23.976 becomes 23, 240 pictures become 230),
places gaps, titles and transitions nowhere, and fails on a generator in the storyline.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from composer.cut_list.found import Clock, Found, counted_like, marker, no_list, read_bytes
from composer.film import Film
from composer.timecode import is_drop_frame, label_of

#: what can stand in a storyline and last
_ITEMS = ("asset-clip", "clip", "video", "audio", "title", "ref-clip", "sync-clip", "mc-clip", "gap", "audition")
_MARKERS = ("marker", "chapter-marker")
#: compound clips inside compound clips
_DEEPEST = 8
_HINT = "Export the timeline anew as FCPXML (File > Export XML)."

Seconds = Fraction


@dataclass(frozen=True)
class _Item:
    """Something that stands in a storyline."""

    element: ET.Element
    #: from the timeline's first picture
    at: Seconds
    #: where its own local time begins
    local: Seconds
    length: Seconds
    #: the middle of the transition that opens it, else `at`
    opens: Seconds


def read_fcpxml(path: Path, film: Film, start_tc: str | None) -> Found:
    """The changes of shot in the primary storyline of the one timeline, and all its markers.

    Raises OptionError when the file is no FCPXML, has no timeline or several, or holds a time that is none.
    """
    source = path / "Info.fcpxml" if path.is_dir() else path
    root = _root(read_bytes(source), path)
    try:
        return _found(root, film, start_tc, path)
    except (ValueError, ZeroDivisionError, RecursionError) as error:
        raise no_list(path, f"it is damaged: {str(error)[:80]}", _HINT) from None


def _root(data: bytes, path: Path) -> ET.Element:
    if b"<!ENTITY" in data:
        raise no_list(path, "it defines entities, which no FCPXML needs", _HINT)
    try:
        root = ET.fromstring(data)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise no_list(path, f"it is no XML: {error}", _HINT) from None
    if root.tag == "xmeml":
        raise no_list(path, "it is the XML of Final Cut Pro 7", "Export the timeline as EDL, FCPXML or OTIO instead.")
    if root.tag != "fcpxml":
        raise no_list(path, f"it is no FCPXML but <{root.tag[:40]}>", _HINT)
    return root


def _found(root: ET.Element, film: Film, start_tc: str | None, path: Path) -> Found:
    sequence = _sequence(root, path)
    rate = _rate(root, sequence) or film.frame_rate
    drop = sequence.get("tcFormat") == "DF" or (start_tc is not None and is_drop_frame(start_tc))
    first_frames = round(_seconds(sequence.get("tcStart")) * rate)
    own_start = label_of(first_frames, rate, drop)
    clock = Clock(rate, film.frame_rate, counted_like(start_tc, drop) if start_tc else own_start)
    items = list(_storyline(sequence.find("spine"), root))
    cuts = tuple(clock.film_s(first_frames + at * rate) for at in _changes(items, root))
    markers = [(at, label) for item in items for at, label in _markers(item, root)]
    return Found(
        (*clock.opening(first_frames), *cuts),
        tuple(marker(clock.film_s(first_frames + at * rate), label) for at, label in markers),
        clock.start_tc,
    )


def _sequence(root: ET.Element, path: Path) -> ET.Element:
    projects = [project for project in root.iter("project") if project.find("sequence") is not None]
    if not projects:
        raise no_list(path, "it holds no project", "Export the timeline itself, not an event or clips.")
    if len(projects) > 1:
        names = ", ".join(repr(project.get("name", "")) for project in projects[:6])
        raise no_list(path, f"it holds {len(projects)} projects: {names}", "Export the one timeline of this film.")
    sequence = projects[0].find("sequence")
    if sequence is None or sequence.find("spine") is None:
        raise no_list(path, "its project has no storyline", _HINT)
    return sequence


def _rate(root: ET.Element, sequence: ET.Element) -> Fraction | None:
    """Pictures per second of the timeline, where its format says so."""
    form = _resource(root, "format", sequence.get("format"))
    frame_s = _seconds(form.get("frameDuration")) if form is not None else Fraction(0)
    return 1 / frame_s if frame_s > 0 else None


def _resource(root: ET.Element, tag: str, key: str | None) -> ET.Element | None:
    return next((one for one in root.iterfind(f"resources/{tag}") if one.get("id") == key), None)


def _seconds(text: str | None) -> Seconds:
    """A time such as "1001/30000s", "5s" or "4.7s"; 0 where nothing stands. Raises ValueError."""
    if text is None:
        return Fraction(0)
    if not re.fullmatch(r"-?\d{1,18}(\.\d{1,12}|/\d{1,18})?s", text.strip()):
        raise ValueError(f"{text[:30]!r} is no time")
    return Fraction(text.strip().removesuffix("s"))


# --- storylines -------------------------------------------------------------------------------------------------------


def _storyline(spine: ET.Element | None, root: ET.Element) -> Iterator[_Item]:
    """The items of a storyline, from its first. Some programs let its offsets begin with `tcStart`, others with 0."""
    at = Fraction(0)
    origin: Seconds | None = None
    fade: tuple[Seconds, Seconds] | None = None
    for element in spine if spine is not None else ():
        offset = element.get("offset")
        if element.tag == "transition" and offset is not None:
            begin, length = _seconds(offset) - (origin or 0), _seconds(element.get("duration"))
            fade = (begin, begin + length)
        if element.tag not in _ITEMS:
            continue
        shown = _shown(element)
        if origin is None:
            origin = _seconds(offset)
        if offset is not None:
            at = _seconds(offset) - origin
        length = _length(shown, root)
        opens = (fade[0] + fade[1]) / 2 if fade and fade[0] <= at <= fade[1] else at
        yield _Item(shown, at, _local_start(shown, root), length, opens)
        at, fade = at + length, None


def _shown(element: ET.Element) -> ET.Element:
    """Of an audition the take that was picked, which stands first."""
    if element.tag != "audition":
        return element
    return next((take for take in element if take.tag in _ITEMS), element)


def _length(element: ET.Element, root: ET.Element) -> Seconds:
    if element.get("duration") is not None:
        return _seconds(element.get("duration"))
    asset = _resource(root, "asset", element.get("ref"))
    return _seconds(asset.get("duration")) if asset is not None else Fraction(0)


def _local_start(element: ET.Element, root: ET.Element) -> Seconds:
    """Where an item's local time begins; a compound clip's with its first item unless it says otherwise."""
    inner = _inner_spine(element, root) if element.get("start") is None else None
    first = next((one for one in inner if one.tag in _ITEMS), None) if inner is not None else None
    return _seconds(first.get("offset") if first is not None else element.get("start"))


def _inner_spine(element: ET.Element, root: ET.Element) -> ET.Element | None:
    """The storyline of a compound clip."""
    media = _resource(root, "media", element.get("ref")) if element.tag == "ref-clip" else None
    return media.find("sequence/spine") if media is not None else None


def _changes(items: list[_Item], root: ET.Element, depth: int = 0) -> Iterator[Seconds]:
    """Where one shot follows another, also inside compound clips."""
    for index, item in enumerate(items):
        if index and not item.element.tag == items[index - 1].element.tag == "gap":
            yield item.opens
        inner = _inner_spine(item.element, root)
        if inner is None or depth >= _DEEPEST:
            continue
        first = next((one for one in inner if one.tag in _ITEMS), None)
        origin = _seconds(first.get("offset")) if first is not None else Fraction(0)
        for change in _changes(list(_storyline(inner, root)), root, depth + 1):
            at = change + origin - item.local
            if 0 < at < item.length:
                yield item.at + at


def _markers(item: _Item, root: ET.Element) -> Iterator[tuple[Seconds, str]]:
    """The markers of an item and of all that is connected to it, as far as they show: trimmed ends keep theirs, out of sight."""
    for child in item.element:
        at = item.at + _seconds(child.get("start" if child.tag in _MARKERS else "offset")) - item.local
        if child.tag in _MARKERS:
            if item.at <= at < item.at + item.length:
                yield at, child.get("value") or child.get("note") or ""
        elif child.tag in _ITEMS:
            shown = _shown(child)
            yield from _markers(_Item(shown, at, _local_start(shown, root), _length(shown, root), at), root)
        elif child.tag == "spine":
            for inner in _storyline(child, root):
                yield from _markers(_Item(inner.element, at + inner.at, inner.local, inner.length, at), root)
