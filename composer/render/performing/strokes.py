"""Strokes: the sforzando of who sustains. CC11 holds back just before a hit, is at full strength on it, and relaxes into what was there."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence

from composer.moments import SAME_BEATS, Moment
from composer.render.performing.desk import Desk
from composer.render.performing.fading import fade_level
from composer.score import Control, Note

EXPRESSION = 11
#: CC11 before a hit, hard or soft, and on it at least; how far that is above what is around it
_HELD_BACK, _HELD_BACK_SOFTLY, FULL, _ABOVE = 42, 56, 102, 6
#: seconds from a hit to what CC11 does there: it falls, waits, opens around the hit itself, and relaxes
_FALLS_S, _WAITS_S, _OPENS_S, _OPENED_S, _RELAXED_S = (-0.14, -0.09, -0.014, 0.004, 0.6)
#: steps of the opening of a hard and of a soft hit: it has to be without a click (the fall is hidden by the breath: one step)
_OPENING_STEPS, _SOFT_OPENING_STEPS = 4, 3
#: relaxing goes by so much a step, and not at all where it is less than half of it, value
_RELAXING_BY = 9


def with_strokes(curve: Sequence[Control], notes: Sequence[Note], desk: Desk) -> list[Control]:
    """A curve of CC11 (in order) with a stroke on every marked hit that the part begins on, holding nothing across; not pizzicato."""
    ordered = sorted(notes, key=_start)
    ends = list(itertools.accumulate((note.end_beat for note in ordered), max, initial=0.0))
    done = list(curve)
    for moment in desk.moments:
        first = bisect.bisect_left(ordered, moment.beat - SAME_BEATS, key=_start)
        after = bisect.bisect_right(ordered, moment.beat + SAME_BEATS, key=_start)
        begins = ends[first] <= moment.beat + SAME_BEATS and any(moment.is_on(note) for note in ordered[first:after])
        if begins and desk.technique_at(moment.beat) != "pizzicato":
            _sforzando(done, moment, fade_level(moment.beat, desk))
    return done


def _sforzando(curve: list[Control], moment: Moment, level: float) -> None:
    """CC11 (in order, changed in place) holds back before a hit, opens within milliseconds around it and relaxes into what was there."""
    falls, waits, opens, opened, relaxed = (moment.beat + moment.beats(s) for s in (_FALLS_S, _WAITS_S, _OPENS_S, _OPENED_S, _RELAXED_S))
    relaxed = min(relaxed, moment.until - moment.beats(0.2))
    before, after = _value_at(curve, falls), _value_at(curve, relaxed)
    low = (_HELD_BACK if moment.is_hard else _HELD_BACK_SOFTLY) * level
    full = min(127.0, max(FULL * level, max(before, after) + _ABOVE * level))
    ramps = [
        (falls, waits, before, min(low, before), 1),
        (opens, opened, min(low, before), full, _OPENING_STEPS if moment.is_hard else _SOFT_OPENING_STEPS),
        (opened, relaxed, full, after, round(abs(after - full) / _RELAXING_BY)),
    ]
    shaped = [
        Control(round(max(0.0, start + (end - start) * k / steps), 6), EXPRESSION, round(low + (high - low) * k / steps))
        for start, end, low, high, steps in ramps
        for k in range(1, steps + 1)
        if end > start
    ]
    del curve[bisect.bisect_left(curve, falls, key=_beat) : bisect.bisect_right(curve, max(opened, relaxed), key=_beat)]
    for control in shaped:
        bisect.insort(curve, control, key=_beat)


def _value_at(curve: Sequence[Control], beat: float) -> float:
    """What CC11 is at, full when nobody said; the first of two that are said at once."""
    place = bisect.bisect_right(curve, beat, key=_beat)
    return curve[bisect.bisect_left(curve, curve[place - 1].beat, key=_beat)].value if place else FULL


def _beat(control: Control) -> float:
    return control.beat


def _start(note: Note) -> float:
    return note.start_beat
