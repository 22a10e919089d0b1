"""Roles: who carries the tune, who the bass, who fills: read from the notes, block by block of four bars.

What decides, in this order (indices into `composer.instruments.ROLES`, −1 where a line is silent):

* percussion: drums and timpani, always.
* melody: the one most salient pitched line of a block. Salience adds height among the lines, motion (neither still nor a figure that
  repeats), variety of pitches, loudness, one note at a time, and a bonus for a solo voice: what listeners follow is high, loud, and
  changes (Huron, *Voice Leading*, 2016; skyline melody extraction, Uitdenbogerd & Zobel 1998). The path through the blocks is the best
  one when each change of player costs something (Viterbi), so the tune does not hop.
* bass: the lowest other line when it lies low and is not chordal, and whoever doubles its pitch classes below middle C.
* pad: mean note length of 2.5 beats and more.
* ostinato: a one-voiced figure that repeats its rhythm and contour from bar to bar, in another rhythm than the tune.
* harmony: chords, or a line that begins its notes together with another.
* counter: any other line, moving in its own rhythm.

Octaves count as one voice everywhere. Features are smoothed over neighbouring blocks and a role that lasts one block between two
equal ones gives way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from composer.instruments import INSTRUMENTS, ROLES
from composer.theory.passage import Floats, Ints, Passage
from composer.theory.texture import BLOCK_BARS, Bools, Texture, block_starts

Roles = NDArray[np.int8]

MELODY, COUNTER, HARMONY, BASS, OSTINATO, PAD, PERCUSSION = range(len(ROLES))

#: mean note length of a pad, beats
PAD_BEATS = 2.5
#: pitch classes per onset from which a line is chordal
CHORDAL = 1.6
#: mean pitch under which the lowest line is a bass; under which one of three and more may be, if made for it
LOW, LOW_ENOUGH = 57.0, 61.0
#: share of a low line's notes found in the bass that makes it a doubling
DOUBLES = 0.7
#: overlap of onsets (Jaccard) from which two lines move together
SAME_RHYTHM = 0.6
#: likeness of neighbouring bars of an ostinato, when it is busy (onsets per beat) and when it is not
FIGURE_BUSY, FIGURE = 0.55, 0.8
BUSY, MOVING = 1.8, 0.9
#: notes at once from which an instrument plays broken chords, and what these need
KEYBOARD = 5
FIGURE_BROKEN, BUSY_BROKEN = 0.45, 1.4
#: semitones by which the notes of a figure may shift with the harmony from bar to bar
NEARBY = 5
#: cost of the melody changing player, in units of salience
HANDOVER = 0.4
#: grid for comparing onsets: fits triplets and thirty-seconds near enough
GRID = 12
#: salience: (name of the part, weight)
WEIGHTS = {
    "height": 1.15, "motion": 0.8, "variety": 0.6, "loud": 0.4, "single": 0.6, "voice": 1.6, "figure": -0.9, "still": -0.6,
    "presence": 1.0, "constant": 0.5, "listed": 0.1, "low": -0.5, "leader": 0.25,
}  # fmt: skip


@dataclass(frozen=True)
class _Blocks:
    """Features of K blocks by L lines."""

    #: it sounds
    active: Bools
    #: mean pitch
    pitch: Floats
    #: onsets per beat
    rate: Floats
    #: pitch classes per onset
    voices: Floats
    #: mean note length, beats
    duration: Floats
    #: share of the block's bars with an onset
    presence: Floats
    #: mean velocity
    loudness: Floats
    #: distinct pitches over onsets, 0…1
    variety: Floats
    #: likeness of neighbouring bars, 0…1
    figure: Floats
    #: (K, L, L) overlap of onsets
    together: Floats
    #: (K, L, L) share of the row's notes that the column has too, octaves apart or not
    doubled: Floats


def find_roles(passage: Passage, texture: Texture) -> Roles:
    """(B, L) role of every line in every bar."""
    bars, lines = texture.active.shape
    if not bars or not lines:
        return np.full((bars, lines), -1, dtype=np.int8)
    drums = np.array([_is_percussion(line.instrument) for line in passage.lines])
    features = _features(passage, texture)
    pitched = features.active & ~drums
    melody = _melody(passage, features, pitched)
    roles = _others(passage, features, pitched, melody)
    roles = _without_flicker(roles)
    roles[features.active & drums] = PERCUSSION
    return np.where(texture.active, np.repeat(roles, BLOCK_BARS, axis=0)[:bars], -1).astype(np.int8)


def _is_percussion(instrument: str) -> bool:
    return INSTRUMENTS[instrument].is_drum or instrument == "timpani"


# features -----------------------------------------------------------------------------------------------------------------------


def _smooth(values: Floats, weight: Bools) -> Floats:
    """(K, L) means over a block and, half as heavy, its neighbours, where they are active."""
    known = np.where(weight, values, 0.0)
    heard = weight.astype(np.float64)
    total, share = 2 * known, 2 * heard
    total[1:] += known[:-1]
    share[1:] += heard[:-1]
    total[:-1] += known[1:]
    share[:-1] += heard[1:]
    return np.asarray(total / np.maximum(share, 1e-9))


def _features(passage: Passage, texture: Texture) -> _Blocks:
    bars, lines = texture.active.shape
    starts = block_starts(bars)
    blocks = len(starts)
    bar = passage.bar_of(passage.onset)
    block = bar // BLOCK_BARS
    cell = block * lines + passage.line
    time = np.rint(passage.onset * GRID).astype(np.int64)

    def per_cell(cells: Ints, weights: Floats | None = None) -> Floats:
        return np.bincount(cells, weights=weights, minlength=blocks * lines).reshape(blocks, lines).astype(np.float64)

    notes = per_cell(cell)
    heard = notes > 0
    # each onset once, each pitch class of an onset once, each pitch of a block once
    span = int(time.max(initial=0)) + 1
    one_onset = np.unique(passage.line * span + time, return_index=True)[1]
    one_class = np.unique((passage.line * span + time) * 12 + passage.pitch % 12, return_index=True)[1]
    one_pitch = np.unique(cell * 128 + passage.pitch, return_index=True)[1]
    onsets, classes, pitches = per_cell(cell[one_onset]), per_cell(cell[one_class]), per_cell(cell[one_pitch])
    beats = np.add.reduceat(np.diff(passage.edges), starts)[:, None]
    playing = np.add.reduceat((texture.onsets > 0).astype(np.float64), starts, axis=0)
    length = np.add.reduceat(np.ones(bars), starts)[:, None]

    def mean(weights: Floats) -> Floats:
        return _smooth(per_cell(cell, weights) / np.maximum(notes, 1), heard)

    active = np.logical_or.reduceat(texture.active, starts, axis=0)
    return _Blocks(
        active=active,
        pitch=mean(passage.pitch.astype(np.float64)),
        rate=_smooth(onsets / np.maximum(beats * playing / length, 1e-9), heard),
        voices=_smooth(classes / np.maximum(onsets, 1), heard),
        duration=mean(passage.duration),
        presence=playing / length,
        loudness=per_cell(cell, passage.velocity.astype(np.float64)) / np.maximum(notes, 1),
        variety=_smooth(pitches / np.maximum(onsets, 4), heard),
        figure=_smooth(_likeness(passage, bar, lines), heard),
        together=_overlap(block[one_onset], time[one_onset], passage.line[one_onset], (blocks, lines), of_both=True),
        doubled=_overlap(block[one_class], (time * 12 + passage.pitch % 12)[one_class], passage.line[one_class], (blocks, lines)),
    )


def _overlap(block: Ints, key: Ints, line: Ints, shape: tuple[int, int], of_both: bool = False) -> Floats:
    """(K, L, L) share of the row line's keys that the column line has too; of_both: of all keys that either has (Jaccard)."""
    blocks, lines = shape
    result = np.zeros((blocks, lines, lines))
    order = np.argsort(block, kind="stable")
    edges = np.searchsorted(block[order], np.arange(blocks + 1))
    for k in range(blocks):
        inside = order[edges[k] : edges[k + 1]]
        found, row = np.unique(key[inside], return_inverse=True)
        has = np.zeros((len(found), lines), dtype=np.float32)
        has[row, line[inside]] = 1.0
        both = has.T @ has
        own = np.diag(both)[:, None]
        result[k] = both / np.maximum(own + own.T - both if of_both else own, 1.0)
    return result


def _likeness(passage: Passage, bar: Ints, lines: int) -> Floats:
    """(K, L) how far bars repeat the bar before or two before in rhythm and contour (shifts of harmony apart), 0…1."""
    bars = passage.bars
    place = np.rint((passage.onset - passage.edges[bar]) * GRID).astype(np.int64)
    width = int(place.max(initial=0)) + 1
    # the top note of each onset stands for it
    order = np.lexsort((-passage.pitch, place, bar, passage.line))
    same = np.zeros(len(order), dtype=bool)
    same[1:] = (np.diff(passage.line[order]) == 0) & (np.diff(bar[order]) == 0) & (np.diff(place[order]) == 0)
    top = order[~same]
    pitch, line = passage.pitch[top], passage.line[top]
    contour = np.zeros(len(top), dtype=np.int64)
    contour[1:] = np.where((np.diff(line) == 0) & (np.diff(bar[top]) == 0), np.sign(np.diff(pitch)), 0)
    figure = (place[top] * 3 + contour + 1) * lines + line
    step = width * 3 * lines
    keys = bar[top] * step + figure
    size = np.bincount(bar[top] * lines + line, minlength=bars * lines).reshape(bars, lines).astype(np.float64)
    likeness = np.zeros((bars, lines))
    by_key = np.argsort(keys)
    ordered = keys[by_key]
    for lag in (1, 2):
        # the same place and direction, and not carried off to another register as a scale is
        earlier = np.searchsorted(ordered, keys - lag * step).clip(0, len(keys) - 1)
        met = (ordered[earlier] == keys - lag * step) & (np.abs(pitch[by_key[earlier]] - pitch) <= NEARBY)
        both = np.bincount(bar[top] * lines + line, weights=met, minlength=bars * lines).reshape(bars, lines)
        before = np.concatenate([np.zeros((min(lag, bars), lines)), size[:-lag]])[:bars]
        likeness = np.maximum(likeness, both / np.maximum(size + before - both, 1.0))
    starts = block_starts(bars)
    playing = np.add.reduceat((size > 0).astype(np.float64), starts, axis=0)
    # the first bar of a piece has nothing to repeat
    playing[0] -= (size[0] > 0) & (playing[0] > 1)
    return np.minimum(1.0, np.add.reduceat(likeness, starts, axis=0) / np.maximum(playing, 1.0))


# melody -------------------------------------------------------------------------------------------------------------------------


def _salience(passage: Passage, f: _Blocks, pitched: Bools) -> Floats:
    """(K, L) how much a line draws the ear."""
    pitch = np.where(pitched, f.pitch, np.nan)
    below = (pitch[:, :, None] > pitch[:, None, :] + 0.5).sum(axis=2)
    rank = below / np.maximum(pitched.sum(axis=1, keepdims=True) - 1, 1)
    loudness = np.where(pitched, f.loudness, 0.0).sum(axis=1, keepdims=True) / np.maximum(pitched.sum(axis=1, keepdims=True), 1)
    instruments = [INSTRUMENTS[line.instrument] for line in passage.lines]
    voice = np.array([(line.instrument == "solo_voice") + 0.4 * (line.instrument == "choir") for line in passage.lines])
    parts = {
        "height": rank,
        "motion": np.minimum(f.rate, 1.5) / 1.5,
        "variety": np.minimum(f.variety * 2.0, 1.0),
        "loud": np.clip((f.loudness - loudness) / 20.0, -1.0, 1.0),
        "single": np.clip(2.5 - f.voices, 0.0, 1.0),
        "voice": np.broadcast_to(voice, rank.shape),
        # a tune may keep its rhythm too; what runs in the same figure accompanies
        "figure": np.clip((f.figure - 0.4) / 0.3, 0.0, 1.0) * np.clip((f.rate - 0.8) / 0.8, 0.0, 1.0),
        "still": np.clip((f.duration - 1.5) / 2.0, 0.0, 1.0),
        "presence": f.presence,
        # of players in unison the one who plays most of the piece leads, then the one named first
        "constant": np.broadcast_to(f.active.mean(axis=0), rank.shape),
        "listed": np.broadcast_to(1.0 - np.arange(len(instruments)) / len(instruments), rank.shape),
        # the flute doubles or crowns the first violins far more often than it leads them
        "leader": np.broadcast_to([float(i.id in ("violins_1", "violin")) for i in instruments], rank.shape),
        "low": np.broadcast_to([float(i.roles[0] == "bass") for i in instruments], rank.shape),
    }
    return np.asarray(sum(WEIGHTS[name] * part for name, part in parts.items()))


def _melody(passage: Passage, f: _Blocks, pitched: Bools) -> Ints:
    """(K,) the line with the tune in each block; −1 where there is none."""
    salience = np.where(pitched, _salience(passage, f, pitched), -1e6)
    blocks, lines = salience.shape
    best = salience[0]
    came_from = np.zeros((blocks, lines), dtype=np.int64)
    for k in range(1, blocks):
        leader = int(np.argmax(best))
        stays = best >= best[leader] - HANDOVER
        came_from[k] = np.where(stays, np.arange(lines), leader)
        best = np.where(stays, best, best[leader] - HANDOVER) + salience[k]
    path = np.zeros(blocks, dtype=np.int64)
    path[-1] = int(np.argmax(best))
    for k in range(blocks - 1, 0, -1):
        path[k - 1] = came_from[k, path[k]]
    only_pads = (pitched & (f.duration < PAD_BEATS)).sum(axis=1) == 0
    alone = pitched.sum(axis=1) == 1
    sounds = pitched[np.arange(blocks), path]
    return np.where(sounds & (alone | ~only_pads), path, -1)


# the others ---------------------------------------------------------------------------------------------------------------------


def _others(passage: Passage, f: _Blocks, pitched: Bools, melody: Ints) -> Roles:
    """(K, L) roles of pitched lines."""
    lines = np.arange(len(passage.lines))
    is_melody = melody[:, None] == lines
    rest = pitched & ~is_melody
    # unison is not company: two who double a counter-melody play one counter-melody
    company = pitched[:, None, :] & (lines[:, None] != lines) & (f.doubled < DOUBLES)
    neighbour = np.where(company, f.together, 0.0).max(axis=2, initial=0.0)
    with_tune = np.where(melody[:, None] >= 0, f.together[np.arange(len(melody)), :, melody], 0.0) >= SAME_RHYTHM
    chordal = f.voices >= CHORDAL
    many = np.array([INSTRUMENTS[line.instrument].polyphony >= KEYBOARD for line in passage.lines])
    figure = (
        (many & (f.figure >= FIGURE_BROKEN) & (f.rate >= BUSY_BROKEN))
        | ((f.figure >= FIGURE_BUSY) & (f.rate >= BUSY))
        | ((f.figure >= FIGURE) & (f.rate >= MOVING))
    )
    harmony = chordal | (neighbour >= SAME_RHYTHM) | (f.rate < 0.4) | (f.variety * np.maximum(f.rate, 0.5) < 0.08)
    roles = np.select(
        [is_melody & pitched, _bass(passage, f, pitched, rest), f.duration >= PAD_BEATS, figure & ~chordal & ~with_tune, harmony],
        [MELODY, BASS, PAD, OSTINATO, HARMONY],
        COUNTER,
    )
    return np.where(pitched, roles, -1).astype(np.int8)


def _bass(passage: Passage, f: _Blocks, pitched: Bools, rest: Bools) -> Bools:
    """(K, L) the lowest line, if low and not chordal, and its doublings."""
    blocks = np.arange(len(pitched))
    height = np.where(pitched, f.pitch, np.inf)
    lowest = np.argmin(height, axis=1)
    made_for_it = np.array(["bass" in INSTRUMENTS[line.instrument].roles for line in passage.lines])
    several = pitched.sum(axis=1) >= 2
    limit = np.where(made_for_it[lowest] & (pitched.sum(axis=1) >= 3), LOW_ENOUGH, LOW)
    # broken chords of a keyboard, harp or guitar fill more than they found
    many = np.array([INSTRUMENTS[line.instrument].polyphony >= KEYBOARD for line in passage.lines])
    broken = many[lowest] & (f.figure[blocks, lowest] >= FIGURE_BROKEN) & (f.rate[blocks, lowest] >= BUSY_BROKEN)
    fits = several & ~broken & (height[blocks, lowest] < limit) & (f.voices[blocks, lowest] < CHORDAL)
    result = np.zeros_like(rest)
    result[blocks, lowest] = fits
    doubles = f.doubled[blocks, :, lowest] >= DOUBLES
    result |= fits[:, None] & doubles & (f.pitch < 60.0)
    return np.asarray(result & rest)


def _without_flicker(roles: Roles) -> Roles:
    """(K, L) where a role of one block between two equal ones gives way (never the melody's place, which has its own path)."""
    steady = roles.copy()
    before, here, after = roles[:-2], roles[1:-1], roles[2:]
    fixed = [MELODY, -1]
    lone = (before == after) & (here != before) & ~np.isin(here, fixed) & ~np.isin(before, fixed)
    steady[1:-1] = np.where(lone, before, here)
    return steady
