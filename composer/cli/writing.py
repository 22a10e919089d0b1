"""How commands work: with progress, into a hidden folder that is moved in at the end, and with a word on what was written."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
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


#: names under which the manifest notes what score and sound were made of (composer.stages.made_of): no other input goes by them
_STEPS = ("plan.yaml", "score.json")


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
    *,
    made_of: Mapping[str, Path | None] | None = None,
    outdated: Sequence[str] = (),
) -> None:
    """Let one stage `work` in a hidden folder, then move the files `names` to --out (or `beside`): a folder, or one file by its suffix.

    `made_of`: the plan or score this was made of, under the names that `composer.stages.made_of` asks for (read when the work is done).
    `outdated`: names whose files are taken away where --overwrite replaces what they were made of.
    """
    from composer.output import into_file, into_folder, ours_within

    out: Path | None = asked["out"]
    single = [name for name in names if out is not None and out.suffix and Path(name).suffix == out.suffix]
    if out is not None and out.suffix in (".json", ".yaml", ".mid", ".txt", ".wav") and not out.is_dir() and not single:
        raise OptionError(f"this command writes no {out.suffix} file", f"It writes {', '.join(names)}: give a folder.")
    with progressing(asked) as progress:
        if out is not None and single:
            with into_file(out, single[0], asked["overwrite"], inputs) as folder:
                made = work(folder, progress)
                notes = warnings_of(made)
            written = [str(out)]
        else:
            place = out or beside
            old = [name for name in outdated if name not in names] if asked["overwrite"] else []
            old = [name for name in old if ours_within(place, [name])]
            with into_folder(place, names, asked["overwrite"], inputs, old) as folder:
                made = work(folder, progress)
                notes = warnings_of(made)
                sources = {path.name: path for path in inputs if path.name not in _STEPS} | dict(made_of or {})
                replaced = [*(name for name in names if (folder / name).exists()), *old]
                _note(folder, place, replaced, options, sources, made, parameters.decided_by(asked))
            written = [str(place / name) for name in names if (place / name).exists()]
            if old:
                written.append(f"taken away, being of the old music: {', '.join(old)}")
    say(asked, "\n".join([*written, *(f"note: {note}" for note in notes)]))
    tell_failures(asked, getattr(made, "failures", ()))


def tell_failures(asked: dict[str, Any], failures: Sequence[str]) -> None:
    """With --quiet, too, tell what was asked for and could not be made; without, the notes have told it."""
    if asked["quiet"]:
        for failure in failures:
            click.echo(f"Warning: {failure}", err=True)


def warnings_of(made: Any) -> tuple[str, ...]:
    """What a stage's noun says was odd (films and renderings do)."""
    return getattr(made, "warnings", ())


def _note(
    folder: Path,
    place: Path,
    replaced: Sequence[str],
    options: Options,
    sources: Mapping[str, Path | None],
    made: Any,
    decided: frozenset[str],
) -> None:
    """Continue the manifest of `place` with what one stage made in `folder`; the files of `replaced` are no longer what it lists."""
    from composer.manifest import read_manifest, write_manifest
    from composer.render.export import EXPORT_FILES, NO_PDF
    from composer.rendering import Rendering

    rendering = made if isinstance(made, Rendering) else getattr(made, "rendering", None)
    earlier = read_manifest(place)
    for step, made_next in zip(_STEPS, ("score.json", "mix.wav"), strict=True):
        files, inputs = earlier.get("files", {}), earlier.setdefault("inputs", {})
        if step in replaced and step in files and made_next in files:  # older versions did not note what that was made of
            inputs.setdefault(step, files[step])
    if EXPORT_FILES["pdf"] in replaced:  # what an earlier run could not make is made, or no longer wanted
        earlier["warnings"] = [warning for warning in earlier.get("warnings", []) if not warning.startswith(NO_PDF)]
    write_manifest(
        folder,
        options,
        film=made if isinstance(made, Film) else getattr(made, "film", None),
        llm=getattr(made, "usage", None),
        seed=options.seed,
        command=sys.argv[1:],
        inputs=sources,
        rendering=rendering,
        warnings=warnings_of(made),
        earlier=earlier,
        replaced=replaced,
        decided=decided,
    )
