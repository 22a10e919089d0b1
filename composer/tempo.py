"""`TempoMap`: the only converter between seconds, beats, ticks and bars.

Conventions
-----------
A beat is a quarter note. Tick 0 = beat 0 = film time 0. Tempo is constant within a bar and is kept, as a MIDI file
keeps it, in whole microseconds per quarter note: so the seconds computed here are the seconds any DAW computes from
the exported file, exactly (SMF 1.0, meta event 0x51). Before the first bar and after the last, their tempo goes on.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from composer.errors import PlanError

TICKS_PER_BEAT = 960
MIN_QPM, MAX_QPM = 20.0, 300.0
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bar:
    """One bar of music: metre and tempo."""

    #: upper figure of the metre: how many units a bar holds
    numerator: int
    #: lower figure of the metre: 4 = quarter, 8 = eighth
    denominator: int
    #: tempo in quarter notes per minute
    qpm: float

    def __post_init__(self) -> None:
        if not (1 <= self.numerator <= 16 and self.denominator in (1, 2, 4, 8, 16)):
            raise PlanError(f"{self.numerator}/{self.denominator} is not a metre", "Use e.g. 4/4, 3/4, 6/8 or 5/4.")
        if not MIN_QPM <= self.qpm <= MAX_QPM:
            raise PlanError(f"tempo {self.qpm:g} is out of range", f"Use {MIN_QPM:g} to {MAX_QPM:g} quarter notes a minute.")

    @property
    def beats(self) -> float:
        """Length in quarter notes."""
        return self.numerator * 4.0 / self.denominator

    @property
    def us_per_beat(self) -> int:
        """Whole microseconds per quarter note, as a MIDI file stores tempo."""
        return round(60_000_000 / self.qpm)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.beats * self.us_per_beat / 1e6


@dataclass(frozen=True)
class TempoMap:
    """Bars in order, from film time 0."""

    bars: tuple[Bar, ...]

    def __post_init__(self) -> None:
        if not self.bars:
            raise PlanError("the tempo map has no bars", "A plan needs at least one bar.")

    @functools.cached_property
    def bar_beats(self) -> Floats:
        """Start of every bar in beats, plus the end of the last: shape (N + 1,)."""
        return np.concatenate([[0.0], np.cumsum([bar.beats for bar in self.bars])])

    @functools.cached_property
    def bar_seconds(self) -> Floats:
        """Start of every bar in seconds, plus the end of the last: shape (N + 1,)."""
        microseconds = np.cumsum([bar.beats * bar.us_per_beat for bar in self.bars])
        return np.concatenate([[0.0], microseconds / 1e6])

    @functools.cached_property
    def _s_per_beat(self) -> Floats:
        return np.array([bar.us_per_beat / 1e6 for bar in self.bars])

    @property
    def total_beats(self) -> float:
        """End of the last bar in beats."""
        return float(self.bar_beats[-1])

    @property
    def total_s(self) -> float:
        """End of the last bar in seconds."""
        return float(self.bar_seconds[-1])

    @property
    def mean_qpm(self) -> float:
        """Duration-weighted mean tempo: all beats over all minutes."""
        return self.total_beats / (self.total_s / 60.0)

    def _bars_at(self, positions: Floats, edges: Floats) -> NDArray[np.intp]:
        # a hair of tolerance: 2.9999999996 beats is bar 1, not the last breath of bar 0
        return np.clip(np.searchsorted(edges, positions + 1e-9, side="right") - 1, 0, len(self.bars) - 1)

    @overload
    def beat_to_s(self, beat: float) -> float: ...
    @overload
    def beat_to_s(self, beat: Sequence[float] | Floats) -> Floats: ...
    def beat_to_s(self, beat: ArrayLike) -> Any:
        """Seconds of a position in beats; arrays map to arrays."""
        beats = np.asarray(beat, dtype=np.float64)
        bar = self._bars_at(beats, self.bar_beats)
        seconds = self.bar_seconds[bar] + (beats - self.bar_beats[bar]) * self._s_per_beat[bar]
        return float(seconds) if seconds.ndim == 0 else seconds

    @overload
    def s_to_beat(self, time_s: float) -> float: ...
    @overload
    def s_to_beat(self, time_s: Sequence[float] | Floats) -> Floats: ...
    def s_to_beat(self, time_s: ArrayLike) -> Any:
        """Position in beats of a time in seconds; the inverse of `beat_to_s`."""
        seconds = np.asarray(time_s, dtype=np.float64)
        bar = self._bars_at(seconds, self.bar_seconds)
        beats = self.bar_beats[bar] + (seconds - self.bar_seconds[bar]) / self._s_per_beat[bar]
        return float(beats) if beats.ndim == 0 else beats

    def bar_at_beat(self, beat: float) -> int:
        """Index (from 0) of the bar that holds a position in beats; the ends clip."""
        return int(self._bars_at(np.asarray(beat, dtype=np.float64), self.bar_beats))

    def bar_at_s(self, time_s: float) -> int:
        """Index (from 0) of the bar that holds a time in seconds; the ends clip."""
        return int(self._bars_at(np.asarray(time_s, dtype=np.float64), self.bar_seconds))

    def beat_of(self, bar: int, beat_in_bar: float = 1.0) -> float:
        """Absolute position of a musical address, both from 1 as people count: (1, 1.0) is beat 0."""
        return float(self.bar_beats[bar - 1]) + beat_in_bar - 1.0

    def address(self, beat: float) -> tuple[int, float]:
        """(bar, beat in bar), both from 1: the inverse of `beat_of`."""
        bar = self.bar_at_beat(beat)
        return bar + 1, beat - float(self.bar_beats[bar]) + 1.0


def beat_to_ticks(beat: float) -> int:
    """Nearest tick (960 to the quarter note)."""
    return round(beat * TICKS_PER_BEAT)


def ticks_to_beat(ticks: int) -> float:
    """Exact position in beats of a tick."""
    return ticks / TICKS_PER_BEAT
