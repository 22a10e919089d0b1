"""Style measures: known answers of hand-made music, and what must not change them."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from composer.evaluation.copying import NGRAMS, longest_shared_ngram, ngram_index, ngram_shares
from composer.evaluation.style import MEASURES, compare, ensemble_of, measure_style, share_inside, windows
from composer.theory.passage import Line, Passage, sorted_passage

Row = tuple[float, float, int, int, int]


def passage_of(notes: list[Row], bars: int, instruments: tuple[str, ...] = ("violin",), qpm: float = 120.0) -> Passage:
    """Bars of 4/4."""
    lines = [Line(name, name) for name in instruments]
    return sorted_passage(notes, lines, np.linspace(0.0, 4.0 * bars, bars + 1), np.tile([4, 4], (bars, 1)), np.full(bars, qpm))


def wandering(seed: int, bars: int = 40, lines: int = 1) -> Passage:
    """Random notes, several lines."""
    rng = np.random.default_rng(seed)
    notes: list[Row] = []
    for line in range(lines):
        beat = 0.0
        while beat < 4 * bars - 1:
            length = float(rng.choice([0.25, 0.5, 1.0, 1 / 3]))
            notes.append((beat, length, int(rng.integers(50, 85)), 80, line))
            beat += length
    return passage_of(notes, bars, ("violin",) * lines)


def transposed(passage: Passage, semitones: int) -> Passage:
    return replace(passage, pitch=passage.pitch + semitones)


SCALE = passage_of([(4.0 * bar + i, 1.0, 60 + [0, 4, 7, 11][i], 80, 0) for bar in range(32) for i in range(4)], 32)

#: a chromatic scale up and down again
RISING = passage_of([(0.5 * i, 0.5, 60 + (i % 24 if i % 24 < 12 else 24 - i % 24), 80, 0) for i in range(128)], 16)


def test_perfect_repetition() -> None:
    found = measure_style(SCALE)
    assert found["groove_consistency"] == found["groove_similarity"] == 1
    assert [found[f"structure_{span}"] for span in ("short", "mid", "long")] == pytest.approx([1, 1, 1])
    assert found["identical_bars"] == 1 and found["identical_run"] == found["identical_run_mean"] == 32
    assert found["pc_entropy_1"] == found["pc_entropy_4"] == pytest.approx(2)
    assert found["scale_consistency"] == 1
    assert found["onset_entropy"] == found["repeated_notes"] == found["rest_share"] == found["empty_beats"] == 0
    assert found["log_length"] == 0 and found["polyphony"] == found["notes_per_beat"] == 1
    assert found["top_interval"] == found["line_interval"] == 4
    # 11 semitones down to the next bar, once a bar but the last
    assert found["leaps"] == pytest.approx(31 / 127)


def test_one_note_for_ever() -> None:
    found = measure_style(passage_of([(float(i), 0.5, 60, 80, 0) for i in range(128)], 32))
    assert found["repeated_notes"] == 1 and found["pc_entropy_4"] == 0 and found["rest_share"] == pytest.approx(0.5)


def test_all_pitch_classes_alike() -> None:
    twelve = passage_of([(4 * bar + i / 3, 1 / 3, 60 + i, 80, 0) for bar in range(8) for i in range(12)], 8)
    found = measure_style(twelve)
    assert [found["pc_entropy_1"], found["pc_entropy_4"]] == pytest.approx([np.log2(12)] * 2)
    assert found["scale_consistency"] == pytest.approx(7 / 12)


def test_silence_is_nan_and_no_crash() -> None:
    for empty in (passage_of([], 0), passage_of([], 4), passage_of([], 4, ())):
        found = measure_style(empty)
        assert list(found) == list(MEASURES) and np.isnan(list(found.values())).all()
        assert windows(empty, 4, 2) == []
        assert longest_shared_ngram([empty], ngram_index([empty])) == [0]
    alone = measure_style(passage_of([(0.0, 1.0, 60, 80, 0)], 1))
    assert np.isnan(alone["groove_consistency"]) and np.isnan(alone["onset_entropy"]) and alone["polyphony"] == 1


def test_drums_have_rhythm_but_no_pitch() -> None:
    found = measure_style(passage_of([(float(i), 0.25, 38, 80, 0) for i in range(32)], 8, ("drums",)))
    assert found["identical_run"] == 8 and found["groove_similarity"] == 1
    assert all(np.isnan(found[name]) for name in ("pc_entropy_1", "scale_consistency", "repeated_notes", "polyphony", "structure_short"))


def test_polyphony_and_rests() -> None:
    # two lines: one sounds all the time, the other half of it
    notes: list[Row] = [(4.0 * bar, 4.0, 72, 80, 0) for bar in range(8)] + [(4.0 * bar, 2.0, 48, 80, 1) for bar in range(8)]
    found = measure_style(passage_of(notes, 8, ("violin", "cello")))
    assert found["polyphony"] == pytest.approx(1.5) and found["rest_share"] == pytest.approx(0.25)
    assert found["empty_beats"] == pytest.approx(0.75)


def test_neighbours_that_share_nothing() -> None:
    notes: list[Row] = [(4.0 * bar + i + 0.5 * (bar % 2), 0.5, 60 + i, 80, 0) for bar in range(32) for i in range(4)]
    found = measure_style(passage_of(notes, 32))
    assert found["groove_similarity"] == 0 and found["groove_consistency"] == pytest.approx(1 - 8 / 48)
    assert found["identical_bars"] == 0 and found["identical_run"] == 1
    assert found["structure_short"] == pytest.approx(1), "every second bar is the same"


@pytest.mark.parametrize("seed", range(4))
def test_key_and_tempo_do_not_matter(seed: int) -> None:
    one = wandering(seed, lines=3)
    other = replace(transposed(one, 5), qpm=one.qpm / 2)
    assert measure_style(other) == pytest.approx(measure_style(one))


def test_chance_is_not_structure() -> None:
    chance, same = measure_style(wandering(1)), measure_style(SCALE)
    assert chance["structure_long"] < 0.7 < same["structure_long"]
    assert chance["pc_entropy_4"] > 3 and chance["identical_bars"] == 0 and chance["scale_consistency"] < 0.75


def test_it_is_quick() -> None:
    long = wandering(0, bars=90, lines=10)
    measure_style(long)
    began = time.process_time()
    for _ in range(4):
        measure_style(long)
    assert (time.process_time() - began) / 4 < 0.05


@pytest.mark.parametrize(
    ("instruments", "ensemble"),
    [
        (("violin", "violin", "viola", "cello"), "strings"), (("piano", "piano"), "piano"), (("solo_voice", "piano", "piano"), "solo+piano"),
        (("flute", "oboe", "horns"), "winds"), (("violins_1", "horns"), "orchestra"), (("electric_guitar", "drums"), "band"),
        (("flute", "harp"), "other"), (("percussion_kit",), "other"),
    ],
)  # fmt: skip
def test_ensembles(instruments: tuple[str, ...], ensemble: str) -> None:
    notes: list[Row] = [(0.0, 1.0, 60, 80, i) for i in range(len(instruments))]
    # the tuba is listed but never plays
    assert ensemble_of(passage_of(notes, 1, (*instruments, "tuba"))) == ensemble


def test_windows_are_of_like_length() -> None:
    assert [w.bars for w in windows(wandering(0, 90))] == [32, 32, 26]
    assert [w.bars for w in windows(wandering(0, 80))] == [32, 32]
    assert windows(wandering(0, 20)) == []
    assert windows(wandering(0, 90))[1].onset.min() >= 0


def test_people_lie_inside_themselves() -> None:
    human = [measure_style(wandering(seed)) for seed in range(20)]
    rows = compare(human, human, seed=1)
    assert share_inside(rows) == 1 and compare(human, human, seed=1) == rows
    assert all(row.low <= row.ours <= row.high and row.ours == row.human[1] for row in rows)
    stuck = {row.measure: row for row in compare([measure_style(SCALE)] * 5, human)}
    assert not stuck["identical_bars"].inside and not stuck["pc_entropy_4"].inside
    assert compare([], human) == [] and np.isnan(share_inside([]))


def test_copies_are_found_in_any_key_and_tempo() -> None:
    theirs = [wandering(seed, lines=2) for seed in range(10)]
    index = ngram_index(theirs)
    copy = replace(transposed(theirs[3], -4), onset=theirs[3].onset * 1.5, duration=theirs[3].duration * 1.5, edges=theirs[3].edges * 1.5)
    excerpt = replace(theirs[5], **{name: getattr(theirs[5], name)[theirs[5].line == 0][7:20] for name in ("onset", "duration", "pitch", "velocity", "line")})  # fmt: skip
    # 13 notes are 12 steps
    assert longest_shared_ngram([copy, excerpt, wandering(99)], index) == [NGRAMS[-1], 12, 0]
    assert ngram_shares([32, 12, 0])[8] == pytest.approx(2 / 3) and ngram_shares([32, 12, 0])[32] == pytest.approx(1 / 3)
    # common property: scales and repeated notes have too few different steps
    assert longest_shared_ngram([RISING], ngram_index([RISING])) == [0]
