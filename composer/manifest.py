"""manifest.json: what was made, from what, with what. The only file that may differ between two runs of one command.

It names no place on this machine beyond what the user typed, and no date unless SOURCE_DATE_EPOCH gives one.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import composer
from composer.dates import fixed_date, source_date_epoch
from composer.errors import ComposerError, MissingToolError
from composer.film import Film
from composer.generators import CHECKPOINT
from composer.options import Options
from composer.process import load_fluidsynth, run
from composer.rendering import Rendering
from composer.serial import from_plain, to_plain, write_text

if TYPE_CHECKING:
    from composer.planned import Usage

MANIFEST = "manifest.json"
LIBRARIES = ("numpy", "scipy", "scenedetect-headless", "opencv-python-headless", "mido", "pretty_midi", "pyfluidsynth", "soundfile", "matplotlib", "torch", "safetensors", "onnxruntime", "silero-vad", "openai", "pydantic")  # fmt: skip


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(
    folder: Path,
    options: Options,
    *,
    seed: int,
    command: Sequence[str] = (),
    inputs: Iterable[Path] | Mapping[str, Path | None] = (),
    rendering: Rendering | None = None,
    timings_s: Mapping[str, float] | None = None,
    warnings: Sequence[str] = (),
    film: Film | None = None,
    llm: Usage | None = None,
    earlier: Mapping[str, Any] | None = None,
    replaced: Iterable[str] = (),
    decided: Iterable[str] | None = None,
) -> None:
    """Write `folder`/manifest.json over all files in `folder`.

    `command` is what the user typed after the program's name; `timings_s` seconds per stage; `llm` what a language model took to plan.
    `inputs` go by their file names, or by the names given; None: no longer an input. Under "plan.yaml" and "score.json" stands
    what the folder's score and sound were made of: the files of these names may have changed since.
    `earlier` is a manifest whose entries go on, but for those of the files and folders named in `replaced`; of the options, only those in
    `decided` (None: all) are this run's own.
    """
    known = dict(earlier or {})
    gone = tuple(replaced)
    known["files"] = {name: digest for name, digest in known.get("files", {}).items() if not is_within(name, gone)}
    files = {name: sha256_of(folder / name) for name in _files(folder)}
    named = inputs if isinstance(inputs, Mapping) else {path.name: path for path in inputs}
    used = {**known.get("inputs", {}), **{name: path and sha256_of(path) for name, path in named.items()}}
    plain = _plain_options(options)
    own = set(plain if decided is None else decided)
    data: dict[str, Any] = {
        "hitpoint": composer.__version__,
        "command": list(command),
        "seed": seed,
        "options": {**plain, **{name: value for name, value in known.get("options", {}).items() if name in plain and name not in own}},
        "inputs": {name: digest for name, digest in used.items() if digest is not None},
        "soundfont": {"name": rendering.soundfont, "sha256": rendering.soundfont_sha256} if rendering else known.get("soundfont"),
        "checkpoint": _checkpoint(options) or known.get("checkpoint"),
        "versions": versions(),
        "rendering": to_plain(rendering) if rendering else known.get("rendering"),
        "llm": to_plain(llm) if llm else None if is_within("plan.yaml", gone) else known.get("llm"),
        "affect": {"from": film.affect_from, "note": film.affect_note} if film else known.get("affect"),
        "warnings": list(dict.fromkeys([*_still_true(known, rendering), *warnings])),
        "files": dict(sorted({**known["files"], **files}.items())),
        "timings_s": {stage: round(seconds, 3) for stage, seconds in {**known.get("timings_s", {}), **(timings_s or {})}.items()},
    }
    date = _date()
    if date is not None:
        data["date"] = date
    write_text(folder / MANIFEST, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder; empty when there is none that can be read."""
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def read_rendering(folder: Path) -> Rendering | None:
    """What the render stage noted in a folder's manifest, if it ran there."""
    plain = read_manifest(folder).get("rendering")
    if plain is None:
        return None
    rendering: Rendering = from_plain(Rendering, plain, f"{MANIFEST}: rendering")
    return rendering


def listed_files(folder: Path) -> frozenset[str] | None:
    """Names (relative, with /) of the files that Hitpoint made in a folder; None when no manifest tells."""
    files = read_manifest(folder).get("files")
    return frozenset({*map(str, files), MANIFEST}) if isinstance(files, dict) else None


def is_within(name: str, places: Iterable[str]) -> bool:
    """Whether a name (relative, with /) is one of `places` or lies in one."""
    return any(name == place or name.startswith(f"{place}/") for place in places)


def _still_true(known: Mapping[str, Any], rendering: Rendering | None) -> list[str]:
    """Earlier warnings, but for those of a sound that was made anew."""
    before = (known.get("rendering") or {}).get("warnings", ()) if rendering is not None else ()
    return [warning for warning in known.get("warnings", []) if warning not in before]


def _checkpoint(options: Options) -> dict[str, str] | None:
    """The weights that composed; None when none did."""
    if options.generator != "transformer" or not CHECKPOINT.is_file():
        return None
    return {"name": CHECKPOINT.name, "sha256": sha256_of(CHECKPOINT)}


def _files(folder: Path) -> list[str]:
    # links only show what a folder held before; rglob does not follow them
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(name for name in found if name != MANIFEST)


def _plain_options(options: Options) -> dict[str, Any]:
    # of files only the names: no path of a machine belongs into a result
    return {
        name: list(value) if isinstance(value, tuple) else value.name if isinstance(value, Path) else value
        for name, value in vars(options).items()
    }


def _date() -> str | None:
    return None if source_date_epoch() is None else fixed_date().isoformat()


@functools.cache
def versions() -> dict[str, str]:
    """Versions of everything the result may depend on; "missing" for what is not there."""
    found = {"hitpoint": composer.__version__, "python": platform.python_version()}
    found |= {"ffmpeg": ffmpeg_version() or "missing", "fluidsynth": fluidsynth_version() or "missing"}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            found[library] = "missing"
    return found


def ffmpeg_version(program: str = "ffmpeg") -> str | None:
    """E.g. "5.1.9-0+deb12u1"; None when it is not there or does not run."""
    try:
        first = run([program, "-version"], timeout_s=30)[0].decode("utf-8", "replace").split("\n")[0]
    except (ComposerError, OSError):
        return None
    words = first.split()
    return words[2] if len(words) > 2 else first


def fluidsynth_version() -> str | None:
    """Version of the FluidSynth library, e.g. "2.3.1"; None when it cannot be loaded."""
    try:
        ask = load_fluidsynth()._fl.fluid_version_str
    except MissingToolError:
        return None
    except AttributeError:
        return "unknown"
    ask.restype = ctypes.c_char_p
    return str(ask().decode("ascii", "replace"))
