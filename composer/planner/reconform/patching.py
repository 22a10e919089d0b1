"""Whose notes a bar between two runs keeps: the beginning of the bar that broke off, the end of the one that comes back, or none.

Conventions
-----------
A broken bar is one of which the picture is partly gone. Bar indices count from 0 in the old plan; beats count from a bar's first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from composer.planner.reconform.survival import Gap, Source
from composer.tempo import TempoMap


@dataclass(frozen=True)
class Broken:
    """A bar of which only a part of the picture is left."""

    bar: int
    #: its length, and how much of its beginning (or its end) is left, beats
    beats: float
    left: float


def broken_bars(gap: Gap, tempo: TempoMap) -> tuple[Broken | None, Broken | None]:
    """The bars after the run before a gap, and before the run after it, that lost a part of their picture; `tempo` is the old one."""
    edges, before, after = tempo.bar_seconds, None, None
    if gap.left and gap.left.end < len(tempo.bars):
        before = _broken(gap.left.end, gap.left.stretch.old_end_s - float(edges[gap.left.end]), tempo)
    if gap.right and gap.right.first > 0:
        after = _broken(gap.right.first - 1, float(edges[gap.right.first]) - gap.right.stretch.old_start_s, tempo)
    return before, after


def _broken(index: int, left_s: float, tempo: TempoMap) -> Broken | None:
    """A bar of which so many seconds are left; None when that is next to nothing."""
    bar = tempo.bars[index]
    left = min(bar.beats, round(2 * left_s / (bar.us_per_beat / 1e6)) / 2)
    return Broken(index, bar.beats, left) if left > 0 else None


def between(sizes: Sequence[float], before: Broken | None, after: Broken | None) -> list[Source]:
    """Where the bars between the re-fitted ones have their notes from: the two broken bars, and else from nowhere."""
    sources = [Source()] * len(sizes)
    if not sizes:
        return sources
    if len(sizes) == 1 and before and after:
        return [_joined(sizes[0], before, after)]
    if before:
        sources[0] = _head(sizes[0], before)
    if after:
        sources[-1] = _tail(sizes[-1], after)
    return sources


def _head(beats: float, broken: Broken) -> Source:
    """A bar that begins like an old one; the last beat of it goes on although its picture is gone."""
    kept = min(beats, broken.left)
    kept = beats if beats - kept <= 1 and broken.beats >= beats else kept
    return Source(broken.bar, ((0.0, 0.0, kept),))


def _tail(beats: float, broken: Broken) -> Source:
    """A bar that ends like an old one."""
    kept = min(beats, broken.left)
    kept = beats if beats - kept <= 1 and broken.beats >= beats else kept
    return Source(broken.bar, ((broken.beats - kept, beats - kept, kept),))


def _joined(beats: float, before: Broken, after: Broken) -> Source:
    """One bar from the beginning of an old one and the end of the same or another."""
    if before.bar != after.bar:
        if before.left >= after.left:
            return _head(beats, before)
        return _tail(beats, after)
    whole = before.beats
    if beats == whole:
        return Source(before.bar, ((0.0, 0.0, whole),))
    head = min(before.left, beats, whole)
    tail = min(beats - head, whole - head)
    pieces = ((0.0, 0.0, head), (whole - tail, beats - tail, tail))
    return Source(before.bar, tuple(piece for piece in pieces if piece[2] > 0))
