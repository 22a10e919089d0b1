"""Roles are those a musician would name."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from composer.instruments import ROLES
from composer.theory.passage import Line, Passage, sorted_passage
from composer.theory.roles import find_roles
from composer.theory.texture import texture

#: (onset, duration, pitch, velocity, line)
Row = tuple[float, float, int, int, int]

BARS = 8
#: a tune of two bars that goes on in sequence
TUNE = ((0, 1.5, 72), (1.5, 0.5, 74), (2, 1, 76), (3, 1, 72), (4, 0.5, 77), (4.5, 0.5, 76), (5, 1, 74), (6, 1, 71), (7, 0.5, 74))


def tune(line: int, octave: int = 0) -> list[Row]:
    return [
        (8.0 * k + on, length, pitch + 12 * octave + (0, 2, 4, -1)[k], 80, line) for k in range(BARS // 2) for on, length, pitch in TUNE
    ]


def held(line: int, pitches: tuple[int, ...], length: float = 4.0) -> list[Row]:
    times = np.arange(0, BARS * 4, length)
    return [(float(t), length, pitch + int(i) % 2, 70, line) for i, t in enumerate(times) for pitch in pitches]


def alberti(line: int) -> list[Row]:
    roots = (48, 53, 55, 48, 45, 53, 55, 48)
    return [(4.0 * bar + i / 2, 0.5, root + (0, 7, 4, 7)[i % 4], 70, line) for bar, root in enumerate(roots) for i in range(8)]


def walking(line: int) -> list[Row]:
    steps = (0, 4, 7, 9, 10, 9, 7, 4, 5, 9, 12, 11, 7, 5, 4, 2)
    return [(float(i), 1.0, 36 + steps[i % 16], 80, line) for i in range(BARS * 4)]


def off_beats(line: int) -> list[Row]:
    return [(4.0 * bar + beat, 0.5, pitch, 70, line) for bar in range(BARS) for beat in (1, 3) for pitch in (55, 60, 64)]


def passage_of(rows: list[Row], instruments: list[str], bars: int = BARS) -> Passage:
    metres = np.tile(np.array([4, 4], dtype=np.int64), (bars, 1))
    return sorted_passage(
        rows, [Line(name, name) for name in instruments], np.array([4.0 * bar for bar in range(bars + 1)]), metres, np.full(bars, 100.0)
    )


def named(rows: list[Row], *instruments: str) -> list[list[str]]:
    """Names of the roles that each line has somewhere, in order of lines."""
    passage = passage_of(rows, list(instruments))
    roles = find_roles(passage, texture(passage))
    return [sorted({ROLES[r] if r >= 0 else "" for r in roles[:, line]}) for line in range(len(instruments))]


def test_quartet_with_a_tune_over_held_chords() -> None:
    rows = tune(0) + held(1, (67,)) + held(2, (60,)) + held(3, (41,), 2.0)
    assert named(rows, "violins_1", "violins_2", "violas", "cellos") == [["melody"], ["pad"], ["pad"], ["bass"]]


def test_piano_with_alberti_bass() -> None:
    assert named(tune(0) + alberti(1), "piano", "piano") == [["melody"], ["ostinato"]]


def test_jazz_trio() -> None:
    drums: list[Row] = [(i / 2, 0.1, 42, 70, 3) for i in range(BARS * 8)]
    rows = tune(0) + off_beats(1) + walking(2) + drums
    assert named(rows, "alto_sax", "piano", "contrabass", "drums") == [["melody"], ["harmony"], ["bass"], ["percussion"]]


def test_left_hand_in_octaves_is_a_bass() -> None:
    octaves: list[Row] = [(float(i), 1.0, p, 80, 1) for i in range(BARS * 4) for p in (36 + (i * 5) % 7, 48 + (i * 5) % 7)]
    assert named(tune(0) + octaves, "piano", "piano") == [["melody"], ["bass"]]


def test_a_song_belongs_to_the_voice() -> None:
    high: list[Row] = [(on + 0.25, length / 2, pitch + 7, 80, line) for on, length, pitch, _, line in tune(1, 1)]
    assert named(tune(0) + high + walking(2), "solo_voice", "violin", "cello")[0] == ["melody"]


def test_a_line_in_its_own_rhythm_answers() -> None:
    answer: list[Row] = [(i * 0.75 + 0.25, 0.5, 60 + (i * 5) % 11, 70, 1) for i in range(42)]
    assert named(tune(0) + answer + walking(2), "violin", "viola", "cello")[1] == ["counter"]


def test_a_chorale_has_a_tune_a_bass_and_fillers() -> None:
    rows: list[Row] = [(on, ln, p - down + (i % 3 if down else 0), 80, k) for k, down in enumerate((0, 5, 12, 28)) for i, (on, ln, p, _, _) in enumerate(tune(0))]  # fmt: skip
    assert named(rows, "oboe", "clarinet", "horns", "bassoon") == [["melody"], ["harmony"], ["harmony"], ["bass"]]


def test_whoever_doubles_the_bass_is_bass() -> None:
    low = walking(1)
    above: list[Row] = [(on, ln, p + 12, v, 2) for on, ln, p, v, _ in low]
    assert named(tune(0, 1) + low + above, "flute", "contrabasses", "cellos") == [["melody"], ["bass"], ["bass"]]


@pytest.mark.parametrize("instrument", ["flute", "cello", "contrabass", "piano", "synth_pad"])
def test_a_line_alone_is_the_melody(instrument: str) -> None:
    assert named(tune(0, -2 if instrument == "contrabass" else 0), instrument) == [["melody"]]
    assert named(held(0, (60,)), instrument) == [["melody"]]


def test_timpani_are_percussion() -> None:
    rows: list[Row] = [(2.0 * i, 1.0, 43, 90, 1) for i in range(BARS * 2)]
    assert named(tune(0) + rows, "violin", "timpani")[1] == ["percussion"]


def test_pads_alone_have_no_melody() -> None:
    assert named(held(0, (60, 64)) + held(1, (67, 72)), "synth_pad", "choir") == [["pad"], ["pad"]]


def test_one_odd_block_does_not_move_the_tune() -> None:
    rows = [r for r in tune(0) if not 16 <= r[0] < 20] + [(on, ln, p - 5, v, 1) for on, ln, p, v, _ in tune(0)] + walking(2)
    assert named(rows, "violin", "viola", "cello")[0] == ["melody"]


@pytest.mark.parametrize("bars", [0, 1, 5])
@pytest.mark.parametrize("instruments", [[], ["violin", "drums"]])
def test_silence_has_no_roles(bars: int, instruments: list[str]) -> None:
    passage = passage_of([], instruments, bars)
    roles = find_roles(passage, texture(passage))
    assert roles.shape == (bars, len(instruments)) and roles.dtype == np.int8
    assert (roles == -1).all()


rows_strategy = st.lists(
    st.tuples(st.floats(0, 35.9), st.floats(0.1, 8), st.integers(24, 100), st.integers(1, 127), st.integers(0, 3)), max_size=60
)


@settings(max_examples=60, deadline=None)
@given(rows_strategy)
def test_at_most_one_melody_and_only_the_active_have_roles(rows: list[Row]) -> None:
    passage = passage_of(rows, ["violin", "piano", "timpani", "drums"], 9)
    found = texture(passage)
    roles = find_roles(passage, found)
    assert ((roles >= 0) == found.active).all()
    assert ((roles == ROLES.index("melody")).sum(axis=1) <= 1).all()
    moving = (found.active[:, :2] & (found.duration[:, :2] < 1.0)).all(axis=1)
    assert (roles[moving] == ROLES.index("melody")).any(axis=1).all()


@settings(max_examples=20, deadline=None)
@given(rows_strategy, st.integers(-12, 12))
def test_loudness_scale_does_not_matter_much(rows: list[Row], louder: int) -> None:
    """Who leads depends on who is louder than whom, not on how loud all are."""
    steady = [(on, ln, p, 64, i) for on, ln, p, _, i in rows]
    shifted = [(on, ln, p, 64 + louder, i) for on, ln, p, _, i in rows]
    one, two = (passage_of(r, ["violin", "piano", "timpani", "drums"], 9) for r in (steady, shifted))
    assert (find_roles(one, texture(one)) == find_roles(two, texture(two))).all()


def big_passage() -> Passage:
    """A movement: 20,000 notes of 20 lines in 500 bars."""
    rng = np.random.default_rng(1)
    onset = rng.integers(0, 500 * 16, 20_000) / 4
    rows = [
        (float(on), 0.5, int(p), 80, int(i))
        for on, p, i in zip(onset, rng.integers(36, 90, 20_000), rng.integers(0, 20, 20_000), strict=True)
    ]
    return passage_of(rows, ["violins_1", "violas", "cellos", "flute", "horns"] * 4, 500)


def test_a_movement_takes_a_moment() -> None:
    from composer.theory.affect import measure

    passage = big_passage()
    start = time.process_time()
    find_roles(passage, texture(passage))
    measure(passage)
    # 0.1 s on a laptop; the margin is for busy machines
    assert time.process_time() - start < 1.0
