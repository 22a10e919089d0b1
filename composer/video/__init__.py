"""Watching: a video goes in, a `Film` comes out. One decode pass for the picture, the sound measured beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from composer.emotions_file import check_emotions, read_emotions
from composer.errors import OptionError
from composer.film import AffectCurve, Film, Shot
from composer.options import Options, Progress, silent
from composer.probe import Probe, probe
from composer.video.affect import embedded_affect
from composer.video.frames import Clock, Pictures
from composer.video.looks import Change
from composer.video.measure import Measurer, Rows
from composer.video.motion import MotionMeter, motion_per_second, usable_pairs
from composer.video.shots import CutProposer, find_changes
from composer.video.sound import listening

__all__ = ["watch"]

Floats = npt.NDArray[np.float64]


def watch(video: Path, options: Options, progress: Progress = silent) -> Film:
    """Watch a video: its shots, movement, affect and the loudness of its sound, with exact times.

    Raises VideoError for what is no film, OptionError for a bad `options.emotion`, MissingToolError without ffmpeg.
    """
    header = probe(video)
    _check_emotion(options)
    with listening(header) as ears:
        seen = _see(header, progress)
        rows, clock = seen.rows, seen.clock
        loudness, sound_warnings = ears.hear(clock.start_offset_s, clock.duration_s, timeout_s=60 + clock.duration_s)
    changes = find_changes(rows, seen.proposed, float(clock.frame_rate))
    at_s, moving = usable_pairs(seen.pairs, clock.times_s, _barrier(changes, len(clock.times_s)))
    shots = _shots(changes, rows, clock, at_s, moving)
    seconds = max(1, int(np.ceil(clock.duration_s - 1e-6)))
    motion = motion_per_second(at_s, moving, seconds)
    return Film(
        path=str(video),
        duration_s=clock.duration_s,
        frame_rate=clock.frame_rate,
        width=header.width,
        height=header.height,
        start_offset_s=clock.start_offset_s,
        video_stream=header.video_stream,
        audio_stream=header.audio_stream if loudness is not None else None,
        frame_count=len(clock.times_s),
        shots=shots,
        affect=_affect(options, rows, clock, shots, motion, loudness),
        motion=_rounded(motion),
        loudness_lufs=_rounded(loudness) if loudness is not None else (),
        warnings=(*clock.warnings, *sound_warnings),
    )


class _Seen:
    """What one pass over the pictures leaves behind."""

    def __init__(self, rows: Rows, clock: Clock, proposed: set[int], pairs: list[tuple[int, int, float]]) -> None:
        self.rows, self.clock, self.proposed, self.pairs = rows, clock, proposed, pairs


def _see(header: Probe, progress: Progress) -> _Seen:
    pictures, measurer, proposer, meter = Pictures(header, progress), Measurer(), CutProposer(), MotionMeter()
    for block in pictures.blocks():
        luma, half = measurer.add(block)
        proposer.add(block.first, half)
        meter.add(block.first, block.times_s, luma)
    return _Seen(measurer.rows(), pictures.clock(), proposer.proposed, meter.pairs)


def _barrier(changes: list[Change], count: int) -> npt.NDArray[np.bool_]:
    """(N,) whether the step to each picture is a change of shot or part of one."""
    barrier = np.zeros(count, np.bool_)
    for change in changes:
        barrier[change.first : change.last + 1] = True
    return barrier


def _shots(changes: list[Change], rows: Rows, clock: Clock, at_s: Floats, moving: Floats) -> tuple[Shot, ...]:
    """The shots between the changes; together they cover the film."""
    starts = [0, *(change.at for change in changes)]
    times = [*(float(clock.times_s[start]) for start in starts), clock.duration_s]
    shots = []
    for i, start in enumerate(starts):
        stop = starts[i + 1] if i + 1 < len(starts) else len(clock.times_s)
        change = changes[i - 1] if i else None
        inside = (at_s >= times[i]) & (at_s < times[i + 1])
        shots.append(
            Shot(
                start_s=times[i],
                end_s=times[i + 1],
                opens_with=change.kind if change else "start",
                strength=round(change.strength, 4) if change else 1.0,
                confidence=round(change.confidence, 4) if change else 1.0,
                transition_s=float(clock.times_s[change.last] - clock.times_s[change.first]) if change else 0.0,
                brightness=round(float(rows.brightness[start:stop].mean()), 4),
                saturation=round(float(rows.saturation[start:stop].mean()), 4),
                motion=round(float(moving[inside].mean()), 4) if inside.any() else 0.0,
            )
        )
    return tuple(shots)


def _check_emotion(options: Options) -> None:
    if options.emotion in ("auto", "embedded"):
        return
    if not Path(options.emotion).is_file():
        raise OptionError(f"--emotion {options.emotion} is neither auto nor embedded nor a file", "Check the file's name.")
    check_emotions(Path(options.emotion))


def _affect(options: Options, rows: Rows, clock: Clock, shots: tuple[Shot, ...], motion: Floats, loudness: Floats | None) -> AffectCurve:
    if options.emotion not in ("auto", "embedded"):
        return read_emotions(Path(options.emotion), len(motion))
    return embedded_affect(rows, clock.times_s, clock.duration_s, shots, motion, loudness)


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(float(round(value, 4)) for value in values)
