"""Marks: what stands around the notes: dynamics and hairpins of a part, and over the whole score tempo, sections, hits and chords.

Conventions
-----------
Places are units from film time 0. Dynamics are the plan's (a score alone has velocities, which are no marks). A hairpin leads to what
holds where it ends: the next section's mark, its own section's again, or at the very end its own last mark (composer.scene).
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from composer.moments import Moment, moments
from composer.plan import DYNAMICS, Plan
from composer.render.notation.metre import UNITS
from composer.render.notation.quantise import Bars, Event
from composer.scene import Scene, scenes
from composer.score import Score
from composer.theory.chords import Chord
from composer.theory.keys import Key, parse_key

#: after so many silent bars a part is told its dynamics again
_FORGOTTEN_BARS = 4
#: a tempo is printed where it is this far from the last printed one …
_TEMPO_STEP = 0.05
#: … but inside a section not sooner than so many bars after it, unless it leaps
_TEMPO_APART_BARS, _TEMPO_LEAP = 3, 0.1
#: a wedge shorter than this cannot be drawn
_SHORTEST_WEDGE = 3 * UNITS // 2


@dataclass(frozen=True)
class DynamicMark:
    """pp … ff under a note."""

    #: index of the event
    at: int
    mark: str


@dataclass(frozen=True)
class Wedge:
    """A hairpin from the beginning of one event of a part to the end of another."""

    #: indices of its first and last event
    first: int
    last: int
    is_crescendo: bool


@dataclass(frozen=True)
class TempoMark:
    """A bar's tempo."""

    #: index of the bar
    bar: int
    qpm: float
    #: whether it is printed; every change is played
    is_printed: bool
    #: mood of the section that begins, "" inside one
    text: str = ""


@dataclass(frozen=True)
class ChordMark:
    """A chord symbol."""

    #: units
    at: int
    chord: Chord
    key: Key


class Context:
    """What a plan (or a score alone) says about every moment of a score."""

    def __init__(self, score: Score, plan: Plan | None, bars: Bars) -> None:
        self.score, self.plan, self.bars = score, plan, bars
        self.scenes: list[Scene] = scenes(plan) if plan is not None else []
        self._scene_starts = [scene.start for scene in self.scenes]
        self.moments: list[Moment] = moments(plan) if plan is not None else []
        self.hits = frozenset(round(beat * UNITS) for beat in score.hit_beats())
        self.hard_hits = frozenset(round(moment.beat * UNITS) for moment in self.moments if moment.is_hard)
        self._keys = [(round(change.beat * UNITS), parse_key(change.key)) for change in score.keys] or [(0, parse_key("C major"))]

    def key_at(self, place: int) -> Key:
        """The key at a place, units."""
        at = bisect.bisect_right(self._keys, place, key=lambda item: item[0]) - 1
        return self._keys[max(at, 0)][1]

    def scene_at(self, place: int) -> Scene | None:
        """The section at a place, units; None between cues and without a plan."""
        at = bisect.bisect_right(self._scene_starts, place / UNITS + 1e-6) - 1
        if at < 0 or place / UNITS >= self.scenes[at].end - 1e-6:
            return None
        return self.scenes[at]

    def chord_at(self, place: int) -> Chord | None:
        """The chord at a place, units."""
        scene = self.scene_at(place)
        return scene.chord_at(place / UNITS) if scene is not None else None


def dynamics(events: Sequence[Event], staff_of: Sequence[int], context: Context) -> tuple[list[DynamicMark], list[Wedge]]:
    """Marks and wedges of one part, from its events in order and the staff of each: nothing is said twice."""
    if context.plan is None or not events:
        return [], []
    hairpins = _hairpins(events, staff_of, context)
    opening = {hairpin.wedge.first: hairpin.start for hairpin in hairpins}
    goals = {hairpin.goal_at: hairpin.goal for hairpin in hairpins if hairpin.goal_at is not None}
    marks: list[DynamicMark] = []
    said, last_end = "", 0
    for index, event in enumerate(events):
        scene = context.scene_at(event.start)
        if scene is None:
            continue
        is_inside = any(hairpin.wedge.first < index and event.start < hairpin.end for hairpin in hairpins if event.start >= hairpin.begin)
        wanted = opening.get(index) or goals.get(index) or ("" if is_inside else scene.section.dynamics)
        forgotten = context.bars.bar_at(event.start) - context.bars.bar_at(max(last_end - 1, 0)) > _FORGOTTEN_BARS
        if wanted and (wanted != said or forgotten):
            marks.append(DynamicMark(index, wanted))
            said = wanted
        last_end = event.end
    return marks, [hairpin.wedge for hairpin in hairpins]


@dataclass(frozen=True)
class _Played:
    """A hairpin of the plan in one part."""

    wedge: Wedge
    #: the plan's own bounds, units
    begin: int
    end: int
    #: mark it begins with
    start: str
    #: mark it leads to and the event that bears it, where what follows does not say so
    goal: str
    goal_at: int | None


def _hairpins(events: Sequence[Event], staff_of: Sequence[int], context: Context) -> list[_Played]:
    """The hairpins a part plays in, none on top of another."""
    assert context.plan is not None
    starts = [event.start for event in events]
    found: list[_Played] = []
    tempo = context.score.tempo
    for hairpin in context.plan.hairpins:
        begin, end = (round(tempo.beat_of(*where) * UNITS) for where in ((hairpin.bar, hairpin.beat), (hairpin.to_bar, hairpin.to_beat)))
        first, last = bisect.bisect_left(starts, begin), bisect.bisect_left(starts, end) - 1
        while last > first and staff_of[last] != staff_of[first]:
            last -= 1  # both ends stand at one staff
        if first > last or hairpin.start == hairpin.end or (found and found[-1].wedge.last >= first):
            continue
        if min(events[last].end, end) - events[first].start < _SHORTEST_WEDGE:
            continue
        following = context.scene_at(events[last + 1].start) if last + 1 < len(events) else None
        says_goal = last > first and (following is None or following.section.dynamics != hairpin.end)
        wedge = Wedge(first, last - says_goal, DYNAMICS.index(hairpin.end) > DYNAMICS.index(hairpin.start))
        found.append(_Played(wedge, begin, end, hairpin.start, hairpin.end, last if says_goal else None))
    return found


def tempo_marks(score: Score, plan: Plan | None) -> list[TempoMark]:
    """A mark for every bar whose tempo differs from the one before; printed at sections and where the tempo has moved far enough to be read."""
    sections = {section.first_bar - 1: section.mood for section in plan.sections} if plan is not None else _bare_sections(score)
    marks: list[TempoMark] = []
    printed, printed_bar, before = 0.0, 0, 0.0
    for index, bar in enumerate(score.tempo.bars):
        text = sections.get(index, "")
        moved = abs(bar.qpm / printed - 1) if printed else 1.0
        leaps = moved >= _TEMPO_LEAP or (moved >= _TEMPO_STEP and index - printed_bar >= _TEMPO_APART_BARS)
        near_section = any(index < start <= index + 1 for start in sections)
        is_printed = index in sections or index == 0 or (leaps and not near_section)
        if is_printed:
            printed, printed_bar = bar.qpm, index
        if is_printed or bar.us_per_beat != before:
            marks.append(TempoMark(index, bar.qpm, is_printed, text))
        before = bar.us_per_beat
    return marks


def _bare_sections(score: Score) -> dict[int, str]:
    """Bars in which sections begin, from the markers: "S2 tense D minor"."""
    found = {}
    for marker in score.markers:
        if marker.kind == "section":
            words = marker.text.split()
            found[score.tempo.bar_at_beat(marker.beat)] = words[1] if len(words) > 1 else ""
    return found


def section_marks(score: Score) -> list[tuple[int, str]]:
    """(units, rehearsal letter) of every section: "S2"."""
    return [(round(m.beat * UNITS), m.text.split()[0]) for m in score.markers if m.kind == "section" and m.text.split()]


def hit_marks(score: Score) -> list[tuple[int, str]]:
    """(units, text) of every hit: "HIT 03 01:00:12:07"."""
    return [(round(m.beat * UNITS), m.text) for m in score.markers if m.kind == "hit"]


def chord_marks(context: Context) -> list[ChordMark]:
    """Chord symbols where the harmony changes, and again where a section begins."""
    marks: list[ChordMark] = []
    for scene in context.scenes:
        said = ""
        for span in scene.spans:
            name = span.chord.name(scene.key)
            if name != said:
                marks.append(ChordMark(round(span.start * UNITS), span.chord, scene.key))
                said = name
    return marks
