"""TempoMap: the inverse, monotone, and what a MIDI file would say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from composer.errors import PlanError
from composer.tempo import TICKS_PER_BEAT, Bar, TempoMap, beat_to_ticks, ticks_to_beat

bars = st.builds(Bar, st.integers(1, 9), st.sampled_from([2, 4, 8]), st.floats(20, 300))
maps = st.lists(bars, min_size=1, max_size=40).map(lambda b: TempoMap(tuple(b)))


@given(maps, st.floats(-5, 400))
def test_beats_and_seconds_are_inverse(tempo: TempoMap, beat: float) -> None:
    assert tempo.s_to_beat(tempo.beat_to_s(beat)) == pytest.approx(beat, abs=1e-6)


@given(maps, st.lists(st.floats(0, 300), min_size=2, max_size=20, unique=True))
def test_later_beats_sound_later(tempo: TempoMap, beats: list[float]) -> None:
    ordered = np.array(sorted(beats))
    seconds = tempo.beat_to_s(ordered)
    assert np.all(np.diff(seconds) >= 0) and np.all(np.diff(seconds)[np.diff(ordered) > 1e-6] > 0)


@given(maps)
def test_seconds_are_those_of_the_midi_file(tempo: TempoMap) -> None:
    microseconds = 0.0
    for bar in tempo.bars:
        microseconds += bar.beats * round(60e6 / bar.qpm)
    assert tempo.total_s == pytest.approx(microseconds / 1e6, abs=1e-9)
    assert tempo.beat_to_s(tempo.total_beats) == pytest.approx(tempo.total_s, abs=1e-9)


@given(maps, st.data())
def test_addresses_are_inverse(tempo: TempoMap, data: st.DataObject) -> None:
    bar = data.draw(st.integers(1, len(tempo.bars)))
    beat = data.draw(st.floats(1, tempo.bars[bar - 1].beats + 1, exclude_max=True))
    found_bar, found_beat = tempo.address(tempo.beat_of(bar, beat))
    assert tempo.beat_of(found_bar, found_beat) == pytest.approx(tempo.beat_of(bar, beat), abs=1e-9)
    if beat < tempo.bars[bar - 1].beats + 1 - 1e-6:
        assert found_bar == bar


@given(st.integers(0, 10**7))
def test_ticks_are_exact(ticks: int) -> None:
    assert beat_to_ticks(ticks_to_beat(ticks)) == ticks and beat_to_ticks(1.0) == TICKS_PER_BEAT


def test_mean_tempo_is_weighted_by_duration() -> None:
    tempo = TempoMap((Bar(4, 4, 60), Bar(4, 4, 120)))
    assert tempo.total_s == 6.0 and tempo.mean_qpm == pytest.approx(80.0)


@pytest.mark.parametrize(("numerator", "denominator", "qpm"), [(0, 4, 90), (4, 3, 90), (4, 4, 0), (4, 4, 1e9), (4, 4, float("nan"))])
def test_absurd_bars_are_refused(numerator: int, denominator: int, qpm: float) -> None:
    with pytest.raises(PlanError):
        Bar(numerator, denominator, qpm)
