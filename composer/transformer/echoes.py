"""Echoes: what came next at this place of the bar in other segments (vocabulary.ECHOES), for whole windows and while writing.

Both ways must agree to the number: training hears the first, writing the second (tests compare them event by event).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.transformer import vocabulary as V

Array = NDArray[Any]
#: onset that marks a header among stored events
HEADER = 255


def echoes(event: Array, segment: Array, bar: Array, line: Array) -> Array:
    """(T, 3, 4) the echoes of T events (vocabulary.ECHOES), given the bar and line of every segment."""
    count = len(event)
    note = event[:, 0] != HEADER
    onset = np.where(note, event[:, 0], -1)
    # place of a note among those of its segment that begin together
    same = np.zeros(count, dtype=np.int64)
    same[1:] = note[1:] & note[:-1] & (onset[1:] == onset[:-1]) & (segment[1:] == segment[:-1])
    starts = np.maximum.accumulate(np.where(same == 0, np.arange(count), 0))
    ordinal = np.minimum(np.arange(count) - starts, 15)
    span = 16 * (V.ONSETS + 2)
    where = np.flatnonzero(note)
    keys = segment[where] * span + onset[where] * 16 + ordinal[where]  # ascending, as events are written
    follows = np.where(note, onset * 16 + ordinal + 1, 0)
    before = np.full(count, -1, dtype=np.int64)  # pitch a note was reached from, in its own segment
    before[1:] = np.where(note[:-1] & (segment[1:] == segment[:-1]), event[:-1, 1], -1)
    step = np.where(before >= 0, np.clip(event[:, 1] - before, -24, 24) + 24, 49)
    found = np.empty((count, len(V.ECHOES), 4), dtype=np.int64)
    heard = np.isin(np.arange(len(bar)), segment)  # lines that were left out are not echoed
    for k, source in enumerate(echo_sources(bar, line, heard)):
        there = source[segment]
        at = np.searchsorted(keys, there * span + follows)
        hit = where[np.minimum(at, len(where) - 1)] if len(where) else np.zeros(count, dtype=np.int64)
        sounds = (there >= 0) & (at < len(where)) & (segment[hit] == there)
        table = np.stack([onset[hit], event[hit, 1], event[hit, 2], step[hit]], 1)
        silent = np.where((there >= 0)[:, None], np.array(V.CEASED), np.array(V.NOTHING))
        found[:, k] = np.where(sounds[:, None], table, silent)
    return found


def echo_sources(bar: Array, line: Array, heard: Array) -> list[Array]:
    """For every segment the segment of each echo, −1: none; segments are in order of bars, and only those `heard` are echoed."""
    count = len(bar)
    width = int(line.max(initial=0)) + 1
    lookup = np.full((int(bar.max(initial=0)) + 3, width), -1, dtype=np.int64)
    lookup[bar + 2, line] = np.where(heard, np.arange(count), -1)
    latest = np.maximum.accumulate(np.where(heard, np.arange(count), -1))
    before = np.concatenate([[-1], latest[:-1]])
    neighbour = np.where((before >= 0) & (bar[np.maximum(before, 0)] == bar), before, -1)
    return [lookup[bar + 1, line], lookup[bar, line], neighbour]


class Memory:
    """What the lines of one task have played, by bar, for its echoes; bars of the prompt count −1, −2, … backwards."""

    def __init__(self) -> None:
        self.played: dict[tuple[int, int], list[tuple[int, int, int, int, int]]] = {}
        self.sources: list[list[tuple[int, int, int, int, int]] | None] = [None] * len(V.ECHOES)
        self.now: list[tuple[int, int, int, int, int]] = []
        self.bar: int | None = None

    def begin(self, bar: int, owner: int) -> None:
        """A new segment."""
        neighbour = self.now if self.bar == bar else None
        self.now = self.played[owner, bar] = []
        self.bar = bar
        self.sources = [self.played.get((owner, bar - 1)), self.played.get((owner, bar - 2)), neighbour]

    def add(self, onset: int, ordinal: int, pitch: int, duration: int) -> None:
        """A note of the segment being written."""
        step = int(np.clip(pitch - self.now[-1][2], -24, 24)) + 24 if self.now else 49
        self.now.append((onset * 16 + min(ordinal, 15), onset, pitch, duration, step))

    def echo(self, key: int) -> list[tuple[int, int, int, int]]:
        """The three echoes after a place (onset × 16 + notes already begun there)."""
        found = []
        for notes in self.sources:
            if notes is None:
                found.append(V.NOTHING)
            else:
                found.append(next((note[1:] for note in notes if note[0] >= key), V.CEASED))
        return found
