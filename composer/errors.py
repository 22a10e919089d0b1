"""The one family of errors a user can meet: what is wrong, then what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from composer.planned import Usage


class ComposerError(Exception):
    """Base of every error that is not a bug.

    `str(error)` is one message for people: what is wrong, then (after the `hint`) what to do.
    The command line prints it without a traceback and ends with `exit_code`.
    """

    exit_code = 2

    def __init__(self, problem: str, hint: str = "") -> None:
        self.problem = problem.rstrip(".")
        self.hint = hint
        super().__init__(f"{self.problem}. {hint}".strip() if hint else self.problem)


class VideoError(ComposerError):
    """The video cannot be read, or is not something that can be scored."""


class OptionError(ComposerError):
    """An option has a value that makes no sense."""


class InstrumentError(OptionError):
    """An instrument name is unknown, empty or given twice."""


class PlanError(ComposerError):
    """A plan (or another noun read from a file) is not valid."""


class SoundfontError(ComposerError):
    """A sound bank is missing, damaged, or lacks what is needed."""


class MissingToolError(ComposerError):
    """A program or library that the work needs is not installed."""


class OutputError(ComposerError):
    """The output cannot be written where it was asked for."""


class RenderError(ComposerError):
    """Sound could not be made from the score (silence counts as an error)."""


class LlmError(ComposerError):
    """A language model gave no plan: its server cannot be used, or its answers cannot. The rules plan instead."""

    def __init__(self, problem: str, hint: str = "", usage: Usage | None = None) -> None:
        super().__init__(problem, hint)
        #: what was asked before it failed
        self.usage = usage


def nearest(word: str, known: Iterable[str], count: int = 3) -> str:
    """A hint that names the known words closest to `word`; empty when none is close."""
    close = difflib.get_close_matches(word.lower(), list(known), n=count, cutoff=0.55)
    return f"Did you mean {' or '.join(close)}?" if close else ""
