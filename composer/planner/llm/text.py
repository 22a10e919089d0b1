"""Text from elsewhere made harmless: one line, no control characters, no longer than it may be; and never a key."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

#: what looks like a key or a header that carries one
_SECRETS = re.compile(r"(?i)\bbearer\s+[\w.~+/=*-]{20,}|\bsk-[\w*.-]{4,}")
_HIDDEN = "[key]"
#: what is shorter stands for "no key" at servers that need none, and may be any word
_SHORTEST_KEY = 8
#: a key that may be a word of an answer ("peaceful"): words are not hidden there
_WORD = re.compile(r"[A-Za-z _-]{1,19}")
#: nothing that is read lies deeper in an answer
_DEEPEST = 12


def one_line(text: str, limit: int) -> str:
    """At most `limit` characters on one line; control, direction and other invisible characters are gone."""
    line = " ".join(_visible(text[: 8 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def without_secrets(text: str, key: str = "") -> str:
    """The text without `key`, without anything that looks like one, and without invisible characters, among which one could hide."""
    text = _visible(text)
    if len(key) >= _SHORTEST_KEY:
        text = text.replace(key, _HIDDEN)
    return _SECRETS.sub(_HIDDEN, text)


def without_key(data: Any, key: str, depth: int = 0) -> Any:
    """JSON as it was read, with `key` in none of its texts; what lies too deep to be read is None."""
    if depth > _DEEPEST:
        return None
    if isinstance(data, dict):
        return {without_key(name, key): without_key(value, key, depth + 1) for name, value in data.items()}
    if isinstance(data, list):
        return [without_key(value, key, depth + 1) for value in data]
    return without_secrets(data, "" if _WORD.fullmatch(key) else key) if isinstance(data, str) else data


def _visible(text: str) -> str:
    return "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
