"""What is made of a finished folder for people and for other programs: the report, and whatever --export names."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from composer.errors import ComposerError, MissingToolError, OutputError
from composer.film import Film
from composer.options import Options, Progress, silent
from composer.plan import Plan
from composer.rendering import Rendering
from composer.score import Score

#: kind of export → what it is called in an output folder
EXPORT_FILES = {"daw": "daw", "musicxml": "score.musicxml", "pdf": "score.pdf"}
#: what comes before a file's name: no path of a machine belongs into a result
_FOLDERS = re.compile(r"/(?:[^\s/]+/)+")
#: how the word on a PDF that could not be made begins
NO_PDF = "no PDF was made"


def export(
    film: Film,
    plan: Plan,
    score: Score,
    rendering: Rendering,
    folder: Path,
    scored: Path,
    options: Options,
    progress: Progress = silent,
) -> tuple[str, ...]:
    """Write report.html and the asked exports into `folder`, where all else lies already.

    Returns what could not be made, one line each: a score of music took minutes, and MuseScore failing on it must not undo them.
    Raises OutputError when the disk refuses.
    """
    from composer.render.report import write_report

    failures: list[str] = []
    write_report(film, plan, score, rendering, folder, scored)
    progress("export", 0.3)
    if {"musicxml", "pdf"} & set(options.exports):
        from composer.render.notation import write_musicxml, write_pdf

        with tempfile.TemporaryDirectory(prefix=".notation-", dir=folder) as place:
            notation = (folder if "musicxml" in options.exports else Path(place)) / EXPORT_FILES["musicxml"]
            write_musicxml(score, plan, notation)
            progress("export", 0.6)
            if "pdf" in options.exports:
                failures += _engraved(write_pdf, notation, folder / EXPORT_FILES["pdf"])
    if "daw" in options.exports:
        from composer.render.daw import write_bundle

        write_bundle(score, plan, rendering, folder, film, scored)
    progress("export", 1.0)
    return tuple(failures)


def _engraved(write_pdf: Callable[[Path, Path], None], notation: Path, pdf: Path) -> list[str]:
    """Write the PDF; returns why it could not be made, if so."""
    try:
        write_pdf(notation, pdf)
    except OutputError:
        raise
    except ComposerError as error:  # MuseScore crashed, took too long, left nothing: all else is good
        why = _FOLDERS.sub("", error.problem)
        return [f"{NO_PDF} ({why}): try again by `deliver` with --export pdf, or take --export musicxml and open that in MuseScore"]
    return []


def check_exports(options: Options) -> None:
    """Raise MissingToolError now when an export will not be possible."""
    if "pdf" in options.exports:
        from composer.render.notation.pdf import INSTALL, musescore_program

        if musescore_program() is None:
            raise MissingToolError("MuseScore is not installed, which engraves the PDF", INSTALL)
