"""A store of a few short made-up pieces, and models small enough for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from composer.theory.passage import Line, Passage, sorted_passage
from composer.transformer.batches import Batch
from composer.transformer.model import Events, ModelConfig, Targets
from tests.transformer.stores import write_store

CONFIG = ModelConfig(width=32, layers=2, heads=2, head_width=32, context=64)
SPLITS = ("train", "train", "train", "valid", "test")


def piece(seed: int, bars: int = 40, beats: int = 4) -> Passage:
    """A flute in quavers over a bass in half notes, with drums and a horn that comes and goes."""
    rng = np.random.default_rng(seed)
    scale, home = np.array([0, 2, 4, 5, 7, 9, 11]), int(rng.integers(12))
    notes: list[tuple[float, float, int, int, int]] = []
    for bar in range(bars):
        root = int(rng.choice([0, 3, 4]))
        for place in range(2 * beats):
            degree = root + int(rng.integers(7))
            notes.append((bar * beats + place / 2, 0.5, 65 + home + int(scale[degree % 7]), int(rng.integers(50, 100)), 0))
        notes += [(bar * beats + beat, 2.0, 36 + home + int(scale[root]), 70, 1) for beat in range(0, beats, 2)]
        notes += [(bar * beats + beat, 0.25, 36 if beat % 2 == 0 else 38, 90, 2) for beat in range(beats)]
        if bar // 8 % 2:
            notes += [(bar * beats, float(beats), 53 + home + int(scale[(root + step) % 7]), 60, 3) for step in (0, 2)]
    lines = [Line("Flute", "flute"), Line("Bassoon", "bassoon"), Line("Drums", "drums"), Line("Horns", "horns")]
    return sorted_passage(
        notes, lines, np.arange(0, (bars + 1) * beats, beats, dtype=float), np.tile([beats, 4], (bars, 1)), np.full(bars, 100.0)
    )


def build(folder: Path) -> Path:
    """Write the store and return its folder; its second piece is a waltz."""
    pieces = [piece(number, beats=3 if number == 1 else 4) for number in range(len(SPLITS))]
    write_store(folder, pieces[:3], pieces[3:4], pieces[4:])
    return folder


def tensors(batch: Batch) -> tuple[Events, Targets]:
    """A batch for the model."""
    import torch

    from composer.transformer.train import to_tensors

    return to_tensors(batch, torch.device("cpu"))
