"""Fold doublings: a line that plays in a bar what another plays, at the unison or octaves apart, is that line, told twice.

In a bar two lines double each other when the sets of (onset at 1/24 beat, pitch class) of both agree to at least `AGREEMENT` of the
larger, and what they sound is about as long. The follower's notes of the bar go; its name joins the leader's `Line.doubled_by`, and
`Folded.leader` remembers bar by bar who led whom, so that an orchestrator can be taught to put them back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from composer.instruments import INSTRUMENTS
from composer.theory.passage import Ints, Passage

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

AGREEMENT = 0.9
#: how far total sounding lengths may differ: a held horn does not double repeated quavers, a staccato bow does
LENGTH_RATIO = 2.5
_LOW_STRINGS = frozenset({"contrabass", "contrabasses"})
#: percussion keeps its own part, kettledrums too
_STRUCK = frozenset({"timpani"})
_VOICES = frozenset({"solo_voice", "choir"})


@dataclass(frozen=True)
class Folded:
    """A passage without doublings, and who followed whom."""

    #: lines stand as before, also those that folded away entirely (they hold no notes)
    passage: Passage
    #: (B, L) int16: in that bar, the line that this line doubles; −1 none
    leader: NDArray[np.int16]
    #: notes removed
    folded: int


def _matches(passage: Passage) -> dict[int, Bools]:
    """bar → (L, L) whether two lines double each other there (bars without any are left out)."""
    count = len(passage.lines)
    foldable = np.array([not INSTRUMENTS[line.instrument].is_drum and line.instrument not in _STRUCK for line in passage.lines])
    pitched = np.flatnonzero(foldable[passage.line])
    bar = passage.bar_of(passage.onset[pitched])
    tick = np.round((passage.onset[pitched] - passage.edges[bar]) * 24).astype(np.int64)
    item = np.maximum(tick, 0) * 12 + passage.pitch[pitched] % 12
    line = passage.line[pitched]
    # one row per (bar, line, item)
    width = int(item.max()) + 1 if len(item) else 1
    cell = np.unique((bar * count + line) * width + item)
    cell_line, cell_item, cell_bar = cell // width % count, cell % width, cell // width // count
    sizes = np.zeros((passage.bars, count))
    np.add.at(sizes, (cell_bar, cell_line), 1)
    lengths = np.zeros((passage.bars, count))
    np.add.at(lengths, (bar, line), passage.duration[pitched])
    found: dict[int, Bools] = {}
    bounds = np.searchsorted(cell_bar, np.arange(passage.bars + 1))
    for b in np.flatnonzero((sizes > 0).sum(axis=1) >= 2).tolist():
        part = slice(bounds[b], bounds[b + 1])
        names, columns = np.unique(cell_item[part], return_inverse=True)
        present = np.zeros((count, len(names)), dtype=np.float32)
        present[cell_line[part], columns] = 1.0
        larger = np.maximum(sizes[b][:, None], sizes[b][None, :])
        same = (present @ present.T >= AGREEMENT * larger - 1e-6) & (larger > 0)
        longer = np.maximum(lengths[b][:, None], lengths[b][None, :])
        same &= longer <= LENGTH_RATIO * np.minimum(lengths[b][:, None], lengths[b][None, :]) + 1e-6
        np.fill_diagonal(same, False)
        if same.any():
            found[b] = same
    return found


def _ranks(passage: Passage, matches: dict[int, Bools]) -> Ints:
    """(L,) lines, best leader first: voices, bowed strings, then who doubles least; contrabasses after every other string."""
    doubles = np.zeros(len(passage.lines))
    for same in matches.values():
        doubles += same.any(axis=1)

    def preference(i: int) -> tuple[float, ...]:
        kind = passage.lines[i].instrument
        if kind in _VOICES:
            return (0, doubles[i], i)
        if kind in _LOW_STRINGS:
            return (2, 0, i)
        if INSTRUMENTS[kind].family == "strings":
            return (1, i, 0)
        return (3, doubles[i], i)

    return np.array(sorted(range(len(passage.lines)), key=preference), dtype=np.int64)


def fold(passage: Passage) -> Folded:
    """The passage without doublings. Percussion never folds; a bar of rest folds nothing; a leader stays over adjacent bars."""
    count = len(passage.lines)
    leader = np.full((passage.bars, count), -1, dtype=np.int16)
    matches = _matches(passage) if count > 1 else {}
    order = _ranks(passage, matches).tolist()
    previous = np.full(count, -1, dtype=np.int64)
    for b in sorted(matches):
        same = matches[b]
        leads: list[int] = []
        for i in order:
            candidates = [j for j in leads if same[i, j]]
            if not candidates:
                leads.append(i)
                continue
            chosen = int(previous[i]) if int(previous[i]) in candidates else candidates[0]
            leader[b, i] = previous[i] = chosen
    bar = passage.bar_of(passage.onset)
    keep = leader[bar, passage.line] < 0
    lines = list(passage.lines)
    for j in np.unique(leader[leader >= 0]).tolist():
        followers = np.flatnonzero((leader == j).any(axis=0)).tolist()
        lines[j] = replace(lines[j], doubled_by=tuple(passage.lines[i].name for i in followers))
    folded = replace(
        passage, onset=passage.onset[keep], duration=passage.duration[keep], pitch=passage.pitch[keep],
        velocity=passage.velocity[keep], line=passage.line[keep], lines=tuple(lines),
    )  # fmt: skip
    return Folded(folded, leader, int((~keep).sum()))
