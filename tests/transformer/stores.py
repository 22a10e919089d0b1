"""Small prepared stores for tests: a few seeded passages, labelled and written as real data is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from composer.theory.passage import Line, Passage, sorted_passage
from composer.transformer.batches import Store
from composer.transformer.data.store import Writer, encode

#: roots of four bars above the tonic, and whether their third is minor
PROGRESSIONS = (((0, 0), (5, 0), (7, 0), (0, 0)), ((0, 1), (8, 0), (3, 0), (10, 0)), ((0, 0), (9, 1), (5, 0), (7, 0)))


def little_piece(seed: int, bars: int = 24) -> Passage:
    """A tune in broken chords with passing notes over a bass and held chords, in a key, metre and tempo of its own."""
    rng = np.random.default_rng(seed)
    tonic, beats = int(rng.integers(-5, 7)), int(rng.choice([3, 4]))
    progression = PROGRESSIONS[int(rng.integers(len(PROGRESSIONS)))]
    notes: list[tuple[float, float, int, int, int]] = []
    for bar in range(bars):
        root, minor = progression[bar % 4]
        chord = [tonic + root, tonic + root + (3 if minor else 4), tonic + root + 7]
        start, loud = float(bar * beats), int(rng.choice([50, 64, 77, 91]))
        at = 0.0
        while at < beats:
            length = float(rng.choice([0.5, 1.0, 1.0, 2.0]))
            pitch = 72 + int(rng.choice(chord)) + (int(rng.choice([-2, 2])) if rng.random() < 0.2 else 0)
            notes.append((start + at, min(length, beats - at), pitch, loud, 0))
            at += length
        notes.append((start, float(beats), 36 + chord[0], loud, 1))
        notes += [(start, float(beats), 60 + p, loud - 10, 2) for p in chord]
    lines = [Line("flute", "flute"), Line("cellos", "cellos"), Line("piano", "piano")]
    return _passage(notes, lines, bars, beats, float(rng.choice([70, 100, 140])))


def same_again(bars: int = 24) -> Passage:
    """One bar, over and over."""
    notes = []
    for bar in range(bars):
        notes += [(4.0 * bar + i, 1.0, pitch, 77, 0) for i, pitch in enumerate((60, 64, 67, 64))]
        notes += [(4.0 * bar, 4.0, 36, 64, 1)]
    return _passage(notes, [Line("flute", "flute"), Line("cellos", "cellos")], bars, 4, 100.0)


def _passage(notes: list[tuple[float, float, int, int, int]], lines: list[Line], bars: int, beats: int, qpm: float) -> Passage:
    metres = np.tile(np.array([beats, 4], dtype=np.int64), (bars, 1))
    return sorted_passage(notes, lines, np.arange(bars + 1, dtype=np.float64) * beats, metres, np.full(bars, qpm))


def write_store(folder: Path, train: list[Passage], valid: list[Passage], test: list[Passage]) -> Store:
    """The passages as a store; odd and even ones of a split are two collections."""
    writer = Writer()
    for split, passages in (("train", train), ("valid", valid), ("test", test)):
        for i, passage in enumerate(passages):
            about = {"split": split, "collection": ("even", "odd")[i % 2], "id": f"{split}/{i}", "weight": 1.0}
            writer.add(encode(passage, writer.instruments), about)
    writer.write(folder, {})
    return Store(folder)


def little_store(folder: Path) -> Store:
    """Twelve pieces to learn from, four to tune on, five to test."""
    return write_store(folder, *([little_piece(seed) for seed in range(*span)] for span in ((0, 12), (12, 16), (16, 21))))
