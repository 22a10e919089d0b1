"""What a server sends, read as a chat completion: the text of its first choice, or why there is none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from composer.errors import LlmError
from composer.planner.llm.failures import Passing
from composer.planner.llm.text import one_line, without_secrets

#: statuses that may be over soon, beside those of 500 and more
RETRIED = (408, 409, 429)
#: so much of an error is told, characters
MAX_SAID = 200


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


def read_completion(raw: bytes, key: str) -> Completion:
    """The first choice of a chat completion.

    Raises LlmError for what is none, Passing for an error that may be over soon.
    """
    try:
        data = json.loads(raw)
        if isinstance(data, dict) and data.get("error"):
            raise _within(data["error"], key)
        choice = data["choices"][0]
        message = choice["message"]
        text, refusal = _content(message.get("content")), message.get("refusal") or ""
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise LlmError("what the server sends is no chat completion", "Check --llm-base-url: it often ends in /v1.") from None
    if choice.get("finish_reason") == "content_filter" and not refusal:
        refusal = "its content filter"
    usage = data.get("usage")
    tokens = [_count(usage.get(name)) if isinstance(usage, dict) else 0 for name in ("prompt_tokens", "completion_tokens")]
    said = one_line(without_secrets(str(refusal), key), 160)
    # half of a pair of UTF-16 is no character, and cannot be sent back
    text = text.encode("utf-8", "replace").decode("utf-8")
    return Completion(text, said, choice.get("finish_reason") == "length", *tokens)


def _within(error: Any, key: str) -> Exception:
    """What an error means that comes as an answer (status 200)."""
    code = error.get("code") if isinstance(error, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    said = one_line(without_secrets(str(message or "an error without words"), key), MAX_SAID)
    if isinstance(code, int) and (code in RETRIED or 500 <= code < 600):
        return Passing(f"the server answers {code}: {said}", status=code)
    return LlmError(f"the server answers: {said}", "Check --llm-base-url and --llm-model.")


def _content(content: Any) -> str:
    """The text of a message, which some servers send in parts."""
    if isinstance(content, Sequence) and not isinstance(content, str):
        return "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else 0
