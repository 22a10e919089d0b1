"""`render`, `deliver` and `preview`: from notes to sound and film."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from composer.cli import parameters
from composer.cli.writing import progressing, say, write
from composer.options import Progress


@click.command()
@click.argument("score_file", metavar="SCORE.JSON|SCORE.MID", type=click.Path(path_type=Path))
@parameters.sound_options
@parameters.output_options
def render(score_file: Path, **asked: Any) -> None:
    """Render SCORE.JSON (or any MIDI file): audio stems, their sum, and the mastered mix."""
    options = parameters.options_from(asked)
    from composer import stages
    from composer.doctor import require_ready
    from composer.render import render as render_score

    given = stages.read_score(score_file)
    require_ready(options)
    options = replace(options, seed=given.seed)

    def work(folder: Path, progress: Progress) -> Any:
        return render_score(given, folder, options, progress)

    write(asked, score_file.parent, stages.SOUND_FILES, options, [score_file], work)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("video", type=click.Path(path_type=Path))
@parameters.film_options
@click.option(
    "--loudness",
    type=click.Choice(["web", "broadcast", "dialogue"]),
    default="web",
    show_default=True,
    help="Loudness of the film's sound.",
)
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
def deliver(folder: Path, video: Path, **asked: Any) -> None:
    """Make the film, preview and timeline of VIDEO anew from what FOLDER holds."""
    options = parameters.options_from(asked)
    from composer import pipeline, stages
    from composer.evaluation.sync_report import measure_sync
    from composer.render.deliver import deliver as make, scored_name
    from composer.render.export import EXPORT_FILES, check_exports, export

    check_exports(options)
    pipeline.check_video(video)
    film, given, notes, rendering = stages.read_folder(folder)
    given = pipeline.fitted(given, film)
    pipeline.check_same_film(film, video, folder)

    def work(place: Path, progress: Progress) -> None:
        scored = make(video, film, given, notes, rendering, place, options, progress)
        measure_sync(given, notes, rendering, place, scored)
        export(film, given, notes, rendering, place, scored, options, progress)

    names = (scored_name(video), *stages.DELIVERY_FILES, *(EXPORT_FILES[kind] for kind in options.exports))
    write({**asked, "out": None}, folder, names, replace(options, seed=given.seed), [video], work)


@click.command()
@click.argument("video", type=click.Path(path_type=Path))
@click.option("--from", "start_s", type=parameters.Time(), metavar="TIME", required=True, help="Where the passage begins (20, 0:20).")
@click.option("--to", "end_s", type=parameters.Time(), metavar="TIME", required=True, help="Where it ends.")
@click.option(
    "--plan", "plan_file", type=click.Path(path_type=Path), metavar="FILE", help="This plan  [the one in the film's folder, else a new one]"
)
@parameters.planning_options
@parameters.watching_options
@parameters.composing_options
@parameters.sound_options
@parameters.output_options
@click.pass_context
def preview(context: click.Context, /, video: Path, start_s: float, end_s: float, plan_file: Path | None, **asked: Any) -> None:
    """Hear a passage of VIDEO's music, fast: from what its folder holds, an edited plan too, or planned anew with the options given.

    Writes film.preview.ogg beside the film, or the .ogg or .wav of --out: music alone.
    """
    if plan_file is not None:
        parameters.refuse_with_plan(context)
    options = parameters.options_from(asked)
    afresh = bool(parameters.asks_for_a_plan(context))
    from composer.previewing import preview as make

    out = asked["out"] or video.with_name(f"{video.stem}.preview.ogg")
    with progressing(asked) as progress:
        source = make(
            video,
            start_s,
            end_s,
            out,
            options,
            progress,
            plan_file=plan_file,
            afresh=afresh,
            overwrite=asked["overwrite"] or asked["out"] is None,
        )
    say(asked, f"{out}  (from the {source})")
