"""The page itself: one HTML file with its style, its scripts, its data and, where it is small enough, the film.

Conventions
-----------
`template.html` holds places `{{name}}`; style and scripts lie beside it. Nothing is asked of any network: a content security policy
(W3C CSP 3) allows only the two inline blocks, by their hash, and media beside the page or made from it. Data in a script block escape
`<`, so no text can end the block (HTML 4.12.1.3). The film follows as base64 (RFC 4648) in blocks, written as it is read: memory stays small.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping
from html import escape
from importlib import resources
from pathlib import Path
from typing import IO

from composer.film import Film
from composer.plan import Plan
from composer.render.report import tables
from composer.render.report.data import Sheet, page_data, read_sync
from composer.rendering import Rendering
from composer.score import Score

FILE = "report.html"
#: largest film that is put into the page, bytes
EMBED_BYTES = 32 << 20
#: what browsers play from a page: file name extension → media type
PLAYED = {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm"}
SCRIPTS = ("clock.js", "sound.js", "paint.js", "strip.js", "rows.js", "timeline.js", "page.js")
#: bytes of film in one block: a multiple of three, so that no padding falls between them
_BLOCK_BYTES = 3 << 18


def write_report(film: Film, plan: Plan, score: Score, rendering: Rendering, folder: Path, scored: Path) -> None:
    """Write report.html into an output folder, from the nouns and from what already lies there.

    `scored` is the film with its music, inside `folder`; the mix and, where they are, sync.json and the stems are read or linked. Same inputs,
    same bytes. Raises RenderError when the mix is no WAV of ours.
    """
    sheet = Sheet(film, plan, score, rendering, folder, scored, read_sync(folder))
    kind = PLAYED.get(scored.suffix.lower(), "")
    embedded = bool(kind) and scored.stat().st_size <= EMBED_BYTES
    before, after = _text(sheet, embedded=embedded)
    neighbour = folder / f".{FILE}.{os.getpid()}.partial"
    try:
        with neighbour.open("w", encoding="utf-8", errors="replace", newline="\n") as page:
            page.write(before)
            if embedded:
                _write_film(scored, kind, page)
            page.write(after)
        neighbour.replace(folder / FILE)
    finally:
        neighbour.unlink(missing_ok=True)


def _text(sheet: Sheet, *, embedded: bool) -> tuple[str, str]:
    """The page before and after the film."""
    style, script = _asset("report.css"), '"use strict";\n' + "\n".join(_asset(name) for name in SCRIPTS)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; media-src 'self' file: blob:; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    title = sheet.plan.title.strip() or "A film"
    values = {
        "policy": policy,
        "title": escape(title),
        "facts": tables.facts(sheet),
        "hits": tables.hits_table(sheet),
        "sections": tables.sections_table(sheet),
        "reasons": tables.reasons(sheet.plan),
        "notes": tables.notes(sheet),
        "style": style,
        "data": _json(page_data(sheet, embedded=embedded)),
        "script": script,
    }
    before, after = _asset("template.html").split("{{film}}")
    return _filled(before, values), _filled(after, values)


def _filled(template: str, values: Mapping[str, str]) -> str:
    """The template with its places filled in one pass: what looks like a place inside a user's text stays as it is."""
    return re.sub(r"\{\{([a-z]+)\}\}", lambda place: values[place[1]], template)


def _write_film(scored: Path, kind: str, page: IO[str]) -> None:
    with scored.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            page.write(f'<script type="{kind};base64" class="film">{base64.b64encode(block).decode("ascii")}</script>\n')


def _asset(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
