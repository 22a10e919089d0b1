"""The hall is linear, moves nothing, streams, and sounds like a hall."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from composer.render.hall import Hall, impulse_response
from composer.render.wav import SAMPLE_RATE


def heard(dry: NDArray[np.float32], depth: float = 0.5, chunk: int = 1 << 15, low_cut_hz: float = 0.0) -> NDArray[np.float32]:
    hall = Hall(depth, low_cut_hz, chunk)
    return np.concatenate([hall.process(dry[at : at + chunk]) for at in range(0, len(dry), chunk)])


@pytest.fixture(scope="module")
def noise() -> NDArray[np.float32]:
    return np.random.default_rng(1).standard_normal((100_000, 2)).astype(np.float32) * np.float32(0.1)


def test_streaming_equals_one_convolution(noise: NDArray[np.float32]) -> None:
    from scipy.signal import fftconvolve

    clicks = np.zeros((2, len(noise), 2), np.float32)
    clicks[0, 0, 0] = clicks[1, 0, 1] = 1
    answers = [heard(click, chunk=1 << 18) for click in clicks]
    wanted = sum(fftconvolve(noise[:, [side]], answer, axes=0)[: len(noise)] for side, answer in enumerate(answers))
    assert np.allclose(heard(noise), wanted, atol=2e-5)


def test_it_is_linear(noise: NDArray[np.float32]) -> None:
    other = noise[::-1].copy()
    assert np.allclose(heard(noise) + heard(other), heard(noise + other), atol=2e-6)


def test_the_direct_sound_is_not_delayed_and_only_its_heights_are_lifted() -> None:
    click = np.zeros((4800, 2), np.float32)
    click[100] = 1
    sound = heard(click)
    direct = sound[100 : 100 + int(0.010 * SAMPLE_RATE)]
    assert np.abs(sound[:100]).max() < 1e-4
    assert (direct[0] > 1.2).all()
    assert np.abs(direct[60:]).max() < 1e-3  # nothing more before the first wall answers
    spectrum, hz = np.abs(np.fft.rfft(direct[:, 0])), np.fft.rfftfreq(len(direct), 1 / SAMPLE_RATE)
    assert np.abs(20 * np.log10(spectrum[hz < 1000])).max() < 0.2
    assert 20 * np.log10(spectrum[hz > 12_000]) == pytest.approx(2.8, abs=0.3)


def test_the_back_of_the_platform_is_wetter() -> None:
    energies = [float(np.square(impulse_response(depth)).sum()) for depth in (0.0, 0.5, 1.0)]
    assert energies[0] < energies[1] < energies[2]
    assert 10 * np.log10(energies[2] / energies[0]) > 6


def test_it_decays_like_a_concert_hall_darker_with_time() -> None:
    answer = impulse_response(1.0)[0, 0]
    energy = np.cumsum(np.square(answer)[::-1])[::-1]  # Schroeder's backward integration
    level = 10 * np.log10(energy / energy[0] + 1e-12)
    t5, t35 = (int(np.argmax(level < limit)) / SAMPLE_RATE for limit in (-5, -35))
    assert 1.4 < 2 * (t35 - t5) < 2.2

    def brightness(part: NDArray[np.float32]) -> float:
        spectrum = np.abs(np.fft.rfft(part)) ** 2
        return float((spectrum * np.fft.rfftfreq(len(part))).sum() / spectrum.sum())

    assert brightness(answer[40_000:48_000]) < 0.7 * brightness(answer[2_000:10_000])


def test_basses_stay_out_of_the_reverb() -> None:
    spectrum = np.abs(np.fft.rfft(impulse_response(1.0)[0, 0]))
    hz = np.fft.rfftfreq(impulse_response(1.0).shape[-1], 1 / SAMPLE_RATE)
    assert spectrum[hz < 45].mean() < 0.25 * spectrum[(hz > 300) & (hz < 1000)].mean()


def test_silence_in_gives_the_ringing_then_silence() -> None:
    hall = Hall(0.5, 30.0, 1 << 15)
    assert hall.process(np.full((1 << 15, 2), 0.1, np.float32)).any()
    ringing = [np.abs(hall.process(np.zeros((1 << 15, 2), np.float32))).max() for _ in range(6)]
    assert ringing[0] > 1e-3
    assert ringing[-1] < 1e-7


@pytest.mark.parametrize("frames", [1, 1000, 20_000, (1 << 15) - 1])
def test_a_last_short_chunk_is_heard_as_in_one(noise: NDArray[np.float32], frames: int) -> None:
    sound = noise[: (1 << 15) + frames]
    assert np.allclose(heard(sound), heard(sound, chunk=1 << 17), atol=1e-6)


def test_what_lies_below_the_lowest_note_is_cut_and_the_note_is_not() -> None:
    time_s = np.arange(SAMPLE_RATE)[:, None] / SAMPLE_RATE
    low, note = (np.repeat(0.1 * np.sin(2 * np.pi * hz * time_s), 2, axis=1).astype(np.float32) for hz in (25.0, 196.0))
    for sound, expected_db, within_db in ((low, -24.0, 2.0), (note, 0.0, 0.6)):
        change = heard(sound, depth=0.0, low_cut_hz=98.0)[20_000:].std() / heard(sound, depth=0.0)[20_000:].std()
        assert 20 * np.log10(change) == pytest.approx(expected_db, abs=within_db)
