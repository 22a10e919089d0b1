"""What is installed, what that allows, and what to do about each gap."""

from __future__ import annotations

import importlib.util
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from composer.dates import source_date_epoch
from composer.errors import ComposerError, MissingToolError
from composer.generators import CHECKPOINT
from composer.instruments import ENSEMBLES, INSTRUMENTS, Instrument, expand
from composer.manifest import ffmpeg_version, fluidsynth_version
from composer.options import Options
from composer.process import find_tool, load_fluidsynth

State = Literal["ok", "missing", "optional"]
#: extra → modules it needs
EXTRAS = {"clip": ("open_clip", "torchvision")}


_NO_CHECKPOINT = f"Get {CHECKPOINT.name} into checkpoints/ (it comes with the source), or compose with --generator chords."


@dataclass(frozen=True)
class Check:
    """One line of the doctor's table."""

    #: what was looked at
    name: str
    #: whether it is there ("missing": the main job cannot run; "optional": it can)
    state: State
    #: what was found
    found: str
    #: what to do about a gap
    remedy: str = ""


def require_ready(options: Options) -> None:
    """Raise MissingToolError, SoundfontError or OptionError now rather than after minutes of work."""
    from composer.render.export import check_exports
    from composer.render.soundfont import check_presets, choose_soundfont

    source_date_epoch()
    find_tool("ffmpeg")
    find_tool("ffprobe")
    load_fluidsynth()
    if options.generator == "transformer" and not CHECKPOINT.is_file():
        raise MissingToolError(f"the weights {CHECKPOINT.name} are not there", _NO_CHECKPOINT)
    check_exports(options)
    check_presets(choose_soundfont(options.soundfont), expand(options.instruments))


def examine() -> list[Check]:
    """Look at everything the program can use; never raises for what is missing."""
    return [*_programs(), *_banks(), _printer(), _speech(), *_extras(), _language_model(), _checkpoint()]


def can_run(checks: list[Check]) -> bool:
    """Whether the main job, a film in and a scored film out, can run."""
    return all(check.state != "missing" for check in checks)


def _programs() -> Iterator[Check]:
    yield Check("python", "ok", platform.python_version())
    for tool in ("ffmpeg", "ffprobe"):
        try:
            find_tool(tool)
        except MissingToolError as error:
            yield Check(tool, "missing", "not found", error.hint)
            continue
        version = ffmpeg_version(tool)
        yield (
            Check(tool, "ok", version)
            if version
            else Check(tool, "missing", "does not run", f"Install {tool} anew: it is there but does not start.")
        )
    try:
        load_fluidsynth()
        yield Check("libfluidsynth", "ok", fluidsynth_version() or "unknown")
    except MissingToolError as error:
        yield Check("libfluidsynth", "missing", "not found", error.hint)


def _banks() -> Iterator[Check]:
    from composer.render.soundfont import find, installed

    try:
        used = find()
    except ComposerError as error:
        yield Check("sound bank", "missing", error.problem, error.hint)
        return
    for bank in dict.fromkeys([used, *installed()]):
        yield Check("sound bank", "ok", f"{bank.name} ({bank.stat().st_size / 1e6:.0f} MB){', used' if bank == used else ''}")


def _printer() -> Check:
    """Who engraves the PDF."""
    from composer.render.notation.pdf import INSTALL, musescore_program

    program = musescore_program()
    if program is None:
        return Check("MuseScore", "optional", "not found", f"Only --export pdf needs it. {INSTALL}")
    return Check("MuseScore", "ok", Path(program).name)


def _speech() -> Check:
    from composer.video.speech import model_file, require_detector

    try:
        runtime = require_detector()
    except MissingToolError as error:
        return Check("speech detector", "optional", error.problem, error.hint)
    return Check("speech detector", "ok", f"{model_file().stem}, onnxruntime {runtime.__version__}")


def _extras() -> Iterator[Check]:
    for extra, modules in EXTRAS.items():
        gaps = [module for module in modules if importlib.util.find_spec(module) is None]
        found = f"without {', '.join(gaps)}" if gaps else "installed"
        remedy = f"Not needed for scoring. To add it: pip install -c constraints.txt -e '.[{extra}]'" if gaps else ""
        yield Check(f"extra [{extra}]", "optional" if gaps else "ok", found, remedy)


def _language_model() -> Check:
    """Whether one could be asked; of the key only that there is one."""
    if any(importlib.util.find_spec(module) is None for module in ("openai", "pydantic")):
        return Check("language model", "optional", "without openai", "Only --planner llm needs it. Run `make setup`.")
    told = [name for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL") if os.environ.get(name)]
    if told:
        return Check("language model", "ok", f"{' and '.join(told)} set")
    return Check(
        "language model",
        "optional",
        "no key",
        "Only --planner llm needs one: set OPENAI_API_KEY, or name your own server with --llm-base-url.",
    )


def _checkpoint() -> Check:
    if CHECKPOINT.is_file():
        return Check("checkpoint", "ok", f"{CHECKPOINT.name} ({CHECKPOINT.stat().st_size / 1e6:.0f} MB)")
    return Check("checkpoint", "missing", "none", _NO_CHECKPOINT)


def instrument_lines() -> list[str]:
    """Every name --instruments knows, by family, then the ensembles."""
    lines: list[str] = []
    for family in dict.fromkeys(row.family for row in INSTRUMENTS.values()):
        rows = [row for row in INSTRUMENTS.values() if row.family == family]
        lines += [f"{family}:", *map(_row_line, rows)]
    return [*lines, "ensembles:", *(f"  {name}: {', '.join(members)}" for name, members in ENSEMBLES.items())]


def _row_line(row: Instrument) -> str:
    return f"  {row.id} ({', '.join(row.aliases)})" if row.aliases else f"  {row.id}"
