"""Tiny films made with ffmpeg for tests: known cuts, dissolves and fades, odd time stamps, odd containers.

Everything is 160×90 unless said, made in a fraction of a second, and the same on every run.
"""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import pytest

#: real clips; tests that need one skip where it is missing
CLIPS = Path(os.environ.get("HITPOINT_CLIPS", Path(__file__).parent.parent.parent / "shared" / "video"))

#: sources that look nothing like each other, by name
PICTURES = {
    "bars": "smptebars=s=160x90:r={rate}",
    "chart": "testsrc=s=160x90:r={rate}",
    "fractal": "mandelbrot=s=160x90:r={rate}",
    "fire": "gradients=s=160x90:r={rate}:c0=red:c1=yellow:nb_colors=2:seed=3:speed=0.01",
    "sea": "gradients=s=160x90:r={rate}:c0=navy:c1=white:nb_colors=2:seed=9:speed=0.01",
    "cells": "life=s=160x90:r={rate}:seed=5:ratio=0.3:mold=20:life_color=lime:death_color=olive",
    "black": "color=black:s=160x90:r={rate}",
}
_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "18", "-pix_fmt", "yuv420p")


def clip(name: str) -> Path:
    """A real clip; the test is skipped where there is none."""
    path = CLIPS / name
    if not path.exists():
        pytest.skip(f"no clip {path} (set HITPOINT_CLIPS)")
    return path


def ffmpeg(*arguments: object) -> None:
    """Run ffmpeg quietly."""
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True)


def film(path: Path, *shots: tuple[str, float], rate: str = "25", filters: str = "null", extra: tuple[object, ...] = ()) -> Path:
    """Hard cuts between (picture, seconds) shots; `filters` are applied to the whole, `extra` are output options."""
    inputs = [word for name, seconds in shots for word in ("-t", seconds, "-f", "lavfi", "-i", PICTURES[name].format(rate=rate))]
    joined = "".join(f"[{i}:v]setsar=1,format=yuv420p[v{i}];" for i in range(len(shots)))
    joined += "".join(f"[v{i}]" for i in range(len(shots))) + f"concat=n={len(shots)},{filters}[v]"
    ffmpeg(*inputs, "-filter_complex", joined, "-map", "[v]", *_X264, *extra, f"file:{path}")
    return path


def crossfaded(path: Path, first: str, second: str, each_s: float, fade_s: float) -> Path:
    """A dissolve of `fade_s` between two shots that last `each_s` with it; it begins at each_s - fade_s."""
    inputs = [word for name in (first, second) for word in ("-t", each_s, "-f", "lavfi", "-i", PICTURES[name].format(rate=25))]
    mixed = "[0:v]format=yuv420p,setsar=1[a];[1:v]format=yuv420p,setsar=1[b];"
    mixed += f"[a][b]xfade=transition=fade:duration={fade_s}:offset={each_s - fade_s}[v]"
    ffmpeg(*inputs, "-filter_complex", mixed, "-map", "[v]", *_X264, f"file:{path}")
    return path


def variable_rate(path: Path) -> Path:
    """1 s at 25 pictures a second, then 1 s at 10, then 1 s at 50; cut at 2 s."""
    stamps = "settb=1/1000,setpts='if(lt(N,25),N*40,if(lt(N,35),1000+(N-25)*100,2000+(N-35)*20))'"
    shots = (("bars", 35 / 25), ("fractal", 50 / 25))
    return film(
        path, *shots, filters=stamps, extra=("-fps_mode", "passthrough", "-enc_time_base", "1/1000", "-video_track_timescale", 1000)
    )


def with_sound(path: Path, picture: Path, sound: str, *extra: object) -> Path:
    """`picture` copied, with a lavfi sound beside it."""
    ffmpeg("-i", f"file:{picture}", "-f", "lavfi", "-i", sound, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", *extra, path)
    return path


def delayed(path: Path, picture: Path, sound: str, delay_s: float) -> Path:
    """Sound from time zero, `picture` beginning `delay_s` later."""
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        sound,
        "-itsoffset",
        delay_s,
        "-i",
        f"file:{picture}",
        "-map",
        "0:a",
        "-map",
        "1:v",
        "-c:v",
        "copy",
        "-c:a",
        "aac",
        path,
    )
    return path


def rotated(path: Path, picture: Path) -> Path:
    """`picture` with a display matrix that turns it by 90°: written into the track header, as cameras do."""
    data = bytearray(picture.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # version 0: 4 bytes of flags and 36 of times, ids and layers come before
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def damaged(path: Path, picture: Path, first: float = 0.4, last: float = 0.6) -> Path:
    """`picture` with random bytes over a stretch in its middle (shares of the file)."""
    data = bytearray(picture.read_bytes())
    for i in range(int(len(data) * first), int(len(data) * last), 97):
        data[i] ^= 0x5A
    path.write_bytes(data)
    return path
