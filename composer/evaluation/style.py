"""Style: numbers that tell music people wrote from music that wanders or is stuck, measured from a `Passage` alone.

Conventions
-----------
Only pitched lines count unless a measure says otherwise. Time is read in `TICKS` per beat (sixteenths and triplets are exact). The *tune* of a
line is its highest note at every onset. A measure that has nothing to measure is nan. Most depend on who plays and how long: compare
like ensembles (`ensemble_of`) in excerpts of like length (`windows`).

Sources
-------
Wu & Yang, "The Jazz Transformer on the front line" (ISMIR 2020): pitch-class entropy, groove, structureness (theirs from the fitness of audio
segments, Müller et al. 2011; ours from bars, see `_structureness`). Mogren, "C-RNN-GAN" (2016) and Dong et al., "MuseGAN" (AAAI 2018): scale
consistency, polyphony. Holtzman et al., "The curious case of neural text degeneration" (ICLR 2020): degeneracy as repetition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from composer.instruments import INSTRUMENTS
from composer.theory.passage import Floats, Ints, Passage
from composer.theory.texture import TOGETHER

Bools = NDArray[np.bool_]
Hashes = NDArray[np.uint64]

#: divisions of a beat
TICKS = 12
#: bars apart that count as near, middling and far (Wu & Yang: 3–8, 8–15, over 15 seconds)
SPANS = {"structure_short": (1, 4), "structure_mid": (5, 12), "structure_long": (13, 10**6)}
#: pairs of bars that a lag needs to be judged
FEWEST_PAIRS = 8
#: measure → what it is (unit)
MEASURES: dict[str, str] = {
    "pc_entropy_1": "entropy of pitch classes in one bar (bits)",
    "pc_entropy_4": "the same over four bars (bits)",
    "groove_consistency": "1 − share of ticks at which just one of two neighbouring bars has an onset (0…1; drums too)",
    "groove_similarity": "onsets that neighbouring bars share, of all they have (Jaccard, 0…1; drums too)",
    "scale_consistency": "most notes that fit one major, natural or harmonic minor scale (share)",
    "structure_short": "how alike bars are at the best lag of 1–4 bars (0…1)",
    "structure_mid": "… of 5–12 bars",
    "structure_long": "… of 13 bars and more",
    "repeated_notes": "notes of a tune on the pitch before them (share)",
    "identical_run": "most bars running that some line plays alike (bars; drums too)",
    "identical_run_mean": "the same, mean over lines (bars)",
    "identical_bars": "bars of a line like its bar before, of those with notes (share; drums too)",
    "onset_entropy": "entropy of the time between a line's onsets (bits; drums too)",
    "log_length": "mean log2 of note length (log2 beats)",
    "top_interval": "median step of the highest tune (semitones, unsigned)",
    "line_interval": "median step of all lines that play one note at a time (semitones, unsigned)",
    "leaps": "steps of one-note lines beyond a fifth (share)",
    "polyphony": "notes that sound at once, while any does (mean)",
    "rest_share": "time a line is silent, mean over lines (share)",
    "empty_beats": "beats in which nothing begins (share; drums too)",
    "notes_per_beat": "notes (per beat; drums too)",
}


def measure_style(passage: Passage) -> dict[str, float]:
    """Every one of `MEASURES`, by name."""
    found = dict.fromkeys(MEASURES, float("nan"))
    if not passage.bars or not len(passage.onset):
        return found
    bar = passage.bar_of(passage.onset)
    tick = np.round((passage.onset - passage.edges[bar]) * TICKS).astype(np.int64).clip(0)
    pitched = passage.pitched()
    per_bar = np.bincount(bar[pitched] * 12 + passage.pitch[pitched] % 12, minlength=12 * passage.bars).reshape(-1, 12).astype(np.float64)
    size = int(tick.max()) + 1
    onsets = np.bincount(bar * size + tick, minlength=size * passage.bars).reshape(-1, size) > 0
    found.update(_groove(passage, onsets), **_repetition(passage, bar, tick), **_tunes(passage), **_structureness(per_bar, onsets))
    begins = np.unique(np.floor(passage.onset + 1e-3))
    found["empty_beats"] = 1 - min(1.0, len(begins) / np.ceil(passage.edges[-1] - 1e-6))
    found["notes_per_beat"] = len(passage.onset) / float(passage.edges[-1])
    if pitched.any():
        four = np.lib.stride_tricks.sliding_window_view(per_bar, min(4, passage.bars), axis=0).sum(axis=-1)
        total = per_bar.sum(axis=0)
        found["pc_entropy_1"], found["pc_entropy_4"] = float(np.mean(_entropy(per_bar))), float(np.mean(_entropy(four)))
        found["scale_consistency"] = float((_SCALES @ total).max() / total.sum())
        found["log_length"] = float(np.log2(np.maximum(passage.duration[pitched], 1 / TICKS)).mean())
        found.update(_sounding(passage, pitched))
    return found


_SCALES = np.array([[(pc - k) % 12 in steps for pc in range(12)] for steps in ({0, 2, 4, 5, 7, 9, 11}, {0, 2, 3, 5, 7, 8, 11}) for k in range(12)], dtype=np.float64)  # fmt: skip


def _entropy(counts: Floats) -> Floats:
    """(K,) bits of each row of counts (K, C); rows without any are left out."""
    counts = counts[counts.sum(axis=1) > 0]
    share = counts / counts.sum(axis=1, keepdims=True)
    return np.asarray(-(share * np.log2(np.where(share > 0, share, 1.0))).sum(axis=1))


def _groove(passage: Passage, onsets: Bools) -> dict[str, float]:
    """Neighbouring bars of one length, both with onsets. `onsets` (B, T)."""
    length = np.diff(passage.edges)
    pairs = onsets[:-1].any(axis=1) & onsets[1:].any(axis=1) & (np.abs(np.diff(length)) < 1e-6)
    if not pairs.any():
        return {}
    one, two = onsets[:-1][pairs], onsets[1:][pairs]
    differ = (one ^ two).sum(axis=1)
    return {
        "groove_consistency": float(1 - np.mean(differ / (length[1:][pairs] * TICKS))),
        "groove_similarity": float(np.mean((one & two).sum(axis=1) / (one | two).sum(axis=1))),
    }


def _structureness(per_bar: Floats, onsets: Bools) -> dict[str, float]:
    """Symbolic structureness. Bars are alike by the cosine of their pitch classes (B, 12) and of their onsets (B, T), mean of the two;
    of every lag the mean along its diagonal of the self-similarity matrix; of a span of lags the best. Silent bars are left out.
    """
    bars = len(per_bar)
    heard = onsets.any(axis=1) & (per_bar.sum(axis=1) > 0)
    alike = np.zeros((bars, bars))
    for table in (per_bar, onsets.astype(np.float64)):
        unit = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
        alike += 0.5 * unit @ unit.T
    lag = np.arange(bars)[None, :] - np.arange(bars)[:, None]
    pairs = (heard[:, None] & heard[None, :] & (lag > 0)).ravel()
    count = np.bincount(lag.ravel()[pairs], minlength=bars)
    mean = np.bincount(lag.ravel()[pairs], weights=alike.ravel()[pairs], minlength=bars) / np.maximum(count, 1)
    spans = {name: mean[low : high + 1][count[low : high + 1] >= FEWEST_PAIRS] for name, (low, high) in SPANS.items()}
    return {name: float(values.max()) for name, values in spans.items() if len(values)}


def mixed(values: NDArray[np.int64]) -> Hashes:
    """Well-spread 64-bit numbers of small ones (splitmix64)."""
    x = values.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x632BE59BD9B4E019)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))


def _repetition(passage: Passage, bar: Ints, tick: Ints) -> dict[str, float]:
    """Bars that a line plays like the bar before: the same onsets, pitches and lengths (to a tick)."""
    length = np.round(passage.duration * TICKS).astype(np.int64).clip(1, 4095)
    cells = np.zeros((passage.bars, len(passage.lines)), dtype=np.uint64)
    # a sum of hashes does not care for the order of the notes
    np.add.at(cells, (bar, passage.line), mixed((tick << 20) + (length << 7) + passage.pitch))
    full = cells != 0
    same = np.zeros(cells.shape, dtype=bool)
    same[1:] = (cells[1:] == cells[:-1]) & full[1:]
    longest, run = np.zeros(len(passage.lines)), np.zeros(len(passage.lines))
    for here, again in zip(full, same, strict=True):
        run = np.where(again, run + 1, here)
        longest = np.maximum(longest, run)
    plays = full.any(axis=0)
    follows = full[1:].sum()  # the first bar has none before it
    share = float(same.sum() / follows) if follows else float("nan")
    return {"identical_run": float(longest.max()), "identical_run_mean": float(longest[plays].mean()), "identical_bars": share}


def tune(passage: Passage, line: int) -> tuple[Floats, Ints, float]:
    """Onset and highest pitch of every onset of a line, and its notes per onset."""
    mine = passage.line == line
    onset, pitch = passage.onset[mine], passage.pitch[mine]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(onset) > TOGETHER]))
    return onset[starts], np.maximum.reduceat(pitch, starts), len(onset) / len(starts)


def _tunes(passage: Passage) -> dict[str, float]:
    """Measures along the lines; the highest tune is that of the line with the highest mean pitch among those that play half the most."""
    is_drum = passage.is_drum()
    gaps, repeats, steps, tunes = [np.zeros(0)], [], [], []
    for line in np.unique(passage.line):
        onset, pitch, voices = tune(passage, int(line))
        gaps.append(np.diff(onset))
        if is_drum[line]:
            continue
        step = np.abs(np.diff(pitch))
        repeats.append(step == 0)
        tunes.append((len(pitch), float(pitch.mean()), step))
        if voices < 1.1:
            steps.append(step)
    found = {}
    _, waits = np.unique(np.round(np.concatenate(gaps) * TICKS), return_counts=True)
    if len(waits):
        found["onset_entropy"] = float(_entropy(waits[None].astype(np.float64))[0])
    if tunes and any(len(r) for r in repeats):
        found["repeated_notes"] = float(np.concatenate(repeats).mean())
        most = max(count for count, _, _ in tunes)
        top = max((mean, i) for i, (count, mean, _) in enumerate(tunes) if 2 * count >= most)[1]
        if len(tunes[top][2]):
            found["top_interval"] = float(np.median(tunes[top][2]))
    if any(len(s) for s in steps):
        together = np.concatenate(steps)
        found["line_interval"], found["leaps"] = float(np.median(together)), float((together > 7).mean())
    return found


def _covered(onset: Floats, end: Floats) -> float:
    """Beats in which at least one note sounds; onsets ascend."""
    reached = np.maximum.accumulate(np.concatenate([[0.0], end]))[:-1]
    return float(np.maximum(0.0, end - np.maximum(onset, reached)).sum())


def _sounding(passage: Passage, pitched: Bools) -> dict[str, float]:
    total = float(passage.edges[-1])
    onset, end, line = passage.onset[pitched], np.minimum((passage.onset + passage.duration)[pitched], total), passage.line[pitched]
    rests = [1 - min(1.0, _covered(onset[line == i], end[line == i]) / total) for i in np.unique(line)]
    sound = _covered(onset, end)
    many = float((end - onset).sum()) / sound if sound > 0 else float("nan")
    return {"polyphony": many, "rest_share": float(np.mean(rests))}


# --- against what people wrote -------------------------------------------------------------------------------------------------


def ensemble_of(passage: Passage) -> str:
    """Who plays, in a word: strings, orchestra, piano (any one keyboard), solo+piano, band, winds or other."""
    players = [INSTRUMENTS[passage.lines[i].instrument] for i in np.unique(passage.line)]
    families = {p.family for p in players}
    if any(p.is_drum and p.id == "drums" for p in players) or families & {"synth"} or any(p.id.startswith(("electric_g", "bass_g")) for p in players):  # fmt: skip
        return "band"
    if families in ({"strings"}, {"piano"}):
        return families.pop()
    if families and families <= {"woodwinds", "brass"}:
        return "winds"
    if "strings" in families and ("brass" in families or ("woodwinds" in families and len(players) >= 6)):
        return "orchestra"
    alone = [p for p in players if p.family != "piano"]
    return "solo+piano" if "piano" in families and len(alone) == 1 and not alone[0].is_drum else "other"


def windows(passage: Passage, bars: int = 32, fewest: int = 24) -> list[Passage]:
    """Excerpts of `bars` bars, one after the other; a rest of at least `fewest` is an excerpt too. Those without notes are left out."""
    cut = [passage.between(i, min(i + bars, passage.bars)) for i in range(0, passage.bars, bars) if passage.bars - i >= fewest]
    return [window for window in cut if len(window.onset)]


@dataclass(frozen=True)
class Comparison:
    """One measure of ours beside people's."""

    measure: str
    #: median of ours and the ends of its 95 % interval (percentile bootstrap over outputs)
    ours: float
    low: float
    high: float
    #: first quartile, median and third quartile of people's
    human: tuple[float, float, float]
    #: whether our median lies between their quartiles
    inside: bool


def compare(outputs: Sequence[Mapping[str, float]], human: Sequence[Mapping[str, float]], seed: int = 0, resamples: int = 2000) -> list[Comparison]:  # fmt: skip
    """One row per measure that both have; nan values are left out."""
    rng, rows = np.random.default_rng(seed), []
    for name in MEASURES:
        ours, theirs = (np.array([m[name] for m in side if np.isfinite(m[name])]) for side in (outputs, human))
        if len(ours) and len(theirs):
            low, high = np.quantile(np.median(rng.choice(ours, (resamples, len(ours))), axis=1), [0.025, 0.975])
            first, middle, third = (float(q) for q in np.quantile(theirs, [0.25, 0.5, 0.75]))
            median = float(np.median(ours))
            rows.append(Comparison(name, median, float(low), float(high), (first, middle, third), first <= median <= third))
    return rows


def share_inside(rows: Sequence[Comparison]) -> float:
    """Share of measures whose median lies between people's quartiles; nan without rows."""
    return float(np.mean([row.inside for row in rows])) if rows else float("nan")
