"""`plan`: a film is watched and planned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from composer.cli import parameters
from composer.cli.writing import progressing, say, warn, write
from composer.errors import OptionError
from composer.film import Film
from composer.options import Options, Progress

if TYPE_CHECKING:
    from composer.plan import Plan
    from composer.planned import Usage


@click.command()
@click.argument("film_or_video", metavar="VIDEO|FILM.JSON", type=click.Path(path_type=Path))
@click.option("--explain", is_flag=True, help="Also tell the reason of every decision.")
@click.option("--show-prompt", is_flag=True, help="Only show what a language model would be asked: nothing is sent, nothing is written.")
@parameters.planning_options
@parameters.watching_options
@parameters.output_options
def plan(film_or_video: Path, explain: bool, **asked: Any) -> None:
    """Plan the music of VIDEO (or of a film.json): plan.yaml, to be edited, and prompt.txt."""
    options = parameters.options_from(asked)
    from composer import pipeline, planner, stages
    from composer.output import default_folder

    pipeline.check_video(film_or_video)
    is_film = film_or_video.suffix.lower() == ".json"
    film = stages.read_film(film_or_video) if is_film else None
    if film is not None:
        film = _felt_otherwise(film, options)
    if asked["show_prompt"]:
        click.echo(_prompt(film_or_video, film, options, asked), nl=False)
        return
    plans: list[Plan] = []

    def work(folder: Path, progress: Progress) -> Arranged:
        nonlocal film
        if film is None:
            from composer.video import watch

            film = watch(film_or_video, options, progress)
            stages.write_film(film, folder)
        planned = pipeline.arranged(film, options, None if is_film else film_or_video, progress)
        plans.append(planned.plan)
        stages.write_plan(planned.plan, folder)
        return Arranged(None if is_film else film, planned.usage)

    place = film_or_video.parent if is_film else default_folder(film_or_video)
    names = stages.PLAN_FILES if is_film else (*stages.PLAN_FILES, *stages.FILM_FILES)
    write(asked, place, names, options, [film_or_video, *([options.hits_file] if options.hits_file else [])], work)
    for note in plans[0].notes:
        say(asked, f"note: {note}")
    warn(asked, plans[0], options)
    if explain:
        click.echo(planner.explain(plans[0]))


@dataclass(frozen=True)
class Arranged:
    """What planning made, beside the plan itself."""

    #: the film, if it was watched for it
    film: Film | None
    #: what a language model took; None when none was asked
    usage: Usage | None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of the film."""
        return self.film.warnings if self.film is not None else ()


def _prompt(source: Path, film: Film | None, options: Options, asked: dict[str, Any]) -> str:
    """What a language model would be asked of a film, which is watched if need be."""
    from composer import pipeline, planner
    from composer.planner import rules
    from composer.planner.llm import shown_prompt
    from composer.video import watch

    with progressing(asked) as progress:
        seen = film if film is not None else watch(source, options, progress)
        cues = planner.spot(seen, options)
        pictures = pipeline.pictures_for(seen, options, None if film is not None else source)
    return shown_prompt(seen, cues, options, rules.outline(seen, cues, options), pictures)


def _felt_otherwise(film: Film, options: Options) -> Film:
    """A film.json with the feeling that the options ask for; what needs the pictures cannot be asked for.

    Raises OptionError.
    """
    if options.frame_s is not None or options.frame_share is not None:
        raise OptionError("--frame needs the pictures, which a film.json does not hold", "Give the video.")
    check_unseen(options)
    if options.emotion_file is not None:
        from composer.emotions_file import read_emotions

        return replace(film, affect=read_emotions(options.emotion_file, len(film.affect.times_s)), affect_from="file")
    source = film.affect_from.split(":")[0]
    if options.emotion not in ("auto", source) or options.clip_model not in (None, film.affect_from.removeprefix("clip:")):
        raise OptionError(f"the feeling in this film.json comes from {film.affect_from}, not from what is asked for", "Give the video.")
    return film


def check_unseen(options: Options) -> None:
    """Raise OptionError when a language model is to see a film.json."""
    if options.llm_frames:
        raise OptionError("--llm-frames needs the pictures, which a film.json does not hold", "Give the video.")
