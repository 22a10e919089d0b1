"""Music while it is being written: what is asked (`Task`) and what is there (`Transcript`), both as the model reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from composer.transformer import vocabulary as V
from composer.transformer.echoes import HEADER, Memory, echoes

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_BEFORE = V.FIELD_INDEX["before"]


@dataclass(frozen=True)
class Transcript:
    """Written music as the model reads it: T events over S segments."""

    #: (T, 4) onset, pitch (relative), duration, velocity; onset −1 for headers
    events: Ints
    #: (T,) segment of each event
    segment: Ints
    #: (T,) beats from the stretch's start
    time: Floats
    #: (S, len(FIELDS))
    fields: Ints
    #: (S,) first onset class of the bar's second half
    half: Ints
    #: (S,) bar of each segment, and whose line it is (a number that stays the same throughout a plan)
    bar: Ints
    owner: Ints
    #: length in beats
    beats: float

    def echoes(self) -> Ints:
        """(T, 3, 4) what the model hears beside the events."""
        events = np.where(self.events[:, :1] < 0, HEADER, self.events)
        return np.asarray(echoes(events, self.segment, self.bar, self.owner))

    def moved(self, semitones: int) -> Transcript:
        """Read from a reference so many semitones lower: pitches, chords and keys rise."""
        if semitones == 0:
            return self
        events, fields = self.events.copy(), self.fields.copy()
        drum = fields[:, V.FIELD_INDEX["role"]] == V.ROLE_ORDER.index("percussion") + 1
        notes = (events[:, 0] >= 0) & ~drum[self.segment]
        events[notes, 1] = V.to_relative(events[notes, 1], -semitones)
        for name in ("root_1", "bass_1", "root_2", "bass_2", "tonic"):
            column = fields[:, V.FIELD_INDEX[name]]
            fields[:, V.FIELD_INDEX[name]] = np.where((column >= 1) & (column <= 12), (column - 1 + semitones) % 12 + 1, column)
        column = fields[:, V.FIELD_INDEX["register"]]
        steps = np.where((column > 0) & ~drum, round(semitones / 4), 0)  # as nearly as its steps of four semitones allow
        fields[:, V.FIELD_INDEX["register"]] = np.where(steps, np.clip(column + steps, 1, V.LINE_FIELDS["register"]), column)
        before = fields[:, _BEFORE]
        fields[:, _BEFORE] = np.where((before > 0) & ~drum, V.to_relative(before - 1, -semitones) + 1, before)
        return replace(self, events=events, fields=fields)

    def part(self, first_bar: int, last_bar: int, limit: int, *, keep_first: bool = False) -> Transcript:
        """Bars first … last − 1; if they are more than `limit` events, only the later ones (or the first ones), at worst part of one bar."""
        bars = self.bar[self.segment]
        while first_bar < last_bar - 1 and ((bars >= first_bar) & (bars < last_bar)).sum() > limit:
            first_bar, last_bar = (first_bar, last_bar - 1) if keep_first else (first_bar + 1, last_bar)
        inside = np.flatnonzero((bars >= first_bar) & (bars < last_bar))
        inside = inside[:limit] if keep_first else inside[-limit:]
        inside = inside[np.cumsum(self.events[inside, 0] < 0) > 0]  # from a header on, as in training
        if not len(inside):
            nothing = np.zeros(0, dtype=np.int64)
            return Transcript(self.events[:0], nothing, np.zeros(0), self.fields[:0], nothing, nothing, nothing, 0.0)
        start = float(self.time[inside[0]])
        one, two = int(self.segment[inside[0]]), int(self.segment[inside[-1]]) + 1
        later = self.time[bars >= last_bar]
        end = float(later[0]) if len(later) else self.beats
        return Transcript(
            self.events[inside], self.segment[inside] - one, self.time[inside] - start, self.fields[one:two], self.half[one:two],
            self.bar[one:two] - self.bar[one], self.owner[one:two], end - start,
        )  # fmt: skip


def joined(parts: Sequence[Transcript]) -> Transcript:
    """One after the other."""
    events, segments, times, fields, halves, bars, owners = [], [], [], [], [], [], []
    base, bar_base, beats = 0, 0, 0.0
    for part in parts:
        events.append(part.events)
        segments.append(part.segment + base)
        times.append(part.time + beats)
        fields.append(part.fields)
        halves.append(part.half)
        bars.append(part.bar + bar_base)
        owners.append(part.owner)
        base += len(part.fields)
        bar_base += int(part.bar.max(initial=-1)) + 1
        beats += part.beats
    return Transcript(
        np.concatenate(events), np.concatenate(segments), np.concatenate(times), np.concatenate(fields), np.concatenate(halves),
        np.concatenate(bars), np.concatenate(owners), beats,
    )  # fmt: skip


@dataclass(frozen=True)
class Given:
    """What a segment begins with and the model has no say in: it hears these notes as if it had written them, and goes on."""

    #: onset, pitch and duration classes, in order
    notes: tuple[tuple[int, int, int], ...]
    #: first onset class that is the model's own choice; a class past the bar: none
    free_from: int


@dataclass(frozen=True)
class Task:
    """S segments to write."""

    #: of the random numbers
    name: str
    #: (S, len(FIELDS)); `before` and `held` are filled in while writing
    fields: Ints
    #: (S,) line of each segment
    line: Ints
    #: (S,) bar of each segment, and where it begins, beats from the task's start
    bar: Ints
    start: Floats
    #: (S,) length of the bar, ticks
    ticks: Ints
    #: (S,) or (S, K) onset classes that must be struck, −1: none
    struck: Ints
    #: (S,) whether this is the last word: one onset, chord notes only
    closing: NDArray[np.bool_]
    #: (L, 2) lowest and highest relative pitch of each line
    ranges: Ints
    #: (L,) notes at one time
    hands: Ints
    #: (L,) relative pitch each line last played before the task, −1: none
    last: Ints
    #: (L,) whose lines they are, as `Transcript.owner`
    owner: Ints
    #: what was heard before
    prompt: Transcript | None = None
    #: segment → what it begins with
    given: Mapping[int, Given] = field(default_factory=dict)
    #: (L,) ticks from one onset of a run to its next at least: as fast as the line's player plays; none: no limit
    gaps: Ints | None = None

    @property
    def beats(self) -> float:
        """Length."""
        return float(self.start[-1] + self.ticks[-1] / V.TICKS_PER_BEAT)


def remembered(prompt: Transcript | None) -> Memory:
    """The memory of somebody who has heard a prompt; its bars count −1, −2, … backwards."""
    memory = Memory()
    if prompt is None or not len(prompt.bar):
        return memory
    bars = int(prompt.bar[-1]) + 1
    segment = ordinal = before = -1
    for (onset, pitch, duration, _), owner in zip(prompt.events, prompt.segment, strict=True):
        if owner != segment:
            segment, ordinal, before = int(owner), -1, -1
            memory.begin(int(prompt.bar[segment]) - bars, int(prompt.owner[segment]))
        if onset >= 0:
            ordinal = ordinal + 1 if onset == before else 0
            before = int(onset)
            memory.add(before, ordinal, int(pitch), int(duration))
    memory.bar = None  # the line that ended the prompt is no neighbour
    return memory
