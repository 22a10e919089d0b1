"""One picture a shot, as JPEG: the one that is most like all others of its shot (`Shot.keyframe_s`); or pictures of any moments, made small.

Each is fetched by seeking to some time before it and taking the first picture from its own presentation time on; where a file cannot
be sought in, it is read from its beginning. Times are the container's own (``-copyts``), so neither where a seek lands nor which streams
are read moves them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from composer.errors import VideoError
from composer.film import Film
from composer.options import Progress, silent
from composer.probe import FLOATING_ZERO, Probe, locked_source, probe
from composer.process import ProgramError, run

#: a picture's presentation time is met within this share of a frame
_MARGIN_FRAMES = 0.4
#: seeking aims so much earlier, seconds: streams without an index land on a random access point near it, before or after
_EARLIER_S, _EARLIER_WITHOUT_INDEX_S = 1.0, 12.0
_TIMEOUT_S = 600.0


def keyframe_name(number: int) -> str:
    """File name of the picture of a shot, counted from 0."""
    return f"shot-{number + 1:04d}.jpg"


def write_keyframes(video: Path, film: Film, folder: Path, progress: Progress = silent) -> list[Path]:
    """Write one JPEG a shot, upright and of square pixels, into `folder` (made if it is not there); returns their paths.

    Raises VideoError when a picture cannot be fetched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    header = probe(video)
    paths = []
    for number, shot in enumerate(film.shots):
        progress("watch", number / len(film.shots))
        path = folder / keyframe_name(number)
        _write(header, film, path, shot.keyframe_s)
        paths.append(path)
    progress("watch", 1.0)
    return paths


def pictures_at(video: Path, film: Film, times_s: Iterable[float], widest: int = 512) -> list[bytes]:
    """The pictures at some moments (seconds) as JPEG files, neither wider nor higher than `widest` pixels.

    Raises VideoError when a picture cannot be fetched.
    """
    header = probe(video)
    pictures = []
    with tempfile.TemporaryDirectory(prefix="hitpoint-") as folder:
        path = Path(folder) / "picture.jpg"
        for time_s in times_s:
            _write(header, film, path, min(time_s, film.duration_s - film.frame_s), widest)
            pictures.append(path.read_bytes())
            path.unlink()
    return pictures


def _write(header: Probe, film: Film, path: Path, time_s: float, widest: int | None = None) -> None:
    """Write the picture at a moment."""
    after_s = max(0.0, film.start_offset_s + time_s - _MARGIN_FRAMES * film.frame_s)
    if not any(_fetch(header, film, path, after_s, widest, seek=seek) for seek in (True, False)):
        hint = "The file may be damaged there; export it again."
        raise VideoError(f"the picture at {time_s:.2f} s of {header.path} cannot be read again", hint)


def _fetch(header: Probe, film: Film, path: Path, after_s: float, widest: int | None, *, seek: bool) -> bool:
    """Write the first picture at or after a moment (seconds after ffmpeg's time zero); tells whether there was one."""
    earlier_s = _EARLIER_WITHOUT_INDEX_S if header.container in FLOATING_ZERO else _EARLIER_S
    source = locked_source(header.path, **({"ss": f"{max(0.0, after_s - earlier_s):.6f}"} if seek else {}))
    picture: Any = source[str(film.video_stream)].filter("select", f"gte(t,{header.start_s + after_s:.6f})")
    square = picture.filter("scale", "trunc(iw*sar/2+0.5)*2", "ih").filter("setsar", 1)
    if widest is not None:
        square = square.filter("scale", f"min({widest},iw)", f"min({widest},ih)", force_original_aspect_ratio="decrease")
    jpeg = square.output(
        f"file:{path.absolute()}",
        vframes=1,
        format="image2",
        vcodec="mjpeg",
        pix_fmt="yuvj420p",
        copyts=None,
        fps_mode="passthrough",
        **{"q:v": 3, "update": 1},
    )
    command = jpeg.global_args("-nostdin", "-v", "error", "-y", "-fflags", "+bitexact", "-flags:v", "+bitexact").compile()
    try:
        run(command, _TIMEOUT_S)
    except ProgramError:
        path.unlink(missing_ok=True)
    return path.is_file() and path.stat().st_size > 0
