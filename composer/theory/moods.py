"""Moods: the words between a feeling (valence, arousal) and music (mode, tempo, harmony, texture).

Positions on the circumplex after Russell (1980) and the musical reading of it in Gabrielsson & Lindström (2010): major and
consonant to the right, fast and loud to the top. How each is harmonised is told in docs/harmony.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


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
    #: what its harmony likes: names of composer.planner.harmony.idioms, with weights
    idioms: Mapping[str, float] = field(hash=False)
    #: how the accompaniment moves
    texture: str
    #: families that speak first
    families: tuple[str, ...]
    #: words for prompt.txt
    words: str


def _mood(
    name: str, place: tuple[float, float], mode: str, qpm: tuple[float, float], idioms: str, rest: tuple[str, tuple[str, ...], str]
) -> Mood:
    """A row of the table; `idioms` reads "functional 3, open 1"."""
    weights = {idiom: float(weight) for idiom, weight in (item.strip().rsplit(" ", 1) for item in idioms.split(","))}
    texture, families, words = rest
    return Mood(name, *place, mode, qpm, weights, texture, families, words)


# fmt: off
MOODS: dict[str, Mood] = {m.name: m for m in (
    _mood("heroic", (0.55, 0.65), "major", (104, 144),
        "functional 3, loop 2, mixture 2, mediant 1, open 1, tonic pedal 1",
        ("march", ("brass", "strings"), "bold, striding, bright brass calls over driving strings")),
    _mood("playful", (0.65, 0.3), "major", (100, 138),
        "functional 5, applied 2, sequence 2, tonic pedal 1",
        ("staccato", ("woodwinds", "percussion", "strings"), "light, skipping, short notes tossed between the players")),
    _mood("hopeful", (0.45, 0.1), "major", (80, 112),
        "functional 3, loop 3, suspended 2, descent 1, mixture 1",
        ("flowing", ("strings", "piano", "woodwinds"), "rising lines, warm strings, a pulse that opens out")),
    _mood("tender", (0.45, -0.35), "major", (64, 88),
        "functional 4, descent 2, sequence 1, mixture 2, suspended 1, tonic pedal 1",
        ("flowing", ("strings", "piano", "woodwinds", "harp"), "intimate, singing, close harmony and gentle broken chords")),
    _mood("peaceful", (0.5, -0.7), "major", (54, 76),
        "tonic pedal 3, functional 2, suspended 3, plagal 2, mediant 0.5",
        ("sustained", ("strings", "woodwinds", "harp", "choir"), "still, wide, long held chords with slow breaths of melody")),
    _mood("reflective", (0.0, -0.25), "dorian", (66, 92),
        "functional 2, loop 3, suspended 2, quartal 1, tonic pedal 1, line 1",
        ("flowing", ("piano", "strings", "woodwinds"), "even, thoughtful, modal chords in calm motion")),
    _mood("sad", (-0.5, -0.5), "minor", (52, 76),
        "functional 3, descent 4, sequence 1, mixture 1, tonic pedal 1",
        ("sustained", ("strings", "piano", "woodwinds"), "falling lines, lamenting bass, bare and slow")),
    _mood("mysterious", (-0.2, -0.3), "minor", (60, 88),
        "mediant 4, tonic pedal 2, line 2, quartal 1, semitone 1, functional 1, mixture 1",
        ("shimmer", ("strings", "woodwinds", "harp", "choir"), "veiled, chromatic side-steps, soft figures without a floor")),
    _mood("tense", (-0.4, 0.3), "minor", (84, 116),
        "tonic pedal 3, semitone 3, functional 2, dominant pedal 1, applied 1, quartal 1",
        ("pulse", ("strings", "brass", "percussion"), "repeated notes, low brass, harmony that tightens by semitones")),
    _mood("fearful", (-0.75, 0.15), "phrygian", (66, 96),
        "semitone 4, tritone 1, mediant 2, tonic pedal 2, open 1",
        ("tremolo", ("strings", "brass", "choir"), "dark clusters, tremolo, semitone steps in the bass, sudden weight")),
    _mood("furious", (-0.35, 0.8), "minor", (120, 156),
        "functional 2, loop 3, open 2, semitone 2, sequence 1, dominant pedal 1",
        ("drive", ("strings", "brass", "percussion"), "relentless sixteenths, stabbing brass, bass in octaves")),
    _mood("exciting", (0.15, 0.8), "mixolydian", (116, 152),
        "loop 4, functional 2, quartal 1, suspended 1, mixture 1, open 1",
        ("drive", ("strings", "brass", "percussion", "synth"), "fast, bright, syncopated, always pushing forward")),
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
