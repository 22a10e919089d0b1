"""What one pass over the pictures gives: measured rows, exact times, and from them the shots with their movement and looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from composer.film import Shot
from composer.options import Progress, silent
from composer.probe import Probe
from composer.video.alike import Place, look_numbers, places
from composer.video.frames import Clock, Pictures
from composer.video.looks import FLAT, Change
from composer.video.measure import Measurer, Rows
from composer.video.motion import MotionMeter, motion_per_second, usable_pairs
from composer.video.shots import find_changes
from composer.video.tap import Tap

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sight:
    """What one pass over the pictures leaves behind, and what follows from it."""

    #: per picture
    rows: Rows
    clock: Clock
    shots: tuple[Shot, ...]
    #: (S,) motion per second, 0…1
    motion: Floats


def see(header: Probe, progress: Progress = silent, tap: Tap | None = None) -> Sight:
    """Decode the film once, measuring as the pictures pass; `tap` gets pictures of its own (see composer.video.tap).

    Raises VideoError for what cannot be decoded, MissingToolError without ffmpeg.
    """
    pictures, measurer, meter = Pictures(header, progress, tap), Measurer(), MotionMeter()
    for block in pictures.blocks():
        meter.add(block.first, block.times_s, measurer.add(block))
    rows, clock = measurer.rows(), pictures.clock()
    changes = find_changes(rows, float(clock.frame_rate))
    at_s, moving = usable_pairs(meter.pairs, clock.times_s, _barrier(changes, rows))
    return Sight(rows, clock, _shots(changes, rows, clock, at_s, moving), motion_per_second(at_s, moving, seconds_of(clock)))


def seconds_of(clock: Clock) -> int:
    """Rows of a table that has one a second."""
    return max(1, int(np.ceil(clock.duration_s - 1e-6)))


def _barrier(changes: list[Change], rows: Rows) -> npt.NDArray[np.bool_]:
    """(N,) whether the step to each picture is a change of shot or part of one; within the black of a fade nothing moves, and that counts."""
    barrier = np.zeros(len(rows.brightness), np.bool_)
    for change in changes:
        flat = rows.contrast[change.first : change.last + 1] < FLAT
        barrier[change.first : change.last + 1] = ~flat if change.kind == "fade" else True
    return barrier


def _shots(changes: list[Change], rows: Rows, clock: Clock, at_s: Floats, moving: Floats) -> tuple[Shot, ...]:
    """The shots between the changes; together they cover the film."""
    where = places(changes, rows)
    looks = look_numbers(rows, where)
    starts = [0, *(change.at for change in changes), len(clock.times_s)]
    times = [*(float(clock.times_s[start]) for start in starts[:-1]), clock.duration_s]
    opening = [None, *changes]
    return tuple(
        _shot(opening[i], (times[i], times[i + 1]), rows, slice(starts[i], starts[i + 1]), clock, at_s, moving, where[i], looks[i])
        for i in range(len(where))
    )


def _shot(
    change: Change | None, span_s: tuple[float, float], rows: Rows, pictures: slice, clock: Clock, at_s: Floats, moving: Floats, place: Place, look: int
) -> Shot:  # fmt: skip
    inside = (at_s >= span_s[0]) & (at_s < span_s[1])
    return Shot(
        start_s=span_s[0],
        end_s=span_s[1],
        opens_with=change.kind if change else "start",
        strength=round(change.strength, 4) if change else 1.0,
        confidence=round(change.confidence, 4) if change else 1.0,
        transition_s=float(clock.times_s[change.last] - clock.times_s[change.first]) if change else 0.0,
        brightness=round(float(rows.brightness[pictures].mean()), 4),
        saturation=round(float(rows.saturation[pictures].mean()), 4),
        motion=round(float(moving[inside].mean()), 4) if inside.any() else 0.0,
        look=look,
        keyframe_s=float(clock.times_s[place.key]),
    )
