"""Sections and marked moments, found where they were put."""

from __future__ import annotations

import numpy as np
import pytest

from composer.theory.passage import Line, Passage, sorted_passage
from composer.theory.texture import texture
from composer.transformer.data.labels import SECTION_BARS, find_form, marked_beats, section_starts, strike_strength

LINES = [Line("Flute", "flute"), Line("Cello", "cello"), Line("Horns", "horns")]


def music(bars: int, strikes: tuple[float, ...] = (), enter: int = 999, qpm: tuple[float, ...] = ()) -> Passage:
    """A quiet tune and bass; from bar `enter` horns; a heavy chord on every beat of `strikes`."""
    notes: list[tuple[float, float, int, int, int]] = []
    for beat in range(4 * bars):
        notes.append((float(beat), 1.0, 72 + beat % 5, 60, 0))
        if beat % 2 == 0:
            notes.append((float(beat), 2.0, 48 + beat % 3, 60, 1))
        if beat >= 4 * enter:
            notes.append((float(beat), 1.0, 60, 60, 2))
    notes += [(beat, 1.0, pitch, 120, 1) for beat in strikes for pitch in range(40, 60, 2)]
    return sorted_passage(
        notes, LINES, np.arange(0, 4 * bars + 1, 4, dtype=float), np.tile([4, 4], (bars, 1)), np.array(qpm or (100.0,) * bars)
    )


def starts(passage: Passage) -> list[int]:
    return [int(bar) for bar in section_starts(passage, texture(passage))]


def test_a_section_begins_where_players_enter_and_where_the_tempo_changes() -> None:
    assert 8 in starts(music(24, enter=8))
    assert 12 in starts(music(24, qpm=(100.0,) * 12 + (60.0,) * 12))


@pytest.mark.parametrize("bars", [1, 2, 3, 4, 5, 7, 16, 17, 33, 50])
def test_sections_cover_everything(bars: int) -> None:
    passage = music(bars)
    found = starts(passage)
    assert found[0] == 0 and found == sorted(set(found))
    lengths = np.diff([*found, bars])
    assert lengths.max() <= SECTION_BARS[1]
    assert (lengths[1:] >= SECTION_BARS[0]).all()
    form = find_form(passage, texture(passage))
    assert len(form.since) == len(form.until) == len(form.hit_in) == len(form.hit_at) == len(form.cut_rhythm) == bars
    assert (form.since + form.until + 1 == np.repeat(lengths, lengths)).all()
    assert (form.since >= 0).all() and (form.until >= 0).all() and form.until[-1] == 0


def test_a_strike_is_a_marked_moment() -> None:
    passage = music(24, strikes=(37.0, 70.0))
    form = find_form(passage, texture(passage))
    assert form.hit_at[9] == 1.0 and form.hit_at[17] == 2.0
    assert form.hit_in[:10].tolist() == list(range(9, -1, -1))
    assert form.hit_in[10:18].tolist() == list(range(7, -1, -1))
    assert (form.hit_in[18:] == 10**6).all()
    assert np.isnan(np.delete(form.hit_at, [9, 17])).all()  # a beginning is no surprise
    assert form.cut_rhythm[9] > form.cut_rhythm[13]


def test_strikes_close_together_are_one() -> None:
    strength = np.zeros(40)
    strength[[20, 22, 36]] = (3.0, 5.0, 3.0)
    assert marked_beats(strength, spacing=4, rise=1.0).tolist() == [22, 36]
    assert marked_beats(np.ones(3), 4, 1.0).tolist() == [] == marked_beats(np.ones(30), 4, 1.0).tolist()


def test_strength_counts_what_begins_on_a_beat() -> None:
    notes = [(0.0, 1.0, 60, 64, 0), (1.5, 1.0, 60, 64, 0), (2.0, 1.0, 60, 64, 0), (2.0, 1.0, 48, 64, 1)]
    passage = sorted_passage(notes, LINES, np.array([0.0, 4.0]), np.array([[4, 4]]), np.array([100.0]))
    beats, strength = strike_strength(passage)
    assert beats.tolist() == [0, 1, 2, 3]
    assert np.allclose(strength, np.log1p([1, 0, 2, 0]))
