"""`Passage`: notes as arrays on a grid of bars. Everything that measures music (labels, evaluation) reads this one form.

Conventions
-----------
Beats are quarter notes from 0. A *line* is what one player (or one hand of a keyboard) reads: its notes belong to one instrument of
the table. Arrays of notes are sorted by onset, then line, then pitch. B bars have B + 1 edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from composer.score import Score

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Line:
    """Who plays some of the notes."""

    #: name for people
    name: str
    #: key of composer.instruments.INSTRUMENTS
    instrument: str
    #: names of further players who double it somewhere (folded away)
    doubled_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Passage:
    """N notes of L lines over B bars."""

    #: (N,) onset, beats
    onset: Floats
    #: (N,) length, beats
    duration: Floats
    #: (N,) sounding MIDI pitch (drum key on drum lines)
    pitch: Ints
    #: (N,) MIDI velocity 1…127
    velocity: Ints
    #: (N,) index into `lines`
    line: Ints
    #: who plays
    lines: tuple[Line, ...]
    #: (B + 1,) bar lines, beats
    edges: Floats
    #: (B, 2) metre as written, e.g. 6, 8
    metres: Ints
    #: (B,) tempo, quarter notes per minute
    qpm: Floats

    @property
    def bars(self) -> int:
        """Number of bars."""
        return len(self.edges) - 1

    def bar_of(self, beats: Floats) -> Ints:
        """Index (from 0) of the bar that holds each beat."""
        found = np.searchsorted(self.edges, np.asarray(beats) + 1e-6, side="right") - 1
        return np.clip(found, 0, self.bars - 1).astype(np.int64)

    def is_drum(self) -> NDArray[np.bool_]:
        """(L,) whether a line is unpitched percussion."""
        from composer.instruments import INSTRUMENTS

        return np.array([INSTRUMENTS[line.instrument].is_drum for line in self.lines], dtype=bool)

    def pitched(self) -> NDArray[np.bool_]:
        """(N,) whether a note has a pitch that means harmony."""
        return ~self.is_drum()[self.line] if len(self.lines) else np.zeros(0, dtype=bool)

    def seconds(self) -> Floats:
        """(B + 1,) time of every bar line from the first, seconds."""
        return np.concatenate([[0.0], np.cumsum(np.diff(self.edges) * 60.0 / self.qpm)])

    def between(self, first: int, last: int) -> Passage:
        """Bars first … last − 1 (from 0) as a passage of its own that begins at beat 0; notes belong to the bar of their onset."""
        inside = (self.onset >= self.edges[first] - 1e-6) & (self.onset < self.edges[last] - 1e-6)
        start = self.edges[first]
        return Passage(
            self.onset[inside] - start, self.duration[inside], self.pitch[inside], self.velocity[inside], self.line[inside], self.lines,
            self.edges[first : last + 1] - start, self.metres[first:last], self.qpm[first:last],
        )  # fmt: skip


def sorted_passage(
    notes: Sequence[tuple[float, float, int, int, int]], lines: Sequence[Line], edges: Floats, metres: Ints, qpm: Floats
) -> Passage:
    """A passage from (onset, duration, pitch, velocity, line) in any order."""
    table = np.array(sorted(notes, key=lambda n: (n[0], n[4], n[2])), dtype=np.float64).reshape(-1, 5)
    whole = table[:, 2:].astype(np.int64)
    return Passage(table[:, 0], table[:, 1], whole[:, 0], whole[:, 1], whole[:, 2], tuple(lines), edges, metres, qpm)


def of_score(score: Score) -> Passage:
    """One of our own scores, a line per track."""
    bars = score.tempo.bars
    notes = [(n.start_beat, n.duration_beats, n.pitch, n.velocity, i) for i, track in enumerate(score.tracks) for n in track.notes]
    return sorted_passage(
        notes,
        [Line(track.name, track.instrument) for track in score.tracks],
        np.array([float(b) for b in score.tempo.bar_beats]),
        np.array([(bar.numerator, bar.denominator) for bar in bars], dtype=np.int64).reshape(-1, 2),
        np.array([bar.qpm for bar in bars]),
    )
