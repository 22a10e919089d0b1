"""`reconform`: the picture was cut anew, its music goes along."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from composer.cli import parameters
from composer.cli.progress import showing
from composer.cli.writing import tell_failures
from composer.errors import OptionError
from composer.inheritance import inherited


@click.command()
@click.argument("old_folder", type=click.Path(path_type=Path))
@click.argument("new_video", type=click.Path(path_type=Path))
@parameters.watching_options
@parameters.composing_options
@parameters.sound_options
@parameters.film_options
@parameters.output_options
@click.pass_context
def reconform(context: click.Context, /, old_folder: Path, new_video: Path, **asked: Any) -> None:
    """Carry the music of OLD_FOLDER over to NEW_VIDEO, a new edit of the same film: what survived stays, the rest is fitted.

    Options that are not given are those of the old run.
    """
    if asked["frame"]:
        raise OptionError("--frame cannot be used with reconform", "The old plan decides the mood.")
    given = set(parameters.given(context, asked))
    options = inherited(parameters.options_from(asked), old_folder, given)
    if options.as_track and options.original == "mute":  # what the old run was asked gives way to what is asked now
        options = replace(options, as_track=False) if "original" in given else replace(options, original="duck")
    from composer.changes import CHANGES_FILES, headline
    from composer.cli.summary import summary, timings
    from composer.output import default_folder
    from composer.reconform import reconform_film

    out = asked["out"] or default_folder(new_video)
    with showing(sys.stderr, wanted=not asked["quiet"]) as progress:
        done = reconform_film(old_folder, new_video, out, options, progress, overwrite=asked["overwrite"], command=sys.argv[1:])
    if not asked["quiet"]:
        click.echo(f"kept         {headline(done.reuse)}")
        click.echo(f"changes      {out / CHANGES_FILES[0]}")
        click.echo(summary(done.outcome))
        if asked["verbose"]:
            click.echo(timings(done.outcome))
    tell_failures(asked, done.outcome.failures)
