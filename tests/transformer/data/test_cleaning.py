from __future__ import annotations

import numpy as np

from composer.theory.passage import Line, Passage, sorted_passage
from composer.transformer.data.cleaning import cleaned, movement_breaks, movements, split_long_bars
from composer.transformer.data.folding import fold
from composer.transformer.data.reading import read_piece
from tests.transformer.data.midi_files import tune, write


def passage(notes, lines, bars: int = 8, length: float = 4.0, qpm: float = 100.0) -> Passage:
    metres = np.tile(np.array([[int(length), 4]]), (bars, 1))
    return sorted_passage(
        [(*n[:3], 80, n[3]) for n in notes], lines, np.arange(bars + 1, dtype=np.float64) * length, metres, np.full(bars, qpm)
    )


def test_silence_with_a_new_metre_is_a_break(tmp_path) -> None:
    notes = [*tune(20), *tune(20, 2, start=88.0)]  # bars 21 and 22 are silent
    events = [(0.0, "tempo", 100.0), (0.0, "metre", (4, 4)), (88.0, "metre", (3, 4))]
    piece = read_piece(write(tmp_path / "a.mid", [("Flute", 73, notes)], events))
    assert movement_breaks(piece) == [0, 22]
    first, second = movements(piece)
    assert first.bars == 20 and second.onset[0] == 0.0
    assert second.metres[0].tolist() == [3, 4]


def test_a_restated_score_after_a_final_chord_is_a_break_and_a_running_change_is_not(tmp_path) -> None:
    closed = [*tune(19), (76.0, 3.0, 60), *tune(20, 2, start=80.0)]
    events = [
        (0.0, "tempo", 100.0),
        (0.0, "metre", (4, 4)),
        (0.0, "key", "C"),
        (80.0, "tempo", 60.0),
        (80.0, "metre", (4, 4)),
        (80.0, "key", "Eb"),
    ]
    assert movement_breaks(read_piece(write(tmp_path / "a.mid", [("Flute", 73, closed)], events))) == [0, 20]
    running = [*tune(20), *tune(20, 2, start=80.0)]
    events = [(0.0, "tempo", 100.0), (0.0, "metre", (4, 4)), (80.0, "tempo", 60.0), (80.0, "metre", (2, 4))]
    assert movement_breaks(read_piece(write(tmp_path / "b.mid", [("Flute", 73, running)], events))) == [0]


def test_cleaning_counts_what_it_removes() -> None:
    notes = [(t, d, p, 0) for t, d, p in tune(8)]
    notes += [notes[0], (5.0, 0.0, 61, 0), (6.0, 30.0, 62, 0), (7.0, 1.0, 20, 0)]
    notes += [(float(b), 1.0, 20, 1) for b in range(8)]  # a flute three octaves down
    clean = cleaned(passage(notes, [Line("F", "flute"), Line("G", "flute"), Line("H", "oboe")], qpm=300.0))
    assert clean.passage is not None
    assert clean.removed == {
        "duplicate notes": 1, "notes of no length": 1, "durations capped": 1, "notes out of reach": 1,
        "lines shifted by octaves": 1, "empty lines": 1, "tempos clamped": 8,
    }  # fmt: skip
    assert clean.passage.duration.max() == 16.0
    assert set(clean.passage.qpm) == {220.0}
    low, high = 60, 96
    assert ((clean.passage.pitch >= low) & (clean.passage.pitch <= high)).all()


def test_fragments_are_dropped_and_counted() -> None:
    line = [Line("F", "flute")]
    short = cleaned(passage([(t, d, p, 0) for t, d, p in tune(6)], line, bars=6))
    assert short.passage is None and short.removed["movements under 8 bars"] == 1
    dull = cleaned(passage([(i * 0.5, 0.5, 72, 0) for i in range(64)], line))
    assert dull.passage is None and dull.removed["movements under 3 harmonies"] == 1
    thin = cleaned(passage([(float(i), 0.5, 70 + i % 5, 0) for i in range(32)], line))
    assert thin.passage is None and thin.removed["movements under 40 notes"] == 1


def test_long_bars_split_on_a_beat() -> None:
    from collections import Counter

    long = passage([(0.0, 1.0, 70, 0)], [Line("F", "flute")], bars=2, length=12.0)
    counts: Counter[str] = Counter()
    split = split_long_bars(long, counts)
    assert split.edges.tolist() == [0.0, 6.0, 12.0, 18.0, 24.0]
    assert split.metres.tolist() == [[6, 4]] * 4
    assert counts["bars split"] == 2


def _strings(*pitches: int, bars: int = 2):
    """Lines that play the same rhythm, each moved by its own interval."""
    steps = [0, 2, 4, 5]
    return [(b * 4 + i, 1.0, pitch + steps[i], line) for line, pitch in enumerate(pitches) for b in range(bars) for i in range(4)]


def test_octaves_fold_into_the_strings() -> None:
    lines = [Line("Flute", "flute"), Line("Violin 1", "violins_1"), Line("Oboe", "oboe")]
    found = fold(passage(_strings(84, 72, 76), lines, bars=2))
    assert found.leader.dtype == np.int16
    assert found.leader.tolist() == [[1, -1, -1]] * 2
    assert found.folded == 8 and len(found.passage.onset) == 16
    assert found.passage.lines[1].doubled_by == ("Flute",)
    assert found.passage.lines[2].doubled_by == ()


def test_basses_fold_into_cellos_and_a_leader_stays() -> None:
    lines = [Line("Contrabass", "contrabasses"), Line("Bassoon", "bassoon"), Line("Cello", "cellos")]
    found = fold(passage(_strings(36, 48, 48), lines, bars=2))
    assert found.leader.tolist() == [[2, 2, -1]] * 2


def test_drums_rests_and_other_rhythms_never_fold() -> None:
    lines = [Line("Kit", "percussion_kit"), Line("Kit 2", "percussion_kit"), Line("Timpani", "timpani"), Line("Cello", "cellos")]
    assert fold(passage(_strings(48, 48, 48, 48), lines, bars=2)).folded == 0
    held = [(0.0, 4.0, 60, 0), (0.0, 0.5, 60, 1)]
    assert fold(passage(held, [Line("Horn", "horns"), Line("Viola", "violas")], bars=2)).folded == 0


def test_nearly_the_same_folds_too() -> None:
    steps = [0, 2, 4, 5, 7, 9, 11, 12, 7, 5]
    notes = [(i * 0.25, 0.25, 72 + s, 0) for i, s in enumerate(steps)] + [(i * 0.25, 0.25, 60 + s, 1) for i, s in enumerate(steps[:9])]
    found = fold(passage(notes, [Line("Violin 1", "violins_1"), Line("Oboe", "oboe")], bars=1))
    assert found.leader.tolist() == [[-1, 0]]
