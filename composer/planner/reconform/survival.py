"""Which bars of a plan survive a re-edit of the picture where they are, and the gaps of film time between them.

A bar survives when the whole of its picture lies in one kept stretch; it moves with that stretch. Bars that follow each other
in the same stretch are a run: a run's bars, tempi and hits stay as they are. What is left between two runs is a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from composer.edit import Edit, Kept
from composer.plan import Plan
from composer.tempo import Bar

#: a bar line may lie this far outside its picture: hits are met within half a frame
SLACK_FRAMES = 0.6


@dataclass(frozen=True)
class Run:
    """Surviving bars that follow each other."""

    #: index of the first bar in the old plan, from 0
    first: int
    #: index after the last
    end: int
    #: the kept stretch that holds their picture
    stretch: Kept
    #: where the run begins in the new film, seconds
    start_s: float
    #: and where it ends, seconds
    end_s: float


@dataclass(frozen=True)
class Gap:
    """New film time that no surviving bar covers."""

    #: where the run before it ends, seconds (film time 0 without one)
    start_s: float
    #: where the run after it begins, seconds (the film's end without one); up to about a frame before `start_s` where runs overlap
    end_s: float
    #: the run before it
    left: Run | None
    #: the run after it
    right: Run | None


@dataclass(frozen=True)
class Source:
    """Which old music a bar of a filling keeps."""

    #: index of the old bar; None for new music only
    old_bar: int | None = None
    #: (beats into the old bar, beats into the new bar, how many beats)
    pieces: tuple[tuple[float, float, float], ...] = ()

    def is_whole(self, old_beats: float, beats: float) -> bool:
        """Whether an old bar is kept beat for beat."""
        return self.pieces == ((0.0, 0.0, old_beats),) and beats == old_beats


@dataclass(frozen=True)
class NewBar:
    """A bar of the new film before it is in a plan."""

    #: metre and tempo
    bar: Bar
    #: where its notes come from
    source: Source
    #: the run that holds it as it was; None for a bar fitted anew
    run: Run | None
    #: id of the old section it belongs to; None between cues; what no old section is called for new film that gets a section of its own
    section: str | None


def surviving_runs(old: Plan, edit: Edit) -> list[Run]:
    """The runs in the order of the new film; every bar survives once, in the longest stretch that holds it."""
    edges = old.tempo.bar_seconds
    slack_s = SLACK_FRAMES / float(old.frame_rate)
    taken = np.zeros(len(old.bars), np.bool_)
    runs: list[Run] = []
    for stretch in sorted(edit.kept, key=lambda k: (-k.length_s, k.new_start_s)):
        is_end = _reaches_both_ends(stretch, old, edit, slack_s)
        inside = [
            not taken[i]
            and edges[i] >= stretch.old_start_s - slack_s
            and (edges[i + 1] <= stretch.old_end_s + slack_s or (is_end and i == len(old.bars) - 1))
            for i in range(len(old.bars))
        ]
        for first, end in _true_runs(inside):
            taken[first:end] = True
            start_s, end_s = (float(edges[i]) + stretch.offset_s for i in (first, end))
            runs.append(Run(first, end, stretch, start_s, end_s))
    return sorted(runs, key=lambda run: run.start_s)


def gaps_between(runs: list[Run], old: Plan, edit: Edit) -> list[Gap]:
    """The gap before every run, and the one after the last: (R + 1,); most are of no length in a film that is hardly changed."""
    gaps = []
    for left, right in zip([None, *runs], [*runs, None], strict=True):
        start_s = left.end_s if left else 0.0
        end_s = right.start_s if right else edit.new_duration_s
        if right is None and left is not None and left.end == len(old.bars):
            slack_s = SLACK_FRAMES / float(old.frame_rate)
            if _reaches_both_ends(left.stretch, old, edit, slack_s):
                end_s = start_s  # the last bar of both films: it may run a little past the picture, or end just before
        gaps.append(Gap(start_s, end_s, left, right))
    return gaps


def section_of(index: int, old: Plan) -> str | None:
    """Id of the section that holds an old bar (from 0); None between cues."""
    section = old.section_at(index + 1)
    return section.id if section else None


def beside(gap: Gap, old: Plan) -> tuple[str | None, str | None]:
    """What plays where the picture broke off, and where it comes back: the sections (None: a rest) of the two broken bars, else of the runs."""
    edges, slack_s = old.tempo.bar_seconds, SLACK_FRAMES / float(old.frame_rate)
    before = after = None
    if gap.left:
        end = gap.left.end
        is_broken = end < len(old.bars) and gap.left.stretch.old_end_s - edges[end] > slack_s
        before = section_of(end if is_broken else end - 1, old)
    if gap.right:
        first = gap.right.first
        is_broken = first > 0 and edges[first] - gap.right.stretch.old_start_s > slack_s
        after = section_of(first - 1 if is_broken else first, old)
    return before, after


def is_before(gap: Gap, time_s: float) -> bool:
    """Whether a moment of a gap belongs to the music before it: until the picture of the run after it comes back."""
    return gap.left is not None and (gap.right is None or time_s < gap.right.stretch.new_start_s)


def section_at_s(time_s: float, runs: Sequence[Run], gaps: Sequence[Gap], old: Plan) -> str | None:
    """Id of the old section to whose music a moment of the new film belongs; None in a rest."""
    for run in runs:
        if run.start_s <= time_s < run.end_s:
            return section_of(old.tempo.bar_at_s(time_s - run.stretch.offset_s), old)
    gap = min(gaps, key=lambda gap: max(gap.start_s - time_s, time_s - gap.end_s, 0.0))
    return beside(gap, old)[0 if is_before(gap, time_s) else 1]


def _reaches_both_ends(stretch: Kept, old: Plan, edit: Edit, slack_s: float) -> bool:
    return stretch.old_end_s >= old.duration_s - slack_s and stretch.new_end_s >= edit.new_duration_s - slack_s


def _true_runs(flags: list[bool]) -> list[tuple[int, int]]:
    """(first, end) of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(flags, np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
