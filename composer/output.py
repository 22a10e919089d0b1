"""Where results go: built out of sight beside their place, moved in whole at the end, never half-written.

Conventions
-----------
A build lives in a hidden neighbour `.NAME.partial-PID-XXXX` of its place: same parent, so same disk, so moving in is one rename.
What stood there before waits as `.NAME.old-PID-XXXX` until the new folder is in. The process that makes such a folder
holds a lock on it; whatever a killed run left behind has no living owner and is put right by the next run at that place.
Nothing here follows the user's data elsewhere: a folder that Hitpoint did not make is never replaced.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from composer.errors import OutputError
from composer.manifest import MANIFEST, is_within, listed_files

#: a folder that holds one of these was made by Hitpoint
SIGNATURE_FILES = (MANIFEST, "plan.yaml", "film.json", "score.json")
#: folders in an output folder where people save work of their own beside ours: kept when ours is made anew
SHARED = frozenset({"daw"})
_ELSEWHERE = "Choose another place with --out."
_REASONS = {
    errno.EACCES: "it may not be written there",
    errno.EPERM: "it may not be written there",
    errno.EROFS: "that disk is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOENT: "there can be no such folder",
    errno.ENOTDIR: "part of that path is a file",
    errno.EBUSY: "that place is in use",
}


def default_folder(video: Path) -> Path:
    """The output folder beside a film: `film.mp4` → `film.score`."""
    return video.with_name(f"{video.stem}.score")


def check_folder(target: Path, overwrite: bool, inputs: Iterable[Path] = ()) -> Path:
    """Return the real path of an output folder, or raise OutputError when it could not be made there.

    Meant to be called before any long work; leaves nothing behind.
    """
    place = _real(target)
    if place.parent.is_dir():
        put_right(place)
    for source in inputs:
        real = source.resolve()
        if real == place or place in real.parents:
            where = "is the input itself" if real == place else f"holds the input {source}"
            raise OutputError(f"the output {target} {where}", _ELSEWHERE)
    if place.exists() and not place.is_dir():
        raise OutputError(f"the output {target} is a file", "Give a folder with --out.")
    if place.is_dir() and any(place.iterdir()):
        if not overwrite:
            raise OutputError(f"the output folder {target} already exists", "Add --overwrite to replace it, or choose another with --out.")
        if not any((place / name).is_file() for name in SIGNATURE_FILES):
            raise OutputError(f"the folder {target} was not made by Hitpoint, so it is not replaced", _ELSEWHERE)
    _try_writing(place, target)
    return place


def check_file(target: Path, overwrite: bool, inputs: Iterable[Path] = ()) -> Path:
    """Return the real path of a single output file, or raise OutputError when it could not be made there."""
    place = _real(target)
    if place.parent.is_dir():
        put_right(place)
    if place.is_dir():
        raise OutputError(f"the output {target} is a folder", "Give a file name.")
    if any(source.resolve() == place for source in inputs):
        raise OutputError(f"the output {target} is the input itself", _ELSEWHERE)
    if place.exists() and not overwrite:
        raise OutputError(f"the output {target} already exists", "Add --overwrite to replace it, or choose another with --out.")
    _try_writing(place, target)
    return place


@contextlib.contextmanager
def new_folder(target: Path, overwrite: bool = False, inputs: Iterable[Path] = ()) -> Iterator[Path]:
    """Build an output folder: yields an empty hidden folder that becomes `target` when the block ends well.

    When the block raises (Ctrl-C included) the hidden folder is removed and `target` is as it was. Files a person added
    to an older output are carried over. Raises OutputError when the place cannot be written.
    """
    place = check_folder(target, overwrite, inputs)
    with _told(target, place.parent / _prefix(place)), _workshop(place) as work:
        yield work
        with _shielded():
            _carry_over(place, work)
            _swap_in(work, place, overwrite)


@contextlib.contextmanager
def into_folder(
    target: Path, names: Iterable[str], overwrite: bool = False, inputs: Iterable[Path] = (), outdated: Iterable[str] = ()
) -> Iterator[Path]:
    """Add files to a folder that may exist: yields a hidden folder; `names` made in it (and the manifest) go to `target`.

    Names are relative ("stems/audio" may be a folder). One that `target` already has is refused without `overwrite`. `outdated`
    are names whose files go if the manifest lists them (all that a person put there stays). What else `target` holds can be read
    through the hidden folder. When the block raises, `target` is as it was. Raises OutputError.
    """
    names, outdated = list(names), list(outdated)
    place = _real(target)
    if place.exists() and not place.is_dir():
        raise OutputError(f"the output {target} is a file", "Give a folder with --out.")
    if place.parent.is_dir():
        put_right(place)
    taken = [name for name in names if (place / name).exists()]
    if any(source.resolve() == (place / name).resolve() for source in inputs for name in taken):
        raise OutputError(f"{target} holds the input under a name that would be written", _ELSEWHERE)
    if taken and not overwrite:
        raise OutputError(f"{target / taken[0]} already exists", "Add --overwrite to replace it, or choose another folder with --out.")
    _try_writing(place / "x", target)
    with _told(target, place.parent / _prefix(place)), _workshop(place) as work:
        _show(place, work, {name.split("/")[0] for name in (*names, *outdated, MANIFEST)})
        yield work
        with _shielded():
            made = [name for name in names if (work / name).exists()]
            gone = [name for name in ours_within(place, outdated) if not is_within(name, made)]
            for name in SHARED & set(made):
                _carry_over(place, work, name)
            _merge_in(work, place, [*made, *([MANIFEST] if (work / MANIFEST).exists() else [])], gone)


@contextlib.contextmanager
def into_file(target: Path, name: str, overwrite: bool = False, inputs: Iterable[Path] = ()) -> Iterator[Path]:
    """Make a single file: yields an empty hidden folder; what is called `name` in it becomes `target`, the rest goes.

    Raises OutputError.
    """
    place = check_file(target, overwrite, inputs)
    with _told(target, place.parent / _prefix(place)), _workshop(place) as work:
        yield work
        with _shielded():
            (work / name).replace(place)


def ours_within(folder: Path, names: Iterable[str]) -> list[str]:
    """The files that Hitpoint made (by the manifest) in `folder` under one of `names`, and that are still there."""
    names = list(names)
    return sorted(name for name in listed_files(folder) or () if is_within(name, names) and (folder / name).is_file())


def _show(place: Path, work: Path, hidden: set[str]) -> None:
    if place.is_dir():
        for entry in place.iterdir():
            if entry.name not in hidden:
                (work / entry.name).symlink_to(entry)


def _real(target: Path) -> Path:
    if not target.name and target != Path():
        raise OutputError(f"the output {target} has no name", _ELSEWHERE)
    try:
        place = target.resolve()
    except (RuntimeError, ValueError) as error:  # links in a circle
        raise OutputError(f"the output {str(target)!r} is not a usable path ({error})", _ELSEWHERE) from None
    with _told(target):
        place.exists()
    return place


def _try_writing(place: Path, shown: Path) -> None:
    """Really make and remove a folder in the nearest existing parent: permission bits alone tell root nothing."""
    parent = next(folder for folder in place.parents if folder.exists())
    probe = parent / f".hitpoint-probe-{os.getpid()}-{secrets.token_hex(4)}"
    with _told(shown):
        if len(os.fsencode(place.name)) > 255:
            raise OSError(errno.ENAMETOOLONG, "name too long")
        if not os.access(parent, os.W_OK | os.X_OK):
            raise OSError(errno.EACCES, "not writable")
        try:
            probe.mkdir()
        finally:
            with contextlib.suppress(OSError):
                probe.rmdir()


@contextlib.contextmanager
def _told(shown: Path, ours: Path | None = None) -> Iterator[None]:
    """What the disk refuses, as an OutputError; with `ours`, only a full disk or what concerns files whose path begins like that."""
    try:
        yield
    except OSError as error:
        concerns = ours is None or error.errno in (errno.ENOSPC, errno.EDQUOT) or str(error.filename).startswith(str(ours))
        if error.errno not in _REASONS or not concerns:
            raise
        hint = "Make room, or choose" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "Choose"
        raise OutputError(f"cannot write {shown}: {_REASONS[error.errno]}", f"{hint} another place with --out.") from error


@contextlib.contextmanager
def _workshop(place: Path) -> Iterator[Path]:
    """A locked, hidden, empty folder beside `place`; it and any parents made for it are gone when the block fails."""
    missing = [folder for folder in place.parents if not folder.exists()]
    work = _beside(place, "partial")
    lock = -1
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        work.mkdir()
        lock = os.open(work, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield work
    finally:
        with _shielded():
            shutil.rmtree(work, ignore_errors=True)
            if lock >= 0:
                os.close(lock)
            for folder in missing:  # innermost first; those that hold the result stay
                with contextlib.suppress(OSError):
                    folder.rmdir()


def _prefix(place: Path) -> str:
    name = place.name
    if len(os.fsencode(name)) > 200:  # leave room for what we add
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    return f".{name}."


def _beside(place: Path, kind: str) -> Path:
    return place.with_name(f"{_prefix(place)}{kind}-{os.getpid()}-{secrets.token_hex(4)}")


def put_right(place: Path) -> None:
    """Clear up what killed runs left beside `place`: give an old folder back its name, remove partial ones."""
    pattern = re.compile(re.escape(_prefix(place)) + r"(partial|old)-(\d+)-[0-9a-f]{8}")
    for entry in sorted(place.parent.iterdir()):
        match = pattern.fullmatch(entry.name)
        if match is None or not entry.is_dir() or entry.is_symlink() or not _is_abandoned(entry, int(match[2])):
            continue
        if match[1] == "old" and not place.exists():
            entry.rename(place)
        else:
            shutil.rmtree(entry, ignore_errors=True)


def _is_abandoned(folder: Path, owner: int) -> bool:
    """Whether its owner is gone: no such process here, and nobody (not even in another container) holds its lock."""
    try:
        os.kill(owner, 0)
    except ProcessLookupError:
        pass
    except OSError:
        return False
    else:
        return False
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


@contextlib.contextmanager
def _shielded() -> Iterator[None]:
    """Hold Ctrl-C and its like back for the few renames that belong together; they arrive afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # a signal mask would not do: the kernel may hand the signal to any other thread of ours
    late: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, lambda arrived, _frame: late.append(arrived))
    try:
        yield
    finally:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, handler)
        if late:
            signal.raise_signal(late[0])


def _carry_over(place: Path, work: Path, below: str = ".") -> None:
    """Keep what a person put into the old folder, or one `below` it (whatever its manifest does not list) unless the new one has that name."""
    ours = listed_files(place)
    if ours is None:
        return
    for entry in sorted((place / below).rglob("*")):
        name = entry.relative_to(place)
        if entry.is_file() and name.as_posix() not in ours and not (work / name).exists():
            with contextlib.suppress(OSError):
                (work / name).parent.mkdir(parents=True, exist_ok=True)
                os.link(entry, work / name, follow_symlinks=False)  # both names until the old folder goes


def _swap_in(work: Path, place: Path, overwrite: bool) -> None:
    if not place.exists() or not any(place.iterdir()):
        work.replace(place)
        return
    if not overwrite:  # it was not there when we began
        raise OutputError(
            f"the output folder {place} has appeared meanwhile", "Add --overwrite to replace it, or choose another with --out."
        )
    old = _beside(place, "old")
    place.rename(old)
    try:
        work.rename(place)
    except BaseException:
        old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _merge_in(work: Path, place: Path, names: list[str], gone: Sequence[str] = ()) -> None:
    """Move `names` from `work` to `place` and the files `gone` away from there; all of it or nothing."""
    place.mkdir(exist_ok=True)
    aside = work / ".replaced"
    done: list[str] = []
    try:
        for name in names:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            if (place / name).exists():
                (aside / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).rename(aside / name)
            done.append(name)
            (work / name).rename(place / name)
        for name in gone:
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).rename(aside / name)
            done.append(name)
    except BaseException:
        for name in reversed(done):
            if (place / name).exists():
                (place / name).rename(work / name)
            if (aside / name).exists():
                (aside / name).rename(place / name)
        raise
    for folder in sorted({parent for name in gone for parent in Path(name).parents} - {Path()}, reverse=True):  # innermost first
        with contextlib.suppress(OSError):  # what a person put there stays
            (place / folder).rmdir()
