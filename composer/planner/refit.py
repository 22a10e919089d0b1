"""Filling a gap between surviving bars with bars again, so gently that hits hold and hardly a note is lost.

Bars beside the gap may be re-fitted with it: they keep metre and notes, only their tempo gives way. For every choice of how many
(up to four on either side), how many beats lie between them and in which bars, tempi are the weighted least squares of
`composer.planner.tempo_fit`, step 2: near the tempo each bar had, smooth into the bars that stay, every hit within a fraction of a
frame of its beat, the length of the whole exact. The cheapest choice is taken: missed hits cost most, then tempi more than 8 % away from
their section's and lurches, then lost notes, then odd metres, then the number of re-fitted bars. Long stretches of new film are also fitted
by `composer.planner.tempo_fit` itself, which finds the best beats for many new hits.

Conventions
-----------
Bar indices count from 0 in the old plan. Beats within a filling count from its first bar line.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from composer.cues import HitPoint
from composer.plan import Plan
from composer.planner import tempo_fit
from composer.planner.bar_timing import Floats, as_bars, nearest_beat, seconds_at, smoothest, written_as
from composer.planner.patching import Broken, between
from composer.planner.survival import Gap, Run, Source
from composer.tempo import Bar

#: re-fitted bars on either side of a gap
MOST_BARS = 4
#: a bar's tempo may leave its section's by this much (relative) at no cost
BAND = 0.08
#: the total of beats may differ this much from what the tempo asks (relative)
_LOOSE = 0.15
#: and this much where nothing else fills a moment before the film's end
_LOOSEST = 0.6
#: from this many bars of new film on, tempo_fit has a go too
_LONG_BARS = 2.5
# what a filling costs
_LOST_BEAT, _MISSED_HARD, _MISSED_SOFT, _OUT_OF_BAND, _ODD, _TINY, _REFITTED, _BEND, _LURCH = 0.5, 6.0, 3.0, 40.0, 0.5, 3.0, 0.1, 0.05, 10.0
#: a change of tempo from bar to bar smaller than this is not felt much (relative)
_LURCH_FREE = 0.06


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


class Filler:
    """Fills the gaps of one plan."""

    def __init__(self, old: Plan, bases_qpm: Sequence[float], moments: Sequence[Moment], locked: frozenset[int]) -> None:
        """`bases_qpm` is the usual tempo around every old bar, `locked` the old bars whose tempo should stay."""
        self._old, self._bases, self._moments, self._locked = old, bases_qpm, moments, locked
        self._bars, self._edges = old.tempo.bars, old.tempo.bar_seconds
        self._tolerance_s = 0.45 / float(old.frame_rate)

    def fill(self, gap: Gap, left_free: int, right_free: int) -> Filling:
        """The best filling; at most so many bars of the runs before and after are re-fitted. One of no bars when there is nothing to bend."""
        most = 1 if self._is_long(gap) else MOST_BARS  # a long gap can bend by itself
        lefts, rights = (range(min(most, free) + 1) for free in (left_free, right_free))
        for loose in (_LOOSE, _LOOSEST):
            found = [one for m, n in itertools.product(lefts, rights) for one in self._fillings(gap, m, n, loose)]
            if found:
                return min(found, key=lambda one: one.cost)
        return Filling(0, 0, (), (), math.inf)

    def _fillings(self, gap: Gap, m: int, n: int, loose: float) -> Iterator[Filling]:
        """Every filling with `m` bars before and `n` bars after it re-fitted."""
        frame = _Frame.of(gap, m, n, self._bars, self._edges)
        if frame.length_s <= self._tolerance_s:
            return
        base = self._base(gap)
        normal = self._normal_beats(gap)
        fixed = [self._bars[i].beats for i in (*frame.left, *frame.right)]
        around_s = sum(self._bars[i].seconds for i in (*frame.left, *frame.right))
        wanted = sum(fixed) + (frame.length_s - around_s) * base / 60
        loose = loose if wanted < 8 * normal else BAND / 2
        least, most = math.ceil(2 * wanted * (1 - loose)), math.floor(2 * wanted * (1 + loose))
        for halves in range(max(1, least), most + 1):
            middle = halves / 2 - sum(fixed)
            if middle < 0 or (halves % 2 and (sum(fixed) % 1 == 0) and wanted > 2 * normal):
                continue
            for sizes in self._layouts(gap, frame, middle, normal):
                if sizes:
                    yield from self._judged(gap, frame, sizes, base)
        if self._is_long(gap):
            yield from self._fitted(gap, frame, base, normal)

    def _layouts(self, gap: Gap, frame: _Frame, middle: float, normal: float) -> Iterator[list[float]]:
        """Ways to write so many beats between the re-fitted bars; less than two may lengthen the bar before or after, whose music just goes on."""
        left, right = ([self._bars[i].beats for i in part] for part in (frame.left, frame.right))
        for sizes in written_as(middle, normal):
            yield [*left, *sizes, *right]
        before, after = self._broken(gap)
        if 0 < middle < 2:
            if left and before:
                yield [*left[:-1], left[-1] + middle, *right]
            if right and after:
                yield [*left, middle + right[0], *right[1:]]

    def _fitted(self, gap: Gap, frame: _Frame, base: float, normal: float) -> Iterator[Filling]:
        """What tempo_fit makes of it."""
        inside = [m for m in self._moments if frame.start_s + 0.05 < m.time_s < frame.end_s - 0.05]
        hits = tuple(HitPoint(m.time_s, m.weight, "cut") for m in inside)
        beats = max(2, round(normal))
        span = tempo_fit.SectionSpan(frame.start_s, frame.end_s, base, (base, base), beats, hits, self._tolerance_s)
        bars = tempo_fit.fit([span])[0].bars
        before, after = ([self._bars[i].beats for i in part] for part in (frame.left, frame.right))
        sizes = [bar.beats for bar in bars]
        if len(bars) >= len(before) + len(after) and sizes[: len(before)] == before and sizes[len(sizes) - len(after) :] == after:
            yield self._filling(gap, frame, bars)

    def _judged(self, gap: Gap, frame: _Frame, sizes: list[float], base: float) -> Iterator[Filling]:
        """The tempi of one choice of bars: with all hits, with the hard ones, with none bent for."""
        old = [*frame.left, *([None] * (len(sizes) - len(frame.left) - len(frame.right))), *frame.right]
        usual = np.array([60 / (self._bars[i].qpm if i is not None else base) for i in old])
        beside = [60 / self._bars[i].qpm if i is not None else None for i in (frame.before, frame.after)]
        known = self._known(frame, sizes)
        plain = smoothest(sizes, frame.length_s, usual, beside, known, self._tolerance_s)
        choices = [plain]
        if plain is not None:
            for hard_only in (False, True):
                more = self._nearest(frame, sizes, plain, hard_only)
                if more:
                    choices.append(smoothest(sizes, frame.length_s, usual, beside, [*known, *more], self._tolerance_s))
        if known:
            choices.append(smoothest(sizes, frame.length_s, usual, beside, [], self._tolerance_s))
        for s_per_beat in choices:
            bars = as_bars(sizes, s_per_beat) if s_per_beat is not None else None
            if bars is not None:
                yield self._filling(gap, frame, bars)

    def _known(self, frame: _Frame, sizes: list[float]) -> list[tuple[float, float]]:
        """(beat, seconds into the filling) of hits that stand in re-fitted bars."""
        left, right = ([self._bars[i].beats for i in part] for part in (frame.left, frame.right))
        places = dict(zip(frame.left, itertools.accumulate([0.0, *left]), strict=False))
        places |= dict(zip(frame.right, itertools.accumulate([sum(sizes) - sum(right), *right]), strict=False))
        inside = (m for m in self._moments if frame.start_s - 0.05 < m.time_s < frame.end_s + 0.05)
        return [(places[m.place[0]] + m.place[1], m.time_s - frame.start_s) for m in inside if m.place is not None and m.place[0] in places]

    def _nearest(self, frame: _Frame, sizes: list[float], s_per_beat: Floats, hard_only: bool) -> list[tuple[float, float]]:
        """The same of all others, on the nearest beat (hard) or half-beat."""
        bars = {*frame.left, *frame.right}
        found = []
        for m in self._moments:
            inside = frame.start_s + self._tolerance_s < m.time_s < frame.end_s - self._tolerance_s
            if inside and not (m.place is not None and m.place[0] in bars) and (m.is_hard or not hard_only):
                into_s = m.time_s - frame.start_s
                found.append((nearest_beat(sizes, s_per_beat, into_s, 1.0 if m.is_hard else 0.5), into_s))
        return found

    def _filling(self, gap: Gap, frame: _Frame, bars: Sequence[Bar]) -> Filling:
        sizes, count = [bar.beats for bar in bars], len(bars) - len(frame.right)
        before, after = self._broken(gap)
        # a bar that is longer than it was takes a little of the music beside it along
        heads = [Source(i, ((0.0, 0.0, beats),)) for i, beats in zip(frame.left, sizes, strict=False)]
        tails = [Source(i, ((self._bars[i].beats - beats, 0.0, beats),)) for i, beats in zip(frame.right, sizes[count:], strict=True)]
        middle = between(sizes[len(frame.left) : count], before, after)
        sources = (*heads, *middle, *tails)
        left = (before.left if before else 0.0) + (after.left if after else 0.0)
        longer = sum(sizes[: len(frame.left)]) + sum(sizes[count:]) - sum(self._bars[i].beats for i in (*frame.left, *frame.right))
        lost = max(0.0, left - longer - sum(beats for source in middle for *_, beats in source.pieces))
        cost = _LOST_BEAT * lost + _REFITTED * (len(frame.left) + len(frame.right))
        cost += self._missed(frame, bars) + self._roughness(gap, frame, bars, sources)
        return Filling(len(frame.left), len(frame.right), tuple(bars), sources, cost)

    def _missed(self, frame: _Frame, bars: Sequence[Bar]) -> float:
        """What the hits cost that no beat meets within half a frame."""
        sizes, s_per_beat = [bar.beats for bar in bars], np.array([bar.us_per_beat / 1e6 for bar in bars])
        cost = 0.0
        for m in self._moments:
            if frame.start_s - self._tolerance_s < m.time_s < frame.end_s + self._tolerance_s:
                into_s = m.time_s - frame.start_s
                beat = nearest_beat(sizes, s_per_beat, into_s, 1.0 if m.is_hard else 0.5)
                if abs(seconds_at(sizes, s_per_beat, beat) - into_s) > self._tolerance_s / 0.9:
                    cost += m.weight * (_MISSED_HARD if m.is_hard else _MISSED_SOFT)
        return cost

    def _roughness(self, gap: Gap, frame: _Frame, bars: Sequence[Bar], sources: Sequence[Source]) -> float:
        """What tempi and metres cost."""
        cost, normal, base = 0.0, self._normal_beats(gap), self._base(gap)
        for bar, source in zip(bars, sources, strict=True):
            away = abs(bar.qpm / (self._bases[source.old_bar] if source.old_bar is not None else base) - 1)
            cost += _OUT_OF_BAND * max(0.0, away - BAND) + _BEND * (away / BAND) ** 2
            was = self._bars[source.old_bar].beats if source.old_bar is not None else normal
            cost += (_ODD if bar.beats != was else 0.0) + (_ODD if bar.denominator != 4 else 0.0) + _TINY * max(0.0, 2 - bar.beats)
            if source.old_bar in self._locked and source.old_bar in (*frame.left, *frame.right):
                cost += _MISSED_HARD
        return cost + self._lurches(frame, bars, sources)

    def _lurches(self, frame: _Frame, bars: Sequence[Bar], sources: Sequence[Source]) -> float:
        """What sudden changes of tempo cost, as far as they are larger than they were between the same two bars."""
        line = [(bar.qpm, source.old_bar) for bar, source in zip(bars, sources, strict=True)]
        ends = [[(self._bars[i].qpm, i)] if i is not None else [] for i in (frame.before, frame.after)]
        cost = 0.0
        for (one, was), (other, then) in itertools.pairwise([*ends[0], *line, *ends[1]]):
            before = abs(math.log(self._bars[then].qpm / self._bars[was].qpm)) if was is not None and then == was + 1 else 0.0
            cost += _LURCH * max(0.0, abs(math.log(other / one)) - max(before, _LURCH_FREE))
        return cost

    def _is_long(self, gap: Gap) -> bool:
        return gap.end_s - gap.start_s > _LONG_BARS * self._normal_beats(gap) * 60 / self._base(gap)

    def _broken(self, gap: Gap) -> tuple[Broken | None, Broken | None]:
        """The bars after the run before, and before the run after, that lost a part of their picture."""
        before = after = None
        if gap.left and gap.left.end < len(self._bars):
            before = self._part(gap.left.end, gap.left.stretch.old_end_s - self._edges[gap.left.end])
        if gap.right and gap.right.first > 0:
            after = self._part(gap.right.first - 1, self._edges[gap.right.first] - gap.right.stretch.old_start_s)
        return before, after

    def _part(self, bar: int, left_s: float) -> Broken | None:
        beats = self._bars[bar].beats
        left = min(beats, round(2 * left_s / (self._bars[bar].us_per_beat / 1e6)) / 2)
        return Broken(bar, beats, left) if left > 0 else None

    def _base(self, gap: Gap) -> float:
        """Tempo that the gap's own bars should have: of the run beside it that is nearer in picture."""
        beside = [self._bases[i] for i in _neighbours(gap)]
        return float(np.mean(beside)) if beside else self._old.tempo.mean_qpm

    def _normal_beats(self, gap: Gap) -> float:
        """Beats of a usual bar around the gap."""
        near = [self._bars[i].beats for run in (gap.left, gap.right) if run for i in range(run.first, run.end)]
        return max(set(near), key=lambda beats: (near.count(beats), beats)) if near else self._bars[0].beats


@dataclass(frozen=True)
class _Frame:
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
        return self.end_s - self.start_s

    @staticmethod
    def of(gap: Gap, m: int, n: int, bars: Sequence[Bar], edges: Floats) -> _Frame:
        left = tuple(range(gap.left.end - m, gap.left.end)) if gap.left else ()
        right = tuple(range(gap.right.first, gap.right.first + n)) if gap.right else ()
        before = gap.left.end - m - 1 if gap.left and gap.left.end - m > gap.left.first else None
        after = gap.right.first + n if gap.right and gap.right.first + n < gap.right.end else None
        start_s = gap.start_s - sum(bars[i].seconds for i in left)
        return _Frame(left, right, before, after, start_s, gap.end_s + sum(bars[i].seconds for i in right))


def _neighbours(gap: Gap) -> list[int]:
    runs: list[tuple[Run | None, int]] = [(gap.left, gap.left.end - 1 if gap.left else 0), (gap.right, gap.right.first if gap.right else 0)]
    return [bar for run, bar in runs if run is not None]
