"""`CueSheet`: where music goes (cues) and what it should mark (hit points)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: A hit point this heavy is a hard hit: it must fall on a downbeat or beat.
HARD_WEIGHT = 0.7
#: Music this near to its picture hits it; this near is near; frames of the film.
HIT_FRAMES, NEAR_FRAMES = 0.5, 2.0

HitKind = Literal["cut", "dissolve", "fade", "marker", "user"]


@dataclass(frozen=True)
class HitPoint:
    """A moment of picture that music should mark."""

    #: when, seconds of film time
    time_s: float
    #: how much it matters, 0…1 (hard from 0.7 up)
    weight: float
    #: what it is
    kind: HitKind
    #: a few words for people (ASCII goes into MIDI markers)
    label: str = ""

    @property
    def is_hard(self) -> bool:
        """Whether music must put a downbeat or beat here."""
        return self.weight >= HARD_WEIGHT

    @property
    def is_own(self) -> bool:
        """Whether a person asked for it: then it stays, whatever it costs."""
        return self.kind in ("user", "marker")


@dataclass(frozen=True)
class Cue:
    """One piece of music, from its first to its last sound."""

    #: short name, e.g. "1m1"
    id: str
    #: first moment, seconds
    start_s: float
    #: last moment, seconds
    end_s: float
    #: the hit points music goes for, in time order
    hits: tuple[HitPoint, ...]
    #: where a new section of music may begin, seconds, each a strong change of shot or feeling (start excluded)
    section_starts_s: tuple[float, ...]


@dataclass(frozen=True)
class CueSheet:
    """The cues, and every candidate that was considered (the fixed denominator of coverage)."""

    #: in order of time, never overlapping
    cues: tuple[Cue, ...]
    #: every moment that could be hit, in order of time
    candidates: tuple[HitPoint, ...]
    #: timecode of the film's first picture
    start_tc: str = "01:00:00:00"
    #: what of a person's wishes could not be had, one line each
    notes: tuple[str, ...] = ()
