"""The commands. Each parses, asks a stage or the whole pipeline, and says what was written; all else lives in the stages."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

import click

import composer
from composer.cli import composing, learning, parameters, planning, reconforming, sounding
from composer.cli.writing import progressing, say, tell_failures, warn, write
from composer.errors import OptionError
from composer.options import Progress

#: what a film is called: never the output folder of `score`
FILM_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 120}


@click.group(
    context_settings=CONTEXT, epilog="A film as the first word means `score`. Files whose name begins with a dash come after `--`."
)
@click.version_option(composer.__version__, prog_name="hitpoint")
def hitpoint() -> None:
    r"""Hitpoint scores a film: it watches, decides where music should land, composes, performs, renders and mixes it in.

    \b
    hitpoint film.mp4 --instruments strings,brass
    """


@hitpoint.command()
@click.argument("video", type=click.Path(path_type=Path))
@click.option(
    "--plan", "plan_file", type=click.Path(path_type=Path), metavar="FILE", help="Obey this (edited) plan.yaml instead of planning anew."
)
@parameters.planning_options
@parameters.watching_options
@parameters.composing_options
@parameters.sound_options
@parameters.film_options
@parameters.output_options
@click.pass_context
def score(context: click.Context, /, video: Path, plan_file: Path | None, **asked: Any) -> None:
    """Score VIDEO: the whole way, into a folder beside it (film.mp4 → film.score/)."""
    if plan_file is not None:
        parameters.refuse_with_plan(context)
    options = parameters.options_from(asked)
    from composer import pipeline
    from composer.cli.summary import summary, timings
    from composer.output import default_folder

    pipeline.check_video(video)
    out = asked["out"] or default_folder(video)
    if out.suffix.lower() in FILM_SUFFIXES and not out.exists():
        raise OptionError(f"--out {out} names a film, but the result is a folder", "Give a folder, e.g. --out my-score.")
    with progressing(asked) as progress:
        outcome = pipeline.score_film(video, out, options, progress, plan_file, overwrite=asked["overwrite"], command=sys.argv[1:])
    say(asked, summary(outcome))
    warn(asked, outcome.plan, options)
    tell_failures(asked, outcome.failures)
    if asked["verbose"]:
        say(asked, timings(outcome))


@hitpoint.command()
@click.argument("video", type=click.Path(path_type=Path))
@click.option("--keyframes", is_flag=True, help="Also write one JPEG a shot.")
@click.option("--features", type=click.Path(path_type=Path), metavar="FILE.npz", help="Also write a table of features for research, one row a second.")  # fmt: skip
@parameters.watching_options
@parameters.output_options
def analyze(video: Path, keyframes: bool, features: Path | None, **asked: Any) -> None:
    """Watch VIDEO: shots, motion, sound and feeling per second, as film.json and emotions.txt."""
    options = parameters.options_from(asked)
    from composer import pipeline, stages
    from composer.output import default_folder, into_file
    from composer.video import observe

    pipeline.check_video(video)
    if features is not None and features.suffix != ".npz":
        raise OptionError(f"--features {features} is no .npz file", "Give a name that ends in .npz.")

    def work(folder: Path, progress: Progress) -> Any:
        observed = observe(video, options, progress)
        stages.write_film(observed.film, folder)
        if keyframes:
            from composer.video.keyframes import write_keyframes

            write_keyframes(video, observed.film, folder / stages.KEYFRAMES, progress)
        if table is not None and features is not None:
            from composer.video.features import features as measure, write_features

            write_features(measure(observed.film, observed.header, observed.semantic, observed.clip_model), table / features.name)
        return observed.film

    place = asked["out"] or default_folder(video)
    if keyframes and place.suffix in (".json", ".txt"):
        raise OptionError(f"--keyframes writes a folder, but --out {place} names a file", "Give a folder.")
    keyframes = keyframes or (place / stages.KEYFRAMES).is_dir()  # those of another film must not stay beside this one's film.json
    names = (*stages.FILM_FILES, *((stages.KEYFRAMES,) if keyframes else ()))
    with contextlib.ExitStack() as stack:
        table = stack.enter_context(into_file(features, features.name, asked["overwrite"], [video])) if features is not None else None
        write(asked, default_folder(video), names, options, [video], work)
    if features is not None:
        say(asked, str(features))


@hitpoint.command()
@click.option("--instruments", is_flag=True, help="List every name that --instruments knows.")
def doctor(instruments: bool) -> int:
    """Tell what is installed, which sound bank is used, and what to do about each gap."""
    from composer import doctor as surgery

    if instruments:
        click.echo("\n".join(surgery.instrument_lines()))
        return 0
    checks = surgery.examine()
    good = surgery.can_run(checks)
    width = max(len(check.name) for check in checks)
    for check in checks:
        word, colour = {"ok": ("ok", "green"), "missing": ("MISSING", "red"), "optional": ("-", "yellow")}[check.state]
        click.echo(f"{click.style(f'{word:<7}', fg=colour)}  {check.name:<{width}}  {check.found}")  # plain when piped
        if check.remedy:
            click.echo(f"{'':<7}  {'':<{width}}  {check.remedy}")
    click.echo("Ready to score films." if good else "Not ready: see the lines marked MISSING.")
    return 0 if good else 2


hitpoint.add_command(planning.plan)
hitpoint.add_command(composing.compose)
hitpoint.add_command(composing.generate)
hitpoint.add_command(sounding.render)
hitpoint.add_command(sounding.deliver)
hitpoint.add_command(sounding.preview)
hitpoint.add_command(reconforming.reconform)
hitpoint.add_command(learning.data)
hitpoint.add_command(learning.train)
hitpoint.add_command(learning.evaluate)
