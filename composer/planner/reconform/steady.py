"""Bars of a re-edited film whose tempo is steady: no beat is bent, so runs of bars go to the beat nearest to their picture.

Where the old run asked for one tempo throughout, bending a bar would undo it. The price: a run moves by up to half a beat against its
picture, and hits hold only where a beat happens to meet them; bars between runs may be shorter or longer than others.

Conventions
-----------
Bar indices count from 0. Beats are quarter notes from film time 0, all of one length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import mode

import numpy as np

from composer.plan import Plan
from composer.planner.reconform.bar_timing import as_bars, written_as
from composer.planner.reconform.patching import between, broken_bars
from composer.planner.reconform.resection import sections_in
from composer.planner.reconform.survival import Gap, NewBar, Run, Source, section_of
from composer.tempo import Bar

#: a run that lies this near to its beat keeps its hits unjudged, seconds
_IN_PLACE_S = 1e-3


def steady_bars(old: Plan, runs: Sequence[Run], gaps: Sequence[Gap], duration_s: float) -> list[NewBar]:
    """Bars for a film of `duration_s`: each surviving run on the beat nearest to its picture, the rest filled with bars of the same tempo.

    `old` has one tempo throughout; `gaps` are those around `runs`. A bar for which there is no room is lost.
    """
    beat_s, normal = old.tempo.bars[0].us_per_beat / 1e6, mode(bar.beats for bar in old.tempo.bars)
    bars: list[NewBar] = []
    now = 0.0
    for number, (gap, run) in enumerate(zip(gaps, [*runs, None], strict=True)):
        first, line = (run.first, round(run.start_s / beat_s)) if run else (0, now + _covering(duration_s / beat_s - now, normal))
        while run and first < run.end and line < now:
            line += old.tempo.bars[first].beats
            first += 1
        if line > now:
            bars += _between(gap, line - now, now * beat_s, number, old, normal)
            now = line
        for i in range(first, run.end if run else 0):
            if now * beat_s < duration_s - _IN_PLACE_S:
                is_exact = (
                    run is not None
                    and abs(now * beat_s - run.start_s - float(np.diff(old.tempo.bar_seconds[[run.first, i]])[0])) < _IN_PLACE_S
                )
                bar = old.tempo.bars[i]
                bars.append(NewBar(bar, Source(i, ((0.0, 0.0, bar.beats),)), run if is_exact else None, section_of(i, old)))
                now += bar.beats
    return bars


def _covering(beats: float, normal: float) -> float:
    """The least number of beats in whole bars that covers so many; 0 for less than rounding."""
    return max(0.0, normal * math.ceil(beats / normal - 1e-4))


def _between(gap: Gap, beats: float, start_s: float, number: int, old: Plan, normal: float) -> list[NewBar]:
    """So many beats from `start_s` on as bars, with what is left of the broken bars beside them."""
    ways = written_as(beats, normal)
    sizes = ways[-1] if len(ways) > 1 and beats % normal < 2 else ways[min(1, len(ways) - 1)]
    qpm = old.tempo.bars[0].qpm
    written = as_bars(sizes, np.full(len(sizes), 60 / qpm)) or ()
    known = {bar.beats: bar for bar in old.tempo.bars}  # 6/8 and 3/4 are not the same
    bars = [known.get(bar.beats, Bar(bar.numerator, bar.denominator, qpm)) for bar in written]
    sources = between(sizes, *broken_bars(gap, old.tempo))
    names = sections_in(gap, bars, sources, start_s, number, old)
    return [NewBar(bar, source, None, name) for bar, source, name in zip(bars, sources, names, strict=True)]
