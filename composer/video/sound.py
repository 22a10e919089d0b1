"""The film's own sound: short-term loudness per second (ITU-R BS.1770-4 by ffmpeg's ebur128), measured beside the picture.

Conventions
-----------
ebur128 reports the momentary loudness (the last 400 ms) every 100 ms. The short-term loudness of second i is the energy
mean of those within [i-1, i+2): a window of 3 s (EBU Tech 3341) centred on the second, shortened at the film's ends.
Times are film times: the picture's start offset is taken off.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from composer.probe import Probe, locked_source
from composer.process import Child, streaming

#: what counts as silence, LUFS (the absolute gate of BS.1770)
SILENCE_LUFS = -70.0
#: the momentary window ends with its report and is this long, seconds
_MOMENTARY_S = 0.4
_STEP_S = 0.1

_REPORT = re.compile(r"frame:\d+\s+pts:\S+\s+pts_time:(\S+)\s*\n[^\n]*lavfi\.r128\.M=(\S+)")
_DAMAGE = re.compile(r"Error while decoding stream|Error submitting packet")


class Listening:
    """ffmpeg measuring the sound while the picture is decoded; ask `hear` when the picture is done."""

    def __init__(self, child: Child | None) -> None:
        self._child = child

    def hear(self, start_offset_s: float, duration_s: float, timeout_s: float) -> tuple[npt.NDArray[np.float64] | None, tuple[str, ...]]:
        """((N,) loudness per second in LUFS, or None without usable sound, and warnings) for a picture of this offset and length."""
        if self._child is None:
            return None, ()
        try:
            self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None, (f"the sound could not be read in {timeout_s:.0f} s; the film is treated as silent",)
        text = self._child.stderr_text(os.fstat(self._child.errors.fileno()).st_size)
        reports = [(float(at), float(level)) for at, level in _REPORT.findall(text)]
        if not reports:
            return None, ("the sound cannot be decoded; the film is treated as silent",)
        damaged = len(_DAMAGE.findall(text))
        warnings = [f"damaged packets of the sound skipped: {damaged}"] if damaged else []
        table = np.array(reports)
        end_s = float(table[-1, 0]) + _STEP_S - start_offset_s
        if end_s < duration_s - 1.0:
            warnings.append(f"the sound ends after {max(end_s, 0):.1f} s, before the picture ({duration_s:.1f} s)")
        return loudness_per_second(table[:, 0] + _STEP_S - start_offset_s, table[:, 1], duration_s), tuple(warnings)


@contextlib.contextmanager
def listening(film: Probe) -> Iterator[Listening]:
    """Start measuring the chosen sound stream (nothing is started for a silent film); ended when the block ends."""
    if film.sound is None:
        yield Listening(None)
        return
    sound = locked_source(film.path)[str(film.sound.index)]
    meter = sound.output("-", af="ebur128=metadata=1,ametadata=print:key=lavfi.r128.M", threads=1, format="null")
    command = meter.global_args("-nostdin", "-hide_banner", "-nostats", "-loglevel", "info").compile()
    with streaming(command, tolerate=True) as child:
        yield Listening(child)


def loudness_per_second(ends_s: npt.NDArray[np.float64], momentary: npt.NDArray[np.float64], duration_s: float) -> npt.NDArray[np.float64]:
    """(N,) short-term loudness, LUFS, from momentary loudness (M,) of windows that end at `ends_s` (M,).

    A second without sound is SILENCE_LUFS.
    """
    seconds = max(1, int(np.ceil(duration_s - 1e-6)))
    energy = np.where(np.isfinite(momentary), 10 ** (np.clip(momentary, -120.0, 20.0) / 10), 0.0)
    half_s = _MOMENTARY_S / 2
    centres = ends_s - half_s
    sums = np.concatenate([[0.0], np.cumsum(energy)])
    # only momentary windows that lie within the 3 s (and the film) count, so no loud moment leaks into its neighbours
    first_s = np.maximum(np.arange(seconds) - 1.0, 0.0) + half_s - _STEP_S / 2
    last_s = np.maximum(np.minimum(np.arange(seconds) + 2.0, duration_s) - half_s + _STEP_S / 2, first_s + _STEP_S)
    heard = sums[np.searchsorted(centres, last_s)] - sums[np.searchsorted(centres, first_s)]
    mean = heard * _STEP_S / (last_s - first_s)
    levels: npt.NDArray[np.float64] = 10 * np.log10(np.maximum(mean, 1e-12))
    return np.clip(levels, SILENCE_LUFS, 20.0)
