"""`analyze --features`: the film as one table a second, for research.

The first four are the feature set of Video2Music (Kang, Poria & Herremans 2024, "Video2Music: Suitable music generation from
videos using an Affective Multimodal Transformer model", Expert Systems with Applications 249), by the same definitions:

* scene_offset: seconds since the scene began. A second belongs to the first scene that ends after it begins (scene ends are
  rounded up); scenes are our shots where they take PySceneDetect's.
* motion: mean absolute difference of R, G and B (0…255) between the first picture of a second and the picture before it,
  at full size; 0 for second 0.
* emotion: the six probabilities, in their order (theirs come from CLIP ViT-L/14@336px; `affect_from` says what ours come from).
* semantic: the CLIP image vector of the first picture of the second, not normalised (only with `--emotion clip`).

The rest is ours: see `composer.film.Film`.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ffmpeg
import numpy as np
import numpy.typing as npt

from composer.errors import VideoError
from composer.film import Film
from composer.probe import Probe, locked_source, zero_keepers
from composer.process import Child, streaming
from composer.video.decode_log import DecodeLog
from composer.video.frames import STALL_S

Floats = npt.NDArray[np.float64]

#: presentation times are rounded to microseconds: this much before a whole second is that second
_ROUNDING_S = 1e-4


def features(
    film: Film, header: Probe, semantic: npt.NDArray[np.float32] | None = None, clip_model: str = ""
) -> dict[str, npt.NDArray[Any]]:
    """Every feature by name, each with one row a second.

    `semantic` (N, D) are CLIP vectors, when there are any. Raises VideoError when the pictures cannot be decoded again.
    """
    seconds = len(film.affect.times_s)
    scene = scenes(film)
    table: dict[str, npt.NDArray[Any]] = {
        "time_s": np.array(film.affect.times_s),
        "scene": scene,
        "scene_offset": scene_offsets(scene),
        "motion": picture_differences(header, film.start_offset_s, seconds),
        "emotion": np.array(film.affect.emotions, np.float32),
        "valence": np.array(film.affect.valence, np.float32),
        "arousal": np.array(film.affect.arousal, np.float32),
        "look": np.array([film.shots[number].look for number in scene]),
        "flow": np.array(film.motion, np.float32),
        "speech": speech_shares(film),
        "affect_from": np.array(film.affect_from),
    }
    sound = {"loudness_lufs": film.loudness_lufs, "roughness": film.roughness, "pitch_hz": film.pitch_hz}
    table |= {name: np.array(values, np.float32) for name, values in sound.items() if values}
    if semantic is not None:
        table |= {"semantic": semantic, "clip_model": np.array(clip_model)}
    return table


def write_features(table: dict[str, npt.NDArray[Any]], path: Path) -> None:
    """As .npz, readable without pickles."""
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **table)


def scenes(film: Film) -> npt.NDArray[np.int64]:
    """(N,) number of the scene of each second."""
    ends = np.ceil(np.array([shot.end_s for shot in film.shots]) - _ROUNDING_S)
    found = np.searchsorted(ends, np.arange(len(film.affect.times_s)), side="right")
    return np.asarray(np.minimum(found, len(film.shots) - 1), np.int64)


def scene_offsets(scene: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(N,) seconds since the scene's first second."""
    starts = np.concatenate([[True], scene[1:] != scene[:-1]])
    first = np.maximum.accumulate(np.where(starts, np.arange(len(scene)), 0))
    return np.asarray(np.arange(len(scene)) - first, np.int64)


def speech_shares(film: Film) -> npt.NDArray[np.float32]:
    """(N,) share of each second in which somebody speaks."""
    shares = np.zeros(len(film.affect.times_s), np.float32)
    for span in film.speech:
        for second in range(int(span.start_s), min(len(shares), int(np.ceil(span.end_s)))):
            shares[second] += max(0.0, min(span.end_s, second + 1) - max(span.start_s, second))
    return np.minimum(shares, 1)


def picture_differences(film: Probe, first_s: float, seconds: int) -> npt.NDArray[np.float32]:
    """(seconds,) Video2Music's motion, of a film whose first picture comes `first_s` after ffmpeg's time zero.

    A pass of its own, at full size: only who asks for features pays for it. A second in which no picture begins has no difference.
    Raises VideoError when ffmpeg stops answering.
    """
    # the first picture has no predecessor and never arrives; t and prev_t are times of pictures that do
    since = f"floor(t-{first_s:.6f}+{_ROUNDING_S})"
    before = f"floor(prev_t-{first_s:.6f}+{_ROUNDING_S})"
    new_second = f"if(isnan(prev_t),gte({since},1),gt({since},{before}))"
    size = f"scale={film.coded_width}:{film.coded_height}"  # a stream may change its size midway
    chain = f"{size},format=bgr24,format=gbrp,tblend=all_mode=difference,select='{new_second}',showinfo=checksum=0"
    source = locked_source(film.path, noautorotate=None)  # the size is the stored one
    pipe = source[str(film.video_stream)].output("pipe:1", vf=chain, fps_mode="passthrough", format="rawvideo", pix_fmt="gbrp")
    outputs = ffmpeg.merge_outputs(pipe, *zero_keepers(film, source))
    command = outputs.global_args("-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info").compile()
    found = np.zeros(seconds, np.float32)
    log = DecodeLog(film.time_base)
    with streaming(command, tolerate=True) as child:
        for picture in _pictures(child, film, 3 * film.coded_width * film.coded_height):
            [stamp] = log.stamps(child, 1)
            second = int(float((stamp or 0) * log.time_base) - first_s + _ROUNDING_S)
            if 0 < second < seconds:
                found[second] = np.frombuffer(picture, np.uint8).mean()
    return found


def _pictures(child: Child, film: Probe, size: int) -> Iterator[bytes]:
    """Whole pictures of so many bytes; the decoder must go on within STALL_S (it may decode a second of film for one of them)."""
    assert child.stdout is not None
    pipe, waiting = child.stdout.fileno(), bytearray()
    while select.select([pipe], [], [], STALL_S)[0]:
        data = os.read(pipe, 1 << 20)
        if not data:
            return
        waiting += data
        while len(waiting) >= size:
            yield bytes(waiting[:size])
            del waiting[:size]
    raise VideoError(f"{film.path}: ffmpeg gave no picture for {STALL_S:g} s", "Export it again; the file is probably damaged.")
