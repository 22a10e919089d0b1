"""Film idioms: short lines of chords with a sound of their own, and when they may be used.

Each has lines for some modes; a mood says how much it likes which (`Mood.idioms`), and tension from where on. Sources: Lehman, *Hollywood
Harmony* (2018) for chromatic mediants, tritone poles and Neapolitan motion; Karlin & Wright, *On the Track* (2004) for pedals, quartal and
suspended colours. A line is played from its beginning and again, until the cadence takes over.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from composer.planner.harmony.grammar import GRAMMARS, draw
from composer.theory.chords import parse_chord
from composer.theory.keys import Key
from composer.theory.moods import Mood

#: the idiom that follows the grammar instead of a line
FUNCTIONAL = "functional"
#: the idiom that a build likes to end on
DOMINANT_PEDAL = "dominant pedal"


@dataclass(frozen=True)
class Idiom:
    """A way of harmonising."""

    #: as `Mood.idioms` names it
    name: str
    #: for a film-maker
    words: str
    #: tension from and up to which it is used
    tension: tuple[float, float]
    #: mode → its lines
    lines: dict[str, tuple[tuple[str, ...], ...]]


def _lines(**texts: str) -> dict[str, tuple[tuple[str, ...], ...]]:
    return {mode: tuple(tuple(line.split()) for line in text.split("|")) for mode, text in texts.items()}


# fmt: off
IDIOMS: dict[str, Idiom] = {idiom.name: idiom for idiom in (
    Idiom(FUNCTIONAL, "functional harmony", (0.0, 1.0), {}),
    Idiom("loop", "a circling line of chords", (0.0, 1.0), _lines(
        major="I V vi IV|vi IV I V|I vi IV V|I iii IV V|IV V vi I6|I V6 vi IV",
        minor="i VI III VII|i VII VI VII|i iv VII III|i III VII iv|i VI iv V|i VI VII i6",
        dorian="i IV VII i|i VII IV i|i III IV VII|i v VII IV|i III VII IV",
        phrygian="i bII vii i|i VI vii bII|i vii VI bII", lydian="I II V vi|I II vi V|I V II I",
        mixolydian="I VII IV I|I v VII IV|I IV VII IV|I VII vi VII|I v IV VII")),
    Idiom("applied", "with dominants of other degrees", (0.15, 1.0), _lines(
        major="I V7/vi vi V7/V|I V7/ii ii V7|I V7/IV IV V|I V65/ii ii V65|vi V7/V V I",
        minor="i V7/iv iv V|i V7/VI VI V7|i V7/III III V7|i viio7/V V i")),
    Idiom("sequence", "falling through fifths", (0.0, 1.0), _lines(
        major="I IV viio6 iii vi ii V|vi ii V I|iii vi ii V", minor="i iv VII III VI iiø65 V|iv VII III VI|i iv VII III VI iv",
        dorian="i IV VII III|III IV v i", mixolydian="v I IV VII")),
    Idiom("descent", "over a falling bass", (0.0, 1.0), _lines(
        major="I V6 vi iii IV I6 ii V|I V6 vi I64 IV|I iii IV I6 ii65", minor="i v6 iv6 V|i i42 VI V|i V6 v6 IV6 iv6 V|i VII VI V",
        dorian="i VII6 IV6 VI V|i v6 IV6 IV", phrygian="i vii VI bII|iv III bII i", mixolydian="I VII6 IV6 IV|I v6 IV6 IV")),
    Idiom("tonic pedal", "over a tonic pedal", (0.0, 1.0), _lines(
        major="I IV/1 V/1 I|I V7/1 I IV/1|I ii7/1 V7/1 I|I bVII/1 IV/1 I", minor="i iv/1 V/1 i|i VII/1 VI/1 VII/1|i iiø7/1 viio7/1 i|i bII/1 i VII/1",
        dorian="i IV/1 VII/1 i|i ii/1 IV/1 i", phrygian="i bII/1 vii/1 i|i bII/1 iv/1 bII/1", lydian="I II/1 V/1 II/1|I II/1 I V/1",
        mixolydian="I VII/1 IV/1 I|I v/1 VII/1 IV/1")),
    Idiom(DOMINANT_PEDAL, "over a dominant pedal", (0.35, 1.0), _lines(
        major="V IV/5 I64 IV/5|V I64 ii/5 V7", minor="V iv/5 i64 V7|V i64 VI/5 iv/5|V bII/5 V7 i64", dorian="v IV/5 VII/5 IV/5", mixolydian="v IV/5 VII/5 I64")),
    Idiom("mixture", "with borrowed chords", (0.15, 1.0), _lines(
        major="I IV iv I|I bVI bVII I|I vi iv I|I bVII IV I|I iv I V|I bIII IV I", minor="i IV i VI|i IV VI V|i VI IV i|i III IV iv",
        dorian="i VI VII i|i IV iv i", mixolydian="I VII bVI VII|I VII iv I|I v iv VII")),
    Idiom("mediant", "chromatic mediants", (0.2, 1.0), _lines(
        major="I bVI I IV|I III IV I|I bVI IV I|I bIII I V|I VI IV I", minor="i bvi i V|i bvi i iv|i VI i bvi|i iii iv i|i bvi VI V",
        dorian="i bvi i IV|i iii IV i", phrygian="i bvi i bII|i iii bII i|i bvi bII i", lydian="I II bVI I|I III II I", mixolydian="I bVI I VII|I bIII IV I")),
    Idiom("plagal", "plagal, without a leading note", (0.0, 0.8), _lines(
        major="I IV I IV|Iadd9 IV vi IV|I V6 IV I|I ii7 IV I", minor="i iv i iv|i VI iv i|i iv VI iv", dorian="i IV i IV|i VII IV i",
        lydian="I II I II", mixolydian="I IV I IV|I VII IV IV6")),
    Idiom("suspended", "suspended colours", (0.0, 0.7), _lines(
        major="Isus2 IV vi V7sus4|Iadd9 V IVsus2 IV|I IVsus2 vi Vsus4|Isus2 vi IVsus2 V", minor="isus2 VI iv V7sus4|i VIsus2 VIIsus4 i|i IVsus4 VI Vsus4",
        dorian="isus2 IV VIIsus2 IV|i VIIsus4 IV vsus4", phrygian="isus4 bII vii isus4", lydian="Isus2 II Vsus2 vi", mixolydian="Isus4 VII IVsus2 I|I Vsus4 VIIsus2 IV")),
    Idiom("quartal", "chords of fourths", (0.1, 1.0), _lines(
        major="I iiq4 Vq4 I|vi Vq4 IV iiq4", minor="i Vq4 VI ivq4|i ivq4 VII i|i VIIq4 iv Vq4", dorian="i vq4 IV iiq4|i vq4 VII IV",
        phrygian="i ivq4 bII viiq4|i ivq4 vii i", lydian="I Vq4 II iiiq4", mixolydian="I iiq4 VII IV|I Vq4 IV VII")),
    Idiom("open", "open fifths", (0.1, 1.0), _lines(
        major="I5 IV5 V5 I5|I5 bVII5 IV5 V5|I5 V5 vi5 IV5", minor="i5 VI5 VII5 V5|i5 VII5 i5 iv5|i5 VI5 iv5 V5|i5 III5 VII5 iv5", dorian="i5 VII5 IV5 i5|i5 v5 IV5 VII5",
        phrygian="i5 bII5 vii5 i5|i5 VI5 bII5 i5", lydian="I5 II5 V5 I5", mixolydian="I5 VII5 IV5 I5|I5 v5 VII5 IV5")),
    Idiom("semitone", "by semitone steps", (0.3, 1.0), _lines(
        major="I bII I V|I bII6 V7 I", minor="i bII i V|i bII6 viio7 i|i VI V i|i viio7 i bII", dorian="i bII i v", phrygian="i bII i vii|i bII vii i|i bII VI bII|i bII i iv",
        lydian="I vii I II", mixolydian="I bII I VII")),
    Idiom("tritone", "poles a tritone apart", (0.55, 1.0), _lines(
        major="I #IV I V", minor="i bv i V|i #iv iv V", dorian="i bv i IV", phrygian="i bv i bII|i bII bv bII", mixolydian="I bV I VII")),
    Idiom("line", "a line moves inside the chord", (0.1, 0.8), _lines(
        major="I Imaj7 V7/IV IV", minor="i imaj7 i7 IV|i i42 VI V|i imaj7 VI iv", dorian="i imaj7 i7 IV|i i42 IV6 IV", mixolydian="I I7 IV iv")),
)}
# fmt: on


def lines_for(idiom: Idiom, key: Key, rng: random.Random, *, opens: bool) -> tuple[str, ...]:
    """One of an idiom's lines; a section mostly opens with one from the tonic."""
    lines = idiom.lines[key.mode]
    at_home = tuple(line for line in lines if parse_chord(line[0], key).root == key.tonic)
    return rng.choice(at_home if opens and at_home and rng.random() < 0.85 else lines)


def dressed(formula: Sequence[str], idiom: str, key: Key) -> tuple[str, ...]:
    """A cadence in the idiom's sound: open fifths go on as such, though the dominant keeps its leading note; a dominant pedal stays below."""
    if idiom == DOMINANT_PEDAL and formula[-1] == "V":
        return ("iv/5" if key.is_minor else "IV/5", "V")
    if idiom != "open":
        return tuple(formula)
    return tuple(symbol + "5" if symbol.strip("b#ivIV") == "" and symbol != "V" else symbol for symbol in formula)


def is_heard(idiom: Idiom, chords: Sequence[str], key: Key) -> bool:
    """Whether enough of an idiom is left among a phrase's chords to name it."""
    if idiom.name == FUNCTIONAL:
        return True
    lines = idiom.lines[key.mode]
    marks = {symbol for line in lines for symbol in line} - set(GRAMMARS[key.mode])
    if all(marks & set(line) for line in lines):
        return bool(marks & set(chords))
    tonic = lines[0][0]
    return any(len(set(line) & set(chords) - {tonic}) >= 2 for line in lines)


def choose_idiom(mood: Mood, key: Key, tension: float, rng: random.Random, *, other_than: str = "") -> Idiom:
    """An idiom that the mood likes, that the key's mode has, and that tension allows; another one than before, where there is another."""
    weights = {FUNCTIONAL: 0.5, **mood.idioms}
    choices = {
        name: weight
        for name, weight in weights.items()
        if (name == FUNCTIONAL or key.mode in IDIOMS[name].lines) and IDIOMS[name].tension[0] <= tension <= IDIOMS[name].tension[1]
    }
    if len(choices) > 1:
        choices.pop(other_than, None)
    return IDIOMS[draw(choices, rng)]
