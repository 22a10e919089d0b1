"""Texture: how much each line does, bar by bar: how often, how high, how loud, in how many voices.

Conventions
-----------
Arrays are (B, L), bars by lines. Notes of one line that begin within `TOGETHER` beats count as one onset. Windowed measures are taken
over four bars centred on a bar (half a bar's weight at either end, so that nothing leans forwards or back) and only over bars in which
the line is active. A bar whose window has no note takes the nearest value of its line; a line without any note has `SILENT` values.

Phrases are read in blocks of four bars from the start: a line that plays anywhere in a block is active in all of it, so a rest inside a
phrase does not look like an exit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from composer.theory.passage import Floats, Ints, Passage

Bools = NDArray[np.bool_]

#: bars in a phrase block and in the window of every measure
BLOCK_BARS = 4
#: beats within which notes of a line are one onset (a rolled or loosely played chord; a 64th note is 1/16)
TOGETHER = 0.04
#: beats by which a held note may reach over a bar line without sounding in the next bar (legato overlap)
OVERHANG = 0.25
#: what a line without notes reports: register, loudness
SILENT = (60.0, 64.0)


@dataclass(frozen=True)
class Texture:
    """Measures of every line in every bar, all (B, L)."""

    #: onsets in the bar
    onsets: Ints
    #: onsets per beat, windowed
    density: Floats
    #: mean MIDI pitch (drum key on drum lines), windowed
    register: Floats
    #: mean velocity 1…127, windowed
    loudness: Floats
    #: mean notes per onset, windowed
    voices: Floats
    #: mean length of notes in beats, windowed
    duration: Floats
    #: the line plays somewhere in this block of bars
    active: Bools


def block_starts(bars: int) -> Ints:
    """(K,) first bar of each block."""
    return np.arange(0, bars, BLOCK_BARS, dtype=np.int64)


def window_sum(values: Floats, bars: int = BLOCK_BARS) -> Floats:
    """(B, …) sums over `bars` bars centred on each; an even window gives half weight to the bar at either end."""
    size = len(values)
    if not size:
        return values.astype(np.float64)
    total = np.concatenate([np.zeros_like(values[:1], dtype=np.float64), np.cumsum(values, axis=0, dtype=np.float64)])
    here = np.arange(size)

    def box(before: int, after: int) -> Floats:
        return np.asarray(total[np.minimum(here + after + 1, size)] - total[np.maximum(here - before, 0)])

    half = bars // 2
    return box(half, half) if bars % 2 else 0.5 * (box(half, half - 1) + box(half - 1, half))


def carry_nearest(values: Floats, otherwise: float) -> Floats:
    """(B, L) with each nan replaced by the nearest number of its column (the earlier of two), `otherwise` in columns without any."""
    known = np.isfinite(values)
    rows = np.arange(len(values))[:, None]
    before = np.maximum.accumulate(np.where(known, rows, -1), axis=0)
    after = np.minimum.accumulate(np.where(known, rows, 2 * len(values))[::-1], axis=0)[::-1]
    nearest = np.where((before >= 0) & ((rows - before <= after - rows) | (after >= len(values))), before, after)
    filled = np.take_along_axis(values, np.clip(nearest, 0, max(0, len(values) - 1)), axis=0) if len(values) else values
    return np.where(known.any(axis=0), filled, otherwise)


def first_of_onset(passage: Passage) -> Bools:
    """(N,) whether a note is the first of its line's onset."""
    order = np.lexsort((passage.onset, passage.line))
    line, onset = passage.line[order], passage.onset[order]
    starts = np.ones(len(order), dtype=bool)
    starts[1:] = (np.diff(line) != 0) | (np.diff(onset) > TOGETHER)
    first = np.zeros(len(order), dtype=bool)
    first[order] = starts
    return first


def sounding(passage: Passage) -> Bools:
    """(B, L) whether a line sounds in a bar, by a new note or a held one."""
    shape = (passage.bars + 1, len(passage.lines))
    change = np.zeros(shape, dtype=np.int64)
    first = passage.bar_of(passage.onset)
    last = np.maximum(first, passage.bar_of(passage.onset + np.maximum(0.0, passage.duration - OVERHANG)))
    np.add.at(change, (first, passage.line), 1)
    np.add.at(change, (last + 1, passage.line), -1)
    return np.asarray(np.cumsum(change, axis=0)[:-1] > 0)


def texture(passage: Passage) -> Texture:
    """Measure a passage."""
    bars, lines = passage.bars, len(passage.lines)
    cell = passage.bar_of(passage.onset) * lines + passage.line

    def per_cell(weights: Floats) -> Floats:
        return np.bincount(cell, weights=weights, minlength=bars * lines)[: bars * lines].reshape(bars, lines).astype(np.float64)

    onsets = per_cell(first_of_onset(passage).astype(np.float64))
    active = _active(passage)
    beats = np.where(active, np.diff(passage.edges)[:, None], 0.0)
    notes = window_sum(per_cell(np.ones(len(cell))))
    heard = window_sum(onsets)

    def mean(weights: Floats, otherwise: float) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return carry_nearest(window_sum(per_cell(weights)) / np.where(notes > 0, notes, np.nan), otherwise)

    with np.errstate(invalid="ignore", divide="ignore"):
        density = np.where(active, heard / window_sum(beats), 0.0)
        voices = carry_nearest(notes / np.where(heard > 0, heard, np.nan), 0.0)
    return Texture(
        onsets=onsets.astype(np.int64),
        density=density,
        register=mean(passage.pitch.astype(np.float64), SILENT[0]),
        loudness=mean(passage.velocity.astype(np.float64), SILENT[1]),
        voices=voices,
        duration=mean(passage.duration, 0.0),
        active=active,
    )


def _active(passage: Passage) -> Bools:
    if not passage.bars:
        return np.zeros((0, len(passage.lines)), dtype=bool)
    blocks = np.logical_or.reduceat(sounding(passage), block_starts(passage.bars), axis=0)
    return np.repeat(blocks, BLOCK_BARS, axis=0)[: passage.bars]
