"""The film's new sound: its own sound and the music, put together sample by sample.

Conventions
-----------
Sample 0 is the output file's time 0; the picture begins `lead_samples` later (0 for nearly every film). Sound is float32
(frames, channels) at 48 kHz: stereo, or 5.1 (FL FR FC LFE BL BR) when the film has it; music goes to left and right.
The original is only added to, never changed, but for a true-peak limiter that acts where the sum would exceed −1 dBTP and the original's own peak.
"""

from __future__ import annotations

import contextlib
import math
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import ffmpeg
import numpy as np

from composer.errors import VideoError
from composer.film import Film
from composer.probe import Probe, locked_source, zero_keepers
from composer.process import Child
from composer.render.ducking import duck_curve
from composer.render.limiter import Limiter, PeakMeter
from composer.render.mix import CEILING_DBTP
from composer.render.wav import SAMPLE_RATE, Floats, WavReader, to_floats
from composer.sound_placing import in_a_row, placer

_SURROUND_CHANNELS = 6
_DECODE_TIMEOUT_S = 3600.0
#: mono on both sides at its level, where ffmpeg's own way takes 3 dB off; all else as ffmpeg does it
_TO_STEREO = "aformat=channel_layouts=stereo|mono,pan=stereo|FL=FL+FC|FR=FR+FC"
_WITHOUT = "Use `--original mute` to have music only."


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

    Stereo comes out unless the stream begins with 5.1; mono plays on both sides at its level. What changes its rate or channels midway
    keeps its place (see `composer.video.sound`). Raises VideoError when it cannot be decoded.
    """
    assert film.sound is not None
    surround = film.sound.channels == _SURROUND_CHANNELS
    layout = "aformat=channel_layouts=5.1" if surround else _TO_STEREO
    # time stamps may be a tenth of a second off before anything is moved: a second more than is needed
    filters = f"aresample={SAMPLE_RATE},{layout},atrim=start_pts=0:end_pts={length_samples + SAMPLE_RATE}"
    source = locked_source(video)
    sound = source[str(film.sound.index)].output("pipe:1", af=filters, acodec="pcm_f32le", format="nut")
    if keepers := zero_keepers(film, source):
        sound = ffmpeg.merge_outputs(sound, *keepers)
    decoder = sound.global_args("-nostdin", "-v", "error").compile()
    placed = placer(f"file:{path.absolute()}", "f32le", f"aresample=async=1:first_pts=0,apad=whole_len={length_samples}")
    path.write_bytes(b"")
    with in_a_row(decoder, placed) as (writer, reader):
        _finish(video, path, writer, reader)
    return RawReader(path, _SURROUND_CHANNELS if surround else 2)


def _finish(video: Path, path: Path, writer: Child, reader: Child) -> None:
    """Wait for both to fill `path`; raises VideoError when one of them failed, was stopped, or takes too long."""
    try:
        codes = [child.wait(_DECODE_TIMEOUT_S) for child in (writer, reader)]
    except subprocess.TimeoutExpired:
        raise VideoError(f"the sound of {video} could not be read in {_DECODE_TIMEOUT_S:g} s", _WITHOUT) from None
    if stopped := [-code for code in codes if code < 0]:
        problem = f"ffmpeg was stopped (signal {stopped[0]}) while it read the sound of {video}"
        raise VideoError(problem, "Run it again; memory may be short.")
    nothing = codes[0] == 0 and path.stat().st_size == 0  # no packet was any good: the second has no header to read
    if any(codes) and not nothing:
        said = (writer.stderr_text() + reader.stderr_text()).strip().splitlines()
        raise VideoError(f"the sound of {video} cannot be decoded ({said[-1][:160] if said else f'exit status {max(codes)}'})", _WITHOUT)


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

        yield Limiter(place_both, length_samples, 0.0, max(CEILING_DBTP, _peak_dbtp(original, length_samples))).blocks()


def _peak_dbtp(sound: RawReader, length: int) -> float:
    """True peak of the original: what is louder than we would make it is left so."""
    meter = PeakMeter()
    for block in _blocks(sound.read, length):
        meter.hear(block)
    return 20 * math.log10(max(meter.peak, 1e-9))


def _blocks(read: Callable[[int, int], Floats], length: int, size: int = 1 << 17) -> Iterator[Floats]:
    for start in range(0, length, size):
        yield read(start, min(size, length - start))
