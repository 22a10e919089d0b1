"""`render`, `deliver` and `preview`: from notes to sound and film."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from composer.cli import parameters
from composer.cli.writing import progressing, say, write
from composer.options import Progress
from composer.rendering import Rendering


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

    sources = {"score.json": score_file if score_file.suffix.lower() == ".json" else None}
    write(asked, score_file.parent, stages.SOUND_FILES, options, [score_file], work, made_of=sources, outdated=stages.OF_THE_SOUND)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("video", type=click.Path(path_type=Path))
@parameters.film_options
@click.option(
    "--loudness",
    type=click.Choice(["web", "broadcast", "dialogue"]),
    default="web",
    help="Master the music anew, at −14, −23 or −20 LUFS  [as it is]",
)
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
@click.pass_context
def deliver(context: click.Context, /, folder: Path, video: Path, **asked: Any) -> None:
    """Make the film, preview and timeline of VIDEO anew from what FOLDER holds."""
    options = parameters.options_from(asked)
    if not parameters.given(context, ("loudness",)):
        del asked["loudness"]  # the music is as it is, and the manifest knows how
    from composer import pipeline, stages
    from composer.evaluation.sync_report import measure_sync
    from composer.render.deliver import deliver as make, scored_name
    from composer.render.export import EXPORT_FILES, check_exports, export
    from composer.render.remaster import is_mastered_to, remaster

    check_exports(options)
    pipeline.check_video(video)
    film, given, notes, rendering = stages.read_folder(folder)
    given = pipeline.fitted(given, film)
    pipeline.check_same_film(film, video, folder)
    anew = "loudness" in asked and not is_mastered_to(rendering, options.loudness, folder)

    def work(place: Path, progress: Progress) -> Delivered:
        sound = remaster(rendering, place, options.loudness) if anew else rendering
        scored = make(video, film, given, notes, sound, place, options, progress)
        measure_sync(given, notes, sound, place, scored)
        failures = export(film, given, notes, sound, place, scored, options, progress)
        return Delivered(sound if anew else None, failures)

    names = (scored_name(video), *stages.DELIVERY_FILES, *(EXPORT_FILES[kind] for kind in options.exports))
    names = (*names, rendering.mix) if anew else names
    write({**asked, "out": None}, folder, names, replace(options, seed=given.seed), [video], work, outdated=stages.OF_THE_FILM)


@dataclass(frozen=True)
class Delivered:
    """What delivering made, beside the film."""

    #: how the music was mastered, if that was done anew
    rendering: Rendering | None
    #: exports that could not be made, one line each
    failures: tuple[str, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a listener may want to know."""
        return (*(self.rendering.warnings if self.rendering else ()), *self.failures)


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
            composed_by=parameters.given(context, ("generator", "humanize")),
            overwrite=asked["overwrite"] or asked["out"] is None,
        )
    say(asked, f"{out}  (from the {source})")
