"""Upbeats: files converted from notation often lose the short first bar, and then every bar line stands beside its place.

The bar lines are found again from what composers put on downbeats: long notes, low notes, many notes, and changes of harmony (Lerdahl
& Jackendoff, *A Generative Theory of Tonal Music*, 1983, metrical preference rules 5 and 6), and moved only if one harmony a half
bar then explains the strong beats better. Only the stretch up to the first change of metre is moved, because every written change
sets the count right again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from composer.theory.listening import chord_tone_share, find_chords, find_keys
from composer.theory.passage import Floats, Passage

#: slots a beat in which bar lines may lie
SLOTS = 2
#: another place must beat the written one by this share of the mean accent
MARGIN = 0.08
#: fewer bars than this say nothing
MIN_BARS = 8


def accents(passage: Passage, beats: float) -> Floats:
    """(K,) how much each half beat up to `beats` sounds like a downbeat: struck length with a bonus for the bass, and new harmony."""
    count = int(np.ceil(beats * SLOTS))
    pitched = passage.pitched() & (passage.onset < beats)
    onset, length, pitch = passage.onset[pitched], np.minimum(passage.duration[pitched], 4.0), passage.pitch[pitched]
    slot = np.round(onset * SLOTS).astype(np.int64)
    near = (np.abs(onset * SLOTS - slot) < 0.1) & (slot < count)
    low = np.full(count, 128)
    np.minimum.at(low, slot[near], pitch[near])
    weight = length * np.where(pitch == low[np.clip(slot, 0, count - 1)], 1.5, 1.0)
    struck = np.log1p(np.bincount(slot[near], weights=weight[near], minlength=count))
    struck /= struck.mean() or 1.0
    content = np.zeros((count, 12))
    np.add.at(content, (np.clip((onset * SLOTS).astype(np.int64), 0, count - 1), pitch % 12), np.minimum(length, 1.0))
    window = np.stack([np.convolve(content[:, k], np.ones(2 * SLOTS), "full")[: count + 2 * SLOTS] for k in range(12)], 1)
    before, after = np.vstack([np.zeros((1, 12)), window[: count - 1]]), window[2 * SLOTS - 1 : count + 2 * SLOTS - 1]
    size = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    change = np.where(size > 0, 1 - (before * after).sum(1) / np.maximum(size, 1e-9), 0.0)
    return np.asarray(struck + 1.5 * change)


def upbeat(passage: Passage) -> float:
    """Beats by which the bar lines of the first stretch should come later than written, 0 when they stand well."""
    same = np.all(passage.metres == passage.metres[0], axis=1)
    stretch = int(np.argmin(same)) if not same.all() else passage.bars
    length = 4.0 * passage.metres[0, 0] / passage.metres[0, 1]
    if stretch < MIN_BARS or abs(length * SLOTS - round(length * SLOTS)) > 1e-6 or not passage.pitched().any():
        return 0.0
    period = round(length * SLOTS)
    strength = accents(passage, float(passage.edges[stretch]))
    whole = strength[: len(strength) // period * period].reshape(-1, period)
    by_place = whole.mean(0)
    best = int(np.argmax(by_place))
    return best / SLOTS if by_place[best] > by_place[0] + MARGIN * by_place.mean() else 0.0


def with_upbeat(passage: Passage) -> Passage:
    """The passage with its bar lines where its downbeats are; a short first bar holds the upbeat."""
    if passage.bars < MIN_BARS or abs((passage.edges[1] - passage.edges[0]) - 4.0 * passage.metres[0, 0] / passage.metres[0, 1]) > 1e-6:
        return passage  # an upbeat is written already
    shift = upbeat(passage)
    if not shift:
        return passage
    same = np.all(passage.metres == passage.metres[0], axis=1)
    stretch = int(np.argmin(same)) if not same.all() else passage.bars
    length = passage.edges[1] - passage.edges[0]
    moved = passage.edges[:stretch] + shift
    if stretch < passage.bars:
        moved = moved[moved < passage.edges[stretch] - 1e-6]
    if stretch == passage.bars:
        sounding = float((passage.onset + passage.duration).max(initial=0.0))
        edges = np.concatenate([[0.0], moved[moved < sounding - 1e-6]])
        edges = np.append(edges, edges[-1] + (length if len(edges) > 1 else shift))
    else:
        edges = np.concatenate([[0.0], moved, passage.edges[stretch:]])
    source = np.clip(np.searchsorted(passage.edges, edges[:-1] + 1e-6, side="right") - 1, 0, passage.bars - 1)
    metres = passage.metres[source].copy()
    metres[0] = (round(shift * 2), 8) if abs(shift * 2 - round(shift * 2)) < 1e-6 else metres[0]
    placed = replace(passage, edges=edges, metres=metres, qpm=passage.qpm[source])
    return placed if _fit(placed) > _fit(passage) else passage


def _fit(passage: Passage) -> float:
    """How well one harmony a half bar explains the strong beats."""
    return float(np.nan_to_num(chord_tone_share(passage, find_chords(passage, find_keys(passage)))))
