"""Motion: still is 0, faster is more, and a cut is none."""

import numpy as np
import pytest

from composer.video.motion import EVERY_S, SPAN_S, MotionMeter, motion_per_second, usable_pairs

RATE = 25.0


def texture(seed: int = 1) -> np.ndarray:
    """(90, 320) of cloudy grey."""
    spots = np.random.default_rng(seed).normal(size=(90, 320))
    for _ in range(3):
        spots = (spots + np.roll(spots, 1, 0) + np.roll(spots, -1, 0) + np.roll(spots, 1, 1) + np.roll(spots, -1, 1)) / 5
    return np.clip(128 + 300 * spots, 0, 255).astype(np.uint8)


def pan(pixels_per_s: float, seconds: float = 2.0, rate: float = RATE, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """(times, pictures) of a camera that pans."""
    times = np.arange(round(seconds * rate)) / rate
    return times, np.stack([np.roll(texture(seed), -round(pixels_per_s * t), axis=1)[:, :160] for t in times])


def measured(times: np.ndarray, luma: np.ndarray, block: int = 48) -> list[tuple[int, int, float]]:
    meter = MotionMeter()
    for first in range(0, len(times), block):
        meter.add(first, times[first : first + block], luma[first : first + block])
    return meter.pairs


def mean_motion(times: np.ndarray, luma: np.ndarray) -> float:
    return float(np.mean([motion for _, _, motion in measured(times, luma)]))


def test_still_is_nothing_even_with_grain():
    times, luma = pan(0)
    assert mean_motion(times, luma) == 0
    grain = np.random.default_rng(2).normal(0, 4, luma.shape)
    assert mean_motion(times, np.clip(luma + grain, 0, 255).astype(np.uint8)) < 0.02


def test_faster_is_more():
    values = [mean_motion(*pan(speed)) for speed in (10, 25, 50, 100)]
    assert values == sorted(values)
    assert values[0] > 0.1
    assert values[-1] > 0.6
    assert all(0 <= value <= 1 for value in values)


def test_half_the_picture_moving_is_half():
    times, luma = pan(75)
    half = luma.copy()
    half[:, :, :80] = luma[0, :, :80]
    assert mean_motion(times, half) == pytest.approx(mean_motion(times, luma) / 2, rel=0.3)


@pytest.mark.parametrize("rate", [12.5, 50.0])
def test_frame_rate_and_doubled_pictures_hardly_matter(rate):
    usual = mean_motion(*pan(50))
    assert mean_motion(*pan(50, rate=rate)) == pytest.approx(usual, rel=0.15)
    times, luma = pan(50)
    assert mean_motion(times, np.repeat(luma[::2], 2, axis=0)) == pytest.approx(usual, rel=0.15)


def test_darker_and_flatter_pictures_move_as_much():
    times, luma = pan(50)
    assert mean_motion(times, luma // 3) == pytest.approx(mean_motion(times, luma), rel=0.15)


def test_pairs_keep_their_distance_and_do_not_depend_on_blocks():
    times, luma = pan(40, 3.0)
    pairs = measured(times, luma)
    assert pairs == measured(times, luma, block=7)
    for first, second, _ in pairs:
        assert times[second] - times[first] == pytest.approx(SPAN_S, abs=1e-6)
    assert np.diff([times[first] for first, _, _ in pairs]) == pytest.approx(EVERY_S, abs=1e-6)


def test_a_cut_is_no_movement():
    times, before = pan(0)
    luma = np.concatenate([before[:25], pan(0, seed=7)[1][25:]])
    pairs = measured(times, luma)
    assert max(motion for _, _, motion in pairs) > 0.2  # taken for movement without the cut
    barrier = np.zeros(len(times), bool)
    barrier[25] = True
    at_s, motion = usable_pairs(pairs, times, barrier)
    assert motion.max() == 0
    assert len(at_s) >= len(pairs) - 1


def test_seconds_without_a_pair_take_their_neighbours():
    values = motion_per_second(np.array([0.1, 0.5, 3.2]), np.array([0.2, 0.4, 0.6]), 5)
    assert values == pytest.approx([0.3, 0.4, 0.5, 0.6, 0.6])
    assert motion_per_second(np.zeros(0), np.zeros(0), 3) == pytest.approx([0, 0, 0])


def test_a_slide_show_does_not_move():
    times = np.arange(4) * 2.0
    luma = np.stack([texture(seed)[:, :160] for seed in range(4)])
    assert mean_motion(times, luma) == 0
