"""The scheme of notes and conditions: classes and back, and every field inside its table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from composer.transformer import vocabulary as V

anything = st.floats(-1e6, 1e6)


def test_onsets_round_trip() -> None:
    assert len(V.ONSET_TICKS) == V.ONSETS == 96
    assert (np.diff(V.ONSET_TICKS) > 0).all()
    assert (V.onset_class(V.ONSET_TICKS, 192) == np.arange(V.ONSETS)).all()


@given(st.integers(-5, 400), st.integers(3, 192))
def test_an_onset_snaps_to_a_near_place_inside_the_bar(tick: int, bar: int) -> None:
    found = V.ONSET_TICKS[V.onset_class(tick, bar)]
    assert 0 <= found < bar
    if 0 <= tick < bar:
        assert abs(found - tick) <= (2 if bar % V.TICKS_PER_BEAT == 0 and tick < bar - 3 else 4)


def test_durations_and_velocities_round_trip() -> None:
    assert (V.duration_class(V.DURATION_TICKS) == np.arange(V.DURATIONS)).all()
    assert (V.velocity_class(V.VELOCITIES_AT) == np.arange(V.VELOCITIES)).all()


@given(st.floats(0, 5000))
def test_a_duration_becomes_the_nearest_by_ratio(ticks: float) -> None:
    found = V.DURATION_TICKS[V.duration_class(ticks)]
    ratios = np.abs(np.log2(V.DURATION_TICKS / max(ticks, 1.0)))
    assert np.isclose(abs(np.log2(found / max(ticks, 1.0))), ratios.min())


@given(st.integers(0, 127), st.integers(0, 11))
def test_relative_pitches_can_be_undone(pitch: int, tonic: int) -> None:
    shift = V.reference_shift(tonic)
    assert -5 <= shift <= 6 and (tonic - shift) % 12 == 0
    relative = int(V.to_relative(pitch, shift))
    assert 0 <= relative < V.PITCHES
    assert (relative + shift - pitch) % 12 == 0
    if 12 <= pitch <= 115:
        assert int(V.to_relative(relative, -shift)) == pitch


@given(st.integers(0, 127), st.integers(-10, 12))
def test_pitches_stay_pitches_however_far_they_are_moved(pitch: int, shift: int) -> None:
    assert 0 <= int(V.to_relative(pitch, shift)) < V.PITCHES


@given(anything)
def test_every_field_has_a_row(value: float) -> None:
    positive = abs(value) + 1e-3
    found = {
        "tempo": V.tempo_field(positive), "valence": V.valence_field(value), "tension": V.tension_field(value),
        "cut_rhythm": V.cut_rhythm_field(abs(value)), "density": V.density_field(value), "register": V.register_field(value),
        "voices": V.voices_field(value), "held": V.held_field(value), "metre": V.metre_field(value, 8, 6),
    }  # fmt: skip
    for name, field in found.items():
        assert 1 <= int(field) <= V.FIELDS[name], name


@pytest.mark.parametrize("field", [V.valence_field, V.tension_field, V.tempo_field])
def test_nobody_knows_is_nought(field) -> None:
    assert int(field(np.nan)) == 0


def test_the_rows_of_the_table_do_not_overlap() -> None:
    ends = V.FIELD_OFFSETS + np.array([size + 1 for size in V.FIELDS.values()])
    assert (V.FIELD_OFFSETS[1:] == ends[:-1]).all() and ends[-1] == V.FIELD_ROWS
    assert V.metre_field(3.0, 8, 6) != V.metre_field(3.0, 4, 3)
