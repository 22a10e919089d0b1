"""What is made of a finished folder for people and for other programs: the report, and whatever --export names."""

from __future__ import annotations

import tempfile
from pathlib import Path

from composer.errors import MissingToolError
from composer.film import Film
from composer.options import Options, Progress, silent
from composer.plan import Plan
from composer.rendering import Rendering
from composer.score import Score

#: kind of export → what it is called in an output folder
EXPORT_FILES = {"daw": "daw", "musicxml": "score.musicxml", "pdf": "score.pdf"}


def export(
    film: Film,
    plan: Plan,
    score: Score,
    rendering: Rendering,
    folder: Path,
    scored: Path,
    options: Options,
    progress: Progress = silent,
) -> None:
    """Write report.html and the asked exports into `folder`, where all else lies already.

    Raises MissingToolError when a PDF is asked for and MuseScore is not there, OutputError when the disk refuses.
    """
    from composer.render.report import write_report

    write_report(film, plan, score, rendering, folder, scored)
    progress("export", 0.3)
    if {"musicxml", "pdf"} & set(options.exports):
        from composer.render.notation import write_musicxml, write_pdf

        with tempfile.TemporaryDirectory(prefix=".notation-", dir=folder) as place:
            notation = (folder if "musicxml" in options.exports else Path(place)) / EXPORT_FILES["musicxml"]
            write_musicxml(score, plan, notation)
            progress("export", 0.6)
            if "pdf" in options.exports:
                write_pdf(notation, folder / EXPORT_FILES["pdf"])
    if "daw" in options.exports:
        from composer.render.daw import write_bundle

        write_bundle(score, plan, rendering, folder, film, scored)
    progress("export", 1.0)


def check_exports(options: Options) -> None:
    """Raise MissingToolError now when an export will not be possible."""
    if "pdf" in options.exports:
        from composer.render.notation.pdf import INSTALL, musescore_program

        if musescore_program() is None:
            raise MissingToolError("MuseScore is not installed, which engraves the PDF", INSTALL)
