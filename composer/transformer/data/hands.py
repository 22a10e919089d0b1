"""A keyboard part as hands and voices: right, inner, left.

OpenScore writes a whole piano on one track; a part that one head can follow needs its bass apart from its tune. The split point of every
bar is the cheapest path through the piece (Viterbi): hands that span more than they can hold cost, a wide gap at the split pays, and
moving the split from bar to bar costs, so that hands do not jump about.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: candidate split points: the lowest pitch of the right hand
SPLITS = np.arange(40, 82)
#: semitones that one hand holds within a beat
HAND_SPAN = 13
#: a single track is taken for two hands from this median span of what sounds within a beat, semitones
TWO_HANDS_SPAN = 14
#: share of a right hand's onsets with two notes or more, from which it is split into tune and inner voices
CHORDAL = 0.25


def two_handed(onset: Floats, pitch: Ints) -> bool:
    """Whether one track holds both hands: the median span of the pitches that begin within one beat exceeds a hand."""
    if not len(onset):
        return False
    beat = np.floor(onset + 1e-6).astype(np.int64)
    order = np.argsort(beat, kind="stable")
    starts = np.flatnonzero(np.diff(beat[order], prepend=-1))
    spans = np.maximum.reduceat(pitch[order], starts) - np.minimum.reduceat(pitch[order], starts)
    return float(np.median(spans)) > TWO_HANDS_SPAN


def right_hand(onset: Floats, pitch: Ints, bar: Ints) -> Bools:
    """(N,) whether each note goes to the right hand. Notes in any order; `bar` (N,) counts from 0."""
    if not len(onset):
        return np.zeros(0, dtype=bool)
    group = np.floor(onset + 1e-6).astype(np.int64)
    order = np.lexsort((group, bar))
    p, b, g = pitch[order], bar[order], group[order]
    starts = np.flatnonzero((np.diff(b, prepend=-1) != 0) | (np.diff(g, prepend=-1) != 0))
    above = p[:, None] >= SPLITS[None, :]
    wide, big = p[:, None].astype(np.float64), 1e3
    right_low = np.minimum.reduceat(np.where(above, wide, big), starts)
    left_high = np.maximum.reduceat(np.where(above, -big, wide), starts)
    high = np.maximum.reduceat(p, starts)[:, None]
    low = np.minimum.reduceat(p, starts)[:, None]
    right_used, left_used = right_low < big, left_high > -big
    cost = np.where(right_used, np.maximum(high - right_low - HAND_SPAN, 0), 0.0) + np.where(
        left_used, np.maximum(left_high - low - HAND_SPAN, 0), 0.0
    )
    # the gap between the hands pays, up to an octave
    cost -= np.where(right_used & left_used, 0.35 * np.minimum(right_low - left_high, 12), 0.0)
    bars = int(bar.max()) + 1
    per_bar = np.zeros((bars, len(SPLITS)))
    np.add.at(per_bar, b[starts], cost)
    per_bar += 0.04 * np.abs(SPLITS - 60)
    return np.asarray(pitch >= SPLITS[_cheapest_path(per_bar)][bar])


def _cheapest_path(cost: Floats, step: float = 0.5) -> Ints:
    """(T,) the state per row of `cost` (T, S) with the least total cost; a change by k states costs k·step."""
    states = np.arange(cost.shape[1])
    move = step * np.abs(states[:, None] - states[None, :])
    came = np.zeros(cost.shape, dtype=np.int64)
    total = cost[0]
    for t in range(1, len(cost)):
        through = total[:, None] + move
        came[t] = through.argmin(axis=0)
        total = through[came[t], states] + cost[t]
    path = np.zeros(len(cost), dtype=np.int64)
    path[-1] = int(total.argmin())
    for t in range(len(cost) - 1, 0, -1):
        path[t - 1] = came[t, path[t]]
    return path


def inner_voices(onset: Floats, duration: Floats, pitch: Ints) -> Bools | None:
    """(N,) which notes of a right hand lie under its tune; None when it is hardly chordal. Notes sorted by onset.

    The tune is the top note of every onset, and a note that begins under a tune note that still sounds is inner as well.
    """
    if not len(onset):
        return None
    tick = np.round(onset * 24).astype(np.int64)
    starts = np.flatnonzero(np.diff(tick, prepend=-1))
    sizes = np.diff(np.append(starts, len(tick)))
    if (sizes >= 2).mean() < CHORDAL:
        return None
    tops = np.maximum.reduceat(pitch, starts)
    inner = pitch < np.repeat(tops, sizes)
    ends = np.maximum.reduceat(np.where(inner, -1.0, onset + duration), starts)
    held, until = -1, -1.0
    covered = np.zeros(len(starts), dtype=bool)
    for i, (begin, top, end) in enumerate(zip(onset[starts].tolist(), tops.tolist(), ends.tolist(), strict=True)):
        if top < held and until > begin + 0.125:
            covered[i] = True
        else:
            held, until = top, end
    return np.asarray(inner | np.repeat(covered, sizes))
