"""Chords: roman numerals (relative to a key) and plain symbols to pitch classes.

Grammar
-------
Roman: ``[b|#] I…VII (upper = major, lower = minor) [o|ø|+] [suffix] [/target] [/bass]``; degrees are those of the natural minor scale in
minor, dorian and phrygian keys (VI of D minor and of D dorian is Bb), else of the major scale (but VII of a mixolydian key is its own,
flat one); a diminished vii in a minor key stands on the raised leading note, as usage has it. Suffixes: 7 maj7 6 64 65 43 42
sus2 sus4 7sus4 q4 add9 9 5. ``V7/iv`` is the dominant of the fourth degree. A digit 1…7 after a slash is the degree in the bass, counted as
the numerals are: ``IV/1`` is IV over a tonic pedal, ``bII/5`` over a dominant one. ``q4`` is a chord of two fourths (root, fourth, minor
seventh), ``5`` a bare fifth. Plain: ``Dm``, ``Bb7``, ``Gsus4``, ``C/E``, ``Dq4``.
Functions follow Aldwell & Schachter, *Harmony and Voice Leading*.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace

from composer.errors import ComposerError
from composer.theory.keys import MODES, Key, parse_pitch_class

_NUMERALS = {"I": 0, "II": 1, "III": 2, "IV": 3, "V": 4, "VI": 5, "VII": 6}
_ROMAN = re.compile(
    r"^(b|#)?(VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)(o|°|ø|\+)?(maj7|7sus4|sus2|sus4|add9|q4|64|65|43|42|6|7|9|5)?(?:/(.+))?$"
)
_OVER_BASS = re.compile(r"^(.+)/(b|#)?([1-7])$")
_PLAIN = re.compile(
    r"^([A-G](?:#{1,2}|b{1,2})?)(m(?!aj)|dim|aug|o|ø|\+)?(maj7|7sus4|sus2|sus4|add9|q4|7|9|6|5)?(?:/([A-G](?:#{1,2}|b{1,2})?))?$"
)

# triad name → semitones above the root
_TRIADS: dict[str, tuple[int, ...]] = {"major": (0, 4, 7), "minor": (0, 3, 7), "dim": (0, 3, 6), "aug": (0, 4, 8)}
# degrees whose own seventh is major, and in which modes
_MAJOR_SEVENTHS = {0: ("major", "lydian"), 3: ("major", "mixolydian")}
_FOURTHS = (0, 5, 10)
_INVERSIONS = {"6": 1, "64": 2, "65": 1, "43": 2, "42": 3}


@dataclass(frozen=True)
class Chord:
    """Pitch classes with a root and a bass."""

    #: pitch class of the root
    root: int
    #: semitones above the root, 0 first
    intervals: tuple[int, ...]
    #: pitch class that the bass should play
    bass: int
    #: as written in the plan
    symbol: str

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Its notes, root first."""
        return tuple((self.root + step) % 12 for step in self.intervals)

    @property
    def sounding(self) -> tuple[int, ...]:
        """Its notes and, where a pedal lies below it, that one, too."""
        return self.pitch_classes if self.bass in self.pitch_classes else (*self.pitch_classes, self.bass)

    @property
    def is_minor(self) -> bool:
        """Whether it has a minor third."""
        return 3 in self.intervals

    @property
    def third(self) -> int | None:
        """Pitch class of the third; None for open and suspended chords."""
        return next(((self.root + i) % 12 for i in self.intervals if i in (3, 4)), None)

    def name(self, key: Key) -> str:
        """Plain symbol in the key's spelling, e.g. "Bb", "Dm7", "A/C#"."""
        third = "m" if 3 in self.intervals else ""
        fifth = {6: "dim", 8: "aug"}.get(next((i for i in self.intervals if i in (6, 7, 8)), 7), "")
        body = {"mdim": "dim", "maug": "m+"}.get(third + fifth, third + fifth)
        if 10 in self.intervals:
            body = "ø7" if body == "dim" else body + "7"
        elif 11 in self.intervals:
            body += "maj7"
        elif 9 in self.intervals and 6 in self.intervals:
            body += "7"
        if self.intervals == _FOURTHS:
            body = "q4"
        elif 5 in self.intervals and third == "" and 4 not in self.intervals:
            body += "sus4"
        elif self.intervals == (0, 2, 7):
            body = "sus2"
        elif self.intervals == (0, 7):
            body = "5"
        elif 2 in self.intervals:
            body += "add9" if 10 not in self.intervals else ""
        slash = f"/{key.pitch_name(self.bass)}" if self.bass != self.root else ""
        return f"{key.pitch_name(self.root)}{body}{slash}"


def _build(root: int, triad: str, suffix: str, symbol: str) -> Chord:
    intervals = _TRIADS[triad]
    if suffix in ("7", "65", "43", "42", "9"):
        # a seventh is minor, except the diminished seventh on a diminished triad without ø
        intervals = (*intervals, 9 if triad == "dim" else 10)
    if suffix == "9":
        intervals = (*intervals, 2)
    fixed = {"maj7": (0, intervals[1], 7, 11), "sus2": (0, 2, 7), "sus4": (0, 5, 7), "7sus4": (0, 5, 7, 10), "5": (0, 7), "q4": _FOURTHS}
    intervals = fixed.get(suffix, intervals)
    if suffix == "add9":
        intervals = (*intervals, 2)
    position = _INVERSIONS.get(suffix, 0)
    bass = (root + intervals[min(position, len(intervals) - 1)]) % 12
    return Chord(root % 12, intervals, bass, symbol)


@functools.cache
def parse_chord(symbol: str, key: Key) -> Chord:
    """Read one chord symbol in a key.

    Raises ComposerError when it is neither a roman numeral nor a plain symbol of the grammar above.
    """
    over = _OVER_BASS.match(symbol)
    if over is not None and _ROMAN.match(over[1]):
        return replace(parse_chord(over[1], key), bass=_degree(over[2], int(over[3]) - 1, key), symbol=symbol)
    match = _ROMAN.match(symbol)
    if match is not None:
        return _roman(symbol, key, *match.groups())
    match = _PLAIN.match(symbol)
    if match is None:
        raise ComposerError(
            f"unknown chord {symbol!r}", "Write roman numerals of the key (i, iv, V7, bVI, V7/iv, IV/1) or symbols (Dm, Bb7)."
        )
    root_text, quality, suffix, bass = match.groups()
    triad = {None: "major", "m": "minor", "dim": "dim", "o": "dim", "ø": "dim", "aug": "aug", "+": "aug"}[quality]
    root = parse_pitch_class(root_text)
    chord = _build(root, triad, "" if suffix == "6" else suffix or "", symbol)
    if quality == "ø":
        chord = replace(chord, intervals=(0, 3, 6, 10))
    return replace(chord, bass=parse_pitch_class(bass)) if bass else chord


def _roman(symbol: str, key: Key, accidental: str | None, numeral: str, mark: str | None, suffix: str | None, target: str | None) -> Chord:
    if target is not None:
        goal = parse_chord(target, key)
        local = Key(goal.root, "minor" if goal.is_minor else "major")
        head = symbol[: symbol.index("/")]
        return replace(parse_chord(head, local), symbol=symbol)
    degree = _NUMERALS[numeral.upper()]
    root = _degree(accidental, degree, key)
    triad = "major" if numeral.isupper() else "minor"
    if mark:
        triad = "aug" if mark == "+" else "dim"
    if triad == "dim" and degree == 6 and not accidental and key.is_minor:
        root = (key.tonic + 11) % 12
    chord = _build(root, triad, suffix or "", symbol)
    if mark == "ø" or (triad == "dim" and degree != 6 and len(chord.intervals) == 4):
        chord = replace(chord, intervals=(0, 3, 6, 10))  # iio7 is half-diminished in a minor key
    elif suffix in ("7", "65", "43", "42") and triad == "major" and not accidental and key.mode in _MAJOR_SEVENTHS.get(degree, ()):
        chord = replace(chord, intervals=(0, 4, 7, 11))  # diatonic sevenths
    return chord


def _degree(accidental: str | None, degree: int, key: Key) -> int:
    """Pitch class of a degree (0…6)."""
    if accidental:
        # b and # count from the major scale, as film and jazz usage has it: bVI, bII, #iv
        return (key.tonic + MODES["major"][degree] + (1 if accidental == "#" else -1)) % 12
    # a mode's coloured degree is not a root: IV of C lydian is F major, VI of D dorian is Bb major
    scale = MODES["minor" if key.is_minor else "major"]
    return (key.tonic + (10 if degree == 6 and key.mode == "mixolydian" else scale[degree])) % 12


def chord_scale(chord: Chord, key: Key) -> tuple[int, ...]:
    """Pitch classes that sound right as passing notes over a chord, ascending from its root.

    The key's scale, in which chord notes displace their chromatic neighbours (so V of D minor brings C# and loses C).
    """
    tones = set(chord.pitch_classes)
    kept = [pc for pc in key.scale if pc in tones or not ({(pc + 1) % 12, (pc - 1) % 12} & (tones - set(key.scale)))]
    return tuple(sorted(tones | set(kept), key=lambda pc: (pc - chord.root) % 12))


def bar_chords(entry: str, key: Key) -> tuple[Chord, ...]:
    """The chords of one bar's plan entry; they share the bar evenly."""
    return tuple(parse_chord(symbol, key) for symbol in entry.split())


def is_cadence(before: Chord, last: Chord, key: Key) -> str | None:
    """Name of the cadence two chords make in a key, or None.

    authentic V–I or vii°–I, plagal IV–I (or ii–I), minor plagal iv–I in a major key, half …–V, deceptive V–vi, modal bVII–I, bII–I,
    bVI–I or v–I, leading …–V7/x (the key that follows is opened).
    """
    if "/" in last.symbol and last.root != (key.tonic + 7) % 12 and last.symbol[:2] in ("V/", "V7"):
        return "leading"
    step, previous = (last.root - key.tonic) % 12, (before.root - key.tonic) % 12
    if step == 0:
        if previous in (7, 11):
            return "modal" if previous == 7 and before.is_minor else "authentic"
        if previous in (5, 2):
            return "minor plagal" if previous == 5 and before.is_minor and not key.is_minor else "plagal"
        return "modal" if previous in (10, 1, 8, 3, 4, 9) else None
    if step == 7 and previous != 7:
        return "half"
    return "deceptive" if step in (8, 9) and previous == 7 else None
