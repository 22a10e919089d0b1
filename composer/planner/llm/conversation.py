"""The conversation with a language model: one question, at most one correction, in the plainest form that its server understands.

Servers differ. Structured output along a schema is tried first, then JSON mode, then plain text; a seed and pictures are left out where a
server refuses them. What worked holds for the correction, too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from composer.cues import CueSheet
from composer.errors import LlmError
from composer.film import Film
from composer.options import Options
from composer.planner.llm.decisions import decide
from composer.planner.llm.digest import MAX_BRIEF
from composer.planner.llm.prompt import correction, prompt, without_pictures
from composer.planner.llm.reply import Faulty, read_reply, schema
from composer.planner.llm.server import MAX_ANSWER_BYTES, Completion, Message, Patience, Refused, Server, TooLong, ask, server_from
from composer.planner.llm.text import one_line
from composer.planner.llm.turns import turning_points
from composer.planner.outline import Outline
from composer.planner.planned import Picture, Usage

PATIENCE = Patience()
#: words by which a server says what it does not take
_OF_FORMAT = ("response_format", "json_schema", "json_object", "schema", "structured", "unsupported", "not supported", "grammar")
_OF_PICTURES = ("image", "vision", "multimodal", "multi-modal", "content type", "content must be a string")


@dataclass(frozen=True)
class Answer:
    """What a language model decided, and what that took."""

    outline: Outline
    usage: Usage
    #: how the answer came: along a schema, in JSON mode, or found in text
    form: Literal["schema", "object", "text"]
    #: whether it had to be corrected
    repaired: bool


def messages(film: Film, cues: CueSheet, options: Options, base: Outline, pictures: Sequence[Picture] = ()) -> list[Message]:
    """What would be asked first; needs neither server nor key."""
    return prompt(film, cues, options, base, turning_points(cues, base), pictures)


def outline(
    film: Film, cues: CueSheet, options: Options, base: Outline, pictures: Sequence[Picture] = (), patience: Patience = PATIENCE
) -> Answer:
    """Let a language model decide; `base` is the rules' own outline, which holds where it says nothing.

    Raises LlmError when no plan comes of it, OptionError for an address or name that cannot be meant.
    """
    talk = _Talk(server_from(options), patience, seed=options.seed % 2**31)
    turns = turning_points(cues, base)
    asked = prompt(film, cues, options, base, turns, pictures)
    notes = (f"only the first {MAX_BRIEF} characters of the brief were told",) if len(options.brief) > MAX_BRIEF else ()
    try:
        for repaired in (False, True):
            text = ""
            try:
                text = talk.say(asked)
                reply, unknown = read_reply(text)
                found = decide(reply, film, cues, options, base, turns, talk.server.model, (*notes, *unknown))
            except Faulty as fault:
                if repaired:
                    problem = f"the answers of {talk.server.model} cannot be used: {'; '.join(fault.faults[:3])}"
                    raise LlmError(one_line(problem, 400), "Try again, or another --llm-model.") from None
                asked = correction(asked, text, fault.faults)
            else:
                told = replace(found, notes=(*found.notes, *talk.notes))
                return Answer(told, talk.usage, talk.way.form, repaired)
    except LlmError as error:
        raise LlmError(error.problem, error.hint, talk.usage) from None
    raise AssertionError("unreachable")


@dataclass(frozen=True)
class _Way:
    """How a request is made."""

    form: Literal["schema", "object", "text"] = "schema"
    with_seed: bool = True
    with_pictures: bool = True

    def simpler(self, reason: str) -> _Way | None:
        """Another way, without what the server refuses; None when there is nothing to leave out."""
        if self.with_seed and "seed" in reason:
            return replace(self, with_seed=False)
        if self.with_pictures and any(word in reason for word in _OF_PICTURES):
            return replace(self, with_pictures=False)
        if self.form != "text" and any(word in reason for word in _OF_FORMAT):
            return replace(self, form="object" if self.form == "schema" else "text")
        return None


@dataclass
class _Talk:
    """A conversation under way."""

    server: Server
    patience: Patience
    seed: int
    way: _Way = field(default_factory=_Way)
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def usage(self) -> Usage:
        """So far."""
        return Usage(self.server.model, self.requests, self.prompt_tokens, self.completion_tokens)

    def say(self, asked: Sequence[Message]) -> str:
        """The model's answer.

        Raises LlmError, or Faulty for an answer that is too long, cut off or empty.
        """
        try:
            done = self._answer(asked)
        except TooLong:
            raise Faulty(f"the answer is longer than {MAX_ANSWER_BYTES} bytes; write a plan, and nothing else") from None
        if done.refusal:
            raise LlmError(f"the model refuses: {done.refusal}", "Change the brief, or take another --llm-model.")
        if done.is_cut:
            raise Faulty("the answer was cut off before its end; be briefer, with fewer sections")
        return done.text

    def _answer(self, asked: Sequence[Message]) -> Completion:
        while True:
            try:
                done = ask(self.server, self._body(asked), self.patience, self._count)
            except Refused as refused:
                way = self.way.simpler(refused.reason)
                if way is None:
                    raise LlmError(f"the server refuses the request: {refused.reason}", "Check --llm-model.") from None
                if self.way.with_pictures and not way.with_pictures:
                    self.notes.append(f"{self.server.model} takes no pictures: it planned without them")
                self.way = way
                continue
            self.prompt_tokens += done.prompt_tokens
            self.completion_tokens += done.completion_tokens
            return done

    def _count(self) -> None:
        self.requests += 1

    def _body(self, asked: Sequence[Message]) -> dict[str, Any]:
        """The request, but for the model's name."""
        body: dict[str, Any] = {"messages": list(asked) if self.way.with_pictures else without_pictures(asked)}
        if self.way.with_seed:
            body["seed"] = self.seed
        if self.way.form != "text":
            body["response_format"] = _response_format(self.way.form)
        return body


def _response_format(form: Literal["schema", "object"]) -> dict[str, Any]:
    if form == "object":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "arrangement", "strict": True, "schema": schema()}}


def as_text(asked: Sequence[Message]) -> str:
    """Messages for a person to read: pictures by their size."""
    told = []
    for message in asked:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        told.append(f"--- {message['role']} ---")
        told += [part["text"] if part["type"] == "text" else f"[a picture, {len(json.dumps(part)) * 3 // 4 // 1000} kB]" for part in parts]
    return "\n".join(told)
