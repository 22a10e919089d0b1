"""Text from elsewhere made harmless: one line, no control characters, no longer than it may be; and never a key."""

from __future__ import annotations

import re
import unicodedata

#: what looks like a key or a header that carries one
_SECRETS = re.compile(r"(?i)\bbearer\s+[\w.~+/=*-]{20,}|\bsk-[\w*.-]{4,}")
_HIDDEN = "[key]"
#: what is shorter stands for "no key" at servers that need none, and may be any word
_SHORTEST_KEY = 8


def one_line(text: str, limit: int) -> str:
    """At most `limit` characters on one line; control, direction and other invisible characters are gone."""
    visible = "".join(" " if c.isspace() else c for c in text[: 8 * limit] if c.isspace() or unicodedata.category(c)[0] != "C")
    line = " ".join(visible.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def without_secrets(text: str, key: str = "") -> str:
    """The text without `key` and without anything that looks like one."""
    if len(key) >= _SHORTEST_KEY:
        text = text.replace(key, _HIDDEN)
    return _SECRETS.sub(_HIDDEN, text)
