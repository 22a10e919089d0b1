"""What is asked of a section's harmony, and what comes back.

Conventions
-----------
Bars of a section count from 0 here; beats are quarter notes from 1, as in a plan. An *entry* is what a plan writes for a bar: one or more
chord symbols that share the bar evenly.
"""

from __future__ import annotations

from dataclasses import dataclass

from composer.plan import Form
from composer.theory.chords import Chord
from composer.theory.keys import Key
from composer.theory.moods import Mood


@dataclass(frozen=True)
class BarTime:
    """How long a bar lasts."""

    #: quarter notes
    beats: float
    #: seconds
    seconds: float


@dataclass(frozen=True)
class HitAt:
    """A moment that the harmony may mark."""

    #: bar of the section, from 0
    bar: int
    #: quarter notes from 1
    beat: float
    #: whether the chord must change there (else it may)
    is_hard: bool = True


@dataclass(frozen=True)
class HarmonyAsk:
    """What is known of a section when its chords are written."""

    mood: Mood
    key: Key
    #: one for each bar, at least one
    bars: tuple[BarTime, ...]
    #: 0 at rest … 1 tense
    tension: float = 0.3
    #: −1 unpleasant … 1 pleasant
    valence: float = 0.0
    #: −1 calm … 1 excited
    arousal: float = 0.0
    #: what the section is for in its cue
    form: Form = "whole"
    #: entries that somebody gave; they are played literally, again and again
    progression: tuple[str, ...] = ()
    #: in any order
    hits: tuple[HitAt, ...] = ()
    #: key that follows at once in the same cue, if it is another one
    next_key: Key | None = None
    #: how that key is entered: "pivot" (prepared here) or "direct"
    modulation: str = ""
    #: the chord that sounds just before the section, if any
    before: Chord | None = None
    #: the cue ends here: the last chord is a closed tonic
    is_last: bool = False


@dataclass(frozen=True)
class Harmony:
    """The chords of a section."""

    #: one entry per bar
    chords: tuple[str, ...]
    #: bars of each phrase
    phrases: tuple[int, ...]
    #: a few words for each decision
    reasons: tuple[str, ...]
