"""What the n-gram baseline looks at: a batch as one row per decision (what follows an event), columns of small whole numbers.

Everything is read from `Batch`, that is from what the transformer is given, and only from events before the decision (and, for a later
factor, from the note's earlier factors). «Copies» are notes that suggest the next one: the line's note at the same point of its bar one
and two segments ago (a, b), and of the segment written just before and first in this bar (c, d).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.transformer import vocabulary as V
from composer.transformer.batches import Batch

Array = NDArray[Any]
_FAR = 1 << 32
_PRIME = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Chain:
    """Contexts of one estimate: level k sees the words of all levels up to k."""

    levels: tuple[str, ...]
    #: column that the factor is counted from (pitch only; modulo 128, so that no probability is lost)
    view: str = ""
    #: counted in the window, not in the train split
    local: bool = False


def _chain(text: str, view: str = "", local: bool = False) -> Chain:
    return Chain(tuple(text.split(" | ")), view, local)


# fmt: off
CHAINS: dict[str, tuple[Chain, ...]] = {
    "onset": (
        _chain("role metre | o1 | deep voices | density | places | d1"),
        _chain("metre o1 | density deep | d1 | prefix | role voices"),
        _chain("o1 deep | a_next | density | b_next | metre role | prefix"),
        _chain("o1 deep | c_next | d_next | role | density voices | a_next"),
        _chain("metre o1 | held d1 | density places | instrument voices | deep"),
        _chain("a_next c_next | o1 deep | d_next b_next | role density"),
        _chain("line | o1 deep | d1 | prefix", local=True),
        _chain("row | o1 deep | a_next c_next | prefix", local=True),
    ),
    "pitch": (
        _chain("role | register | root mult | quality | p1"),
        _chain("instrument | p1 chordal | root | quality mode | p2 | p3"),
        _chain("chordal role | degree | quality | height | step | step2", "i1"),
        _chain("role chordal | step | step2 | degree quality | mode root", "i1"),
        _chain("role | off | mult | quality | near bass_degree | step", "home"),
        _chain("a_same chordal | role | a_to | a_degree quality | height | step", "a_ref"),
        _chain("b_same chordal | role | b_to | b_degree quality", "b_ref"),
        _chain("c_same chordal role | c_to | c_degree quality | height", "c_ref"),
        _chain("d_same chordal role | d_to | d_degree quality | height | step", "d_ref"),
        _chain("role chordal | a_pitch a_same | p1 | root quality | c_pitch"),
        _chain("line | chordal p1 | p2 | p3", local=True),
        _chain("line | chordal p1 root | y_onset mult | a_pitch", local=True),
        _chain("row | chordal step | step2 | gap", "i1", local=True),
    ),
    "duration": (
        _chain("role | chordal d1 | gap | metre y_onset | density"),
        _chain("y_onset chordal | metre density | d1 | g1 g2 | instrument"),
        _chain("chordal d1 | a_duration a_same | gap | density strong | role | b_duration"),
        _chain("chordal d1 | c_duration c_same | d_duration d_same | strong | role"),
        _chain("d1 | d2 chordal | d3 | gap strong | voices role"),
        _chain("line | d1 chordal | d2 gap | y_onset", local=True),
        _chain("line | y_onset chordal | d1 a_duration | y_pitch", local=True),
    ),
    "velocity": (
        _chain("loudness | v1 | chordal role | v2 | strong"),
        _chain("instrument loudness | v1 v2 | v3 | strong y_duration"),
        _chain("loudness | v1 c_velocity | d_velocity | a_velocity | role"),
        _chain("line loudness | v1 | v2 | strong y_duration", local=True),
        _chain("row loudness | v1 chordal | c_velocity", local=True),
        _chain("line v1 | y_onset chordal | y_pitch", local=True),
    ),
}
# fmt: on
#: what of `features` the chains need
COLUMNS = sorted(
    {w for chains in CHAINS.values() for c in chains for level in c.levels for w in level.split()}
    | {c.view for cs in CHAINS.values() for c in cs if c.view}
    | {f"y_{f}" for f in V.FACTORS}
    | {"row", "order", "is_note", "learn"}
)  # fmt: skip


def mix(key: Array, *columns: Array) -> Array:
    """(N,) uint64 hash of a hash and further whole numbers (splitmix64 steps); 64 bits, so millions of contexts do not collide."""
    key = key.astype(np.uint64)
    for column in columns:
        key = (key ^ (column.astype(np.int64).astype(np.uint64) + _PRIME)) * np.uint64(0xBF58476D1CE4E5B9)
        key ^= key >> np.uint64(29)
        key = key * np.uint64(0x94D049BB133111EB)
        key ^= key >> np.uint64(32)
    return key


class _Segments:
    """Segments of a batch and the notes in them."""

    def __init__(self, batch: Batch) -> None:
        self.row, at = np.nonzero(batch.kind > 0)
        names = ("onset", "pitch", "duration", "velocity", "segment")
        self.onset, self.pitch, self.duration, self.velocity, self.segment = (
            getattr(batch, n)[self.row, at].astype(np.int64) for n in names
        )
        self.at, self.note = at, batch.kind[self.row, at] == 2
        count, events = len(batch.fields), np.arange(len(at))
        self.first = np.searchsorted(self.segment, np.arange(count))
        tick = np.rint(batch.time[self.row, at] * V.TICKS_PER_BEAT).astype(np.int64)
        bar = (tick - np.where(self.note, V.ONSET_TICKS[self.onset], 0))[self.first] + self.row[self.first] * _FAR
        fields = batch.fields
        # who plays: one line of one window
        key = mix(self.row[self.first], fields[:, V.FIELD_INDEX["slot"]], fields[:, V.FIELD_INDEX["instrument"]])
        self.line = np.unique(key, return_inverse=True)[1]
        numbers = np.arange(count)
        order = np.lexsort((numbers, self.line))
        again = self.line[order][1:] == self.line[order][:-1]
        self.a = np.full(count, -1)
        self.a[order[1:][again]] = order[:-1][again]
        self.b = np.where(self.a >= 0, self.a[self.a], -1)
        fresh = np.concatenate([[True], bar[1:] != bar[:-1]])
        self.c = np.where(fresh, -1, numbers - 1)
        self.d = np.where(fresh, -1, np.maximum.accumulate(np.where(fresh, numbers, 0)))
        # chords: runs of notes at one place of one segment
        run = np.ones(len(at), dtype=bool)
        run[1:] = ~(self.note[1:] & self.note[:-1] & (self.segment[1:] == self.segment[:-1]) & (self.onset[1:] == self.onset[:-1]))
        self.depth = events - np.maximum.accumulate(np.where(run, events, 0))
        since = events - self.first[self.segment]
        self.places = _since_start(np.where(run & self.note, 1, 0), self.first[self.segment])
        self.prefix = _since_start(
            np.where(self.note, mix(self.onset, since) >> np.uint64(40), 0).astype(np.int64), self.first[self.segment]
        )
        self.notes = np.flatnonzero(self.note)
        self.keys = self._key(self.segment[self.notes], self.onset[self.notes], self.depth[self.notes])
        # notes line by line
        owner = self.line[self.segment[self.notes]]
        order = np.lexsort((self.notes, owner))
        self.by_line, self.owner = self.notes[order], owner[order]
        self.line_keys = self.owner * _FAR + self.by_line

    @staticmethod
    def _key(segment: Array, onset: Array, depth: Array) -> Array:
        return np.asarray(segment * (1 << 16) + onset * (1 << 8) + np.minimum(depth, 255))

    def copy(self, segment: Array, onset: Array, depth: Array) -> Array:
        """Event of the first note of a segment at or after a place (or as deep in its chord); −1 past its end, −2 without segment."""
        if not len(self.notes):
            return np.where(segment >= 0, -1, -2)
        index = np.minimum(np.searchsorted(self.keys, self._key(segment, onset, depth)), len(self.notes) - 1)
        event = self.notes[index]
        inside = (self.segment[event] == segment) & (self.keys[index] >= self._key(segment, onset, depth))
        return np.asarray(np.where(segment < 0, -2, np.where(inside, event, -1)))


def _since_start(values: Array, start: Array) -> Array:
    """Running sums that begin anew where a segment does, the event itself included."""
    total = np.concatenate([[0], np.cumsum(values)])
    return np.asarray(total[1:] - total[start])


def features(batch: Batch) -> dict[str, Array]:
    """Columns (N,) of all decisions; "y_…" are the factors that came, "is_note" whether a note came, "learn" whether it counts.

    "order" is the place in the batch and "row" the window: the local model counts what came before in the same window.
    """
    s = _Segments(batch)
    at = np.flatnonzero(s.row[:-1] == s.row[1:])
    after, segment = at + 1, s.segment[at]
    is_note = s.note[after]
    found: dict[str, Array] = {"row": s.row[at], "order": at, "is_note": is_note, "line": s.line[segment]}
    found["learn"] = batch.targets["onset"][s.row[at], s.at[at]] >= 0
    found["y_onset"] = onset = np.where(is_note, s.onset[after], V.END)
    for name in ("pitch", "duration", "velocity"):
        found[f"y_{name}"] = np.where(is_note, getattr(s, name)[after], 0)
    fields = batch.fields[segment]
    for name in ("metre", "mode", "role", "instrument", "density", "register", "loudness", "voices", "before", "held"):
        found[name] = fields[:, V.FIELD_INDEX[name]]
    last = np.where(s.note[at], s.onset[at], -1)
    depth = np.where(s.note[at], s.depth[at] + 1, 0)
    chordal = (onset == last) & is_note
    found.update(o1=last, deep=np.minimum(depth, 6), places=s.places[at], prefix=s.prefix[at])
    found.update(chordal=chordal * 1, mult=np.where(chordal, found["deep"], 0))
    place = V.ONSET_TICKS[np.minimum(onset, V.END - 1)]
    found["gap"] = np.where(last >= 0, place - V.ONSET_TICKS[np.maximum(last, 0)], -1)
    found["strong"] = place % V.TICKS_PER_BEAT
    # what the line did before
    index = np.searchsorted(s.line_keys, found["line"] * _FAR + at, side="right") - 1

    def top(i: Array) -> Array:
        return i - (s.depth[s.by_line[np.maximum(i, 0)]] if len(s.by_line) else 0)

    def get(values: Array, i: Array) -> Array:
        if not len(s.by_line):
            return np.full(len(i), -1)
        safe = np.maximum(i, 0)
        return np.asarray(np.where((i >= 0) & (s.owner[safe] == found["line"]), values[s.by_line[safe]], -1))

    second = top(index) - 1
    third = top(second) - 1
    p1 = np.where(chordal, get(s.pitch, index), get(s.pitch, top(index)))
    found["p1"] = np.where(p1 >= 0, p1, found["before"] - 1)
    found["p2"] = np.where(chordal, get(s.pitch, index - 1), get(s.pitch, top(second)))
    found["p3"] = np.where(chordal, get(s.pitch, index - 2), get(s.pitch, top(third)))
    for k, i in enumerate((index, index - 1, index - 2), 1):
        found[f"d{k}"], found[f"v{k}"] = get(s.duration, i), get(s.velocity, i)
    found["g1"], found["g2"] = get(s.duration, top(index)), get(s.duration, top(second))
    # harmony at the onset, and a root near the line's register to count pitches from
    late = onset >= batch.half[segment]
    for name in ("root", "quality", "bass"):
        found[name] = np.where(late, fields[:, V.FIELD_INDEX[f"{name}_2"]], fields[:, V.FIELD_INDEX[f"{name}_1"]])
    pc = np.where((found["root"] >= 1) & (found["root"] <= 12), found["root"] - 1, 0)
    centre = np.where(found["register"] > 0, 4 * found["register"] - 2, np.where(found["p1"] >= 0, found["p1"], 60))
    found["home"] = pc + 12 * np.rint((centre - pc) / 12).astype(np.int64)
    found["off"] = (centre - found["home"]) // 2
    found["i1"] = np.where(found["p1"] >= 0, found["p1"], 60)
    found["step"], found["step2"] = found["i1"] - found["p2"], found["p2"] - found["p3"]
    found["degree"] = np.where(found["p1"] >= 0, (found["p1"] - pc) % 12, 12)
    found["bass_degree"] = np.where(found["bass"] > 0, (found["bass"] - 1 - pc) % 12, 12)
    found["height"] = np.where(found["p1"] >= 0, found["p1"] - centre, 99)
    found["near"] = np.where(found["p1"] >= 0, found["p1"] - found["home"], 99)
    for name in "abcd":
        where = getattr(s, name)[segment]
        hint = s.copy(where, np.maximum(last, 0), depth)
        found[f"{name}_next"] = np.where(hint >= 0, s.onset[np.maximum(hint, 0)], np.where(hint == -1, V.END, -1))
        hint = s.copy(where, np.minimum(onset, V.END - 1), np.where(chordal, depth, 0))
        event = np.maximum(hint, 0)
        found[f"{name}_same"] = np.where(hint >= 0, 1 * (s.onset[event] == onset), hint)
        for factor in ("pitch", "duration", "velocity"):
            found[f"{name}_{factor}"] = np.where(hint >= 0, getattr(s, factor)[event], -1)
        from_copy = np.where(hint >= 0, s.pitch[event], found["i1"])
        found[f"{name}_ref"], found[f"{name}_degree"] = from_copy, np.where(hint >= 0, (from_copy - pc) % 12, 12)
        found[f"{name}_to"] = np.where(found["p1"] >= 0, found["i1"] - from_copy, 99)
    return found
