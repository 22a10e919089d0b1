"""OTIO: timelines of OpenTimelineIO (Resolve, Premiere, RV and many pipelines write them), plain or zipped with their media.

Conventions
-----------
The changes of shot are those of the first picture track that has clips; a dissolve's is its middle, a gap begins and ends one, a nested
timeline is looked into. Markers of the timeline, of every track and of every clip count where they show. Film time 0 is `global_start_time`
unless somebody says otherwise, or the timeline's first picture when it has none.

OpenTimelineIO's core is C++ that a damaged file can crash (a wrong schema version, deep nesting, a reference to what contains it), so it
reads in a process of its own, `composer.cut_list.otio_child`.
"""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

from composer.cut_list import otio_child
from composer.cut_list.found import LARGEST_BYTES, Clock, Found, check_file, counted_like, marker, no_list, too_large
from composer.errors import MissingToolError
from composer.film import Film
from composer.process import ProgramError, run
from composer.timecode import DEFAULT_START, is_drop_frame, label_of, nominal_rate

_HINT = "Export the timeline anew as OTIO."
#: no list takes longer to read, seconds
_TIMEOUT_S = 60.0


def read_otio(path: Path, film: Film, start_tc: str | None) -> Found:
    """The changes of shot and the markers of the one timeline in the file.

    Raises OptionError when the file is no OTIO or has no timeline or several, MissingToolError without OpenTimelineIO.
    """
    check_file(path, None if path.suffix.lower() == ".otioz" else LARGEST_BYTES)  # the zipped film may be large
    told = _told(path)
    if told["timelines"] != 1:
        raise no_list(path, f"it holds {told['timelines'] or 'no'} timelines", "Export the one timeline of this film.")
    rate = Fraction(told["rate"]) or film.frame_rate
    own_start = _label(int(told["start"]), rate) if told["start"] is not None else None
    start = counted_like(start_tc, is_drop_frame(own_start or "")) if start_tc else own_start or DEFAULT_START
    clock = Clock(rate, film.frame_rate, start)
    # without a start of its own, the timeline begins with the film
    origin = Fraction(told["start"]) if told["start"] is not None else Fraction(clock.start_frames)
    cuts = tuple(clock.film_s(origin + Fraction(at)) for at in told["cuts"])
    markers = tuple(marker(clock.film_s(origin + Fraction(at)), label) for at, label in told["markers"])
    return Found((*clock.opening(origin), *cuts), markers, start)


def _told(path: Path) -> dict[str, Any]:
    """What the child says of the file (see `otio_child.describe`)."""
    try:
        # -P: what lies beside the child's file is not to be imported
        output, _ = run([sys.executable, "-P", otio_child.__file__, str(path.absolute()), str(LARGEST_BYTES)], _TIMEOUT_S)
    except ProgramError as error:
        raise _unreadable(path, error) from None
    told: dict[str, Any] = json.loads(output)
    return told


def _unreadable(path: Path, error: ProgramError) -> Exception:
    if error.returncode == otio_child.NOT_INSTALLED:
        return MissingToolError("OpenTimelineIO is not installed", "Run `pip install OpenTimelineIO`.")
    if error.returncode == otio_child.TOO_LARGE:
        return too_large(path)
    said = error.stderr.strip().splitlines()[-1:] if error.returncode == otio_child.DAMAGED else []
    return no_list(path, said[0][:160] if said else "OpenTimelineIO fails on it", _HINT)


def _label(frames: int, rate: Fraction) -> str:
    """A timeline's start. The file does not say drop-frame: it is taken for that where only so it is a whole minute."""
    label = label_of(frames, rate, False)
    if nominal_rate(rate) in (30, 60) and rate.denominator > 1 and not label.endswith(":00:00"):
        dropped = label_of(frames, rate, True)
        return dropped if dropped.endswith(":00;00") else label
    return label
