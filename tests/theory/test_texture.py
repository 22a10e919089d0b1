"""Texture counts what a score shows: onsets, voices, heights, and who plays in a phrase."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from composer.theory.passage import Line, Passage, sorted_passage
from composer.theory.texture import BLOCK_BARS, block_starts, carry_nearest, sounding, texture, window_sum

#: (onset, duration, pitch, velocity, line)
Row = tuple[float, float, int, int, int]


def passage_of(rows: list[Row], instruments: list[str], bars: int, beats: float = 4.0, qpm: float = 100.0) -> Passage:
    lines = [Line(name, name) for name in instruments]
    metres = np.tile(np.array([int(beats), 4], dtype=np.int64), (bars, 1))
    return sorted_passage(rows, lines, np.array([beats * bar for bar in range(bars + 1)]), metres, np.full(bars, qpm))


passages = st.builds(
    lambda bars, rows: passage_of([(o % (bars * 4), d, p, v, i) for o, d, p, v, i in rows], ["violin", "piano", "drums"], bars),
    st.integers(1, 13),
    st.lists(
        st.tuples(st.floats(0, 60), st.floats(0.05, 9), st.integers(21, 108), st.integers(1, 127), st.integers(0, 2)),
        max_size=40,
    ),
)


@settings(max_examples=40, deadline=None)
@given(passages)
def test_measures_stay_in_their_bounds(passage: Passage) -> None:
    found = texture(passage)
    shape = (passage.bars, len(passage.lines))
    for values in (found.onsets, found.density, found.register, found.loudness, found.voices, found.duration, found.active):
        assert values.shape == shape
        assert np.isfinite(values).all()
    assert found.onsets.sum() <= len(passage.onset)
    assert ((found.register >= 21) & (found.register <= 108)).all()
    assert (found.voices[found.onsets > 0] >= 1 - 1e-9).all()
    assert found.active[found.onsets > 0].all()
    # a block is active as a whole
    for start in block_starts(passage.bars):
        block = found.active[start : start + BLOCK_BARS]
        assert (block == block[0]).all()


def test_a_steady_line_has_one_density() -> None:
    quavers: list[Row] = [(i / 2, 0.5, 60, 80, 0) for i in range(64)]
    found = texture(passage_of(quavers, ["piano"], 8))
    assert (found.onsets == 8).all()
    assert found.density == pytest.approx(np.full((8, 1), 2.0))
    assert found.duration == pytest.approx(np.full((8, 1), 0.5))
    assert found.loudness == pytest.approx(np.full((8, 1), 80.0))


def test_a_chord_is_one_onset_of_many_voices_even_when_rolled() -> None:
    rows: list[Row] = [(4.0 * bar + 0.01 * i, 4.0, pitch, 70, 0) for bar in range(4) for i, pitch in enumerate((48, 55, 64))]
    found = texture(passage_of(rows, ["piano"], 4))
    assert (found.onsets == 1).all()
    assert found.voices == pytest.approx(np.full((4, 1), 3.0))


def test_a_rest_inside_a_phrase_is_not_an_exit() -> None:
    rows: list[Row] = [(0.0, 4.0, 60, 80, 0), (12.0, 4.0, 72, 80, 0)]
    found = texture(passage_of(rows, ["flute"], 12))
    assert found.active[:, 0].tolist() == [True] * 4 + [False] * 8
    # what is not heard is what was heard last
    assert found.register[-1, 0] == pytest.approx(72)


def test_a_held_note_plays_in_every_bar_it_reaches() -> None:
    passage = passage_of([(0.0, 20.1, 48, 80, 0)], ["cello"], 12)
    assert sounding(passage)[:, 0].tolist() == [True] * 5 + [False] * 7
    assert texture(passage).active[:, 0].tolist() == [True] * 8 + [False] * 4


def test_a_line_that_never_plays_has_neutral_values() -> None:
    found = texture(passage_of([(0.0, 1.0, 80, 100, 0)], ["violin", "viola"], 4))
    assert found.register[:, 1] == pytest.approx(np.full(4, 60.0))
    assert not found.active[:, 1].any()


@pytest.mark.parametrize("bars", [0, 1, 5])
@pytest.mark.parametrize("instruments", [[], ["violin", "drums"]])
def test_silence(bars: int, instruments: list[str]) -> None:
    found = texture(passage_of([], instruments, bars))
    assert found.onsets.shape == (bars, len(instruments))
    assert not found.active.any()


def test_windows_are_centred() -> None:
    impulse = np.zeros(9)
    impulse[4] = 1.0
    assert window_sum(impulse, 4).tolist() == [0, 0, 0.5, 1, 1, 1, 0.5, 0, 0]
    assert window_sum(impulse, 3).tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0]


def test_the_nearest_value_is_carried() -> None:
    values = np.array([[np.nan, np.nan], [1.0, np.nan], [np.nan, np.nan], [np.nan, np.nan], [np.nan, np.nan], [2.0, np.nan]])
    assert carry_nearest(values, 7.0).T.tolist() == [[1, 1, 1, 1, 2, 2], [7] * 6]
