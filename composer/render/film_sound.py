"""The film's new sound: its own sound and the music, put together sample by sample.

Conventions
-----------
Sample 0 is the output file's time 0; the picture begins `lead_samples` later (0 for nearly every film). Sound is float32
(frames, channels) at 48 kHz: stereo, or 5.1 (FL FR FC LFE BL BR) when the film has it; music goes to left and right.
The original is only added to, never changed, but for a true-peak limiter that acts where the sum would exceed −1 dBTP.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import ffmpeg
import numpy as np

from composer.errors import VideoError
from composer.film import Film
from composer.probe import Probe, locked_source, zero_keepers
from composer.process import ProgramError, run
from composer.render.ducking import duck_curve
from composer.render.limiter import Limiter
from composer.render.mix import CEILING_DBTP
from composer.render.wav import SAMPLE_RATE, Floats, WavReader, to_floats

_SURROUND_CHANNELS = 6
_DECODE_TIMEOUT_S = 3600.0


class RawReader:
    """Random access to a file of float32 frames."""

    def __init__(self, path: Path, channels: int) -> None:
        self._path, self.channels = path, channels
        self.length_frames = path.stat().st_size // (4 * channels)

    def read(self, start: int, count: int) -> Floats:
        """`count` frames from `start`; zeros outside the file."""
        out = np.zeros((count, self.channels), np.float32)
        first, last = max(start, 0), min(start + count, self.length_frames)
        if first < last:
            width = 4 * self.channels
            values = np.fromfile(self._path, "<f4", (last - first) * self.channels, offset=first * width)
            out[first - start : last - start] = np.nan_to_num(values.reshape(-1, self.channels))
        return out


def decode_original(video: Path, film: Probe, length_samples: int, path: Path) -> RawReader:
    """Decode the film's sound stream (there must be one) to a raw file that starts at ffmpeg's time 0: late starts and gaps are silence.

    Stereo comes out unless the stream has 5.1; mono plays on both sides at its level.
    Raises VideoError when it cannot be decoded.
    """
    assert film.sound is not None
    channels = film.sound.channels
    layout = {1: "pan=stereo|c0=c0|c1=c0", _SURROUND_CHANNELS: "aformat=channel_layouts=5.1"}.get(
        channels, "aformat=channel_layouts=stereo"
    )
    filters = f"aresample={SAMPLE_RATE}:async=1:first_pts=0,{layout},apad,atrim=end_sample={length_samples}"
    source = locked_source(video)
    raw = source[str(film.sound.index)].output(f"file:{path.absolute()}", af=filters, format="f32le")
    if keepers := zero_keepers(film, source):
        raw = ffmpeg.merge_outputs(raw, *keepers)
    try:
        run(raw.global_args("-nostdin", "-v", "error", "-y").compile(), _DECODE_TIMEOUT_S)
    except ProgramError as error:
        problem = (
            f"the sound of {video} cannot be decoded ({error.stderr.strip().splitlines()[-1][:160] if error.stderr.strip() else error})"
        )
        raise VideoError(problem, "Use `--original mute` to have music only.") from None
    return RawReader(path, _SURROUND_CHANNELS if channels == _SURROUND_CHANNELS else 2)


@contextlib.contextmanager
def film_sound(
    music: Path, original: RawReader | None, film: Film, lead_samples: int, length_samples: int, duck: bool
) -> Iterator[Iterator[Floats]]:
    """Blocks of the finished sound, (frames, channels), `length_samples` in all."""
    with WavReader(music) as reader:

        def place_music(start: int, count: int) -> Floats:
            return to_floats(reader.read(start - lead_samples, count))

        if original is None:
            yield _blocks(place_music, length_samples)
            return
        gain = duck_curve(original, place_music, film, lead_samples, length_samples) if duck else None

        def place_both(start: int, count: int) -> Floats:
            sound, extra = original.read(start, count), place_music(start, count)
            sound[:, :2] += extra if gain is None else extra * gain(start, count)[:, None]
            return sound

        yield Limiter(place_both, length_samples, 0.0, CEILING_DBTP).blocks()


def _blocks(read: Callable[[int, int], Floats], length: int, size: int = 1 << 17) -> Iterator[Floats]:
    for start in range(0, length, size):
        yield read(start, min(size, length - start))
