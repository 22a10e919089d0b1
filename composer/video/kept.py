"""A film that was watched before is not watched again: the cache remembers the `Film`.

What is kept follows from the film's bytes, from this program's own eyes and ears (their source) and from the versions of the
libraries and of ffmpeg; a change of any of them makes it be watched anew. Only films judged by the embedded measures are kept:
CLIP has its own cache, files and chosen frames are the user's.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from composer import cache, emotions_file, film as film_noun, probe as probe_module
from composer.errors import ComposerError
from composer.film import Film
from composer.manifest import versions
from composer.options import Options
from composer.serial import from_plain, to_plain

_KIND = "film"


def recall(video: Path, options: Options) -> Film | None:
    """The film as it was watched before, or None."""
    if cache.folder() is None or not _as_it_is(options):
        return None
    entry = cache.load(_KIND, _key(video))
    if entry is None or "json" not in entry:
        return None
    try:
        kept: Film = from_plain(Film, json.loads(bytes(entry["json"])))
    except (ComposerError, ValueError):
        return None
    return replace(kept, path=str(video))


def keep(film: Film, options: Options) -> None:
    """Remember a film for the next time."""
    if cache.folder() is not None and _as_it_is(options) and film.affect_from == "embedded":
        plain = json.dumps(to_plain(replace(film, path="", affect_note="")), ensure_ascii=True).encode()
        cache.store(_KIND, _key(Path(film.path)), {"json": np.frombuffer(plain, np.uint8)})


def _as_it_is(options: Options) -> bool:
    """Whether the film alone decides what is seen."""
    return options.emotion in ("auto", "embedded") and options.frame_s is None and options.frame_share is None


def _key(video: Path) -> str:
    return cache.key_of(_senses(), versions(), cache.content_hash(video))


@functools.cache
def _senses() -> str:
    """Hash of the source that watches."""
    files = [
        *sorted(Path(__file__).parent.glob("*.py")),
        *(Path(str(module.__file__)) for module in (emotions_file, film_noun, probe_module)),
    ]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
