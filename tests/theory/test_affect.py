"""More of what wakes, darkens or grates gives more arousal, less valence, more tension."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from composer.theory.affect import features, measure, overall
from composer.theory.passage import Line, Passage, sorted_passage

#: (onset, duration, pitch, velocity, line)
Row = tuple[float, float, int, int, int]
MAJOR, MINOR = (0, 4, 7), (0, 3, 7)
VALENCE, AROUSAL, TENSION = range(3)


def passage_of(rows: list[Row], instruments: list[str], bars: int, qpm: float = 100.0) -> Passage:
    metres = np.tile(np.array([4, 4], dtype=np.int64), (bars, 1))
    return sorted_passage(
        rows, [Line(name, name) for name in instruments], np.array([4.0 * bar for bar in range(bars + 1)]), metres, np.full(bars, qpm)
    )


def piece(
    triad: tuple[int, ...] = MAJOR,
    per_beat: int = 2,
    velocity: int = 70,
    qpm: float = 100.0,
    shift: int = 0,
    length: float = 1.0,
    bars: int = 16,
) -> Passage:
    """Chords on I, IV, V, I with an arpeggio over them; length is the share of its time that an arpeggio's note sounds."""
    rows: list[Row] = []
    third = triad[1] - 4
    for bar in range(bars):
        root = 60 + shift + (0, 5, 7, 0)[bar % 4]
        # the dominant is major in either mode
        notes = [root + (step + third if i == 1 and bar % 4 != 2 else step) for i, step in enumerate(MAJOR)]
        rows += [(4.0 * bar, 4.0, p - 12, velocity, 1) for p in notes]
        rows += [(4.0 * bar + i / per_beat, length / per_beat, notes[i % 3] + 12, velocity, 0) for i in range(4 * per_beat)]
    return passage_of(rows, ["violin", "piano"], bars, qpm)


@settings(max_examples=25, deadline=None)
@given(st.floats(50, 110), st.floats(1.1, 1.8), st.sampled_from([MAJOR, MINOR]), st.booleans())
def test_faster_is_more_awake(qpm: float, factor: float, triad: tuple[int, ...], flat: bool) -> None:
    slow, fast = (overall(piece(triad, qpm=q), flat_velocity=flat)[AROUSAL] for q in (qpm, qpm * factor))
    assert fast > slow + 0.005


@settings(max_examples=25, deadline=None)
@given(st.integers(25, 80), st.integers(5, 40))
def test_louder_is_more_awake_unless_loudness_is_left_out(velocity: int, more: int) -> None:
    soft, loud = piece(velocity=velocity), piece(velocity=velocity + more)
    assert overall(loud)[AROUSAL] > overall(soft)[AROUSAL] + 0.005
    assert overall(loud, flat_velocity=True) == pytest.approx(overall(soft, flat_velocity=True))
    assert overall(loud)[VALENCE] == pytest.approx(overall(soft)[VALENCE])


def test_more_notes_are_more_awake() -> None:
    doses = [overall(piece(per_beat=n))[AROUSAL] for n in (1, 2, 3, 4)]
    assert doses == sorted(doses) and doses[-1] > doses[0] + 0.2


def test_shorter_notes_are_more_awake() -> None:
    doses = [overall(piece(length=share))[AROUSAL] for share in (1.0, 0.6, 0.3)]
    assert doses == sorted(doses) and doses[-1] > doses[0] + 0.05


@settings(max_examples=25, deadline=None)
@given(st.integers(-6, 6), st.floats(50, 160), st.integers(1, 4))
def test_minor_is_less_pleasant_and_more_tense(shift: int, qpm: float, per_beat: int) -> None:
    major, minor = (overall(piece(triad, shift=shift, qpm=qpm, per_beat=per_beat)) for triad in (MAJOR, MINOR))
    assert minor[VALENCE] < major[VALENCE] - 0.2
    assert minor[TENSION] > major[TENSION]
    assert minor[AROUSAL] == pytest.approx(major[AROUSAL], abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(-6, 6), st.sampled_from([MAJOR, MINOR]))
def test_transposition_leaves_the_feeling(shift: int, triad: tuple[int, ...]) -> None:
    here, there = overall(piece(triad)), overall(piece(triad, shift=shift))
    assert there[VALENCE] == pytest.approx(here[VALENCE], abs=0.1)
    assert there[AROUSAL] == pytest.approx(here[AROUSAL], abs=1e-6)
    assert (there[VALENCE] - here[VALENCE]) * shift >= 0


def test_clusters_are_tense_and_unpleasant() -> None:
    # each chord gains the semitone above its root
    calm = piece()
    first = [i for i in np.flatnonzero(calm.line == 1) if i == 0 or calm.line[i - 1] == 0 or calm.onset[i - 1] < calm.onset[i]]
    rows = [tuple(r) for r in zip(calm.onset, calm.duration, calm.pitch, calm.velocity, calm.line, strict=True)]
    sour = [(calm.onset[i], calm.duration[i], calm.pitch[i] + 1, calm.velocity[i], 1) for i in first]
    grating = passage_of(rows + sour, ["violin", "piano"], 16)
    assert overall(grating)[TENSION] > overall(calm)[TENSION] + 0.1
    assert overall(grating)[VALENCE] < overall(calm)[VALENCE]


def test_bars_follow_the_music() -> None:
    """Quiet minor, then loud major: the bars say where."""
    dark, bright = piece(MINOR, 1, 45), piece(MAJOR, 4, 105)
    rows = [
        (on + start, ln, p, v, i)
        for start, part in ((0.0, dark), (64.0, bright))
        for on, ln, p, v, i in zip(part.onset, part.duration, part.pitch, part.velocity, part.line, strict=True)
    ]
    affect = measure(passage_of(rows, ["violin", "piano"], 32))
    assert affect.arousal[:12].max() < affect.arousal[20:].min() - 0.5
    assert affect.valence[:10].max() < affect.valence[22:].min() - 0.3


def test_only_pitched_notes_have_harmony() -> None:
    calm = piece()
    drums = [(float(i), 0.1, 36 + i % 12, 70, 2) for i in range(64)]
    rows = [tuple(r) for r in zip(calm.onset, calm.duration, calm.pitch, calm.velocity, calm.line, strict=True)]
    drummed = passage_of(rows + drums, ["violin", "piano", "drums"], 16)
    assert features(drummed)["pc_entropy"] == pytest.approx(features(calm)["pc_entropy"])
    assert features(drummed)["dissonance"] == pytest.approx(features(calm)["dissonance"])


def test_features_are_plain_numbers() -> None:
    found = features(piece(per_beat=2, qpm=120.0))
    # eight arpeggio notes and a three-note chord in bars of two seconds
    assert found["notes_per_second"] == pytest.approx(5.5)
    assert found["onsets_per_second"] == pytest.approx(4.0)
    assert found["mean_note_length_s"] == pytest.approx((8 * 0.25 + 3 * 2.0) / 11)
    assert found["mean_velocity"] == pytest.approx(70.0)
    assert found["qpm"] == pytest.approx(120.0)
    assert 0 < found["majorness"] < 2 and found["dissonance"] < 0.05


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 35.9), st.floats(0.01, 8), st.integers(0, 127), st.integers(1, 127), st.integers(0, 1)), max_size=40),
    st.floats(20, 300),
)
def test_bounds(rows: list[Row], qpm: float) -> None:
    affect = measure(passage_of(rows, ["piano", "drums"], 9, qpm))
    for values, low in ((affect.valence, -1.0), (affect.arousal, -1.0), (affect.tension, 0.0)):
        assert values.shape == (9,)
        assert ((values >= low) & (values <= 1.0)).all()


@pytest.mark.parametrize("bars", [0, 1, 6])
@pytest.mark.parametrize("instruments", [[], ["violin", "drums"]])
def test_silence_is_asleep_and_neutral(bars: int, instruments: list[str]) -> None:
    silence = passage_of([], instruments, bars)
    affect = measure(silence)
    assert affect.valence.tolist() == [0.0] * bars and affect.tension.tolist() == [0.0] * bars
    assert (affect.arousal < -0.3).all()
    assert len(overall(silence)) == 3
    assert set(features(silence)) == set(features(piece()))


def test_tempo_of_each_bar_counts() -> None:
    steady = piece()
    faster = replace(steady, qpm=np.where(np.arange(16) < 8, 60.0, 150.0))
    affect = measure(faster)
    assert affect.arousal[12] > affect.arousal[3] + 0.1
