"""Stems to premaster to mastered mix: sums are exact, mastering is one static gain and a gentle limiter.

The premaster is the integer sum of the 24-bit stems, so it nulls against them to the last bit. Loudness is measured by
ffmpeg's ebur128 and the gain corrected until preset and result agree; nothing ever moves in time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from composer.errors import RenderError
from composer.render.limiter import Limiter
from composer.render.loudness import SILENCE_LUFS, Loudness, measure
from composer.render.wav import FULL_SCALE, WavReader, WavWriter, to_floats, to_ints

#: preset → integrated loudness, LUFS (streaming platforms; EBU R128; music that leaves room for dialogue)
PRESETS_LUFS = {"web": -14.0, "broadcast": -23.0, "dialogue": -20.0}
CEILING_DBTP = -1.0
#: beyond this the limiter is heard
GENTLE_DB = 9.0
_TOLERANCE_LU = 0.15
_PASSES = 8
#: a sum that exceeds full scale is brought down to this
_REDUCED_PEAK = 10 ** (-1.0 / 20)
_BLOCK = 1 << 18


@dataclass(frozen=True)
class Mastered:
    """How the mix came out."""

    #: what ebur128 says of it
    loudness: Loudness
    #: static gain before the limiter, dB
    gain_db: float
    #: the most the limiter took away, dB
    reduction_db: float


def sum_stems(stems: Sequence[Path], premaster: Path) -> float:
    """Write the sum of the stems; returns the factor all stems had to be lowered by (1 when they fitted).

    Raises RenderError when the sum is silent.
    """
    peak = _write_sum(stems, premaster)
    if peak == 0:
        raise RenderError("the music is silent from beginning to end", "Does the score have notes before the film ends?")
    if peak < FULL_SCALE:
        return 1.0
    factor = _REDUCED_PEAK * FULL_SCALE / peak
    for stem in stems:
        _scale(stem, factor)
    _write_sum(stems, premaster)
    return factor


def _write_sum(stems: Sequence[Path], premaster: Path) -> int:
    """Largest absolute value of the sum; values beyond 24 bits are clipped in the file (it is then written again)."""
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(WavReader(stem)) for stem in stems]
        length, peak = readers[0].length_frames, 0
        writer = stack.enter_context(WavWriter(premaster, length, description="Premaster: sum of the stems"))
        for start in range(0, length, _BLOCK):
            count = min(_BLOCK, length - start)
            total = np.sum([reader.read(start, count) for reader in readers], axis=0, dtype=np.int64)
            peak = max(peak, int(np.abs(total).max(initial=0)))
            writer.write(np.clip(total, -FULL_SCALE, FULL_SCALE - 1).astype(np.int32))
    return peak


def _scale(stem: Path, factor: float) -> None:
    lowered = stem.with_name(f".{stem.name}.lowered")
    with WavReader(stem) as reader, WavWriter(lowered, reader.length_frames, reader.channels, description=reader.description) as writer:
        for block in reader.blocks():
            writer.write(np.rint(block * factor).astype(np.int32))
    lowered.replace(stem)


def master(premaster: Path, mix: Path, preset: str) -> Mastered:
    """Write the mastered mix at a preset's loudness, its true peak at most CEILING_DBTP.

    Raises RenderError when the premaster is silent.
    """
    target = PRESETS_LUFS[preset]
    gain_db, ceiling = target - _audible(premaster).integrated_lufs, CEILING_DBTP - 0.1
    for _ in range(_PASSES):
        reduction_db = _write_limited(premaster, mix, gain_db, ceiling)
        result = measure(mix)
        short, over = target - result.integrated_lufs, result.true_peak_dbtp - CEILING_DBTP
        if abs(short) <= _TOLERANCE_LU and over <= 0:
            break
        # what the limiter holds back has to be made up by more than the difference
        gain_db += short * (1.3 if reduction_db > 1 else 1.0)
        ceiling -= max(0.0, over)
    return Mastered(result, gain_db, reduction_db)


def _audible(premaster: Path) -> Loudness:
    loudness = measure(premaster, true_peak=False)
    if loudness.integrated_lufs <= SILENCE_LUFS:
        raise RenderError("the music is too quiet to be heard", "Does the score have notes before the film ends?")
    return loudness


def _write_limited(source: Path, target: Path, gain_db: float, ceiling_dbtp: float) -> float:
    """Returns the limiter's largest reduction, dB."""
    with WavReader(source) as reader:
        limiter = Limiter(lambda start, count: to_floats(reader.read(start, count)), reader.length_frames, gain_db, ceiling_dbtp)
        with WavWriter(target, reader.length_frames, reader.channels, description="Mastered mix") as writer:
            for block in limiter.blocks():
                writer.write(to_ints(block))
    return limiter.reduction_db
