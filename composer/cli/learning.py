"""The commands that make and judge the model: `data prepare`, `train`, `evaluate model`. Nothing here is needed to score a film."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from composer.cli import judging, parameters
from composer.cli.progress import showing
from composer.errors import MissingToolError, OptionError, OutputError
from composer.generators import CHECKPOINT

#: what `data prepare` writes; meta.json comes last and makes the rest readable
STORE_FILES = ("events.npy", "event_segment.npy", "segments.npy", "segment_bar.npy", "bars.npy", "bar_start.npy", "index.json", "README.md", "meta.json")  # fmt: skip
_SET_UP = "Run `make setup`."


@click.group(no_args_is_help=False)
def data() -> None:
    """Prepare music to learn from."""


@data.command()
@click.option(
    "--scores",
    "folders",
    type=click.Path(path_type=Path),
    metavar="DIR",
    multiple=True,
    required=True,
    help="A collection (a folder with midi/*.mid in it) or a folder of collections; may be given more than once.",
)
@click.option("--out", "-o", type=click.Path(path_type=Path), metavar="DIR", required=True, help="Folder for the prepared data.")
@click.option("--seed", type=parameters.Seed(), default=0, show_default=True, help="Which works are held out comes from this number.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
def prepare(folders: tuple[Path, ...], out: Path, seed: int, overwrite: bool, quiet: bool, verbose: bool) -> None:
    """Read, clean, label and encode scores: the folder that `train` learns from, and a data card that says what is in it."""
    from composer.output import into_folder
    from composer.transformer.data.corpus import collections_in

    _check_place(out, overwrite)
    collections_in(folders)
    try:
        from composer.transformer.data import prepare as work
    except ImportError as error:
        raise _missing(error) from None
    with into_folder(out, STORE_FILES, overwrite) as folder, showing(sys.stderr, wanted=not quiet) as progress:
        try:
            work.prepare(list(folders), folder, seed, lambda what, done, total: progress(what, done / max(1, total)))
        except json.JSONDecodeError as error:
            raise OptionError(f"an index.json among the scores is not JSON ({error})", "Mend or remove it.") from None
        told = summary(folder)
    if not quiet:
        click.echo("\n".join([str(out / "README.md"), *told]))


def _check_place(out: Path, overwrite: bool) -> None:
    if out.is_dir() and any(out.iterdir()):
        if not overwrite:
            raise OutputError(f"the output folder {out} already exists", "Add --overwrite to replace it, or choose another with --out.")
        if not (out / "meta.json").is_file() or not (out / "event_segment.npy").is_file():
            raise OutputError(f"the folder {out} holds no prepared data, so it is not replaced", "Choose another place with --out.")


def summary(folder: Path) -> list[str]:
    """Three lines about prepared data: how much, in which splits, under which licence."""
    pieces = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    notes: Counter[str] = Counter()
    for piece in pieces:
        notes[piece["split"]] += piece["notes"]
    hours = sum(piece["seconds"] for piece in pieces) / 3600
    licences = Counter(piece["licence"] for piece in pieces).most_common()
    return [
        f"{len(pieces):,} movements of {len({piece['work'] for piece in pieces}):,} works, {notes.total():,} notes, {hours:.1f} hours",
        ", ".join(f"{split} {notes[split]:,} notes" for split in ("train", "valid", "test")),
        ", ".join(f"{count:,} × {licence}" for licence, count in licences),
    ]


def _missing(error: ImportError) -> MissingToolError:
    """What to say when torch, or another package of the model, cannot be imported."""
    name = (error.name or str(error)).split(".")[0]
    return MissingToolError(f"the Python package {name} is missing, and training needs it", _SET_UP)


def _training() -> ModuleType:
    try:
        from composer.transformer import train as module
    except ImportError as error:
        if (error.name or "").startswith("composer"):
            raise
        raise _missing(error) from None
    return module


class _Training(click.Command):
    """The command of `composer.transformer.train`, whose options are read only when somebody asks: torch takes seconds to load."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Those of the module."""
        self.params = list(_training().main.params)
        return super().get_params(ctx)

    def invoke(self, ctx: click.Context) -> Any:
        """Train, then draw how it went."""
        callback = _training().main.callback
        assert callback is not None
        try:
            callback(**ctx.params)
        except click.UsageError as error:
            raise OptionError(error.message, "See `hitpoint train --help`.") from None
        if int(os.environ.get("RANK", 0)) == 0:
            self._draw(ctx.params["out"])

    @staticmethod
    def _draw(out: Path) -> None:
        from composer.transformer.curves import draw
        from composer.transformer.train import LOG

        picture = out / "curve.png"
        try:
            draw(out / LOG, picture)
        except (OSError, ValueError) as error:
            raise OutputError(f"the training is saved, but its curve could not be drawn: {error}", f"Look at {out / LOG}.") from None
        click.echo(str(picture))


train = _Training(
    "train",
    help="Train the affective transformer on what `data prepare` wrote; go on where the run in --out was left.",
    short_help="Train the affective transformer.",
)


# --- evaluate ----------------------------------------------------------------------------------------------------------


@click.group(no_args_is_help=False)
def evaluate() -> None:
    """Measure how good the program is."""


evaluate.add_command(judging.shots)
evaluate.add_command(judging.render)
evaluate.add_command(judging.affect)
evaluate.add_command(judging.spotting)
evaluate.add_command(judging.plan)
evaluate.add_command(judging.sync)

#: as `composer.evaluation.model_report.PARTS` and FILES (importing it loads torch)
_PARTS = ("bits", "control", "style", "speed")
_REPORT = ("model.json", "model.md")


@evaluate.command("model")
@click.option("--data", "store", type=click.Path(path_type=Path), metavar="DIR", required=True, help="What `data prepare` wrote.")
@click.option(
    "--scores",
    "folders",
    type=click.Path(path_type=Path),
    metavar="DIR",
    multiple=True,
    help="What `data prepare` read: for the part style; repeatable.",
)
@click.option("--checkpoint", type=click.Path(path_type=Path), metavar="FILE", default=CHECKPOINT, help="Weights  [the shipped ones]")
@click.option("--only", type=click.Choice(_PARTS), multiple=True, help="Just this part; repeatable  [all; style needs --scores]")
@click.option("--out", "-o", type=click.Path(path_type=Path), metavar="DIR", required=True, help="Folder for model.json and model.md.")
@click.option("--quick", is_flag=True, help="Small samples: to see that it works.")
@click.option("--seed", type=parameters.Seed(), default=0, show_default=True, help="Another seed, other plans and windows.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
def evaluate_model(
    store: Path, folders: tuple[Path, ...], checkpoint: Path, only: tuple[str, ...], out: Path, quick: bool, seed: int, overwrite: bool, quiet: bool, verbose: bool
) -> None:  # fmt: skip
    """Judge the music model: bits per note, control, style beside people, speed. The whole is long work on a CPU."""
    from composer.output import into_folder

    if "style" in only and not folders:
        raise OptionError("--only style needs --scores", "Give the folders that `data prepare` read.")
    try:
        from composer.evaluation import model as work, model_report as report
    except ImportError as error:
        raise _missing(error) from None
    with into_folder(out, _REPORT, overwrite) as folder, showing(sys.stderr, wanted=not quiet) as progress:
        found = work.evaluate(work.open_subject(store, checkpoint, folders, quick=quick, seed=seed), only or _PARTS, progress)
        report.write_report(found, folder)
    if not quiet:
        heading = lambda line: click.style(line, bold=True) if line.startswith("#") else line  # noqa: E731  (plain when piped)
        click.echo("\n".join([*map(heading, report.tables(found)), *(str(out / name) for name in _REPORT)]))
