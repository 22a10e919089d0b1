"""One server that speaks chat completions: where it is, how it is asked, and what its ways of failing mean.

Conventions
-----------
The key comes from OPENAI_API_KEY alone and goes nowhere but into the request: every error that comes back is cleaned of it before anybody
reads it, and an answer when it is read (`reply`). Answers are read as they arrive, so that neither a slow drip nor an endless answer outlasts
the time or the room there is. `ask` tries again, with a wait that doubles, or as long as the server says (RFC 9110, Retry-After), while
the time for one question lasts.
"""

from __future__ import annotations

import email.utils
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from composer.errors import LlmError, OptionError
from composer.options import Options
from composer.planner.llm.completion import MAX_SAID, RETRIED, Completion, read_completion
from composer.planner.llm.failures import Passing, Refused, Status
from composer.planner.llm.text import one_line, without_secrets

DEFAULT_MODEL = "gpt-4o-mini"
#: where the SDK looks when nobody names a place
_OPENAI = "https://api.openai.com/v1"
#: what servers without keys are told
_NO_KEY = "none"
_MAX_NAME = 120
#: so much of an error is searched for what the server does not take, characters
_MAX_REASON = 2000
#: how often somebody who waits is shown that it goes on, seconds
_TICK_S = 1.0

Message = dict[str, Any]


@dataclass(frozen=True)
class Patience:
    """How long to wait for what."""

    #: for the connection, seconds
    connect_s: float = 10.0
    #: for the whole of one answer, seconds
    whole_s: float = 120.0
    #: for one question, however often it is sent, seconds
    question_s: float = 180.0
    #: how often a request is sent again after it failed for a passing reason; and after silence
    retries: int = 3
    slow_retries: int = 1
    #: first wait before that, doubled each time; and the longest that a server may ask for, seconds
    wait_s: float = 1.0
    longest_wait_s: float = 30.0
    #: waits so many seconds; None = really, and shown every second
    sleep: Callable[[float], None] | None = None


@dataclass(frozen=True)
class Server:
    """Where to ask, whom, and with which key."""

    #: None = the SDK's own
    base_url: str | None
    model: str
    key: str

    def __repr__(self) -> str:
        return f"Server({self.base_url or _OPENAI!r}, {self.model!r})"  # never the key


def check_server(options: Options) -> None:
    """Raise OptionError for a server or model that cannot be meant."""
    url = options.llm_base_url if options.llm_base_url is not None else os.environ.get("OPENAI_BASE_URL") or None
    name = "--llm-base-url" if options.llm_base_url is not None else "OPENAI_BASE_URL"
    if url is not None:
        _check_address(url, name)
    if options.llm_model is not None and options.llm_model != (one_line(options.llm_model, _MAX_NAME) or None):
        raise OptionError("--llm-model is no name of a model", "Write it as its server does, e.g. gpt-4o-mini or llama3.1:8b.")


def _check_address(url: str, name: str) -> None:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise OptionError(f"{name} is no address of a server", "Write e.g. http://localhost:11434/v1.") from None
    # a refused address is never repeated: it may hold a password wherever it was mistyped
    if "@" in url or parts.query or parts.fragment:
        raise OptionError(f"{name} holds more than an address", "A key belongs into OPENAI_API_KEY; leave out user, password and query.")
    if not is_address or one_line(url, 2000) != url or " " in url:
        raise OptionError(f"{name} is no address of a server", "Write e.g. http://localhost:11434/v1.")


def model_name(options: Options) -> str:
    """The model that is asked."""
    return options.llm_model or DEFAULT_MODEL


def server_from(options: Options, environment: Mapping[str, str] = os.environ) -> Server:
    """The server that options and environment name.

    Raises OptionError for an address that is none, LlmError when there is no key for a server that needs one.
    """
    check_server(options)
    base_url = options.llm_base_url or environment.get("OPENAI_BASE_URL") or None
    key = environment.get("OPENAI_API_KEY", "").strip()
    if not key and base_url is None:
        raise LlmError("there is no OPENAI_API_KEY", "Set it, or name a server of your own with --llm-base-url.")
    if not (key.isascii() and key.isprintable()):
        raise LlmError("OPENAI_API_KEY holds characters that no key has", "Copy it again.")
    return Server(base_url, model_name(options), key or _NO_KEY)


@dataclass(frozen=True)
class Question:
    """One question under way: until when it may be asked, and who is told of it."""

    #: moment of the monotonic clock, seconds
    until_s: float
    #: called for every time that it is sent, and at least once a second while it waits
    sent: Callable[[], None]
    shown: Callable[[], None]


def ask(server: Server, body: Mapping[str, Any], patience: Patience, question: Question) -> Completion:
    """Send one request until it is answered.

    Raises LlmError when the server cannot be used, Refused when it does not take the request as it is, TooLong for an endless answer,
    Passing when all tries have failed for a passing reason.
    """
    wait_s, slow = patience.wait_s, 0
    for tried in range(1, patience.retries + 2):
        try:
            return read_completion(_sent(server, body, patience, question), server.key)
        except Passing as failure:
            slow += failure.is_slow
            pause_s = min(patience.longest_wait_s, wait_s if failure.wait_s is None else failure.wait_s)
            is_over = time.monotonic() + pause_s >= question.until_s
            if tried > patience.retries or slow > patience.slow_retries or failure.status == 501 or is_over:
                raise Passing(failure.problem, status=failure.status, tries=tried) from None
            _pause(pause_s, patience, question)
            wait_s *= 2
    raise AssertionError("unreachable")


def _sent(server: Server, body: Mapping[str, Any], patience: Patience, question: Question) -> bytes:
    """One request; the raw answer."""
    try:
        from composer.planner.llm.wire import send
    except ImportError as error:
        raise LlmError(f"the Python package {error.name} is missing", "Run `make setup`.") from None
    left_s = question.until_s - time.monotonic()
    if left_s <= 0:
        raise Passing("there was no time left to ask", is_slow=True)
    question.sent()
    try:
        return send(server, body, patience.connect_s, min(patience.whole_s, left_s), question.shown)
    except Status as answer:
        raise _meaning(answer, server) from None


def _pause(seconds: float, patience: Patience, question: Question) -> None:
    """Wait before the next try."""
    if patience.sleep is not None:
        patience.sleep(seconds)
        return
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0:
        question.shown()
        time.sleep(min(_TICK_S, left_s))


def _meaning(answer: Status, server: Server) -> Exception:
    """What an HTTP status means."""
    status = answer.status
    reason = one_line(without_secrets(_told(answer.text), server.key), _MAX_REASON)
    said = one_line(reason, MAX_SAID)
    if status in (401, 403):
        return LlmError(f"the server refuses the key ({status})", "Check OPENAI_API_KEY.")
    if status == 404:
        return LlmError(f"the server does not know the model {server.model} or the address (404)", "Check --llm-model and --llm-base-url.")
    if status == 429 and "insufficient_quota" in reason:
        return LlmError("the account has no quota left (429)", "Check your plan with the provider.")
    if status in RETRIED or status >= 500:
        return Passing(f"the server answers {status}", status=status, wait_s=_retry_after(answer.headers))
    if status in (400, 422):
        return Refused(reason.lower())
    if 300 <= status < 400:
        return LlmError(f"the server sends us elsewhere ({status})", "Use the final address with --llm-base-url.")
    return LlmError(f"the server answers {status}: {said}", "Check --llm-base-url and --llm-model.")


def _told(text: str) -> str:
    """All that an error answer says; JSON without its escapes, behind which a key could hide."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait; None when it does not say."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return max(0.0, seconds) if seconds == seconds else None
