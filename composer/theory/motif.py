"""Motifs: a few notes that a theme is known by, in scale degrees, so that any key, mode and tempo can have them.

Text form, for people: notes in order as ``length:degree``, length in beats, degrees from 1 (the tonic) upwards, 8 the octave, 0 the leading
note below, r a rest: ``1.5:5 0.5:6 1:5 1:3 2:r 2:1``. A minor key makes the same degrees minor.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from composer.errors import ComposerError

#: how a theme comes back: as it is; in longer notes; in shorter ones; only its head; turned upside down
Variation = Literal["plain", "augmented", "diminished", "fragmented", "inverted"]
VARIATIONS: tuple[Variation, ...] = ("plain", "augmented", "diminished", "fragmented", "inverted")
#: a motif is no longer than four bars of four, and its notes no further from the tonic than singers go
MAX_BEATS, LOWEST, HIGHEST = 16.0, -7, 16
_NOTE = re.compile(r"([0-9]*\.?[0-9]+):(r|-?[0-9]+)")


@dataclass(frozen=True)
class MotifNote:
    """One note of a motif."""

    #: beats after the motif's start
    onset_beats: float
    #: beats
    length_beats: float
    #: degree of the scale, 1 the tonic
    degree: int


@dataclass(frozen=True)
class Motif:
    """Notes in order, and how long all of it is (a rest may end it)."""

    notes: tuple[MotifNote, ...]
    length_beats: float


def parse_motif(text: str) -> Motif:
    """Read the text form.

    Raises ComposerError for what is none, has no note, is too long or leaves the voice.
    """
    now, notes = 0.0, []
    for word in text.split():
        match = _NOTE.fullmatch(word)
        if match is None or float(match.group(1)) <= 0:
            raise ComposerError(f"{word!r} is no note of a motif", "Write length:degree, e.g. 1.5:5 0.5:6 2:r.")
        length = float(match.group(1))
        if match.group(2) != "r":
            degree = int(match.group(2))
            if not LOWEST <= degree <= HIGHEST:
                raise ComposerError(f"degree {degree} of a motif is out of reach", f"Use {LOWEST} to {HIGHEST}.")
            notes.append(MotifNote(round(now, 6), length, degree))
        now += length
    if not notes or now > MAX_BEATS + 1e-6:
        raise ComposerError(f"the motif {text!r} has no note or is too long", f"Write one to {MAX_BEATS:g} beats of notes.")
    return Motif(tuple(notes), round(now, 6))


def motif_text(motif: Motif) -> str:
    """The text form of a motif."""
    words, now = [], 0.0
    for note in motif.notes:
        if note.onset_beats > now + 1e-6:
            words.append(f"{note.onset_beats - now:g}:r")
        words.append(f"{note.length_beats:g}:{note.degree}")
        now = note.onset_beats + note.length_beats
    if motif.length_beats > now + 1e-6:
        words.append(f"{motif.length_beats - now:g}:r")
    return " ".join(words)


def varied(motif: Motif, variation: Variation) -> Motif:
    """The motif as it comes back."""
    if variation in ("augmented", "diminished"):
        factor = 2.0 if variation == "augmented" else 0.5
        notes = tuple(MotifNote(n.onset_beats * factor, n.length_beats * factor, n.degree) for n in motif.notes)
        return Motif(notes, motif.length_beats * factor)
    if variation == "inverted":
        first = motif.notes[0].degree
        return Motif(
            tuple(MotifNote(n.onset_beats, n.length_beats, _folded(2 * first - n.degree)) for n in motif.notes), motif.length_beats
        )
    if variation == "fragmented":
        return _head(motif)
    return motif


def _folded(degree: int) -> int:
    """A degree within reach, octaves (seven steps) up or down if need be."""
    while degree < LOWEST:
        degree += 7
    while degree > HIGHEST:
        degree -= 7
    return degree


def _head(motif: Motif) -> Motif:
    """The first half of a motif, at least two notes where it has them; it breathes as long as it lasted at most."""
    half = motif.length_beats / 2
    count = max(min(2, len(motif.notes)), sum(n.onset_beats < half - 1e-6 for n in motif.notes))
    notes: Sequence[MotifNote] = motif.notes[:count]
    end = notes[-1].onset_beats + notes[-1].length_beats
    return Motif(tuple(notes), round(max(half, end), 6))
