"""Bar lines go to where a waltz puts its bass; what stands well stays."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from composer.theory.passage import Line, Passage, sorted_passage
from composer.transformer.data.upbeats import accents, upbeat, with_upbeat

HARMONY = (0, 5, 7, 0, 9, 2, 7, 0)


def waltz(bars: int, late: float, seed: int = 3) -> Passage:
    """Oom-pah-pah under a tune; with `late` its downbeats stand so many beats behind the written bar lines."""
    chance = random.Random(seed)
    notes: list[tuple[float, float, int, int, int]] = []
    for bar in range(bars):
        at, root = 3 * bar + late, HARMONY[bar % len(HARMONY)]
        triad = [0, 4, 7] if root in (0, 5, 7) else [0, 3, 7]
        notes.append((at, 1.0, 36 + root, 80, 1))
        notes += [(at + beat, 1.0, 60 + (root + step) % 12, 60, 1) for beat in (1, 2) for step in triad]
        notes.append((at, 2.0, 72 + (root + chance.choice(triad)) % 12, 80, 0))
        notes.append((at + 2, 1.0, 72 + chance.choice([0, 2, 4, 5, 7, 9, 11]), 70, 0))
    if late:
        notes.append((late - 1, 1.0, 79, 70, 0))
    count = int(np.ceil(max(note[0] + note[1] for note in notes) / 3))
    edges, metres = np.arange(0, 3 * count + 1, 3, dtype=float), np.tile([3, 4], (count, 1))
    return sorted_passage(notes, [Line("Violin", "violin"), Line("Piano", "piano")], edges, metres, np.full(count, 120.0))


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_waltz_that_lost_its_upbeat_is_put_right(seed: int) -> None:
    written = waltz(24, 1.0, seed)
    found = with_upbeat(written)
    assert upbeat(written) == 1.0
    assert found.edges[:4].tolist() == [0, 1, 4, 7]
    assert set(np.diff(found.edges[1:])) == {3.0}
    assert found.edges[-1] >= (written.onset + written.duration).max() - 1e-6
    assert len(found.metres) == len(found.qpm) == found.bars
    assert found.metres[0].tolist() == [2, 8] and (found.metres[1:] == [3, 4]).all()
    for name in ("onset", "duration", "pitch", "velocity", "line"):
        assert (getattr(found, name) == getattr(written, name)).all()
    bass = found.onset[found.pitch < 50]
    assert np.isin(bass, found.edges).all()


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_waltz_that_stands_well_is_left_alone(seed: int) -> None:
    written = waltz(24, 0.0, seed)
    assert upbeat(written) == 0.0
    assert with_upbeat(written) is written


def test_a_written_upbeat_is_left_alone() -> None:
    right = with_upbeat(waltz(24, 1.0))
    assert with_upbeat(right) is right


def test_too_little_music_says_nothing() -> None:
    assert with_upbeat(waltz(6, 1.0)).bars == 7
    nothing = np.zeros(0, dtype=int)
    empty = replace(waltz(12, 0.0), onset=np.zeros(0), duration=np.zeros(0), pitch=nothing, velocity=nothing, line=nothing)
    assert with_upbeat(empty) is empty


def test_only_the_stretch_before_a_change_of_metre_moves() -> None:
    written = waltz(24, 1.0)
    metres = written.metres.copy()
    metres[16:] = (6, 8)
    found = with_upbeat(replace(written, metres=metres))
    assert found.edges[1] == 1.0
    assert found.edges[-9:].tolist() == written.edges[16:][-9:].tolist()
    assert (np.diff(found.edges) > 0).all() and len(found.metres) == found.bars


def test_accents_are_loudest_on_the_downbeat() -> None:
    strength = accents(waltz(24, 0.0), 72.0)
    assert np.argmax(strength.reshape(-1, 6).mean(0)) == 0
