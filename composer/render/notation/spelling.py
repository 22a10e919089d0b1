"""Spelling: which letter and accidental a sounding pitch is written with, from its key, its chord and where the line goes.

Conventions
-----------
A *place* is a position on the line of fifths (C = 0, G = 1, F = −1, Bb = −2, F# = 6): a name without octave. Transposing an instrument
is adding to it. A chord's notes are spelled as the chord is built (the third of D7 is F#, never Gb); other notes of the key as the
signature has them; what is left as a leading note of what follows (up: sharpened, down: flattened), else as the key's own
chromatic notes (from the flat second to the sharp fourth). Double accidentals are written by their neighbour's name.
"""

from __future__ import annotations

from dataclasses import dataclass

from composer.theory.chords import Chord
from composer.theory.keys import Key

_LINE = "FCGDAEB"
_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
# semitones above a root → steps on the line of fifths; the sixth of a minor ninth chord and the like do not occur
_INTERVAL_PLACES = {0: 0, 1: -5, 2: 2, 3: -3, 4: 4, 5: -1, 6: -6, 7: 1, 8: 8, 9: 3, 10: -2, 11: 5}
_TONIC_ABOVE_SIGNATURE = {"major": 0, "minor": 3, "dorian": 2, "phrygian": 4, "lydian": -1, "mixolydian": 1}
#: no part reads more sharps or flats than these
_MOST_SHARPS, _MOST_FLATS = 6, -6


@dataclass(frozen=True)
class Spelled:
    """A written note."""

    #: C … B
    step: str
    #: semitones: −1 flat, 1 sharp
    alter: int
    #: scientific: middle C is C4
    octave: int

    @property
    def diatonic(self) -> int:
        """Steps above C0: what a staff shows."""
        return 7 * self.octave + "CDEFGAB".index(self.step)


def letter_of(place: int) -> tuple[str, int]:
    """(letter, alteration) of a place."""
    alter, letter = divmod(place + 1, 7)
    return _LINE[letter], alter


def place_of(pitch: int, key: Key, chord: Chord | None, following: int | None = None) -> int:
    """Place of a sounding pitch; `following` is the pitch the line goes on to."""
    pitch_class = pitch % 12
    if chord is not None:
        root = root_place(chord, key)
        for interval in chord.intervals:
            if (chord.root + interval) % 12 == pitch_class:
                return _plain(root + _chord_step(interval, chord))
    tonic = key.fifths + _TONIC_ABOVE_SIGNATURE[key.mode]
    own = next(place for place in range(tonic - 5, tonic + 7) if (place * 7 - pitch_class) % 12 == 0)
    if pitch_class in key.scale:
        return next(place for place in range(key.fifths - 1, key.fifths + 6) if (place * 7 - pitch_class) % 12 == 0)
    if following is not None and abs(following - pitch) == 1:
        goal = place_of(following, key, chord)
        return _plain(goal + (5 if following > pitch else -5))
    return _plain(own)


def written_place(place: int, semitones: int, fifths: int) -> int:
    """Place after transposing by `semitones` (written minus sounding) in a key whose sounding signature is `fifths`."""
    return place + written_fifths(fifths, semitones) - fifths


def written_fifths(fifths: int, semitones: int) -> int:
    """Signature a transposing part reads, −6…6."""
    moved = fifths + (semitones * 7 + 5) % 12 - 5
    return moved - 12 if moved > _MOST_SHARPS else moved + 12 if moved < _MOST_FLATS else moved


def spell(written_pitch: int, place: int) -> Spelled:
    """The note of that pitch with that name (or, where it would need more than one accidental, its neighbour's name)."""
    step, alter = letter_of(_plain(place))
    return Spelled(step, alter, (written_pitch - alter) // 12 - 1)


def _plain(place: int) -> int:
    """The same note without double accidentals (Fbb … B## lie outside −8…12)."""
    return place + 12 if place < -8 else place - 12 if place > 12 else place


def root_place(chord: Chord, key: Key) -> int:
    """Place of a chord's root, as the key spells it."""
    tonic = key.fifths + _TONIC_ABOVE_SIGNATURE[key.mode]
    return next(place for place in range(tonic - 5, tonic + 7) if (place * 7 - chord.root) % 12 == 0)


def _chord_step(interval: int, chord: Chord) -> int:
    """A diminished seventh is a seventh; only an augmented fifth is a fifth."""
    if interval == 9 and 6 in chord.intervals:
        return -9
    return _INTERVAL_PLACES[interval]
