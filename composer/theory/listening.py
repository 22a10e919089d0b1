"""Keys and chords heard in a `Passage`, and how well its notes agree with chords.

Conventions
-----------
Pitch classes count semitones from C (0…11). Only pitched lines are heard. A bar has two *halves* of equal length; a note counts
in every half in which it sounds. N notes, B bars. Keys are (tonic, mode) with mode 0 major, 1 minor; chords are
(root, quality, bass), quality an index into `QUALITIES`; −1 in all three says that nothing sounds.

Sources
-------
Keys: profiles of Temperley, *Music and Probability* (2007), ch. 6, followed through the bars by the Viterbi path with a price on
modulation, as in his *The Cognition of Basic Musical Structures* (2001), ch. 7 (on annotated chorales and a quartet they follow
modulations better than those of Krumhansl & Kessler 1982). Majorness: profiles of Albrecht & Shanahan, "The use of large corpora to
train a new type of key-finding algorithm" (Music Perception 31, 2013). Chords: templates over weighted pitch classes, after Pardo & Birmingham, "Algorithms for chordal
analysis" (Computer Music Journal 26, 2002), with a bass and a key prior and the same kind of path.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from composer.theory.chords import Chord
from composer.theory.passage import Floats, Ints, Passage

Int8s = NDArray[np.int8]
Bools = NDArray[np.bool_]

#: kinds of chord that are told apart
QUALITIES: tuple[str, ...] = (
    "major", "minor", "dim", "aug", "sus", "dominant7", "major7", "minor7", "half_dim7", "dim7", "open",
)  # fmt: skip
#: quality → semitones of its notes above the root; "sus" holds the second and the fourth
QUALITY_INTERVALS: dict[str, tuple[int, ...]] = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus": (0, 2, 5, 7),
    "dominant7": (0, 4, 7, 10),
    "major7": (0, 4, 7, 11),
    "minor7": (0, 3, 7, 10),
    "half_dim7": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "open": (0, 7),
}

# how often each pitch class above the tonic is heard in a short span of music (Temperley 2007, fig. 6.4, Kostka–Payne corpus): major, minor.
# Their roots correlate best with bars of music: the tonic triad counts for less, the notes that tell neighbouring keys apart for more.
_PROFILES = np.sqrt(
    [
        [0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400],
        [0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330],
    ]
)
# the same as shares of all sounding time (Albrecht & Shanahan 2013, table 1): here major and minor weigh evenly over long spans
_LONG_PROFILES = np.array(
    [
        [0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081],
        [0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052],
    ]
)
# price of a modulation, in units of one bar's fit, and what each further fifth of distance adds to it (fraction)
_MODULATION = 0.9
_PER_FIFTH = 0.15
# power of a bar's lengths before keys are compared: one long pedal must not speak for the bar
_COMPRESSED = 0.7
# shared tolerance of onsets, beats
_TOLERANCE = 1e-3

# how each kind is recognised: quality, semitones, prior (rarer or less settled kinds must earn their label)
_TEMPLATES: tuple[tuple[str, tuple[int, ...], float], ...] = (
    ("major", (0, 4, 7), 0.0),
    ("minor", (0, 3, 7), 0.0),
    ("dim", (0, 3, 6), -0.06),
    ("aug", (0, 4, 8), -0.20),
    ("sus", (0, 5, 7), -0.18),
    ("sus", (0, 2, 7), -0.22),
    ("dominant7", (0, 4, 7, 10), -0.08),
    ("major7", (0, 4, 7, 11), -0.24),
    ("minor7", (0, 3, 7, 10), -0.22),
    ("half_dim7", (0, 3, 6, 10), -0.12),
    ("dim7", (0, 3, 6, 9), -0.02),
    ("open", (0, 7), -0.12),
)
# share of a half at which a chord note counts as there, and what a missing root, third, fifth, seventh costs
_PRESENT = 0.15
_MISSING = (0.25, 0.16, 0.06, 0.22)
_MISSING_OPEN_FIFTH = 0.25
_BASS_ROOT, _BASS_OTHER, _BASS_FOREIGN = 0.09, 0.03, -0.10
# what each note of a chord that is foreign to the key costs
_FOREIGN = 0.07
_TONIC_TRIADS = 0.04
_CHANGE_AT_BAR, _CHANGE_IN_BAR = 0.08, 0.16


def quality_of(chord: Chord) -> int:
    """Index into `QUALITIES` of a planned chord: added notes fall away, every suspension is "sus", power chords are "open"."""
    steps = set(chord.intervals)
    if not steps & {3, 4}:
        return QUALITIES.index("sus" if steps & {2, 5} else "open")
    if 4 in steps:
        name = "aug" if 8 in steps and 7 not in steps else "dominant7" if 10 in steps else "major7" if 11 in steps else "major"
    elif 6 in steps and 7 not in steps:
        name = "half_dim7" if 10 in steps else "dim7" if 9 in steps else "dim"
    else:
        name = "minor7" if 10 in steps else "minor"
    return QUALITIES.index(name)


# ---------------------------------------------------------------------------------------------------------------- what sounds when


def _halves(passage: Passage) -> Floats:
    """(2B + 1,) edges of the half bars, beats."""
    edges = passage.edges
    grid = np.empty(2 * passage.bars + 1)
    grid[::2] = edges
    grid[1::2] = (edges[:-1] + edges[1:]) / 2
    return grid


def _sounding(passage: Passage, grid: Floats) -> tuple[Ints, Ints, Floats]:
    """Every pitched note in every cell of the grid where it sounds: note, cell, overlap in beats, each (M,)."""
    notes = np.flatnonzero(passage.pitched() & (passage.duration > 0))
    onset, end = passage.onset[notes], passage.onset[notes] + passage.duration[notes]
    first = np.clip(np.searchsorted(grid, onset + _TOLERANCE, side="right") - 1, 0, len(grid) - 2)
    last = np.clip(np.searchsorted(grid, end - _TOLERANCE, side="left") - 1, first, len(grid) - 2)
    counts = last - first + 1
    which = np.repeat(np.arange(len(notes)), counts)
    cell = first[which] + np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    overlap = np.minimum(end[which], grid[cell + 1]) - np.maximum(onset[which], grid[cell])
    return notes[which], cell, np.maximum(overlap, _TOLERANCE)


def _profiles(passage: Passage, grid: Floats) -> Floats:
    """(cells, 12) beats for which each pitch class sounds in each cell of the grid."""
    note, cell, overlap = _sounding(passage, grid)
    flat = np.bincount(cell * 12 + passage.pitch[note] % 12, weights=overlap, minlength=12 * (len(grid) - 1))
    return flat.astype(np.float64).reshape(-1, 12)  # of nothing, bincount makes integers


# -------------------------------------------------------------------------------------------------------------------------- keys


def _standard(table: Floats) -> Floats:
    """Rows of mean 0 and length 1; of silence, zeros."""
    centred = table - table.mean(axis=-1, keepdims=True)
    norm = np.linalg.norm(centred, axis=-1, keepdims=True)
    result: Floats = np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 1e-9)
    return result


def key_profiles(of_modes: Floats) -> Floats:
    """(24, 12) standardised profiles of the major keys C…B, then the minor ones, from those of C major and C minor (2, 12)."""
    return _standard(np.array([np.roll(profile, tonic) for profile in of_modes for tonic in range(12)], dtype=np.float64))


def key_fit(profiles: Floats, of_keys: Floats) -> Floats:
    """(…, 24) correlation of pitch-class profiles (…, 12) with those of `key_profiles`; 0 for silence."""
    fit: Floats = _standard(profiles) @ of_keys.T
    return fit


def _modulation_prices() -> Floats:
    """(24, 24) price of going from key to key: more for keys further apart on the circle of fifths."""
    tonic, mode = np.arange(24) % 12, np.arange(24) // 12
    fifths = ((tonic + 3 * mode) * 7) % 12  # of the signature
    apart = (fifths[:, None] - fifths[None, :]) % 12
    price: Floats = _MODULATION * (1 + _PER_FIFTH * np.minimum(apart, 12 - apart)) * (1 - np.eye(24))
    return price


def _best_path(fit: Floats, prices: Floats) -> Ints:
    """(T,) states of the path with the greatest sum of fit (T, S) less the prices (S, S) of its steps (Viterbi)."""
    steps, states = fit.shape
    back = np.empty((steps, states), dtype=np.int64)
    best = fit[0].copy()
    for t in range(1, steps):
        options = best[:, None] - prices
        back[t] = options.argmax(axis=0)
        best = options.max(axis=0) + fit[t]
    return _trace(back, int(best.argmax()))


def _trace(back: Ints, last: int) -> Ints:
    path = np.empty(len(back), dtype=np.int64)
    path[-1] = last
    for t in range(len(back) - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return path


def find_keys(passage: Passage) -> Int8s:
    """(B, 2) tonic pitch class and mode (0 major, 1 minor) of every bar.

    Modulations of about four bars and more are followed; empty bars keep the key around them; an empty passage is in C major.
    Source: see the module.
    """
    if not passage.bars:
        return np.zeros((0, 2), dtype=np.int8)
    path = _best_path(key_fit(_profiles(passage, passage.edges) ** _COMPRESSED, key_profiles(_PROFILES)), _modulation_prices())
    return np.stack([path % 12, path // 12], axis=1).astype(np.int8)


# ------------------------------------------------------------------------------------------------------------------------ chords


def _half_content(passage: Passage, grid: Floats) -> tuple[Floats, Ints]:
    """Of every half bar: (2B, 12) share of each pitch class by length and metric weight, and (2B,) the bass pitch class or −1."""
    note, cell, overlap = _sounding(passage, grid)
    offset = passage.onset[note] - grid[cell]
    length = np.diff(grid)[cell]
    # what sounds as the half begins is likelier a chord note than what comes in off the beat
    at_start = offset < _TOLERANCE
    on_beat = np.abs(offset - np.round(offset)) < _TOLERANCE
    weight = overlap * np.where(at_start, 1.5, np.where(on_beat, 1.2, 1.0))
    flat = cell * 12 + passage.pitch[note] % 12
    content = np.bincount(flat, weights=weight, minlength=12 * (len(grid) - 1)).astype(np.float64).reshape(-1, 12)
    total = content.sum(axis=1, keepdims=True)
    content = np.divide(content, total, out=np.zeros_like(content), where=total > 0)
    # the bass: lowest pitch that sounds for a fair part of the half (a passing low note does not carry it)
    bass = np.full(len(grid) - 1, 999, dtype=np.int64)
    for part in (0.0, 0.2):
        low = np.full(len(grid) - 1, 999, dtype=np.int64)
        held = overlap >= part * length
        np.minimum.at(low, cell[held], passage.pitch[note[held]])
        bass = np.where(low < 999, low, bass)
    return content, np.where(bass < 999, bass % 12, -1)


def _chord_table() -> tuple[Floats, Floats, Floats, Ints, Ints]:
    """All templates at all roots (S of them): membership and price of absence, each (S, 12); prior, root, quality, each (S,)."""
    member, missing, prior, roots, qualities = [], [], [], [], []
    for name, steps, worth in _TEMPLATES:
        costs = list(_MISSING[: len(steps)])
        if name == "open":
            costs = [_MISSING[0], _MISSING_OPEN_FIFTH]
        elif name in ("dim", "aug", "half_dim7", "dim7"):
            costs[2] = 0.20  # the altered fifth is what makes them
        for root in range(12):
            inside, cost = np.zeros(12), np.zeros(12)
            for step, price in zip(steps, costs, strict=True):
                inside[(root + step) % 12] = 1.0
                cost[(root + step) % 12] = price
            member.append(inside)
            missing.append(cost)
            prior.append(worth)
            roots.append(root)
            qualities.append(QUALITIES.index(name))
    return np.array(member), np.array(missing), np.array(prior), np.array(roots), np.array(qualities)


def _key_scales() -> Floats:
    """(24, 12) what a pitch class costs as foreign to a key, 0…1; minor keys know the raised and lowered sixth and seventh."""
    major = np.ones(12)
    major[[0, 2, 4, 5, 7, 9, 11]] = 0
    minor = np.ones(12)
    minor[[0, 2, 3, 5, 7, 8, 11]] = 0
    minor[[9, 10]] = 0.5
    return np.array([np.roll(scale, tonic) for scale in (major, minor) for tonic in range(12)])


def _chord_fit(content: Floats, bass: Ints, keys: Int8s) -> Floats:
    """(2B, S) how well each template explains each half bar; 0 for silence."""
    member, missing, prior, root, _ = _chord_table()
    absent = 1 - np.minimum(1, content / _PRESENT)
    fit = 2 * content @ member.T - 1 - absent @ missing.T + prior
    key = np.repeat(keys[:, 0].astype(np.int64) + 12 * keys[:, 1], 2)
    foreign = _key_scales() @ member.T
    primary = np.array([[(r - k) % 12 in (0, 5, 7) for r in root] for k in np.arange(24) % 12])
    fit += (_TONIC_TRIADS * primary - _FOREIGN * foreign)[key]
    of_bass = np.where(member > 0, _BASS_OTHER, _BASS_FOREIGN)
    of_bass[np.arange(len(root)), root] = _BASS_ROOT
    fit += of_bass.T[np.maximum(bass, 0)]
    result: Floats = np.where(bass[:, None] >= 0, fit, 0.0)
    return result


def _chord_path(fit: Floats) -> Ints:
    """(2B,) templates of the best path; a change costs more inside a bar than at its line."""
    back = np.empty(fit.shape, dtype=np.int64)
    same = np.arange(fit.shape[1])
    best = fit[0].copy()
    for t in range(1, len(fit)):
        other = int(best.argmax())
        moved = best[other] - (_CHANGE_IN_BAR if t % 2 else _CHANGE_AT_BAR)
        back[t] = np.where(best >= moved, same, other)
        best = np.maximum(best, moved) + fit[t]
    return _trace(back, int(best.argmax()))


def find_chords(passage: Passage, keys: Int8s) -> Int8s:
    """(B, 2, 3) root pitch class, quality and bass pitch class of the first and second half of every bar, −1 where nothing sounds.

    `keys` (B, 2) are those of `find_keys`; they lean the choice to chords of the key, which decides where only a melody sounds.
    Source: see the module.
    """
    if not passage.bars:
        return np.zeros((0, 2, 3), dtype=np.int8)
    content, bass = _half_content(passage, _halves(passage))
    path = _chord_path(_chord_fit(content, bass, keys))
    _, _, _, root, quality = _chord_table()
    found = np.stack([root[path], quality[path], bass], axis=1)
    found[bass < 0] = -1
    return found.reshape(-1, 2, 3).astype(np.int8)


# --------------------------------------------------------------------------------------------------------- notes against chords


def strong_notes(passage: Passage) -> Bools:
    """(N,) whether a note is pitched and begins on a downbeat, or in mid-bar where the metre has an even number of beats.

    A short first bar is an upbeat: it is counted from its end. Tolerance 1e-3 beats.
    """
    if not passage.bars or not len(passage.onset):
        return np.zeros(len(passage.onset), dtype=bool)
    bar = passage.bar_of(passage.onset + _TOLERANCE)
    place = passage.onset - passage.edges[bar]
    numerator, denominator = passage.metres[:, 0], passage.metres[:, 1]
    whole = numerator * 4.0 / denominator
    missing = max(0.0, float(whole[0] - (passage.edges[1] - passage.edges[0])))
    place = np.where(bar == 0, place + missing, place)
    downbeat = np.abs(place) <= _TOLERANCE
    middle = (np.abs(place - whole[bar] / 2) <= _TOLERANCE) & (numerator[bar] % 2 == 0)
    strong: Bools = passage.pitched() & (downbeat | middle)
    return strong


def _half_of(passage: Passage, onset: Floats) -> tuple[Ints, Ints]:
    """Bar and half (0 or 1) of every onset."""
    cell = np.searchsorted(_halves(passage), onset + _TOLERANCE, side="right") - 1
    cell = np.clip(cell, 0, 2 * passage.bars - 1)
    return cell // 2, cell % 2


def chord_tone_share(passage: Passage, chords: Int8s) -> float:
    """Share (0…1) of the `strong_notes` whose pitch class belongs to the chord of their half bar; nan if there is none to judge.

    `chords` (B, 2, 3 or 2) as `find_chords` gives them, or from a plan (root, `quality_of`, bass); notes where the root is −1 are
    not judged.
    """
    strong = np.flatnonzero(strong_notes(passage))
    bar, half = _half_of(passage, passage.onset[strong])
    root, quality = chords[bar, half, 0].astype(np.int64), chords[bar, half, 1].astype(np.int64)
    judged = root >= 0
    if not judged.any():
        return float("nan")
    tones = np.zeros((len(QUALITIES), 12), dtype=bool)
    for i, name in enumerate(QUALITIES):
        tones[i, list(QUALITY_INTERVALS[name])] = True
    inside = tones[quality, (passage.pitch[strong] - root) % 12]
    return float(inside[judged].mean())


# --------------------------------------------------------------------------------------------------------------------- majorness


def _majorness(profiles: Floats) -> Floats:
    fit = key_fit(profiles, key_profiles(_LONG_PROFILES))
    result: Floats = fit[..., :12].max(axis=-1) - fit[..., 12:].max(axis=-1)
    return result


def majorness(passage: Passage) -> float:
    """How much more major than minor a passage is, −2…2: correlation of its lengths per pitch class with the best major key profile
    less that with the best minor one; 0 for silence.
    """
    return float(_majorness(_profiles(passage, passage.edges).sum(axis=0))) if passage.bars else 0.0


def majorness_by_bar(passage: Passage, window: int = 8) -> Floats:
    """(B,) `majorness` of the `window` bars around every bar (fewer at the ends)."""
    bars = passage.bars
    if not bars:
        return np.zeros(0)
    running = np.concatenate([np.zeros((1, 12)), np.cumsum(_profiles(passage, passage.edges), axis=0)])
    first = np.maximum(np.arange(bars) - window // 2, 0)
    last = np.minimum(np.arange(bars) - window // 2 + window, bars)
    return _majorness(running[last] - running[first])
