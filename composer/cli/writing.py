"""How commands work: with progress, into a hidden folder that is moved in at the end, and with a word on what was written."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from composer.cli import parameters
from composer.cli.progress import showing
from composer.errors import OptionError
from composer.film import Film
from composer.options import Options, Progress

if TYPE_CHECKING:
    from composer.plan import Plan


@contextlib.contextmanager
def progressing(asked: dict[str, Any]) -> Iterator[Progress]:
    """Progress on stderr, unless --quiet."""
    with showing(sys.stderr, wanted=not asked["quiet"]) as progress:
        yield progress


def say(asked: dict[str, Any], text: str) -> None:
    """Tell the user, unless --quiet."""
    if not asked["quiet"]:
        click.echo(text)


def warn(asked: dict[str, Any], plan: Plan, options: Options) -> None:
    """With --quiet, too, tell that a language model was asked for and did not plan; without, the notes have told it."""
    from composer.planner import FALLBACK

    if asked["quiet"] and options.planner == "llm":
        for note in plan.notes:
            if note.startswith(FALLBACK):
                click.echo(f"Warning: {note}", err=True)


def write(
    asked: dict[str, Any],
    beside: Path,
    names: Sequence[str],
    options: Options,
    inputs: Sequence[Path],
    work: Callable[[Path, Progress], Any],
) -> None:
    """Let one stage `work` in a hidden folder, then move the files `names` to --out (or `beside`): a folder, or one file by its suffix."""
    from composer.output import into_file, into_folder

    out: Path | None = asked["out"]
    single = [name for name in names if out is not None and out.suffix and Path(name).suffix == out.suffix]
    if out is not None and out.suffix in (".json", ".yaml", ".mid", ".txt", ".wav") and not out.is_dir() and not single:
        raise OptionError(f"this command writes no {out.suffix} file", f"It writes {', '.join(names)}: give a folder.")
    with progressing(asked) as progress:
        if out is not None and single:
            with into_file(out, single[0], asked["overwrite"], inputs) as folder:
                notes = warnings_of(work(folder, progress))
            written = [str(out)]
        else:
            place = out or beside
            with into_folder(place, names, asked["overwrite"], inputs) as folder:
                made = work(folder, progress)
                notes = warnings_of(made)
                _note(folder, place, names, options, inputs, made, parameters.decided_by(asked))
            written = [str(place / name) for name in names if (place / name).exists()]
    say(asked, "\n".join([*written, *(f"note: {note}" for note in notes)]))


def warnings_of(made: Any) -> tuple[str, ...]:
    """What a stage's noun says was odd (films and renderings do)."""
    return getattr(made, "warnings", ())


def _note(
    folder: Path, place: Path, names: Sequence[str], options: Options, inputs: Sequence[Path], made: Any, decided: frozenset[str]
) -> None:
    """Continue the manifest of `place` with what one stage made in `folder`."""
    from composer.manifest import read_manifest, write_manifest
    from composer.rendering import Rendering

    rendering = made if isinstance(made, Rendering) else None
    write_manifest(
        folder,
        options,
        film=made if isinstance(made, Film) else getattr(made, "film", None),
        llm=getattr(made, "usage", None),
        seed=options.seed,
        command=sys.argv[1:],
        inputs=inputs,
        rendering=rendering,
        warnings=warnings_of(made),
        earlier=read_manifest(place),
        replaced=names,
        decided=decided,
    )
