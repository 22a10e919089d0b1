"""Tempo fitting: bend a musical tempo map so that the chosen moments fall on beats.

Sections begin on bar lines at known times, so they are independent but for their base tempi:

1. `tempo_grid` finds, for every base tempo a section may have, the best row of bars and the hits it reaches (dynamic programming);
2. a Viterbi pass chooses the base tempi of all sections together: near what the mood asks, rich in hits, and equal to the neighbour's
   unless something is gained by a change;
3. `tempo_bend` evens the chosen bars out (linear programme): hits exact to a fraction of a frame, tempo as smooth as they allow.

The work grows with the film's length, not faster.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from composer.cues import HitPoint
from composer.planner.tempo_bend import BAND, Aim, bend
from composer.planner.tempo_grid import COARSE, FINE, Grid, Path, best_paths, is_soft
from composer.tempo import MAX_QPM, MIN_QPM, Bar

#: base tempi that are tried lie so far apart
_BASE_STEP = 1.03
#: price of a base tempo away from what the mood asks, per squared octave and fraction; of any change between sections; and of its size
_MOOD, _NEW_TEMPO, _TEMPO_LEAP = 18.0, 1.0, 4.0
#: and of what goes beyond the change that the feelings ask for
_BEYOND = 16.0
#: price of bars that fours leave over: two, or an odd number
_TWO_LEFT, _ONE_LEFT = 0.5, 1.0
_BEAM_N = 48
#: with a mean tempo asked for, sections may lie this far from it, so that the whole does not
_MEAN_BASES = (0.95, 0.97, 0.985, 1.0, 1.015, 1.03, 1.05)
_MEAN_TOLERANCE = 0.015


@dataclass(frozen=True)
class SectionSpan:
    """What one section asks of the tempo."""

    #: begins on a bar line here, seconds
    start_s: float
    #: the next section's bar line, or the end of the music, seconds
    end_s: float
    #: tempo the mood asks for, qpm
    target_qpm: float
    #: lowest and highest base tempo
    limits_qpm: tuple[float, float]
    #: beats (quarter notes) in a normal bar
    beats_per_bar: int
    #: hit points inside, in order of time, the section's start excluded
    hits: tuple[HitPoint, ...]
    #: a beat this near to a hard hit is on it, seconds
    tolerance_s: float = 0.016
    #: and to a soft hit; None: the same
    soft_tolerance_s: float | None = None
    #: a cue begins here, so its first bar may be a pickup
    opens: bool = False
    #: nobody plays: rest bars between cues
    is_rest: bool = False

    @property
    def length_s(self) -> float:
        """Seconds."""
        return self.end_s - self.start_s

    @property
    def tolerances_s(self) -> tuple[float, float]:
        """(hard, soft)."""
        return self.tolerance_s, self.tolerance_s if self.soft_tolerance_s is None else self.soft_tolerance_s


@dataclass(frozen=True)
class SectionFit:
    """Bars of one section."""

    #: base tempo, qpm
    base_qpm: float
    #: the bars
    bars: tuple[Bar, ...]
    #: index of hit in the span → half-beats since the section began
    placed: dict[int, int]


def fit(spans: Sequence[SectionSpan], tempo_qpm: float | None = None) -> list[SectionFit]:
    """Bars for every section; together they cover the film without a gap.

    With `tempo_qpm` the beats of all sections together come out at that mean tempo.
    """
    chosen = _of_mean(spans, tempo_qpm) if tempo_qpm is not None else _freely(spans)
    fits, now_s = [], spans[0].start_s
    for span, choice in zip(spans, chosen, strict=True):
        # what rounding to whole microseconds lost so far is made up for here
        fits.append(_bent(replace(span, start_s=now_s), choice, keeps_beats=tempo_qpm is not None))
        now_s += sum(bar.seconds for bar in fits[-1].bars)
    return fits


@dataclass(frozen=True)
class _Choice:
    """A way to fill one section."""

    base_qpm: float
    #: None: bars of one tempo
    path: Path | None
    #: quarter notes in all
    beats: int
    #: the higher the better, the mood's wish included
    score: float

    @property
    def edge_qpm(self) -> tuple[float, float]:
        """Tempo of the first and of the last bar."""
        if self.path is None:
            return self.base_qpm, self.base_qpm
        return self.path.qpm[0], self.path.qpm[-1]


# --- which tempi ------------------------------------------------------------------------------------------------------


def _freely(spans: Sequence[SectionSpan]) -> list[_Choice]:
    """The base tempi of all sections that are best together (Viterbi 1967)."""
    choices = [_choices(span, _base_candidates(span)) for span in spans]
    best: list[list[float]] = [[one.score for one in choices[0]]]
    back: list[list[int]] = [[-1] * len(choices[0])]
    for (last, before), (span, here) in itertools.pairwise(zip(spans, choices, strict=True)):
        wished = math.log(span.target_qpm / last.target_qpm)
        ways = np.asarray(best[-1])[None, :] - np.array([[_leap(b, a, wished) for b in before] for a in here])
        pointers = ways.argmax(axis=1)
        best.append([float(ways[i, k]) + one.score for i, (one, k) in enumerate(zip(here, pointers, strict=True))])
        back.append(pointers.tolist())
    path = [int(np.argmax(best[-1]))]
    for pointers in reversed(back[1:]):
        path.append(pointers[path[-1]])
    return [one[i] for one, i in zip(choices, reversed(path), strict=True)]


def _leap(before: _Choice, after: _Choice, wished: float) -> float:
    """Price of going from one section's tempo to the next one's; `wished` is the change (log) that the feelings ask for."""
    change = math.log(after.edge_qpm[0] / before.edge_qpm[1])
    beyond = max(0.0, abs(change) - abs(wished)) if change * wished > 0 else abs(change)
    return 0.0 if abs(change) < 0.012 else _NEW_TEMPO + _TEMPO_LEAP * abs(change) + _BEYOND * beyond


def _choices(span: SectionSpan, bases_qpm: Sequence[float], grid: Grid = COARSE) -> list[_Choice]:
    if span.is_rest or span.length_s < 1.0:
        return [_even(span, qpm) for qpm in bases_qpm]
    times = [hit.time_s - span.start_s for hit in span.hits]
    paths = best_paths(span.length_s, span.hits, times, bases_qpm, span.beats_per_bar, span.tolerances_s, grid, opens=span.opens)
    return [
        _even(span, qpm)
        if path is None
        else _Choice(qpm, path, sum(path.beats), path.score - _mood_price(span, qpm) - _phrase_price(len(path.beats)))
        for qpm, path in zip(bases_qpm, paths, strict=True)
    ]


def _even(span: SectionSpan, qpm: float, beats: int | None = None) -> _Choice:
    """Bars of one tempo near a base between the two bar lines, whatever the hits."""
    least, most = math.ceil(span.length_s * MIN_QPM / 60), math.floor(span.length_s * MAX_QPM / 60)
    beats = max(1, min(max(beats or round(span.length_s * qpm / 60), least), most))
    tempo = beats * 60 / span.length_s
    return _Choice(tempo, None, beats, -4.0 - _mood_price(span, tempo))


def _mood_price(span: SectionSpan, qpm: float) -> float:
    return _MOOD * math.log(qpm / span.target_qpm) ** 2


def _phrase_price(bars: int) -> float:
    """Phrases are of four bars, or of two and two; what is left over costs."""
    return 0.0 if bars % 4 == 0 else _TWO_LEFT if bars % 2 == 0 and bars > 4 else _ONE_LEFT


def _base_candidates(span: SectionSpan) -> list[float]:
    """A grid over the mood's band (one grid for all sections, so that neighbours can agree)."""
    low, high = (min(max(q, MIN_QPM * 1.1), MAX_QPM / 1.1) for q in span.limits_qpm)
    grid = [40.0 * _BASE_STEP**k for k in range(-20, 66)]
    inside = [round(q, 2) for q in grid if low <= q <= high]
    return inside or [span.target_qpm]


def _of_mean(spans: Sequence[SectionSpan], qpm: float) -> list[_Choice]:
    """Choose each section's number of beats so that all together come closest to the mean asked for, and hit most."""
    beams: dict[int, tuple[float, tuple[_Choice, ...]]] = {0: (0.0, ())}
    elapsed = 0.0
    for span in spans:
        elapsed += span.length_s
        wanted = qpm / 60 * elapsed
        grown: dict[int, tuple[float, tuple[_Choice, ...]]] = {}
        choices = _by_length(span, qpm)
        for total, (score, way) in beams.items():
            for one in choices:
                new = (score + one.score, (*way, one))
                if total + one.beats not in grown or new[0] > grown[total + one.beats][0]:
                    grown[total + one.beats] = new
        ranked = sorted(grown.items(), key=lambda item: abs(item[0] - wanted) / wanted * 30 - item[1][0] / 40)
        beams = dict(ranked[:_BEAM_N])
    within = {n: v for n, v in beams.items() if abs(n / wanted - 1) <= _MEAN_TOLERANCE}
    if within:
        return list(max(within.values(), key=lambda v: v[0])[1])
    return list(beams[min(beams, key=lambda n: abs(n - wanted))][1])


def _by_length(span: SectionSpan, qpm: float) -> list[_Choice]:
    """The best choice for every number of beats near the mean."""
    target = replace(span, target_qpm=qpm)
    expected = span.length_s * qpm / 60
    # the mean asked for comes first: any whole number of beats near it will do, though no hit is bent for
    ways = [_even(target, qpm, beats) for beats in range(max(1, math.floor(expected) - 1), math.ceil(expected) + 2)]
    bases = [qpm * share for share in _MEAN_BASES if MIN_QPM * (1 + BAND) < qpm * share < MAX_QPM * (1 - BAND)]
    if bases and not span.is_rest:
        ways += _choices(target, bases)
    best: dict[int, _Choice] = {}
    for way in ways:
        if way.beats not in best or way.score > best[way.beats].score:
            best[way.beats] = way
    return list(best.values())


# --- the bars ---------------------------------------------------------------------------------------------------------


def _bent(span: SectionSpan, choice: _Choice, *, keeps_beats: bool) -> SectionFit:
    """The bars of a choice: looked at closely, then evened out."""
    if choice.path is not None and len(span.hits):
        (closer,) = _choices(span, [choice.base_qpm], FINE)
        if closer.path is not None and (closer.beats == choice.beats or not keeps_beats):
            choice = closer
    if choice.path is not None:
        aims = [_aim(span, span.hits[i], halves) for i, halves in choice.path.placed]
        bent = bend(choice.path.beats, span.length_s, choice.base_qpm, aims)
        if bent is not None:
            bars = tuple(_bar(beats, 60.0 / s) for beats, s in zip(choice.path.beats, bent.s_per_beat, strict=True))
            return SectionFit(choice.base_qpm, bars, {choice.path.placed[k][0]: choice.path.placed[k][1] for k in bent.kept})
    whole, rest = divmod(choice.beats, span.beats_per_bar)
    sizes = [span.beats_per_bar] * whole + ([rest] if rest else [])
    if len(sizes) > 1 and sizes[-1] < 2:
        sizes[-2:] = [sizes[-2] + sizes[-1]]
    return SectionFit(choice.base_qpm, tuple(_bar(size, choice.beats * 60 / span.length_s) for size in sizes), {})


def _aim(span: SectionSpan, hit: HitPoint, halves: int) -> Aim:
    tolerance_s = span.tolerances_s[is_soft(hit, halves)]
    return Aim(halves, hit.time_s - span.start_s, hit.weight, tolerance_s, hit.is_own)


def _bar(beats: int, qpm: float) -> Bar:
    # few decimals: the plan file and the tempo map in memory are then the same to the bit
    return Bar(beats, 4, round(min(max(float(qpm), MIN_QPM), MAX_QPM), 4))


@functools.cache
def steady_bar_count(duration_s: float, qpm: float, beats_per_bar: int) -> int:
    """Bars of one steady tempo that cover a film."""
    return max(1, math.ceil(duration_s / Bar(beats_per_bar, 4, qpm).seconds - 1e-6))
