"""What many tests share: the real program as a user runs it, and watching that nothing is left behind."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
os.environ["HITPOINT_CACHE"] = "off"  # nothing from before, nothing left behind; tests of the cache name their own
Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def environment(**changes: str | None) -> dict[str, str]:
    """This process's environment without what would change results, and with `changes` (None removes)."""
    values = {k: v for k, v in os.environ.items() if not k.startswith("HITPOINT_") and k not in ("SOURCE_DATE_EPOCH", "CI", "COLUMNS")}
    values["HITPOINT_CACHE"] = "off"
    for name, value in changes.items():
        values.pop(name, None)
        if value is not None:
            values[name] = value
    return values


@pytest.fixture(scope="session")
def run_cli() -> Cli:
    """Run `python cli.py ARGUMENTS...` in the folder `cwd` and return the finished process (text)."""

    def run(*arguments: object, cwd: Path, timeout: float = 240, **changes: str | None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(ROOT / "cli.py"), *map(str, arguments)],
            cwd=cwd,
            env=environment(**changes),
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )

    return run


@pytest.fixture
def cli(tmp_path: Path, run_cli: Cli) -> Cli:
    """The same, in `tmp_path`."""
    return functools.partial(run_cli, cwd=tmp_path)


def listing(folder: Path) -> set[str]:
    """Every file and folder below `folder`, hidden ones too."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@contextlib.contextmanager
def untouched(folder: Path) -> Iterator[None]:
    """A block in which nothing below `folder` may come, go or change."""

    def state() -> dict[str, tuple[int, int]]:
        return {
            name: ((folder / name).lstat().st_mtime_ns, (folder / name).lstat().st_size)
            for name in listing(folder)
            if not (folder / name).is_dir()
        }

    names, before = listing(folder), state()
    yield
    assert listing(folder) == names
    assert state() == before


def make_small_film(path: Path, seconds: int = 12, sound: bool = True) -> Path:
    """A film of four different shots (hard cuts at 1/4, 1/2 and 3/4), 320x180 at 24 frames a second, with a quiet tone."""
    quarter = seconds / 4
    shots = [
        f"testsrc2=s=320x180:r=24:d={quarter}",
        f"mandelbrot=s=320x180:r=24:end_scale=0.02,trim=duration={quarter},hue=s=0.4,eq=brightness=-0.25",
        f"gradients=s=320x180:r=24:d={quarter}:speed=0.02:c0=orange:c1=white:nb_colors=2:seed=3",
        f"life=s=320x180:r=24:seed=5:mold=10:ratio=0.2:death_color=navy:life_color=red,trim=duration={quarter}",
    ]
    inputs = [word for shot in shots for word in ("-f", "lavfi", "-i", shot)]
    joined = "".join(f"[{i}:v]format=yuv420p,setsar=1[v{i}];" for i in range(4)) + "[v0][v1][v2][v3]concat=n=4[v]"
    tone = ["-f", "lavfi", "-i", f"sine=f=220:r=44100:d={seconds},volume=0.1"] if sound else []
    maps = ["-map", "[v]", *(["-map", "4:a", "-c:a", "aac"] if sound else [])]
    command = ["ffmpeg", "-v", "error", "-y", *inputs, *tone, "-filter_complex", joined, *maps, "-c:v", "libx264", "-preset", "veryfast", "-g", "48", str(path)]  # fmt: skip
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


@pytest.fixture(scope="session")
def small_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small film, made once; read only."""
    return make_small_film(tmp_path_factory.mktemp("films") / "small film.mp4")
