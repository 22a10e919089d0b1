"""`Moment`, `Frame`, `Filling`: what bars for a gap should meet, what they have to fit into, and the bars themselves.

Conventions
-----------
Bar indices count from 0 in the old plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from composer.planner.reconform.survival import Gap, Source
from composer.tempo import Bar


@dataclass(frozen=True)
class Moment:
    """A hit that a filling should meet."""

    #: when, seconds of the new film
    time_s: float
    #: how much it matters, 0…1
    weight: float
    #: whether it must fall on a downbeat or beat
    is_hard: bool
    #: its place in the old plan: bar index and beats into the bar; None for a new one
    place: tuple[int, float] | None = None
    #: a person asked for it
    is_own: bool = False


@dataclass(frozen=True)
class Filling:
    """Bars for a gap."""

    #: how many bars of the run before it, and of the run after it, are re-fitted
    left: int
    right: int
    #: the bars, the re-fitted ones included
    bars: tuple[Bar, ...]
    #: where each has its notes from
    sources: tuple[Source, ...]
    #: what it costs (comparable between fillings of one gap)
    cost: float


@dataclass(frozen=True)
class Frame:
    """What a filling has to fit into."""

    #: re-fitted bars before and after the gap, indices in the old plan
    left: tuple[int, ...]
    right: tuple[int, ...]
    #: the bars that stay beside it; None at the ends of the film
    before: int | None
    after: int | None
    #: seconds of the new film
    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """Seconds."""
        return self.end_s - self.start_s

    @staticmethod
    def of(gap: Gap, m: int, n: int, bars: Sequence[Bar]) -> Frame:
        """The frame of a gap with `m` of the old `bars` before and `n` after it re-fitted."""
        left = tuple(range(gap.left.end - m, gap.left.end)) if gap.left else ()
        right = tuple(range(gap.right.first, gap.right.first + n)) if gap.right else ()
        before = gap.left.end - m - 1 if gap.left and gap.left.end - m > gap.left.first else None
        after = gap.right.first + n if gap.right and gap.right.first + n < gap.right.end else None
        start_s = gap.start_s - sum(bars[i].seconds for i in left)
        return Frame(left, right, before, after, start_s, gap.end_s + sum(bars[i].seconds for i in right))
