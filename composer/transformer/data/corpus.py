"""The corpus: every movement of the given collections of scores, clean, folded, with its work, licence and split."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from composer.errors import OptionError
from composer.theory.passage import Passage
from composer.transformer.data.cleaning import cleaned, movements
from composer.transformer.data.folding import fold
from composer.transformer.data.reading import ScoreFileError, read_piece
from composer.transformer.data.upbeats import with_upbeat
from composer.transformer.data.works import NOBODY, SAME_NOTES, Shingles, composer_key, group_works, shared, shingles, split, work_keys

#: told while reading: files done, files in all
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Movement:
    """One movement, ready to be tokenised."""

    #: "collection/file#n", n from 1 within the file
    id: str
    collection: str
    #: file name
    source: str
    #: name of the group of files that hold the same work
    work: str
    title: str
    composer: str
    licence: str
    #: "train", "valid" or "test"
    split: str
    #: folded
    passage: Passage
    #: (B, L) int16: the line that this line doubles in that bar; −1 none
    doubled: NDArray[np.int16]
    #: what cleaning removed, by reason
    removed: Counter[str]
    #: notes of the cleaned movement before and after folding
    notes_before: int
    notes_after: int


@dataclass
class Tally:
    """What reading a corpus left out; pass one to `load_corpus` to fill it."""

    #: by collection, then by reason
    removed: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    #: messages of files that could not be read
    unreadable: list[str] = field(default_factory=list)
    #: (dropped id, kept id)
    duplicates: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Found:
    movement: Movement
    keys: list[str]
    music: Shingles


@dataclass(frozen=True)
class _Facts:
    title: str
    composer: str
    licence: str
    hint: str
    texts: tuple[str, ...]


def collections_in(folders: Sequence[Path]) -> list[Path]:
    """The collections (folders with `midi/*.mid`) that are, or lie directly in, the given folders.

    Raises OptionError for a folder that holds none.
    """
    found: list[Path] = []
    for folder in folders:
        inside = [folder] if (folder / "midi").is_dir() else sorted(p for p in folder.glob("*/") if (p / "midi").is_dir())
        inside = [p for p in inside if any((p / "midi").glob("*.mid"))]
        if not inside:
            raise OptionError(f"no scores in {folder}", "A collection is a folder with midi/*.mid in it; give one or a folder of them.")
        found += [p for p in inside if p not in found]
    return found


def _licence(collection: Path) -> str:
    """The licence's name as SOURCES.md tells it, up to the first bracket or full stop."""
    sources = collection / "SOURCES.md"
    text = sources.read_text(encoding="utf-8") if sources.exists() else ""
    if (line := re.search(r"^Licence[^:]*:\s*(.+)$", text, re.MULTILINE)) is None:
        return "unknown"
    known = re.search(r"CC0 1\.0|CC BY(?:-SA)? [\d.]+|\d-clause BSD|Artistic License [\d.]+|MIT|Public Domain", line.group(1))
    return known.group(0) if known else line.group(1).split("(")[0].strip()


def _facts(stem: str, entry: dict[str, object], licence: str) -> _Facts:
    source = str(entry.get("source") or entry.get("src") or "")
    parts = [part for part in source.split("/")[1:-1] if part != "_"]
    told = str(entry.get("composer") or (parts[0] if parts else ""))
    pieces = stem.split("__")
    composer = composer_key(told) if told else "anonymous"
    if entry.get("title"):
        title = str(entry["title"])
    elif len(parts) > 1:
        title = " — ".join(part.replace("_", " ") for part in parts[1:])
    else:
        title = (pieces[1] if len(pieces) > 1 else stem).replace("_", " ")
    # Mutopia's folders carry the opus: ftp/BeethovenLv/O67/…
    texts = (title, " ".join(parts[1:]), stem if "__" in stem else "")
    return _Facts(title, composer if told else "anonymous", str(entry.get("licence") or licence), str(entry.get("instrument") or ""), texts)


def _work_title(facts: _Facts, collection: str) -> str:
    """What stands for a work without a catalogue number: its set (all but the last part) or its title."""
    if facts.composer in NOBODY:
        return f"{collection} {facts.title}"
    return facts.title.split(" — ")[0]


def _read_file(path: Path, collection: Path, facts: _Facts, tally: Tally) -> list[_Found]:
    piece = read_piece(path, facts.hint)
    counts = tally.removed[collection.name]
    if piece.dropped_tracks:
        counts["tracks of sound effects"] += piece.dropped_tracks
        counts["notes of sound effects"] += piece.dropped_notes
    found: list[_Found] = []
    keys = work_keys(facts.composer, facts.texts, _work_title(facts, collection.name))
    for number, part in enumerate(movements(piece), start=1):
        clean = cleaned(with_upbeat(part))
        counts.update(clean.removed)
        if clean.passage is None:
            continue
        music = shingles(clean.passage)
        folded = fold(clean.passage)
        movement = Movement(
            f"{collection.name}/{path.stem}#{number}", collection.name, path.name, keys[0], facts.title, facts.composer, facts.licence, "train",
            folded.passage, folded.leader, clean.removed, len(clean.passage.onset), len(folded.passage.onset),
        )  # fmt: skip
        found.append(_Found(movement, keys, music))
    return found


def _without_duplicates(found: list[_Found], shares: dict[tuple[int, int], float], tally: Tally) -> set[int]:
    """Indices to drop: of two files that share nearly all their music the one with fewer notes goes."""
    dropped: set[int] = set()
    for (i, j), share in sorted(shares.items()):
        a, b = found[i].movement, found[j].movement
        ratio = min(len(found[i].music), len(found[j].music)) / max(len(found[i].music), len(found[j].music), 1)
        if share < SAME_NOTES or ratio < 0.6 or a.id.split("#")[0] == b.id.split("#")[0] or i in dropped or j in dropped:
            continue
        loser, keeper = (i, j) if a.notes_before < b.notes_before else (j, i)
        dropped.add(loser)
        tally.duplicates.append((found[loser].movement.id, found[keeper].movement.id))
    return dropped


def load_corpus(
    folders: Sequence[Path], progress: Progress | None = None, *, seed: int = 0, tally: Tally | None = None
) -> Iterator[Movement]:
    """Every movement in the folders, in order of collection and file name, duplicates left out.

    A folder is a collection (with midi/*.mid, SOURCES.md and perhaps index.json) or a folder of collections. Everything is read before
    the first movement comes out, because splits need all works. Files that cannot be read are skipped and told in `tally`.
    """
    tally = tally if tally is not None else Tally()
    files: list[tuple[Path, Path, _Facts]] = []
    for collection in collections_in(folders):
        index_file = collection / "index.json"
        index = json.loads(index_file.read_text(encoding="utf-8")) if index_file.exists() else {}
        licence = _licence(collection)
        paths = sorted((collection / "midi").glob("*.mid"))
        files += [(p, collection, _facts(p.stem, index.get(p.name) or index.get(p.stem) or {}, licence)) for p in paths]
    found: list[_Found] = []
    for done, (path, collection, facts) in enumerate(files, start=1):
        try:
            found += _read_file(path, collection, facts, tally)
        except ScoreFileError as error:
            tally.unreadable.append(str(error))
        if progress is not None:
            progress(done, len(files))
    shares = shared([f.music for f in found], [f.movement.composer for f in found])
    names = group_works([f.keys for f in found], shares)
    dropped = _without_duplicates(found, shares, tally)
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for i, f in enumerate(found):
        if i not in dropped:
            groups[names[i]][f.movement.collection] += f.movement.notes_after
    splits = split(groups, seed)
    for i, f in enumerate(found):
        if i not in dropped:
            yield replace(f.movement, work=names[i], split=splits[names[i]])
