"""Moods: the words between a feeling (valence, arousal) and music (mode, tempo, harmony, texture).

Positions on the circumplex after Russell (1980) and the musical reading of it in Gabrielsson & Lindström (2010): major and
consonant to the right, fast and loud to the top. Progressions are common property of tonal practice and film scoring
(Lehman, *Hollywood Harmony*, 2018, for the chromatic ones), written as roman numerals, one entry per bar.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Mood:
    """What one mood asks of the music."""

    #: the word
    name: str
    #: where it sits: valence, arousal (−1…1)
    valence: float
    arousal: float
    #: mode of the key
    mode: str
    #: tempo it likes, quarter notes per minute
    qpm: tuple[float, float]
    #: progressions of four or eight bars
    progressions: tuple[tuple[str, ...], ...]
    #: closing formulas: the last two bars of a section that ends (first) and of one that leads on (others)
    cadences: tuple[tuple[str, str], ...]
    #: how the accompaniment moves
    texture: str
    #: families that speak first
    families: tuple[str, ...]
    #: words for prompt.txt
    words: str


def _bars(*lines: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(bar.strip() for bar in line.split("|")) for line in lines)


# fmt: off
_MINOR_ENDS = (("V", "i"), ("iv6", "V"), ("V7", "VI"))
_MAJOR_ENDS = (("V7", "I"), ("IV", "V"), ("V", "vi"))
MOODS: dict[str, Mood] = {m.name: m for m in (
    Mood("heroic", 0.55, 0.65, "major", (104, 144), _bars(
        "I | IV | I | V", "I | vi | IV | V", "I | bVII | IV | I", "I | V6 | vi | IV", "I | bVI | bVII | I"),
        (("V", "I"), ("IV", "V"), ("bVII", "I")), "march", ("brass", "strings"), "bold, striding, bright brass calls over driving strings"),
    Mood("playful", 0.65, 0.3, "major", (100, 138), _bars(
        "I | V65 | I | V", "I | vi | ii | V", "I | IV | V7 | I", "I | V7/ii | ii | V7"),
        _MAJOR_ENDS, "staccato", ("woodwinds", "percussion", "strings"), "light, skipping, short notes tossed between the players"),
    Mood("hopeful", 0.45, 0.1, "major", (80, 112), _bars(
        "I | V6 | vi | IV", "I | iii | IV | V", "vi | IV | I | V", "I | Iadd9 | IV | V", "IV | V | vi | I6"),
        _MAJOR_ENDS, "flowing", ("strings", "piano", "woodwinds"), "rising lines, warm strings, a pulse that opens out"),
    Mood("tender", 0.45, -0.35, "major", (64, 88), _bars(
        "I | iii | IV | I6", "I | vi | ii7 | V", "I | V6 | IV6 | V", "I | IV | ii65 | V7"),
        (("V7", "I"), ("ii65", "V"), ("IV", "I")), "flowing", ("strings", "piano", "woodwinds", "harp"), "intimate, singing, close harmony and gentle broken chords"),
    Mood("peaceful", 0.5, -0.7, "major", (54, 76), _bars(
        "I | IV | I | IV", "Iadd9 | IV | vi | IV", "I | V6 | IV | I", "I | ii7 | IV | I"),
        (("IV", "I"), ("ii7", "Vsus4"), ("IV", "I")), "sustained", ("strings", "woodwinds", "harp", "choir"), "still, wide, long held chords with slow breaths of melody"),
    Mood("reflective", 0.0, -0.25, "dorian", (66, 92), _bars(
        "i | IV | i | VII", "i | v6 | VII | IV", "i | III | IV | i", "i | VII | III | IV"),
        (("VII", "i"), ("IV", "v"), ("IV", "i")), "flowing", ("piano", "strings", "woodwinds"), "even, thoughtful, modal chords in calm motion"),
    Mood("sad", -0.5, -0.5, "minor", (52, 76), _bars(
        "i | v6 | iv6 | V", "i | VI | iv | V", "i | iv | VII | III", "i | III | VI | iv", "i | i42 | VI | V"),
        _MINOR_ENDS, "sustained", ("strings", "piano", "woodwinds"), "falling lines, lamenting bass, bare and slow"),
    Mood("mysterious", -0.2, -0.3, "minor", (60, 88), _bars(
        "i | bvi | i | bvi", "i | IV | i | bII", "i | #ivo7 | i | VI", "i | vi | bVI | V"),
        (("bII6", "V"), ("bvi", "V"), ("bII", "i")), "shimmer", ("strings", "woodwinds", "harp", "choir"), "veiled, chromatic side-steps, soft figures without a floor"),
    Mood("tense", -0.4, 0.3, "minor", (84, 116), _bars(
        "i | i | bII | i", "i | iv6 | i | V", "i | VI | iio6 | V", "i | bII | viio7 | i"),
        (("V", "i"), ("iv6", "V"), ("viio7", "i")), "pulse", ("strings", "brass", "percussion"), "repeated notes, low brass, harmony that tightens by semitones"),
    Mood("fearful", -0.75, 0.15, "phrygian", (66, 96), _bars(
        "i | bII | i | bvi", "i | viio7 | bII | i", "i | bv | bII | V", "i | bII | vo | i"),
        (("bII", "i"), ("iv", "V"), ("viio7", "i")), "tremolo", ("strings", "brass", "choir"), "dark clusters, tremolo, semitone steps in the bass, sudden weight"),
    Mood("furious", -0.35, 0.8, "minor", (120, 156), _bars(
        "i | VI | VII | i", "i | i | iv | V", "i | bII | VII | V", "i | VI | iv | V"),
        (("V", "i"), ("iv", "V"), ("VII", "i")), "drive", ("strings", "brass", "percussion"), "relentless sixteenths, stabbing brass, bass in octaves"),
    Mood("exciting", 0.15, 0.8, "mixolydian", (116, 152), _bars(
        "I | VII | IV | I", "I | v | VII | IV", "I | IV | VII | I", "I | bIII | VII | IV"),
        (("VII", "I"), ("IV", "V"), ("IV", "I")), "drive", ("strings", "brass", "percussion", "synth"), "fast, bright, syncopated, always pushing forward"),
)}
# fmt: on


def mood_for(valence: float, arousal: float, tension: float = 0.0) -> Mood:
    """The mood nearest to a feeling; tension (0…1) pulls between equals towards the dark ones."""

    def distance(mood: Mood) -> float:
        dark = 0.15 * tension * (mood.valence > 0)
        return math.hypot(mood.valence - valence, 0.9 * (mood.arousal - arousal)) + dark

    return min(MOODS.values(), key=distance)


def tension_of(valence: float, arousal: float) -> float:
    """Tension 0…1 of a feeling: high where it is unpleasant and awake (Thayer's tense arousal)."""
    return min(1.0, max(0.0, 0.35 - 0.45 * valence + 0.35 * arousal))
