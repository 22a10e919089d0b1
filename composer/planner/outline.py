"""`Outline`: what a planner decides, before time is solved: the rules and an LLM both write one, `arrange` turns either into a `Plan`.

It speaks of film seconds, moods, keys, wished tempi, themes and who plays what. It knows no bars: where beats fall is solved from the hits.
Nothing of it has to be complete: what is left empty (progression, roles, doubles) is filled in by the rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from composer.plan import Form, Theme
from composer.theory.motif import Variation


@dataclass(frozen=True)
class OutlineSection:
    """One section of a cue."""

    #: id of its cue
    cue: str
    #: its span of film, seconds; the sections of a cue cover it without a gap
    start_s: float
    end_s: float
    #: what it is for in the whole
    form: Form
    #: one of composer.theory.moods.MOODS
    mood: str
    #: e.g. "D minor"
    key: str
    #: wished tempo, and how far time may be bent from it, quarter notes per minute
    qpm: float
    qpm_range: tuple[float, float]
    #: letter of its theme, and how that theme comes
    theme: str
    variation: Variation
    #: pp p mp mf f ff
    dynamics: str
    #: 0 bare … 1 full
    density: float
    #: −1…1 and 0…1, what the film feels like here
    valence: float
    arousal: float
    tension: float
    #: cuts per second, and share of its time in which somebody speaks
    cut_rate: float = 0.0
    speech: float = 0.0
    #: roman numerals of a phrase to build the harmony from, one entry per bar; empty = the rules' own
    progression: tuple[str, ...] = ()
    #: role → part ids (none: nobody plays it); roles that are not named are the rules' own
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    doubles: dict[str, str] = field(default_factory=dict)
    #: how its key is entered: "" (the same key, or the first), "pivot", "direct"
    modulation: str = ""
    #: why, one line for a film-maker
    reason: str = ""

    @property
    def length_s(self) -> float:
        """Seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Outline:
    """The decisions of one planner."""

    #: who made it: "rules" or "llm:<model>"
    origin: str
    title: str
    #: a few words of genre, e.g. "noir jazz"
    style: str
    #: home key
    key: str
    #: beats in a bar
    beats_per_bar: int
    #: ids of the instrument table, in score order, each once
    instruments: tuple[str, ...]
    themes: tuple[Theme, ...]
    #: in order of time
    sections: tuple[OutlineSection, ...]
    #: one line per decision
    reasons: tuple[str, ...] = ()
    #: what of a person's wishes, or of an LLM's answer, could not be had, one line each
    notes: tuple[str, ...] = ()
