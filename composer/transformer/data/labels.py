"""What a planner would have said of a piece: where sections begin, which moments are marked. Found in the music itself.

A *marked moment* is a beat on which suddenly more is struck than around it: what a film composer writes on a cut. There are no cuts
in concert music, so `cut_rhythm` is learnt from how often such moments come.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from composer.theory.passage import Passage
from composer.theory.texture import Texture

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: bars a section has at least and at most
SECTION_BARS = (4, 16)


@dataclass(frozen=True)
class Form:
    """Sections and marked moments of B bars."""

    #: (B,) bars since the section began
    since: Ints
    #: (B,) bars until it ends, 0 in its last
    until: Ints
    #: (B,) bars to the next marked moment, 0 when it is in this bar, large when none follows
    hit_in: Ints
    #: (B,) beat in the bar of its first marked moment, NaN without one
    hit_at: Floats
    #: (B,) marked moments a second around the bar
    cut_rhythm: Floats


def find_form(passage: Passage, texture: Texture) -> Form:
    """Sections and marked moments."""
    starts = section_starts(passage, texture)
    bars = np.arange(passage.bars)
    index = np.searchsorted(starts, bars, side="right") - 1
    ends = np.append(starts[1:], passage.bars)
    beats, strength = strike_strength(passage)
    marked = marked_beats(strength, spacing=4, rise=1.2)
    softer = marked_beats(strength, spacing=2, rise=0.8)
    hit_bars = passage.bar_of(beats[marked]) if len(marked) else np.zeros(0, dtype=np.int64)
    following = np.searchsorted(hit_bars, bars)
    hit_in = np.where(following < len(hit_bars), np.append(hit_bars, 10**6)[following] - bars, 10**6)
    hit_at = np.full(passage.bars, np.nan)
    for beat, bar in zip(beats[marked][::-1], hit_bars[::-1], strict=True):
        hit_at[bar] = beat - passage.edges[bar]
    return Form(bars - starts[index], ends[index] - 1 - bars, hit_in, hit_at, _rate(passage, beats[softer]))


def section_starts(passage: Passage, texture: Texture) -> Ints:
    """First bars of sections: where tempo, metre or the set of players changes, or music stops for a bar; 4 to 16 bars each."""
    bars = passage.bars
    novelty = np.zeros(bars)
    active = texture.active
    if bars > 1:
        union = np.maximum(1, (active[1:] | active[:-1]).sum(1))
        novelty[1:] += (active[1:] ^ active[:-1]).sum(1) / union
        novelty[1:] += 1.0 * (np.any(passage.metres[1:] != passage.metres[:-1], axis=1))
        novelty[1:] += np.clip(4 * np.abs(np.log2(passage.qpm[1:] / passage.qpm[:-1])), 0, 1)
        silent = texture.onsets.sum(1) == 0
        novelty[1:] += 1.0 * (~silent[1:] & silent[:-1])
        loud = np.where(active, np.nan_to_num(texture.loudness), 0.0).sum(1) / np.maximum(1, active.sum(1))
        novelty[1:] += np.clip(np.abs(np.diff(loud)) / 40, 0, 0.5)
    shortest, longest = SECTION_BARS
    # best chain of boundaries: every section pays a little, earns its opening's novelty, and likes phrases of four
    best, back = np.full(bars + 1, -1e9), np.zeros(bars + 1, dtype=np.int64)
    best[0] = 0.0
    reward = novelty - 0.35
    for end in range(1, bars + 1):
        for length in range(min(shortest, end), min(longest, end) + 1):
            start = end - length
            value = best[start] + (reward[start] if start else 0.0) + (0.12 if length % 4 == 0 else 0.0)
            if (length >= shortest or bars < shortest) and value > best[end]:
                best[end], back[end] = value, start
    starts: list[int] = []
    at = bars
    while at > 0:
        at = int(back[at])
        starts.append(at)
    return np.array(starts[::-1], dtype=np.int64)


def strike_strength(passage: Passage) -> tuple[Floats, Floats]:
    """(K,) every beat, and how much is struck on it: log of the summed velocities."""
    total = int(np.ceil(passage.edges[-1])) if passage.bars else 0
    places = [np.arange(a, b - 1e-6, 1.0) for a, b in zip(passage.edges, passage.edges[1:], strict=False)]
    beats = np.concatenate(places) if places else np.zeros(0)
    if total == 0 or not len(passage.onset):
        return beats, np.zeros(len(beats))
    nearest = np.clip(np.searchsorted(beats, passage.onset + 0.05, side="right") - 1, 0, len(beats) - 1)
    on_beat = np.abs(passage.onset - beats[nearest]) < 0.05
    weight = np.bincount(nearest[on_beat], weights=passage.velocity[on_beat] / 64.0, minlength=len(beats))
    return beats, np.log1p(weight)


def marked_beats(strength: Floats, spacing: int, rise: float) -> Ints:
    """Beats that stand out: `rise` standard deviations above the eight before, the strongest within `spacing` on both sides."""
    count = len(strength)
    if count < 4:
        return np.zeros(0, dtype=np.int64)
    spread = float(np.std(strength)) or 1.0
    before = np.concatenate([[0.0], np.cumsum(strength)])
    starts = np.maximum(0, np.arange(count) - 8)
    mean = (before[np.arange(count)] - before[starts]) / np.maximum(1, np.arange(count) - starts)
    stands_out = (strength - mean) / spread
    stands_out[0] = 0.0  # a beginning is no surprise
    padded = np.pad(strength, spacing, constant_values=-np.inf)
    around = np.max(np.lib.stride_tricks.sliding_window_view(padded, 2 * spacing + 1), axis=1)
    picked = np.flatnonzero((stands_out > rise) & (strength >= around))
    return np.asarray(picked[np.diff(picked, prepend=-(10**6)) > spacing], dtype=np.int64)


def _rate(passage: Passage, moments: Floats) -> Floats:
    """Moments a second within two bars on both sides."""
    bars = np.arange(passage.bars)
    low, high = np.maximum(0, bars - 2), np.minimum(passage.bars, bars + 3)
    count = np.searchsorted(moments, passage.edges[high]) - np.searchsorted(moments, passage.edges[low])
    seconds = passage.seconds()
    return count / np.maximum(0.5, seconds[high] - seconds[low])
