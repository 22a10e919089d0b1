"""What planning takes beside a `Film`, and gives beside a `Plan`: pictures to look at, and what a language model cost."""

from __future__ import annotations

from dataclasses import dataclass

from composer.plan import Plan


@dataclass(frozen=True)
class Picture:
    """One moment of the film to look at."""

    #: when, seconds
    time_s: float
    #: the picture as a JPEG file
    jpeg: bytes


@dataclass(frozen=True)
class Usage:
    """What a language model was asked, and how much it read and wrote."""

    #: its name, as its server knows it
    model: str
    #: requests sent, those that failed included
    requests: int
    #: tokens read and written, as the server counts them (0 where it does not tell)
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Planned:
    """A plan, and what its making took."""

    plan: Plan
    #: None when no language model was asked
    usage: Usage | None = None
