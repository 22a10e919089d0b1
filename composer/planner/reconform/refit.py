"""Filling a gap between surviving bars with bars again, so gently that hits hold and hardly a note is lost.

Bars beside the gap may be re-fitted with it: they keep metre and notes, only their tempo gives way. For every choice of how many
(up to four on either side), how many beats lie between them and in which bars, tempi come from weighted least squares
(`composer.planner.reconform.bar_timing`): near the tempo each bar had, smooth into the bars that stay, every hit within a fraction of a
frame of its beat, the length of the whole exact. The cheapest choice is taken: missed hits cost most (a person's own above all), then tempi
more than 8 % away from their section's and lurches, then lost notes, then odd metres, then the number of re-fitted bars. Long stretches of
new film are also fitted by `composer.planner.tempo_fit`, which finds the best beats for many new hits.

Conventions
-----------
Bar indices count from 0 in the old plan. Beats within a filling count from its first bar line.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from composer.cues import HitPoint
from composer.plan import Plan
from composer.planner import tempo_fit
from composer.planner.reconform.bar_timing import Floats, as_bars, nearest_beat, seconds_at, smoothest, written_as
from composer.planner.reconform.filling import Filling, Frame, Moment
from composer.planner.reconform.patching import between, broken_bars
from composer.planner.reconform.survival import Gap, Run, Source, section_of
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
#: how many others a person's own hit is worth
_OWN_WORTH = 4.0
#: a change of tempo from bar to bar smaller than this is not felt much (relative)
_LURCH_FREE = 0.06


class Filler:
    """Fills the gaps of one plan."""

    def __init__(self, old: Plan, bases_qpm: Sequence[float], moments: Sequence[Moment], locked: frozenset[int]) -> None:
        """`bases_qpm` is the usual tempo around every old bar, `locked` the old bars whose tempo should stay."""
        self._old, self._bases, self._moments, self._locked = old, bases_qpm, moments, locked
        self._bars = old.tempo.bars
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
        frame = Frame.of(gap, m, n, self._bars)
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

    def _layouts(self, gap: Gap, frame: Frame, middle: float, normal: float) -> Iterator[list[float]]:
        """Ways to write so many beats between the re-fitted bars; less than two may lengthen the bar before or after, whose music just goes on."""
        left, right = ([self._bars[i].beats for i in part] for part in (frame.left, frame.right))
        for sizes in written_as(middle, normal):
            yield [*left, *sizes, *right]
        before, after = broken_bars(gap, self._old.tempo)
        if 0 < middle < 2:
            if left and before and self._goes_on(frame.left[-1], before.bar):
                yield [*left[:-1], left[-1] + middle, *right]
            if right and after and self._goes_on(frame.right[0], after.bar):
                yield [*left, middle + right[0], *right[1:]]

    def _goes_on(self, bar: int, other: int) -> bool:
        """Whether music goes on from one old bar to another: a last chord is not drawn into the silence after it."""
        return (section_of(bar, self._old) is None) == (section_of(other, self._old) is None)

    def _fitted(self, gap: Gap, frame: Frame, base: float, normal: float) -> Iterator[Filling]:
        """What tempo_fit makes of it."""
        inside = [m for m in self._moments if frame.start_s + 0.05 < m.time_s < frame.end_s - 0.05]
        hits = tuple(HitPoint(m.time_s, m.weight, "user" if m.is_own else "cut") for m in inside)
        beats = max(2, round(normal))
        span = tempo_fit.SectionSpan(frame.start_s, frame.end_s, base, (base, base), beats, hits, self._tolerance_s)
        bars = tempo_fit.fit([span])[0].bars
        before, after = ([self._bars[i].beats for i in part] for part in (frame.left, frame.right))
        sizes = [bar.beats for bar in bars]
        if len(bars) >= len(before) + len(after) and sizes[: len(before)] == before and sizes[len(sizes) - len(after) :] == after:
            yield self._filling(gap, frame, bars)

    def _judged(self, gap: Gap, frame: Frame, sizes: list[float], base: float) -> Iterator[Filling]:
        """The tempi of one choice of bars: with all hits, with the hard ones, with none bent for, with a person's own alone."""
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
        own = self._own(frame, sizes, plain) if plain is not None else []
        if own:
            choices.append(smoothest(sizes, frame.length_s, usual, beside, own, self._tolerance_s))
        for s_per_beat in choices:
            bars = as_bars(sizes, s_per_beat) if s_per_beat is not None else None
            if bars is not None:
                yield self._filling(gap, frame, bars)

    def _known(self, frame: Frame, sizes: list[float], *, own_only: bool = False) -> list[tuple[float, float]]:
        """(beat, seconds into the filling) of hits that stand in re-fitted bars."""
        left, right = ([self._bars[i].beats for i in part] for part in (frame.left, frame.right))
        places = dict(zip(frame.left, itertools.accumulate([0.0, *left]), strict=False))
        places |= dict(zip(frame.right, itertools.accumulate([sum(sizes) - sum(right), *right]), strict=False))
        inside = (m for m in self._moments if frame.start_s - 0.05 < m.time_s < frame.end_s + 0.05)
        return [
            (places[m.place[0]] + m.place[1], m.time_s - frame.start_s)
            for m in inside
            if m.place is not None and m.place[0] in places and (m.is_own or not own_only)
        ]

    def _own(self, frame: Frame, sizes: list[float], s_per_beat: Floats) -> list[tuple[float, float]]:
        """The same of a person's own hits, wherever they stand."""
        return [*self._known(frame, sizes, own_only=True), *self._nearest(frame, sizes, s_per_beat, hard_only=True, own_only=True)]

    def _nearest(
        self, frame: Frame, sizes: list[float], s_per_beat: Floats, hard_only: bool, *, own_only: bool = False
    ) -> list[tuple[float, float]]:
        """The same of all others, on the nearest beat (hard) or half-beat."""
        bars = {*frame.left, *frame.right}
        found = []
        for m in self._moments:
            inside = frame.start_s + self._tolerance_s < m.time_s < frame.end_s - self._tolerance_s
            if inside and not (m.place is not None and m.place[0] in bars) and (m.is_hard or not hard_only) and (m.is_own or not own_only):
                into_s = m.time_s - frame.start_s
                found.append((nearest_beat(sizes, s_per_beat, into_s, 1.0 if m.is_hard else 0.5), into_s))
        return found

    def _filling(self, gap: Gap, frame: Frame, bars: Sequence[Bar]) -> Filling:
        sizes, count = [bar.beats for bar in bars], len(bars) - len(frame.right)
        before, after = broken_bars(gap, self._old.tempo)
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

    def _missed(self, frame: Frame, bars: Sequence[Bar]) -> float:
        """What the hits cost that no beat meets within half a frame."""
        sizes, s_per_beat = [bar.beats for bar in bars], np.array([bar.us_per_beat / 1e6 for bar in bars])
        cost = 0.0
        known = {into_s: beat for beat, into_s in self._known(frame, sizes)}  # these may stand between the beats: a person put them there
        for m in self._moments:
            if frame.start_s - self._tolerance_s < m.time_s < frame.end_s + self._tolerance_s:
                into_s = m.time_s - frame.start_s
                beats = [nearest_beat(sizes, s_per_beat, into_s, 1.0 if m.is_hard else 0.5), *([known[into_s]] if into_s in known else [])]
                if min(abs(seconds_at(sizes, s_per_beat, beat) - into_s) for beat in beats) > self._tolerance_s / 0.9:
                    cost += m.weight * (_MISSED_HARD if m.is_hard else _MISSED_SOFT) * (_OWN_WORTH if m.is_own else 1.0)
        return cost

    def _roughness(self, gap: Gap, frame: Frame, bars: Sequence[Bar], sources: Sequence[Source]) -> float:
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

    def _lurches(self, frame: Frame, bars: Sequence[Bar], sources: Sequence[Source]) -> float:
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

    def _base(self, gap: Gap) -> float:
        """Tempo that the gap's own bars should have: of the run beside it that is nearer in picture."""
        beside = [self._bases[i] for i in _neighbours(gap)]
        return float(np.mean(beside)) if beside else self._old.tempo.mean_qpm

    def _normal_beats(self, gap: Gap) -> float:
        """Beats of a usual bar around the gap."""
        near = [self._bars[i].beats for run in (gap.left, gap.right) if run for i in range(run.first, run.end)]
        return max(set(near), key=lambda beats: (near.count(beats), beats)) if near else self._bars[0].beats


def _neighbours(gap: Gap) -> list[int]:
    runs: list[tuple[Run | None, int]] = [(gap.left, gap.left.end - 1 if gap.left else 0), (gap.right, gap.right.first if gap.right else 0)]
    return [bar for run, bar in runs if run is not None]
