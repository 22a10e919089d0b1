"""Is the planned key heard? Krumhansl & Schmuckler's key finder on the composed notes, and on people's music beside it.

Conventions
-----------
The finder is music21's `KrumhanslSchmuckler` (Krumhansl, *Cognitive Foundations of Musical Pitch*, 1990). It correlates a histogram of
pitch classes, weighted by length, with profiles of the 24 major and minor keys; it is given that histogram as twelve notes, which is all it takes of any music.
Sections count from 8 bars up, in major or minor; other modes are told apart, against the major or minor key of their signature. Notes end with the section, unpitched percussion is left out.

People's music: excerpts of 8 to 16 bars under one key signature. A signature is that of a major key and of its relative minor, so the
finder is right when it names either: what "same or relative" is for ours. Files without a signature, or with that of C major alone (which is what programs write where
nobody said anything), do not count; people modulate without changing signatures, so first excerpts of movements are told apart.
"""

from __future__ import annotations

import importlib
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from composer.errors import ComposerError, OptionError
from composer.evaluation.plan_checks import key_relation
from composer.instruments import INSTRUMENTS
from composer.plan import Plan
from composer.score import Score
from composer.theory.keys import Key, parse_key
from composer.theory.passage import Floats, Passage

FEWEST_BARS, MOST_BARS = 8, 16
#: excerpts of people's music, and of one file at most
EXCERPTS, PER_FILE = 1200, 4
_SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
#: an excerpt with fewer notes has no key to find
_FEWEST_NOTES = 16
_NO_SIGNATURE = 99


def find_key(weights: Floats) -> Key | None:
    """The key of a histogram (12,) of pitch classes in quarter notes from C; None for silence."""
    if not weights.any():
        return None
    note, stream, discrete = (_music21(name) for name in ("note", "stream", "analysis.discrete"))
    music = stream.Stream()
    for name, weight in zip(_SHARPS, weights, strict=True):
        if weight > 0:
            music.append(note.Note(f"{name}4", quarterLength=float(weight)))
    (tonic, mode, _), _ = discrete.KrumhanslSchmuckler().process(music)
    return Key(int(tonic.pitchClass), str(mode))


def _music21(name: str) -> Any:
    """A module of music21, which is slow to load and has no types."""
    return importlib.import_module(f"music21.{name}")


def section_weights(score: Score, start_beat: float, end_beat: float) -> Floats:
    """(12,) quarter notes that each pitch class sounds between two beats, of notes that begin there."""
    weights = np.zeros(12)
    for track in score.tracks:
        if INSTRUMENTS[track.instrument].is_drum:
            continue
        for note in track.notes:
            if start_beat - 1e-3 <= note.start_beat < end_beat - 1e-3:
                weights[note.pitch % 12] += max(0.0, min(note.end_beat, end_beat) - note.start_beat)
    return weights


def count_keys(plan: Plan, score: Score) -> Counter[str]:
    """How the key found in every section of 8 bars and more is related to the planned one: "found same", …; other modes: "modal …"."""
    found = Counter[str]()
    for section in plan.sections:
        key, first = parse_key(section.key), plan.tempo.beat_of(section.first_bar)
        if section.bars < FEWEST_BARS:
            found["sections too short for a key"] += 1
            continue
        heard = find_key(section_weights(score, first, float(plan.tempo.bar_beats[section.last_bar])))
        if key.mode in ("major", "minor"):
            found.update({"sections with a key": 1, f"found {key_relation(key, heard) if heard else 'other'}": 1})
        else:
            of_signature = Key((key.fifths * 7 - (3 if key.is_minor else 0)) % 12, "minor" if key.is_minor else "major")
            found.update({"modal sections": 1, "modal same or relative": heard is not None and is_pair(of_signature, heard)})
            found.update({"modal same tonic": heard is not None and heard.tonic == key.tonic})
    return found


def is_pair(one: Key, other: Key) -> bool:
    """Whether two keys are the same or relatives: whether one signature writes both."""
    return key_relation(one, other) in ("same", "relative")


# --- people's music ---------------------------------------------------------------------------------------------------


def human_keys(
    folders: Sequence[Path], seed: int, excerpts: int = EXCERPTS, progress: Callable[[float], None] = lambda done: None
) -> dict[str, Counter[str]]:
    """Excerpts by collection, and how many of them the finder names as their signature does; the first of their movement apart.

    Raises OptionError when the folders hold no scores, or none with key signatures.
    """
    from composer.transformer.data.corpus import collections_in

    found: dict[str, Counter[str]] = {}
    collections = collections_in(folders)
    for done, collection in enumerate(collections):
        progress(done / len(collections))
        counts = _of_collection(collection, seed, -(-excerpts // len(collections)))
        if counts:
            found[collection.name] = counts
    if not found:
        raise OptionError("no score has a key signature", "Give collections that were engraved, as lieder and quartets.")
    return found


def _of_collection(collection: Path, seed: int, excerpts: int) -> Counter[str]:
    from composer.transformer.data.reading import read_piece

    rng, found, files = random.Random(f"keys/{seed}/{collection.name}"), Counter[str](), sorted((collection / "midi").glob("*.mid"))
    rng.shuffle(files)
    for path in files[: 2 * excerpts]:
        if found["excerpts"] >= excerpts:
            break
        try:
            piece = read_piece(path)
        except ComposerError:
            continue
        if set(piece.keys.tolist()) <= {0, _NO_SIGNATURE}:
            continue
        for first, fifths, weights in _excerpts(piece.passage, piece.keys.tolist(), rng):
            heard = find_key(weights)
            right = heard is not None and is_pair(Key(fifths * 7 % 12, "major"), heard)
            found.update({"excerpts": 1, "right": right, "first excerpts": first, "first right": first and right})
    return found


def _excerpts(passage: Passage, signatures: Sequence[int], rng: random.Random) -> Iterator[tuple[bool, int, Floats]]:
    """Up to `PER_FILE` excerpts under one signature: whether it is the first, its sharps, its pitch classes."""
    starts, at = [], 0
    while at + FEWEST_BARS <= passage.bars:
        bars = min(rng.randint(FEWEST_BARS, MOST_BARS), passage.bars - at)
        inside = set(signatures[at : at + bars])
        if len(inside) == 1 and _NO_SIGNATURE not in inside:
            starts.append((at, bars))
        at += bars
    later = starts[1:]
    for at, bars in sorted([*starts[:1], *rng.sample(later, min(PER_FILE - 1, len(later)))]):
        part = passage.between(at, at + bars)
        pitched = part.pitched()
        if pitched.sum() >= _FEWEST_NOTES:
            length = np.minimum(part.duration, part.edges[-1] - part.onset)[pitched]
            weights: Floats = np.bincount(part.pitch[pitched] % 12, weights=length, minlength=12).astype(np.float64)
            yield at == 0, signatures[at], weights
