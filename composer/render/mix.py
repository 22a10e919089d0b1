"""Stems to premaster to mastered mix: sums are exact, mastering is a gentle compressor, one static gain and a limiter.

The premaster is the integer sum of the 24-bit stems, so it nulls against them to the last bit. Loudness is measured by our own meter
(composer.render.loudness; ebur128 and pyloudnorm agree, see docs/sound.md) and the gain corrected until preset and result agree; nothing ever moves in time.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from composer.errors import RenderError
from composer.render.compressor import compressed, gains_db
from composer.render.limiter import PEAK_FRAMES, Limiter, PeakMeter, Read, estimated_db, peaks_of
from composer.render.loudness import SILENCE_LUFS, STEP_SAMPLES, Doubles, Loudness, Meter, energies, integrated
from composer.render.wav import FULL_SCALE, Floats, Ints, RunningSum, WavReader, WavWriter, to_floats, to_ints

#: preset → integrated loudness, LUFS (streaming platforms; EBU R128; music that leaves room for dialogue)
PRESETS_LUFS = {"web": -14.0, "broadcast": -23.0, "dialogue": -20.0}
CEILING_DBTP = -1.0
#: beyond this the limiter is heard; more than the second it never takes: music that has only strokes then stays softer than the preset
GENTLE_DB, MOST_DB = 9.0, 12.0
_TOLERANCE_LU = 0.1
_PASSES, _ESTIMATES = 8, 6
#: how far below the ceiling the limiter aims: peaks between its own four places are a little higher, dB
_MARGIN_DB = 0.15
#: a sum that exceeds full scale is brought down to this
_REDUCED_PEAK = 10 ** (-1.0 / 20)
#: frames at once: whole steps of the meter
_BLOCK = 128 * STEP_SAMPLES
#: reads integers: (start, count) → (count, channels)
ReadInts = Callable[[int, int], Ints]


@dataclass(frozen=True)
class Summed:
    """What is known of the premaster."""

    #: K-weighted energies per step (composer.render.loudness.energies)
    steps: Doubles
    #: largest samples (composer.render.limiter.peaks_of)
    peaks: Floats
    #: factor that all stems had to be lowered by (1 when they fitted)
    factor: float


@dataclass(frozen=True)
class Mastered:
    """How the mix came out."""

    #: what our meter says of it
    loudness: Loudness
    #: static gain between compressor and limiter, dB
    gain_db: float
    #: the most the limiter took away, dB
    reduction_db: float
    #: the most the compressor took away, dB
    compression_db: float
    #: how loud the premaster is, LUFS
    premaster_lufs: float


def sum_stems(stems: Sequence[Path], premaster: Path, sums: Sequence[Path] = (), *, time_reference_samples: int = 0) -> Summed:
    """Write the sum of the stems; `sums` are raw files (wav.RunningSum) that hold it in portions, if somebody has added them up already.

    Raises RenderError when the sum is silent.
    """
    with contextlib.ExitStack() as stack:
        length = stack.enter_context(WavReader(stems[0])).length_frames
        portions: list[ReadInts] = [stack.enter_context(RunningSum(path, length)).read for path in sums]
        portions = portions or [stack.enter_context(WavReader(path)).read for path in stems]
        peak, summed = write_sum(portions, length, premaster, time_reference_samples)
    if peak == 0:
        raise RenderError("the music is silent from beginning to end", "Does the score have notes before the film ends?")
    if peak < FULL_SCALE:
        return summed
    factor = _REDUCED_PEAK * FULL_SCALE / peak
    for stem in stems:
        _scale(stem, factor)
    return replace(sum_stems(stems, premaster, time_reference_samples=time_reference_samples), factor=factor)


def write_sum(portions: Sequence[ReadInts], length: int, premaster: Path, time_reference_samples: int) -> tuple[int, Summed]:
    """(largest absolute value, what else is known) of the sum; values beyond 24 bits are clipped in the file (it is then written again)."""
    peak, meter, peaks = 0, Meter(), []
    with WavWriter(premaster, length, description="Premaster: sum of the stems", time_reference_samples=time_reference_samples) as writer:
        for start in range(0, length, _BLOCK):
            count = min(_BLOCK, length - start)
            total = portions[0](start, count)
            for portion in portions[1:]:
                total += portion(start, count)
            peak = max(peak, int(total.max(initial=0)), -int(total.min(initial=0)))
            total = np.clip(total, -FULL_SCALE, FULL_SCALE - 1, out=total)
            writer.write(total)
            sound = to_floats(total)
            meter.hear(sound)
            peaks.append(peaks_of(sound))
    return peak, Summed(meter.steps(), np.concatenate(peaks), 1.0)


def _scale(stem: Path, factor: float) -> None:
    lowered = stem.with_name(f".{stem.name}.lowered")
    with (
        WavReader(stem) as reader,
        WavWriter(lowered, reader.length_frames, reader.channels, reader.description, reader.time_reference_samples) as writer,
    ):
        for block in reader.blocks():
            writer.write(np.rint(block * factor).astype(np.int32))
    lowered.replace(stem)


@dataclass(frozen=True)
class Whole:
    """How a whole piece was mastered: a passage of it is mastered alike."""

    #: static gain between compressor and limiter, dB
    gain_db: float
    #: how loud its premaster is, LUFS
    premaster_lufs: float


def master(premaster: Path, mix: Path, preset: str, known: Summed | None = None, whole: Whole | None = None) -> Mastered:
    """Write the mastered mix at a preset's loudness, or as the `whole` that it is a passage of; its true peak at most CEILING_DBTP.

    `known` is what summing has told of the premaster. Raises RenderError when the premaster is silent.
    """
    with WavReader(premaster) as reader:

        def read(start: int, count: int) -> Floats:
            return to_floats(reader.read(start, count))

        known = known or _look(read, reader.length_frames)
        loud_lufs = integrated(known.steps) if whole is None else whole.premaster_lufs
        if loud_lufs <= SILENCE_LUFS:
            raise RenderError("the music is too quiet to be heard", "Does the score have notes before the film ends?")
        pressed_db, target, ceiling = gains_db(known.steps, loud_lufs), PRESETS_LUFS[preset], CEILING_DBTP - _MARGIN_DB
        gain_db, most_db = _estimated_gain_db(known, pressed_db, target, ceiling) if whole is None else (whole.gain_db, whole.gain_db)
        for _ in range(_PASSES):
            limiter = Limiter(compressed(read, pressed_db), reader.length_frames, gain_db, ceiling)
            result = _write(limiter, mix, reader)
            short, over = target - result.integrated_lufs, result.true_peak_dbtp - CEILING_DBTP
            if (abs(short) <= _TOLERANCE_LU or (short > 0 and gain_db >= most_db) or whole is not None) and over <= 0:
                break
            # what the limiter holds back has to be made up by more than the difference
            if whole is None:
                gain_db = min(most_db, gain_db + short * (1.3 if limiter.reduction_db > 1 else 1.0))
            ceiling -= max(0.0, over)
    return Mastered(result, gain_db, limiter.reduction_db, float(-pressed_db.min(initial=0.0)), loud_lufs)


def _look(read: Read, length: int) -> Summed:
    """Energies and peaks of a sound that nobody has looked at yet."""
    peaks = [peaks_of(read(start, min(_BLOCK, length - start))) for start in range(0, length, _BLOCK)]
    return Summed(energies(read, length), np.concatenate(peaks or [np.zeros(0, np.float32)]), 1.0)


def _estimated_gain_db(known: Summed, pressed_db: Doubles, target_lufs: float, ceiling_dbtp: float) -> tuple[float, float]:
    """The static gain at which compressor and limiter should leave the music as loud as is wanted, and the most that may be given, dB."""
    steps = known.steps * 10 ** (pressed_db / 10)
    gain_db = target_lufs - integrated(steps)
    many = STEP_SAMPLES // PEAK_FRAMES
    peaks = np.pad(known.peaks, (0, len(steps) * many - len(known.peaks))) * np.repeat(10 ** (pressed_db / 20), many)
    most_db = ceiling_dbtp + MOST_DB - 20 * math.log10(max(float(peaks.max(initial=0.0)), 1e-9))
    for _ in range(_ESTIMATES):
        limited = (10 ** (estimated_db(peaks, gain_db, ceiling_dbtp) / 10)).reshape(-1, many).mean(axis=1)
        gain_db += target_lufs - integrated(steps * limited * 10 ** (gain_db / 10))
    return min(gain_db, most_db), most_db


def _write(limiter: Limiter, target: Path, source: WavReader) -> Loudness:
    """Write what the limiter gives; returns how loud it is."""
    loudness, peaks = Meter(), PeakMeter()
    reference = source.time_reference_samples
    with WavWriter(target, source.length_frames, source.channels, description="Mastered mix", time_reference_samples=reference) as writer:
        for block in limiter.blocks(_BLOCK):
            writer.write(to_ints(block))
            loudness.hear(block)
            peaks.hear(block)
    return Loudness(integrated(loudness.steps()), float(20 * np.log10(max(peaks.peak, 1e-9))))
