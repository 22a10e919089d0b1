"""The cache: results that are slow to make and safe to lose, kept outside the output folder.

An entry is an ``.npz`` of plain arrays, named by a hash of everything that its content follows from, so nothing in it is ever
out of date. It appears whole or not at all (atomic rename), so any number of processes may share the folder. Entries are read
without pickles; what cannot be read is dropped and made anew. A folder that cannot be written is a cache that keeps nothing:
the work goes on, only slower the next time.

Environment
-----------
``HITPOINT_CACHE``        where; empty or "off" = no cache; unset = ``hitpoint`` in the platform's cache folder
                          (``$XDG_CACHE_HOME``, else ``~/.cache``; macOS: ``~/Library/Caches``).
``HITPOINT_CACHE_LIMIT``  how large it may grow: bytes, or with K, M or G for powers of 1024 ("500M"); 2G unless said.
                          Beyond it, entries that were not used for longest go first.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from composer.errors import OptionError

Arrays = dict[str, npt.NDArray[Any]]

#: how large the cache may grow unless HITPOINT_CACHE_LIMIT says otherwise, bytes
DEFAULT_LIMIT_BYTES = 2 << 30
#: an unfinished entry older than this was left by a process that died, seconds
ABANDONED_S = 3600.0

#: names of entries; nothing else in the folder is ever touched, wherever HITPOINT_CACHE points
_ENTRY = re.compile(r"[0-9a-f]{40}\.npz")
_PART = re.compile(r"\.hitpoint-\w+\.part")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
#: what numpy and zipfile raise for a file that is cut short, changed or no archive of arrays
_DAMAGED = (OSError, ValueError, EOFError, KeyError, NotImplementedError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)


def folder() -> Path | None:
    """Where the cache is; None when it is turned off or there is no home to put it in."""
    asked = os.environ.get("HITPOINT_CACHE")
    if asked is not None:
        return Path(asked).absolute() if asked.strip().lower() not in ("", "off") else None
    platform = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if platform.is_absolute():  # the XDG specification: a relative one is to be ignored
        return platform / "hitpoint"
    try:
        return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "hitpoint"
    except RuntimeError:
        return None


def limit_bytes() -> int:
    """How large the cache may grow.

    Raises OptionError when HITPOINT_CACHE_LIMIT is no size.
    """
    asked = os.environ.get("HITPOINT_CACHE_LIMIT", "").strip()
    if not asked:
        return DEFAULT_LIMIT_BYTES
    size = re.fullmatch(r"(\d+(?:\.\d+)?) *([KMG]?)B?", asked, re.IGNORECASE)
    if size is None:
        raise OptionError(f"HITPOINT_CACHE_LIMIT is {asked!r}, which is no size", 'Give bytes, or a number with K, M or G, such as "500M".')
    return int(float(size[1]) * _UNITS[size[2].upper()])


def key_of(*parts: object) -> str:
    """A key from everything that the content follows from (numbers, text): 40 hexadecimal digits."""
    hashed = hashlib.blake2b(digest_size=20)
    for part in parts:
        text = str(part).encode("utf-8", "surrogateescape")
        hashed.update(len(text).to_bytes(8, "big") + text)  # with lengths, "a", "bc" is not "ab", "c"
    return hashed.hexdigest()


def content_hash(path: Path) -> str:
    """Hash of a file's bytes, whatever its name and date: 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest()


def load(kind: str, key: str) -> Arrays | None:
    """What `store` kept under this kind and key; None when there is nothing (any more) that can be read.

    Raises OptionError when HITPOINT_CACHE_LIMIT is no size: here, before the work, not in `store` after it.
    """
    limit_bytes()
    place = folder()
    if place is None:
        return None
    path = _path(place, kind, key)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        return None
    except _DAMAGED as error:
        if not isinstance(error, OSError):  # the disk's or the system's trouble is not the entry's
            with contextlib.suppress(OSError):
                path.unlink()
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # used now: it goes last
    return arrays


def store(kind: str, key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Keep arrays under a kind and a key, then drop what was not used for longest until the limit holds.

    Quietly keeps nothing where the folder cannot be written, the disk is full, or the entry alone is beyond the limit.
    """
    place, limit = folder(), limit_bytes()
    if place is None or sum(array.nbytes for array in arrays.values()) > limit:
        return
    path = _path(place, kind, key)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _neighbour(path) as file:
            np.savez(file, allow_pickle=False, **arrays)
        _shrink(place, limit)


def _path(place: Path, kind: str, key: str) -> Path:
    return place / kind / f"{key}.npz"


@contextlib.contextmanager
def _neighbour(path: Path) -> Iterator[Any]:
    """A file to write that takes `path`'s place when the block ends well, and is gone when it does not."""
    handle, name = tempfile.mkstemp(prefix=".hitpoint-", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _shrink(place: Path, limit: int) -> None:
    """Remove the entries that were not used for longest until all of them together are within the limit."""
    entries = []
    for path in place.glob("*/*"):
        try:
            status = path.stat()
        except OSError:  # another process was faster
            continue
        if _PART.fullmatch(path.name) and time.time() - status.st_mtime > ABANDONED_S:
            path.unlink(missing_ok=True)
        elif _ENTRY.fullmatch(path.name):
            entries.append((status.st_mtime_ns, status.st_size, path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= limit:
            return
        path.unlink(missing_ok=True)
        total -= size
