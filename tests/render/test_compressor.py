"""The bus compressor: quiet music is left alone, loud passages come down a little, slowly, and never far."""

from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from composer.render.compressor import MOST_DB, compressed, gains_db
from composer.render.loudness import STEP_SAMPLES, STEPS_PER_S, energies, integrated
from composer.render.wav import SAMPLE_RATE


def steps_of(*levels_lufs: float, seconds: float = 4.0) -> NDArray[np.float64]:
    """Energies of passages of these loudnesses."""
    return np.repeat(10 ** ((np.array(levels_lufs) + 0.691) / 10), round(seconds * STEPS_PER_S))


def test_what_lies_well_below_the_mean_is_not_touched() -> None:
    steps = steps_of(-40, -38, -20)
    gain = gains_db(steps, integrated(steps))
    assert np.abs(gain[: round(7 * STEPS_PER_S)]).max() == 0


def test_of_what_exceeds_the_mean_half_is_taken_at_most_so_much() -> None:
    steps = steps_of(-26, -26, -26, -26, -18, -26)
    gain = gains_db(steps, -24.0)
    middle = gain[round(17 * STEPS_PER_S) : round(19 * STEPS_PER_S)]
    assert middle == pytest.approx(-3.0, abs=0.05)
    assert gains_db(steps_of(-30, -5, -30), -24.0).min() == pytest.approx(-MOST_DB)


@given(st.lists(st.floats(-60, -6), min_size=2, max_size=8))
@settings(max_examples=40, deadline=None)
def test_gains_move_slowly_and_only_down(levels: list[float]) -> None:
    steps = steps_of(*levels, seconds=1.0)
    gain = gains_db(steps, integrated(steps))
    assert (gain <= 0).all() and gain.min() >= -MOST_DB - 1e-9
    assert np.abs(np.diff(gain)).max() * STEPS_PER_S < 2.5 * MOST_DB / 0.5  # dB a second


def test_laid_over_a_sound_it_is_the_gain_that_was_drawn() -> None:
    gain = np.array([0.0, -6.0, -6.0, 0.0])
    sound = np.ones((4 * STEP_SAMPLES, 2), np.float32)
    read = compressed(lambda start, count: sound[start : start + count], gain)
    whole = read(0, len(sound))
    assert whole[STEP_SAMPLES * 2, 0] == pytest.approx(10 ** (-6 / 20), abs=1e-3)
    assert whole[STEP_SAMPLES, 0] == pytest.approx(10 ** (-3 / 20), abs=1e-2)
    assert np.array_equal(np.concatenate([read(0, 1000), read(1000, len(sound) - 1000)]), whole)


@pytest.mark.parametrize("seed", range(6))
def test_our_meter_agrees_with_another(seed: int) -> None:
    """Noise of any colour from 30 Hz up, as loud and soft as music is (stems are cut below their lowest notes: nothing else comes to the meter)."""
    rng = np.random.default_rng(seed)
    frames = 10 * SAMPLE_RATE
    hz = np.fft.rfftfreq(frames, 1 / SAMPLE_RATE)
    colour = np.where(hz > 30, np.maximum(hz, 1) ** rng.uniform(-1.5, 0), 0)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal((2, frames))) * colour, frames).T
    envelope = np.interp(np.arange(frames), np.linspace(0, frames, 25), 10 ** (rng.uniform(-40, -6, 25) / 20))[:, None]
    sound = (noise * envelope / np.abs(noise * envelope).max()).astype(np.float32)

    def read(start: int, count: int) -> NDArray[np.float32]:
        part = sound[start : start + count]
        return np.pad(part, ((0, count - len(part)), (0, 0)))

    wanted = pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(sound.astype(float))
    assert integrated(energies(read, frames)) == pytest.approx(wanted, abs=0.05)
