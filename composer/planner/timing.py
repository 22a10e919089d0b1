"""Time: from the spans of a film's sections, and the rests between its cues, to one tempo map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from composer.cues import HitPoint
from composer.film import Film
from composer.options import Options
from composer.planner.constant_tempo import ConstantTempo, find_tempi
from composer.planner.spotting import MIN_REST_S
from composer.planner.tempo_fit import SectionFit, SectionSpan, fit, steady_bar_count
from composer.tempo import MAX_QPM, MIN_QPM, Bar, TempoMap

#: the tempo is bent until a beat is this near to a hard hit, frames: half a frame, less what a player, a room and a measurement may take
_HARD_FRAMES = 0.3
#: the same for soft hits, which may be marked by fewer players
_SOFT_FRAMES = 0.4


class Stretch(Protocol):
    """What time needs to know of a section."""

    @property
    def start_s(self) -> float:
        """First moment, seconds."""

    @property
    def end_s(self) -> float:
        """Last moment, seconds."""

    @property
    def cue(self) -> str:
        """Id of its cue."""

    @property
    def qpm(self) -> float:
        """Wished tempo, quarter notes per minute."""

    @property
    def qpm_range(self) -> tuple[float, float]:
        """How far its base tempo may lie from that."""


@dataclass(frozen=True)
class Timed:
    """The film's time in bars."""

    #: the whole film, rests included
    tempo: TempoMap
    #: (first bar from 1, number of bars) of every stretch
    bars: tuple[tuple[int, int], ...]
    #: base tempo of every stretch, qpm
    base_qpm: tuple[float, ...]
    #: the best constant tempi for the same hits, best first
    constant: tuple[ConstantTempo, ...]


def fit_time(stretches: Sequence[Stretch], hits: Sequence[HitPoint], beats_per_bar: int, options: Options, film: Film) -> Timed:
    """Bars for every stretch and every rest; hits fall on beats where the tempo can be bent that far."""
    spans, places = _spans(stretches, hits, beats_per_bar, options, film)
    low, high = _band(stretches, options)
    constant = find_tempi(hits, film.frame_rate, low, high)
    fits = _steady(spans, options, constant, film) if options.steady else fit(spans, options.tempo_qpm)
    firsts = np.concatenate([[0], np.cumsum([len(one.bars) for one in fits])])
    return Timed(
        tempo=TempoMap(tuple(bar for one in fits for bar in one.bars)),
        bars=tuple((int(firsts[i]) + 1, len(fits[i].bars)) for i in places),
        base_qpm=tuple(fits[i].base_qpm for i in places),
        constant=constant,
    )


def _spans(
    stretches: Sequence[Stretch], hits: Sequence[HitPoint], beats_per_bar: int, options: Options, film: Film
) -> tuple[list[SectionSpan], list[int]]:
    """Spans that cover the film without a gap, rests among them; and which of them are the stretches."""
    spans: list[SectionSpan] = []
    places: list[int] = []
    now_s = 0.0
    for i, s in enumerate(stretches):
        start_s = s.start_s if s.start_s - now_s >= MIN_REST_S else now_s
        if start_s > now_s:
            spans.append(_rest(now_s, start_s, spans[-1].target_qpm if spans else s.qpm, beats_per_bar))
        end_s = s.end_s
        if s is stretches[-1] and film.duration_s - end_s < MIN_REST_S:
            end_s = film.duration_s  # too short for a rest: the music's own bars go on, its notes do not
        if options.tempo_qpm and s is stretches[-1] and end_s == film.duration_s:
            # whole beats of the tempo asked for: the last may run a little past the picture
            end_s = math.ceil(end_s * options.tempo_qpm / 60 - 1e-6) * 60 / options.tempo_qpm
        inside = tuple(h for h in hits if start_s + 0.05 < h.time_s < end_s - 0.05)
        places.append(len(spans))
        hard_s, soft_s = _HARD_FRAMES * film.frame_s, _SOFT_FRAMES * film.frame_s
        opens = i == 0 or stretches[i - 1].cue != s.cue
        spans.append(SectionSpan(start_s, end_s, s.qpm, s.qpm_range, beats_per_bar, inside, hard_s, soft_s, opens))
        now_s = end_s
    if film.duration_s - now_s >= MIN_REST_S:
        spans.append(_rest(now_s, film.duration_s, spans[-1].target_qpm, beats_per_bar))
    return spans, places


def _rest(start_s: float, end_s: float, qpm: float, beats_per_bar: int) -> SectionSpan:
    return SectionSpan(start_s, end_s, qpm, (max(MIN_QPM, qpm / 1.5), min(MAX_QPM, qpm * 1.5)), beats_per_bar, (), is_rest=True)


def _band(stretches: Sequence[Stretch], options: Options) -> tuple[float, float]:
    """Where constant tempi are looked for: around the one asked for, or within what the sections bear."""
    if options.tempo_qpm is not None:
        return options.tempo_qpm * 0.98, options.tempo_qpm * 1.02
    limits = [s.qpm_range for s in stretches]
    return max(MIN_QPM * 1.1, min(low for low, _ in limits)), min(MAX_QPM / 1.1, max(high for _, high in limits))


def _steady(spans: Sequence[SectionSpan], options: Options, constant: Sequence[ConstantTempo], film: Film) -> list[SectionFit]:
    """Every bar at one tempo: what was asked for, else, of the tempi that hit most, the one nearest to what the moods ask.

    A cue begins on the first beat at or after its time; within it sections begin on the bar line nearest to the picture's turn. What is over at
    the end of a cue or a rest is a shorter bar.
    """
    lengths = [span.length_s for span in spans]
    mean = round(float(np.average([span.target_qpm for span in spans], weights=lengths)))
    qpm = options.tempo_qpm or (min(constant[:3], key=lambda one: abs(one.qpm - mean)).qpm if constant else mean)
    size, beat_s = spans[0].beats_per_bar, Bar(1, 4, qpm).seconds
    fits: list[SectionFit] = []
    now = 0  # beats
    for i, span in enumerate(spans):
        ends_cue = i + 1 == len(spans) or span.is_rest or spans[i + 1].is_rest
        if i + 1 == len(spans):
            beats = size * max(1, steady_bar_count(film.duration_s - now * beat_s, qpm, size))
        elif ends_cue:
            beats = max(0 if span.is_rest else 1, math.ceil(span.end_s / beat_s - 1e-6) - now)
        else:
            beats = size * max(1, round((span.end_s / beat_s - now) / size))
        whole, rest = divmod(beats, size)
        fits.append(SectionFit(qpm, (Bar(size, 4, qpm),) * whole + ((Bar(rest, 4, qpm),) if rest else ()), {}))
        now += beats
    return fits
