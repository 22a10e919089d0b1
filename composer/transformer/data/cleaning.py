"""From what a file holds to movements worth learning from: breaks found, silence trimmed, impossible notes out, every removal counted.

A movement break is the start of a bar where the score sets something anew and
1. at least one whole silent bar lies before it (and one of tempo, metre, key is written there), or
2. a tempo is written together with a metre or a key (restated ones count: engraved scores restate them at a new movement), the tempo
   really differs (> 4 %) or both metre and key are written, nothing sounds across the bar line, and the music before came to rest: no
   note begins in the last beat before it (half a beat when tempo, metre and key are all written).
Parts shorter than `SHORTEST_PART` bars stay with what follows: they are slow introductions and cadenzas.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from composer.instruments import INSTRUMENTS
from composer.theory.passage import Passage
from composer.transformer.data.reading import Piece

Bools = NDArray[np.bool_]

#: bars below which a part is no movement of its own
SHORTEST_PART = 16
LONGEST_NOTE = 16.0
LONGEST_BAR = 8.0
TEMPO_BOUNDS = (30.0, 220.0)
#: drum keys that kits hold (General MIDI 2)
DRUM_KEYS = (27, 87)
#: semitones outside its range from which an instrument cannot mean a note
OUT_OF_REACH = 12


@dataclass(frozen=True)
class Cleaned:
    """A movement fit for the corpus (passage None: dropped) and what was removed, by reason."""

    passage: Passage | None
    removed: Counter[str]


def movement_breaks(piece: Piece) -> list[int]:
    """The bars (from 0, first always 0) where movements begin."""
    passage = piece.passage
    edges = passage.edges
    finish = passage.onset + passage.duration
    sounding = np.zeros(passage.bars + 1, dtype=np.int64)
    first = passage.bar_of(passage.onset)
    last = np.maximum(passage.bar_of(finish - 1e-3), first)
    np.add.at(sounding, first, 1)
    np.add.at(sounding, last + 1, -1)
    silent = np.cumsum(sounding)[:-1] == 0
    by_onset = np.sort(passage.onset)
    by_finish = np.maximum.accumulate(finish[np.argsort(passage.onset, kind="stable")])
    tempo, metre, key = piece.events.T
    breaks = [0]
    for bar in np.flatnonzero(piece.events.any(axis=1)).tolist():
        if bar == 0 or bar - breaks[-1] < SHORTEST_PART:
            continue
        before = int(np.searchsorted(by_onset, edges[bar] - 1e-3))
        if not before or before == len(by_onset):
            continue
        rests = by_finish[before - 1] <= edges[bar] + 0.05
        differs = abs(np.log(passage.qpm[bar] / passage.qpm[bar - 1])) > 0.04
        # all three anew is a movement even when it ends on a short chord
        settled = edges[bar] - by_onset[before - 1] >= (0.5 if piece.events[bar].all() and differs else 1.0) - 1e-3
        anew = tempo[bar] and (metre[bar] or key[bar]) and (differs or (metre[bar] and key[bar]))
        if silent[bar - 1] or (anew and rests and settled):
            breaks.append(bar)
    if len(breaks) > 1 and passage.bars - breaks[-1] < SHORTEST_PART:
        breaks.pop()
    return breaks


def movements(piece: Piece) -> list[Passage]:
    """The movements of a piece, each beginning at beat 0, silent bars trimmed from both ends."""
    starts = [*movement_breaks(piece), piece.passage.bars]
    parts = [piece.passage.between(a, b) for a, b in zip(starts, starts[1:], strict=False)]
    return [trimmed(part) for part in parts if len(part.onset)]


def trimmed(passage: Passage) -> Passage:
    """Without silent bars at the start and the end."""
    last_end = float((passage.onset + passage.duration).max()) - 1e-3
    first, last = int(passage.bar_of(passage.onset[:1])[0]), int(passage.bar_of(np.array([max(last_end, passage.onset[-1])]))[0])
    return passage.between(first, last + 1)


def _keep(passage: Passage, keep: Bools) -> Passage:
    return replace(
        passage, onset=passage.onset[keep], duration=passage.duration[keep], pitch=passage.pitch[keep],
        velocity=passage.velocity[keep], line=passage.line[keep],
    )  # fmt: skip


def _fit_range(passage: Passage, removed: Counter[str]) -> Passage:
    """Lines that lie wholly out of reach move by octaves; single notes out of reach go."""
    pitch, keep = passage.pitch.copy(), np.ones(len(passage.pitch), dtype=bool)
    for i, line in enumerate(passage.lines):
        row, own = INSTRUMENTS[line.instrument], passage.line == i
        reach = (row.range[0] - OUT_OF_REACH, row.range[1] + OUT_OF_REACH) if not row.is_drum else DRUM_KEYS
        off = own & ((pitch < reach[0]) | (pitch > reach[1]))
        if not off.any():
            continue
        if off.sum() >= 0.9 * own.sum() and not row.is_drum:
            centre = sum(row.range) / 2
            pitch[own] += 12 * round((centre - float(np.median(pitch[own]))) / 12)
            removed["lines shifted by octaves"] += 1
            off = own & ((pitch < reach[0]) | (pitch > reach[1]))
        keep &= ~off
    removed["notes out of reach"] += int((~keep).sum())
    return _keep(replace(passage, pitch=pitch), keep)


def _without_duplicates(passage: Passage, removed: Counter[str]) -> Passage:
    """Of notes of one line and pitch that begin together (within 1/48 beat) the longest stays."""
    tick = np.round(passage.onset * 24).astype(np.int64)
    order = np.lexsort((-passage.duration, tick, passage.pitch, passage.line))
    same = np.zeros(len(order), dtype=bool)
    if len(order) > 1:
        a, b = order[1:], order[:-1]
        same[1:] = (passage.line[a] == passage.line[b]) & (passage.pitch[a] == passage.pitch[b]) & (tick[a] == tick[b])
    keep = np.ones(len(order), dtype=bool)
    keep[order[same]] = False
    removed["duplicate notes"] += int(same.sum())
    return _keep(passage, keep)


def _without_empty_lines(passage: Passage, removed: Counter[str]) -> Passage:
    used = np.unique(passage.line)
    removed["empty lines"] += len(passage.lines) - len(used)
    index = np.full(len(passage.lines), -1, dtype=np.int64)
    index[used] = np.arange(len(used))
    return replace(passage, line=index[passage.line], lines=tuple(passage.lines[i] for i in used.tolist()))


def _metre_of(length: float, denominator: int) -> tuple[int, int]:
    """The metre that a piece of a split bar is written in."""
    while denominator < 64 and abs(length * denominator / 4 - round(length * denominator / 4)) > 1e-3:
        denominator *= 2
    return max(1, round(length * denominator / 4)), denominator


def split_long_bars(passage: Passage, removed: Counter[str]) -> Passage:
    """Every bar at most `LONGEST_BAR` quarters: longer ones halve on the beat nearest their middle, again and again."""
    if float(np.diff(passage.edges).max()) <= LONGEST_BAR + 1e-6:
        return passage
    edges: list[float] = [float(passage.edges[0])]
    metres: list[tuple[int, int]] = []
    qpm: list[float] = []

    def place(start: float, length: float, metre: tuple[int, int], tempo: float) -> None:
        if length <= LONGEST_BAR + 1e-6:
            edges.append(start + length)
            metres.append(metre)
            qpm.append(tempo)
            return
        removed["bars split"] += 1
        beat = 1.5 if metre[1] >= 8 and metre[0] % 3 == 0 else 4.0 / metre[1]
        half = min(max(round(length / 2 / beat), 1) * beat, length - 1e-3)
        place(start, half, _metre_of(half, metre[1]), tempo)
        place(start + half, length - half, _metre_of(length - half, metre[1]), tempo)

    for bar, metre in enumerate(passage.metres.tolist()):
        place(float(passage.edges[bar]), float(passage.edges[bar + 1] - passage.edges[bar]), (metre[0], metre[1]), float(passage.qpm[bar]))
    return replace(passage, edges=np.array(edges), metres=np.array(metres, dtype=np.int64), qpm=np.array(qpm))


def join_cut_bars(passage: Passage, removed: Counter[str]) -> Passage:
    """Two bars that repeat signs cut from one (1/16 + 7/16 in 2/4) become one again, when the bars around them are as long as both."""
    lengths = np.diff(passage.edges)
    common = float(np.median(lengths))
    cut = np.zeros(len(lengths), dtype=bool)
    bar = 1
    while bar < len(lengths) - 2:
        if lengths[bar] < common - 1e-3 and abs(lengths[bar] + lengths[bar + 1] - common) < 1e-3 and abs(lengths[bar - 1] - common) < 1e-3:
            cut[bar + 1] = True
            bar += 1
        bar += 1
    if not cut.any():
        return passage
    removed["bars joined"] += int(cut.sum())
    metres, qpm = passage.metres.copy(), passage.qpm
    usual = metres[int(np.flatnonzero(np.abs(lengths - common) < 1e-3)[0])]
    metres[np.flatnonzero(cut) - 1] = usual
    return replace(passage, edges=np.append(passage.edges[:-1][~cut], passage.edges[-1]), metres=metres[~cut], qpm=qpm[~cut])


def _harmonies(passage: Passage) -> int:
    """How many different sets of pitch classes begin together within a beat."""
    pitched = passage.pitched()
    if not pitched.any():
        return 0
    beat = np.floor(passage.onset[pitched] + 1e-6).astype(np.int64)
    masks = np.zeros(int(beat.max()) + 1, dtype=np.int64)
    np.bitwise_or.at(masks, beat, 1 << (passage.pitch[pitched] % 12))
    return len(np.unique(masks[masks > 0]))


def cleaned(passage: Passage) -> Cleaned:
    """One movement without what nobody can play or learn from; see the module's text for the rules."""
    removed: Counter[str] = Counter()
    whole = passage.duration > 1e-6
    removed["notes of no length"] += int((~whole).sum())
    passage = _without_duplicates(_keep(passage, whole), removed)
    passage = _fit_range(passage, removed)
    if not len(passage.onset):
        removed["movements empty"] += 1
        return Cleaned(None, +removed)
    removed["durations capped"] += int((passage.duration > LONGEST_NOTE).sum())
    passage = replace(passage, duration=np.minimum(passage.duration, LONGEST_NOTE))
    removed["tempos clamped"] += int(((passage.qpm < TEMPO_BOUNDS[0]) | (passage.qpm > TEMPO_BOUNDS[1])).sum())
    passage = replace(passage, qpm=np.clip(passage.qpm, *TEMPO_BOUNDS))
    passage = _without_empty_lines(trimmed(passage), removed)
    passage = split_long_bars(join_cut_bars(passage, removed), removed)
    short = "movements under 8 bars" if passage.bars < 8 else "movements under 40 notes" if len(passage.onset) < 40 else ""
    short = short or ("movements under 3 harmonies" if _harmonies(passage) < 3 else "")
    if short:
        removed[short] += 1
        removed["notes in dropped movements"] += len(passage.onset)
    return Cleaned(None if short else passage, +removed)
