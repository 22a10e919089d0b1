"""What a re-edit takes over from the run before it: options that nobody gave anew, the sound bank, and the picture to compare with.

The old folder's manifest tells. A manifest is a file like any other, so nothing in it is believed before it was checked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from composer.errors import ComposerError, OptionError, VideoError
from composer.film import Film
from composer.generators import GENERATORS
from composer.manifest import MANIFEST, read_manifest, sha256_of
from composer.options import Options
from composer.rendering import Rendering

Seen = TypeVar("Seen")


def _one_of(*words: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in words


#: what the old run was asked holds for the new one, unless it is asked again; and what each may be
INHERITED: dict[str, Callable[[Any], bool]] = {
    "emotion": lambda value: isinstance(value, str),
    "clip_model": lambda value: isinstance(value, str),
    "generator": _one_of(*GENERATORS),
    "humanize": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1,
    "loudness": _one_of("web", "broadcast", "dialogue"),
    "original": _one_of("duck", "keep", "mute"),
    "as_track": lambda value: isinstance(value, bool),
    "steady": lambda value: isinstance(value, bool),
}


def inherited(options: Options, old_folder: Path, given: Collection[str]) -> Options:
    """The options, those that are not `given` as the old folder's manifest has them; the sound bank too, if the very same is here.

    Raises OptionError for a manifest whose options cannot be what anybody asked for.
    """
    manifest = read_manifest(old_folder)
    before = manifest.get("options")
    taken = {name: before[name] for name in INHERITED if isinstance(before, dict) and name not in given and before.get(name) is not None}
    for name, value in taken.items():
        if not INHERITED[name](value):
            hint = "Give the option anew, or repair the file."
            raise OptionError(f"{old_folder / MANIFEST}: {name} cannot be {value!r}", hint)
    if taken.get("emotion") not in (None, "auto", "embedded", "clip"):
        del taken["emotion"]  # a file of another film's seconds
    if "soundfont" not in given:
        taken["soundfont"] = same_bank(manifest)
    return replace(options, **taken)


def same_bank(manifest: Mapping[str, Any]) -> Path | None:
    """The sound bank of an old run, if a file of that content is where the old run had it or where banks usually are; else None."""
    name, digest = _bank_of(manifest)
    if name is None:
        return None
    for path in _places(name, manifest.get("command")):
        try:
            if path.is_file() and sha256_of(path) == digest:
                return path
        except OSError:
            continue
    return None


def bank_warnings(options: Options, manifest: Mapping[str, Any], rendering: Rendering) -> tuple[str, ...]:
    """What a listener should know when another sound bank plays than in the old film, although nobody asked for one."""
    name, digest = _bank_of(manifest)
    if options.soundfont is not None or name is None or digest == rendering.soundfont_sha256:
        return ()
    return (
        f"the old film sounded with {name}, which is not here: {rendering.soundfont} plays instead (name the old bank with --soundfont)",
    )


def _bank_of(manifest: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """(file name, SHA-256) of the bank that an old run used."""
    bank = manifest.get("soundfont")
    name, digest = (bank.get("name"), bank.get("sha256")) if isinstance(bank, dict) else (None, None)
    return (name, digest) if isinstance(name, str) and isinstance(digest, str) else (None, None)


def _places(name: str, command: object) -> Iterator[Path]:
    """Where a bank of that file name may be: as the old command had it, or beside the installed ones."""
    words = [str(word) for word in command] if isinstance(command, list) else []
    yield from (path for path in _typed(words) if path.name == name)
    from composer.render.soundfont import installed

    banks = [*([Path(os.environ["HITPOINT_SOUNDFONT"])] if os.environ.get("HITPOINT_SOUNDFONT") else []), *installed()]
    yield from (path for path in banks if path.name == name)
    yield from dict.fromkeys(path.parent / Path(name).name for path in banks)


def _typed(words: Sequence[str]) -> Iterator[Path]:
    """What was given to --soundfont."""
    for word, following in zip(words, [*words, ""][1:], strict=True):
        if word == "--soundfont" or word.startswith("--soundfont="):
            yield Path(following if word == "--soundfont" else word.partition("=")[2])


def pictures_of(folder: Path, film: Film) -> list[Path]:
    """The pictures that were scored into a folder, best first: scored films, that of the film's name before others; then the source, if it
    is still the same file.

    Raises VideoError when there is none.
    """
    stem, source = Path(film.path).stem, Path(film.path)
    found = sorted(folder.glob("*.scored.*"), key=lambda path: (path.name.split(".scored.")[0] != stem, path.name))
    inputs = read_manifest(folder).get("inputs")
    if source.is_file() and isinstance(inputs, dict) and sha256_of(source) in inputs.values():
        found.append(source)
    if not found:
        hint = "Run `deliver` with the film that was scored, then try again."
        raise VideoError(f"{folder} holds no scored film, and {film.path} is not the file that was scored", hint)
    return found


def first_readable(pictures: Sequence[Path], look: Callable[[Path], Seen]) -> Seen:
    """What `look` makes of the first picture that it can read.

    Raises the first picture's ComposerError when none can be.
    """
    errors: list[ComposerError] = []
    for picture in pictures:
        try:
            return look(picture)
        except ComposerError as error:
            errors.append(error)
    raise errors[0]
