"""Keys and modes: names, scales, signatures.

Pitch classes count semitones from C (0…11).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from composer.errors import ComposerError, nearest

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_FIFTHS_LINE = "FCGDAEB"

#: mode → semitones of its seven degrees above the tonic
MODES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
# how far below its own tonic's major signature each mode lies on the circle of fifths
_FIFTHS_BELOW_MAJOR = {"major": 0, "minor": 3, "dorian": 2, "phrygian": 4, "lydian": -1, "mixolydian": 1}
_NAME = re.compile(r"^\s*([A-Ga-g])\s*(#|b|♯|♭|[- ]?sharp|[- ]?flat)?\s*[- ]?\s*([A-Za-z]*)\s*$")
_SHORT = {"": "major", "maj": "major", "m": "minor", "min": "minor", "aeolian": "minor", "ionian": "major", "dur": "major", "moll": "minor"}


@dataclass(frozen=True)
class Key:
    """A tonic and a mode."""

    #: pitch class of the tonic
    tonic: int
    #: one of MODES
    mode: str

    @property
    def scale(self) -> tuple[int, ...]:
        """Pitch classes of the seven degrees, tonic first."""
        return tuple((self.tonic + step) % 12 for step in MODES[self.mode])

    @property
    def is_minor(self) -> bool:
        """Whether the third degree is minor."""
        return MODES[self.mode][2] == 3

    @property
    def fifths(self) -> int:
        """Sharps (positive) or flats (negative) of the signature, −6…6."""
        major = (self.tonic * 7 + 5) % 12 - 5  # C=0, G=1, F=−1 …
        fifths = major - _FIFTHS_BELOW_MAJOR[self.mode]
        return (fifths + 5) % 12 - 5 if not -6 <= fifths <= 6 else fifths

    @property
    def name(self) -> str:
        """E.g. "F# minor", spelled as its signature is."""
        return f"{self.pitch_name(self.tonic)} {self.mode}"

    @property
    def signature_name(self) -> str:
        """Name for a MIDI key signature, which knows only major and minor: "Bb", "Dm"."""
        relative = (self.fifths * 7) % 12
        minor = self.is_minor
        return self.pitch_name((relative - 3) % 12 if minor else relative) + ("m" if minor else "")

    def pitch_name(self, pitch_class: int) -> str:
        """Name of a pitch class as this key spells it: from the flat second to the sharp fourth on the line of fifths."""
        tonic = self.fifths + _FIFTHS_BELOW_MAJOR[self.mode]
        place = next(p for p in range(tonic - 5, tonic + 7) if (p * 7 - pitch_class) % 12 == 0)
        octave, letter = divmod(place + 1, 7)
        return _FIFTHS_LINE[letter] + ("#" * octave if octave >= 0 else "b" * -octave)


@functools.cache
def parse_key(text: str) -> Key:
    """Read "D minor", "Dm", "F# dorian", "Bb".

    Raises ComposerError for anything else.
    """
    match = _NAME.match(text)
    if match is None:
        raise ComposerError(f"unknown key {text!r}", "Write a tonic and a mode, e.g. 'D minor', 'Bb major' or 'E dorian'.")
    letter, accidental, mode_text = match.groups()
    mode = "major" if mode_text == "M" else _SHORT.get(mode_text.lower(), mode_text.lower())
    if mode not in MODES:
        raise ComposerError(f"unknown key {text!r}", nearest(mode, MODES) or f"Modes: {', '.join(MODES)}.")
    step = 0
    if accidental:
        step = 1 if accidental in "#♯" or "sharp" in accidental else -1
    return Key((_LETTERS[letter.upper()] + step) % 12, mode)


def parse_pitch_class(text: str) -> int:
    """Pitch class of "C", "F#", "Bb".

    Raises ComposerError for anything else.
    """
    if not re.fullmatch(r"[A-G](#{0,2}|b{0,2})", text):
        raise ComposerError(f"{text!r} is not a note name", "Write e.g. C, F# or Bb.")
    return (_LETTERS[text[0]] + text.count("#") - text[1:].count("b")) % 12
