"""The process that reads one OTIO file with OpenTimelineIO and says in JSON what `composer.cut_list.otio` wants to know.

A file of its own, run by its path: it imports nothing of the project. Of the library only the core is used: no plugins, hooks or media
linkers. Media is never opened.
"""

from __future__ import annotations

import json
import os
import sys
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

#: how the process ends when something is wrong
NOT_INSTALLED, TOO_LARGE, DAMAGED = 3, 4, 5
#: where an .otioz keeps the timeline
_IN_ZIP = "content.otio"


class Timeline:
    """One timeline; all positions in frames of its own rate, from its first picture."""

    def __init__(self, timeline: Any, schema: Any) -> None:
        self.schema = schema
        self.stack = timeline.tracks
        self.start = timeline.global_start_time
        self.track = self.picture_track(self.stack)
        self.rate = self._rate()

    def picture_track(self, stack: Any) -> Any:
        """The first picture track that is on and has clips, or None."""
        video = self.schema.TrackKind.Video
        tracks = [one for one in stack if isinstance(one, self.schema.Track) and one.kind == video and one.enabled]
        return next((track for track in tracks if track.find_clips()), None)

    def _rate(self) -> Fraction:
        """Pictures per second: of its start, else of its first clip, else of a marker; 0 for an empty timeline."""
        times = [self.start] if self.start is not None else []
        times += [clip.trimmed_range().duration for clip in (self.track.find_clips()[:1] if self.track is not None else [])]
        times += [one.marked_range.start_time for one in self.stack.markers]
        return Fraction(times[0].rate).limit_denominator(100_000) if times else Fraction(0)

    def frames(self, time: Any) -> Fraction:
        """A RationalTime in frames. Rates such as 23.976 and 24000/1001 are one."""
        own = Fraction(time.rate)
        if own <= 0:
            raise ValueError(f"a rate of {time.rate:g}")
        value = Fraction(time.value) if round(own) == round(self.rate) else Fraction(time.value) * self.rate / own
        return value.limit_denominator(1000)

    def changes(self, track: Any) -> Iterator[Fraction]:
        """Where one shot follows another on a track, from the first frame of it that is shown."""
        gap, origin = self.schema.Gap, self.frames(track.trimmed_range().start_time)
        before, shift = None, Fraction(0)
        for child in track:
            if isinstance(child, self.schema.Transition):  # from in_offset before the edit to out_offset after it
                shift = (self.frames(child.out_offset) - self.frames(child.in_offset)) / 2
                continue
            at = self.frames(track.range_of_child(child).start_time) - origin
            if before is not None and not (isinstance(before, gap) and isinstance(child, gap)):
                yield at + shift
            yield from self._inside(child, at)
            before, shift = child, Fraction(0)

    def _inside(self, child: Any, at: Fraction) -> Iterator[Fraction]:
        """The changes inside a nested timeline that lie within what is shown of it."""
        is_stack = isinstance(child, self.schema.Stack)
        inner = self.picture_track(child) if is_stack else child if isinstance(child, self.schema.Track) else None
        if inner is None:
            return
        shown = child.trimmed_range()
        # a nested track's own changes already begin with what is shown of it
        trimmed = self.frames(shown.start_time) if is_stack else Fraction(0)
        for change in self.changes(inner):
            if 0 < change - trimmed < self.frames(shown.duration):
                yield at + change - trimmed

    def markers(self) -> Iterator[tuple[Fraction, str]]:
        """Position and name of the timeline's, its tracks' and their items' markers."""
        for one in self.stack.markers:
            yield self.frames(one.marked_range.start_time), one.name
        for track in self.stack:
            if not isinstance(track, self.schema.Track):
                continue
            origin = self.frames(track.trimmed_range().start_time) if len(track) else Fraction(0)
            for one in track.markers:
                yield self.frames(one.marked_range.start_time) - origin, one.name
            for item in track:
                if not isinstance(item, self.schema.Transition) and item.markers:
                    yield from self._shown_markers(item, self.frames(track.range_of_child(item).start_time) - origin)

    def _shown_markers(self, item: Any, at: Fraction) -> Iterator[tuple[Fraction, str]]:
        """The markers of an item that lie in what is shown of it."""
        shown = item.trimmed_range()
        for one in item.markers:
            inside = self.frames(one.marked_range.start_time) - self.frames(shown.start_time)
            if 0 <= inside < self.frames(shown.duration):
                yield at + inside, one.name


def describe(text: str) -> dict[str, Any]:
    """Number of timelines in a file, and of the one timeline: rate, start (frames from 00:00:00:00, None: it has none), cuts and markers.

    Frames are fractions as text. Raises whatever OpenTimelineIO raises for what is damaged.
    """
    from opentimelineio import core, schema  # type: ignore[import-untyped]

    thing = core.deserialize_json_from_string(text)
    found = [thing] if isinstance(thing, schema.Timeline) else []
    if isinstance(thing, schema.SerializableCollection):
        found = [one for one in thing if isinstance(one, schema.Timeline)]
    if len(found) != 1:
        return {"timelines": len(found)}
    one = Timeline(found[0], schema)
    return {
        "timelines": 1,
        "rate": str(one.rate),
        "start": str(round(one.frames(one.start))) if one.start is not None else None,
        "cuts": [str(at) for at in (one.changes(one.track) if one.track is not None else ())],
        "markers": [(str(at), name) for at, name in one.markers()],
    }


def content(path: str, largest_bytes: int) -> bytes:
    """The timeline of an .otio or .otioz, at most a byte more than the largest; the media in a zip is left alone."""
    if not path.lower().endswith(".otioz"):
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read(largest_bytes + 1)
    with zipfile.ZipFile(path) as archive, archive.open(_IN_ZIP) as member:
        return member.read(largest_bytes + 1)


def main(path: str, largest_bytes: int) -> int:
    """Describe a file on standard output; the exit status says what is wrong."""
    try:
        data = content(path, largest_bytes)
        if len(data) > largest_bytes:
            return TOO_LARGE
        print(json.dumps(describe(data.decode("utf-8-sig"))))
    except ImportError:
        return NOT_INSTALLED
    except UnicodeDecodeError:
        print("it is not text", file=sys.stderr)
        return DAMAGED
    except Exception as error:  # the library raises all kinds
        print("it is damaged: " + " ".join(str(error).split()), file=sys.stderr)
        return DAMAGED
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1], int(sys.argv[2]))
    sys.stdout.flush()
    os._exit(status)  # taking a damaged timeline apart may crash, too; nothing is left to tidy up
