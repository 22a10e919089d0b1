"""`data prepare`: collections of scores → the store that training reads, and a data card that says what is in it."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from composer.errors import OptionError
from composer.transformer.data.corpus import Movement, Tally, collections_in, load_corpus
from composer.transformer.data.store import Writer, encode

#: how often a collection is drawn beside its size: what film music needs more of counts more
WEIGHTS = {"openscore_orchestra": 1.6, "openscore_stringquartets": 1.2, "freedoom": 0.8, "simutrans": 0.8}

Told = Callable[[str, int, int], None]


def prepare(folders: Sequence[Path], out: Path, seed: int = 0, told: Told | None = None) -> str:
    """Read, clean, fold, label and encode every score in `folders`; write the store to `out` and return the data card.

    Raises OptionError when a folder holds no scores, or none that can be learnt from.
    """
    tell = told or (lambda what, done, total: None)
    tally, writer = Tally(), Writer()
    movements = list(load_corpus(folders, lambda done, total: tell("reading", done, total), seed=seed, tally=tally))
    if not movements:
        which = f"{len(tally.unreadable)} files could not be read" if tally.unreadable else "nothing was left after cleaning"
        raise OptionError(f"no usable scores in {', '.join(map(str, folders))} ({which})", "Give folders with MIDI files of whole pieces.")
    for number, movement in enumerate(movements, 1):
        writer.add(encode(movement.passage, writer.instruments), _about(movement))
        tell("labelling", number, len(movements))
    card = data_card(movements, tally, folders)
    writer.write(out, {"seed": seed, "scores": _hashes(folders)})
    (out / "README.md").write_text(card, encoding="utf-8")
    return card


def _about(movement: Movement) -> dict[str, Any]:
    names = ("id", "collection", "source", "work", "title", "composer", "licence", "split", "notes_before", "notes_after")
    about = {name: getattr(movement, name) for name in names}
    return {**about, "weight": WEIGHTS.get(movement.collection, 1.0), "seconds": round(float(movement.passage.seconds()[-1]), 1)}


def _hashes(folders: Sequence[Path]) -> dict[str, str]:
    """sha256 over the sorted MIDI files of every collection."""
    found = {}
    for collection in collections_in(folders):
        digest = hashlib.sha256()
        for path in sorted((collection / "midi").glob("*.mid")):
            digest.update(path.name.encode() + path.read_bytes())
        found[collection.name] = digest.hexdigest()
    return found


def data_card(movements: Sequence[Movement], tally: Tally, folders: Sequence[Path]) -> str:
    """Pieces, notes, hours, licences, splits and what was left out, as Markdown."""
    by: dict[str, list[Movement]] = defaultdict(list)
    for movement in movements:
        by[movement.collection].append(movement)
    rows = [_row(name, found) for name, found in by.items()]
    rows.append(_row("all", movements))
    head = "| collection | files | movements | works | notes | folded away | hours | train / valid / test notes | licence |"
    lines = ["# Prepared scores", "", head, "|---|---|---|---|---|---|---|---|---|", *rows, "", "## Left out", ""]
    for name, reasons in tally.removed.items():
        lines.append(f"- {name}: " + ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items())))
    lines.append(f"- duplicates of other files: {len(tally.duplicates)}; unreadable files: {len(tally.unreadable)}")
    lines += ["", "## Sources (sha256 over the MIDI files)", ""]
    lines += [f"- {name}: {value}" for name, value in _hashes(folders).items()]
    lines += ["", "Splits are by work: the same work in two collections is in one split.", ""]
    return "\n".join(lines)


def _row(name: str, found: Sequence[Movement]) -> str:
    notes, before = sum(m.notes_after for m in found), sum(m.notes_before for m in found)
    hours = sum(float(m.passage.seconds()[-1]) for m in found) / 3600
    splits: Counter[str] = Counter()
    for m in found:
        splits[m.split] += m.notes_after
    licences: Iterable[tuple[str, int]] = Counter(m.licence for m in found).most_common(3)
    kinds = ", ".join(licence for licence, _ in licences)
    shares = " / ".join(f"{splits[s]:,}" for s in ("train", "valid", "test"))
    works, files = len({m.work for m in found}), len({(m.collection, m.source) for m in found})
    return (
        f"| {name} | {files} | {len(found)} | {works} | {notes:,} | {1 - notes / max(1, before):.1%} | {hours:.1f} | {shares} | {kinds} |"
    )
