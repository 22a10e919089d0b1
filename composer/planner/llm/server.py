"""One server that speaks chat completions: where it is, how it is asked, and what its ways of failing mean.

Conventions
-----------
The key comes from OPENAI_API_KEY alone and goes nowhere but into the request: every text that comes back is cleaned of it before anybody
reads it. Answers are read as they arrive, so that neither a slow drip nor an endless answer outlasts the time or the room there is.
The SDK retries nothing; `ask` does, with a wait that doubles, or as long as the server says (RFC 9110, Retry-After).
"""

from __future__ import annotations

import asyncio
import email.utils
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from composer.errors import LlmError, OptionError
from composer.options import Options
from composer.planner.llm.text import one_line, without_secrets

DEFAULT_MODEL = "gpt-4o-mini"
#: where the SDK looks when nobody names a place
_OPENAI = "https://api.openai.com/v1"
#: what servers without keys are told
_NO_KEY = "none"
#: an answer longer than this is none, bytes
MAX_ANSWER_BYTES = 512_000
_MAX_NAME = 120
_RETRIED = (408, 409, 429)

Message = dict[str, Any]


@dataclass(frozen=True)
class Patience:
    """How long to wait for what."""

    #: for the connection, seconds
    connect_s: float = 10.0
    #: for the whole answer, seconds
    whole_s: float = 120.0
    #: how often a request is sent again after it failed for a passing reason
    retries: int = 3
    #: first wait before that, doubled each time; and the longest that a server may ask for, seconds
    wait_s: float = 1.0
    longest_wait_s: float = 30.0
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Server:
    """Where to ask, whom, and with which key."""

    #: None = the SDK's own
    base_url: str | None
    model: str
    key: str

    def __repr__(self) -> str:
        return f"Server({self.base_url or _OPENAI!r}, {self.model!r})"  # never the key


@dataclass(frozen=True)
class Completion:
    """What came back."""

    #: what the model wrote; "" when it refused
    text: str
    #: what it said instead of an answer; "" when it answered
    refusal: str
    #: it ran out of room before the end
    is_cut: bool
    #: tokens read and written
    prompt_tokens: int
    completion_tokens: int


class Refused(Exception):
    """The server does not take the request as it is (400, 422): `reason` is what it says, cleaned and in lower case."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooLong(Exception):
    """The answer was longer than any plan."""


class _Passing(Exception):
    """A failure that may be over soon."""

    def __init__(self, problem: str, wait_s: float | None = None) -> None:
        super().__init__(problem)
        self.problem, self.wait_s = problem, wait_s


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
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise OptionError(f"{name} holds more than an address", "A key belongs into OPENAI_API_KEY; leave out user, password and query.")
    if not is_address or one_line(url, 2000) != url or " " in url:
        raise OptionError(f"{name} {one_line(url, 200)!r} is no address of a server", "Write e.g. http://localhost:11434/v1.")


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


def ask(server: Server, body: Mapping[str, Any], patience: Patience, count: Callable[[], None]) -> Completion:
    """Send one request until it is answered; `count` is called for every time it is sent.

    Raises LlmError when the server cannot be used, Refused when it does not take the request as it is, TooLong for an endless answer.
    """
    wait_s = patience.wait_s
    for left in range(patience.retries, -1, -1):
        count()
        try:
            return _completion(asyncio.run(_send(server, body, patience)), server)
        except _Passing as failure:
            if not left:
                tries = patience.retries + 1
                raise LlmError(f"{failure.problem} ({tries} times)", "Try again later, or check --llm-base-url.") from None
            patience.sleep(min(patience.longest_wait_s, wait_s if failure.wait_s is None else failure.wait_s))
            wait_s *= 2
    raise AssertionError("unreachable")


async def _send(server: Server, body: Mapping[str, Any], patience: Patience) -> bytes:
    """One request; the raw answer."""
    try:
        import httpx
        import openai
    except ImportError as error:
        raise LlmError(f"the Python package {error.name} is missing", "Run `make setup`.") from None

    limits = httpx.Timeout(patience.whole_s, connect=patience.connect_s)
    try:
        async with (
            asyncio.timeout(patience.whole_s),
            openai.AsyncOpenAI(api_key=server.key, base_url=server.base_url, timeout=limits, max_retries=0) as client,
            client.chat.completions.with_streaming_response.create(model=server.model, **body) as response,
        ):
            read = b""
            async for part in response.iter_bytes():
                read += part
                if len(read) > MAX_ANSWER_BYTES:
                    raise TooLong
            return read
    except openai.APIStatusError as error:
        raise _status(error, server) from None
    except (TimeoutError, openai.APITimeoutError, httpx.TimeoutException):
        raise _Passing(f"the server did not answer within {patience.whole_s:g} s") from None
    except (openai.APIConnectionError, httpx.HTTPError):
        raise _Passing("the server cannot be reached, or hung up") from None
    except (openai.OpenAIError, httpx.InvalidURL):
        raise LlmError("the server cannot be asked", "Check --llm-base-url.") from None


def _status(error: Any, server: Server) -> Exception:
    """What an HTTP status means."""
    status: int = error.status_code
    said = one_line(without_secrets(_told(error), server.key), 200)
    if status in (401, 403):
        return LlmError(f"the server refuses the key ({status})", "Check OPENAI_API_KEY.")
    if status == 404:
        return LlmError(f"the server does not know the model {server.model} or the address (404)", "Check --llm-model and --llm-base-url.")
    if status == 429 and "insufficient_quota" in said:
        return LlmError("the account has no quota left (429)", "Check your plan with the provider.")
    if status in _RETRIED or status >= 500:
        return _Passing(f"the server answers {status}", _retry_after(error.response.headers))
    if status in (400, 422):
        return Refused(said.lower())
    return LlmError(f"the server answers {status}: {said}", "Check --llm-base-url and --llm-model.")


def _told(error: Any) -> str:
    """All that an error answer says, as text."""
    return json.dumps(error.body, ensure_ascii=False) if isinstance(error.body, dict | list) else str(error.body or "")


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


def _completion(raw: bytes, server: Server) -> Completion:
    """The first choice of a chat completion.

    Raises LlmError for what is none.
    """
    try:
        data = json.loads(raw)
        choice = data["choices"][0]
        message = choice["message"]
        text, refusal = _content(message.get("content")), message.get("refusal") or ""
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise LlmError("what the server sends is no chat completion", "Check --llm-base-url: it often ends in /v1.") from None
    if choice.get("finish_reason") == "content_filter" and not refusal:
        refusal = "its content filter"
    usage = data.get("usage")
    tokens = [_count(usage.get(name)) if isinstance(usage, dict) else 0 for name in ("prompt_tokens", "completion_tokens")]
    said = one_line(without_secrets(str(refusal), server.key), 160)
    return Completion(without_secrets(text, server.key), said, choice.get("finish_reason") == "length", *tokens)


def _content(content: Any) -> str:
    """The text of a message, which some servers send in parts."""
    if isinstance(content, Sequence) and not isinstance(content, str):
        return "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else 0
