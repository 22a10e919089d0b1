"""How asking a server can fail, beside failing for good (`LlmError`)."""

from __future__ import annotations

from collections.abc import Mapping


class Refused(Exception):
    """The server does not take the request as it is (400, 422): `reason` is what it says, cleaned and in lower case."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooLong(Exception):
    """The answer was longer than any plan."""


class Passing(Exception):
    """A failure that may be over soon.

    `status` is the server's (0: none came), `wait_s` how long it asks to wait, `is_slow` tells that time ran out, `tries` how often it failed.
    """

    def __init__(self, problem: str, *, status: int = 0, wait_s: float | None = None, is_slow: bool = False, tries: int = 1) -> None:
        super().__init__(problem)
        self.problem, self.status, self.wait_s, self.is_slow, self.tries = problem, status, wait_s, is_slow, tries


class Status(Exception):
    """An answer that is none: its HTTP status, headers, and as much of its text as was read."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        super().__init__(status)
        self.status, self.headers, self.text = status, headers, text
