"""What a model answers: its shape, as a schema to send and as types to read; and the JSON found in whatever it wrote.

Conventions
-----------
The schema is strict (every field named, nothing else allowed), so servers that generate along a schema know all of it. Reading is not:
unknown fields are dropped and told, missing ones are None or empty, numbers may come as text. What is of the wrong type is a fault.
"""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from composer.instruments import ROLES
from composer.plan import DYNAMICS, FORMS
from composer.planner.llm.text import one_line, without_key
from composer.theory.moods import MOODS
from composer.theory.motif import VARIATIONS

#: an answer longer than this is none, characters
MAX_CHARACTERS = 200_000
#: so many faults are sent back
_MAX_FAULTS = 20
#: so many braces are tried
_MAX_TRIED = 300
#: where an object may begin
_OBJECT = re.compile(r'\{\s*["}]')


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def _words(known: Iterable[str]) -> dict[str, Any]:
    """A field of these words, or null: told in the schema, judged where the words are understood."""
    return {"anyOf": [{"type": "string", "enum": list(known)}, {"type": "null"}]}


class RolesReply(_Model):
    """Who plays what: instruments by role."""

    melody: list[str] | None = None
    counter: list[str] | None = None
    harmony: list[str] | None = None
    bass: list[str] | None = None
    ostinato: list[str] | None = None
    pad: list[str] | None = None
    percussion: list[str] | None = None


assert tuple(RolesReply.model_fields) == ROLES


class ThemeReply(_Model):
    """A theme."""

    letter: str
    #: notes as length:degree (see composer.theory.motif)
    motif: str | None = None
    instrument: str | None = None


class SectionReply(_Model):
    """A section, from its start to the next one's."""

    #: number of a turning point; None: `start_s` tells
    turn: int | None = None
    #: seconds
    start_s: float | None = None
    mood: str | None = Field(None, json_schema_extra=_words(MOODS))
    key: str | None = None
    #: quarter notes per minute
    tempo: float | None = None
    form: str | None = Field(None, json_schema_extra=_words(FORMS))
    theme: str | None = None
    variation: str | None = Field(None, json_schema_extra=_words(VARIATIONS))
    dynamics: str | None = Field(None, json_schema_extra=_words(DYNAMICS))
    density: float | None = None
    #: one entry per bar
    progression: list[str] | None = None
    roles: RolesReply | None = None
    reason: str | None = None


class Reply(_Model):
    """The whole answer."""

    title: str | None = None
    style: str | None = None
    home_key: str | None = None
    beats_per_bar: int | None = None
    instruments: list[str] | None = None
    themes: list[ThemeReply] | None = None
    sections: list[SectionReply]


class Faulty(Exception):
    """An answer that cannot be used; `faults` says why, one line each, in words that can be sent back."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(one_line(fault, 240) for fault in faults[:_MAX_FAULTS])


def schema() -> dict[str, Any]:
    """JSON schema of `Reply` as strict structured output wants it: every field required, no defaults, no other fields."""
    whole = Reply.model_json_schema()
    for part in (whole, *whole["$defs"].values()):
        part["required"] = list(part["properties"])
        part.pop("description", None)
        for field in part["properties"].values():
            field.pop("default", None)
            field.pop("title", None)
    return whole


def read_reply(text: str, key: str = "") -> tuple[Reply, tuple[str, ...]]:
    """The answer, with `key` in none of its texts; and what of it was not understood, one line each.

    Raises Faulty.
    """
    if len(text) > MAX_CHARACTERS:
        raise Faulty(f"the answer is {len(text)} characters long; at most {MAX_CHARACTERS} are read")
    data = without_key(find_json(text), key)
    if not isinstance(data, dict):
        raise Faulty("the answer is not a JSON object; write one JSON object and nothing else")
    unknown: list[str] = []
    known = _known(Reply, data, "", unknown)
    try:
        reply = Reply.model_validate(known)
    except ValidationError as error:
        raise Faulty(*(f"{_place(one['loc'])}: {one['msg']}" for one in error.errors(include_input=False, include_url=False))) from None
    names = ", ".join(dict.fromkeys(unknown[:5]))
    return reply, ((f"fields the model made up were left out: {one_line(names, 160)}",) if unknown else ())


def find_json(text: str) -> dict[str, Any] | None:
    """The JSON object in a text, bare, fenced or among words: the last that has sections, else the first; None when there is none.

    A model that thinks aloud drafts first and answers last. Nothing out of an object that breaks off is taken, unless it has sections.
    """
    decoder = json.JSONDecoder()
    first: dict[str, Any] | None = None
    last: dict[str, Any] | None = None
    place, is_broken = 0, False
    for _ in range(_MAX_TRIED):
        begin = _OBJECT.search(text, place)
        if begin is None:
            break
        try:
            found, place = decoder.raw_decode(text, begin.start())
        except (ValueError, RecursionError):
            place, is_broken = begin.start() + 1, True
            continue
        last = next((one for one in (found, *found.values()) if isinstance(one, dict) and one.get("sections")), last)
        first = found if first is None and not is_broken else first
    return last if last is not None else first


def _known(kind: type[BaseModel], data: dict[str, Any], where: str, unknown: list[str]) -> dict[str, Any]:
    """The fields of `data` that `kind` has, all the way down; the names of the others go to `unknown`."""
    kept = {}
    for name, value in data.items():
        if name not in kind.model_fields:
            unknown.append(f"{where}{name}")
            continue
        inner = _model_in(kind.model_fields[name].annotation)
        if inner is not None and isinstance(value, dict):
            value = _known(inner, value, f"{name}.", unknown)
        elif inner is not None and isinstance(value, list):
            value = [_known(inner, one, f"{name}.", unknown) if isinstance(one, dict) else one for one in value]
        kept[name] = value
    return kept


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside ``X | None`` or ``list[X] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in typing.get_args(annotation) if (found := _model_in(one)) is not None), None)


def _place(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location).lstrip(".") or "the answer"
