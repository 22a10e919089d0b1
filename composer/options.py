"""`Options`: what the user asked for. The command line and any other door build one; stages read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

#: progress(stage, done 0…1): called often, cheap, from the main process only
Progress = Callable[[str, float], None]


def silent(stage: str, done: float) -> None:
    """The progress callback that shows nothing."""


@dataclass(frozen=True)
class Options:
    """Everything that can be asked for; the defaults are what most films want."""

    #: everything random comes from this
    seed: int = 0
    #: names from the instrument table, families or ensembles, in the user's order; empty = the planner chooses
    instruments: tuple[str, ...] = ()
    #: mean tempo asked for, qpm; None = from the film
    tempo_qpm: float | None = None
    #: every bar at exactly the asked (or chosen) tempo
    steady: bool = False
    #: key asked for, e.g. "D minor"; None = from the film
    key: str | None = None
    #: one mood for the whole film (composer.theory.moods); None = from the film
    mood: str | None = None
    #: "auto", "embedded", or a file of emotions
    emotion: str = "auto"
    #: moments the user wants hit, seconds
    hit_s: tuple[float, ...] = ()
    #: moments the user does not want hit, seconds
    no_hit_s: tuple[float, ...] = ()
    #: how the last chord leaves: rings on, is cut with the picture, or fades
    ending: Literal["ring", "cut", "fade"] = "ring"
    #: which generator composes
    generator: str = "transformer"
    #: sound bank file; None = the best one installed
    soundfont: Path | None = None
    #: loudness preset of the mix
    loudness: Literal["web", "broadcast", "dialogue"] = "web"
    #: what happens to the film's own sound
    original: Literal["duck", "keep", "mute"] = "duck"
    #: add the music as a sound track of its own instead of mixing it in
    as_track: bool = False
    #: how human the timing is, 0 (on the grid) … 1
    humanize: float = 0.5
