"""The last stage: the film with its music, a preview to send around, and the timeline picture."""

from __future__ import annotations

from pathlib import Path

import ffmpeg

from composer.film import Film
from composer.options import Options, Progress, silent
from composer.plan import Plan
from composer.probe import probe
from composer.process import run
from composer.rendering import Rendering
from composer.score import Score


def scored_name(video: Path) -> str:
    """File name of the scored film: `film.mp4` → `film.scored.mp4`; containers we do not write become Matroska."""
    from composer.render.mux import container_of

    return f"{video.stem}.scored{container_of(video).suffix}"


def deliver(
    video: Path,
    film: Film,
    plan: Plan,
    score: Score,
    rendering: Rendering,
    folder: Path,
    options: Options,
    progress: Progress = silent,
) -> Path:
    """Write the scored film, preview.ogg and timeline.png into `folder`; returns the film's path.

    The rendering's files lie in `folder`. Raises VideoError when the film's streams cannot be carried over, OutputError when
    the disk refuses, MissingToolError without ffmpeg.
    """
    from composer.render.mux import mux
    from composer.render.timeline import draw_timeline

    mix = folder / rendering.mix
    scored = folder / scored_name(video)
    mux(video, probe(video), film, mix, scored, options)
    progress("deliver", 0.6)
    write_preview(mix, folder / "preview.ogg")
    progress("deliver", 0.75)
    draw_timeline(film, plan, score, mix, folder / "timeline.png")
    progress("deliver", 1.0)
    return scored


def write_preview(mix: Path, path: Path) -> None:
    """The mix as a small Ogg Vorbis file.

    Raises MissingToolError without ffmpeg.
    """
    coded: dict[str, str | int] = {"c:a": "libvorbis", "q:a": 5, "flags": "+bitexact", "fflags": "+bitexact", "map_metadata": -1}
    preview = ffmpeg.input(f"file:{mix.absolute()}").output(f"file:{path.absolute()}", format="ogg", **coded)
    run(preview.global_args("-nostdin", "-v", "error", "-y").compile())
