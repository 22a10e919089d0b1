"""The conversation with a language model: one question, at most one correction, in the plainest form that its server understands.

Servers differ. Structured output along a schema is tried first, then JSON mode, then plain text; a seed and pictures are left out where a
server refuses them; and a server that keeps breaking over a form is asked once more without. What worked holds for the correction, too.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from composer.cues import CueSheet
from composer.errors import LlmError
from composer.film import Film
from composer.options import Options, Progress, silent
from composer.planned import Picture, Usage
from composer.planner.llm.completion import Completion
from composer.planner.llm.decisions import decide
from composer.planner.llm.digest import MAX_BRIEF
from composer.planner.llm.failures import Passing, Refused, TooLong
from composer.planner.llm.prompt import correction, prompt, without_pictures
from composer.planner.llm.reply import MAX_CHARACTERS, Faulty, find_json, read_reply, schema
from composer.planner.llm.server import Message, Patience, Question, Server, ask, server_from
from composer.planner.llm.text import one_line
from composer.planner.llm.turns import turning_points
from composer.planner.outline import Outline

PATIENCE = Patience()
#: words by which a server says what it does not take
_OF_SEED = re.compile(r"\bseed\b")
_OF_FORMAT = re.compile(r"\b(response_format|json_schema|json_object|schemas?|structured|unsupported|not supported|grammar)\b")
_OF_PICTURES = re.compile(r"\b(images?|image_url|vision|multi-?modal|content type|content must be a string)\b")
#: errors that some servers answer where they mean: not in this form
_BREAKING = (500, 501)


@dataclass(frozen=True)
class Answer:
    """What a language model decided, and what that took."""

    outline: Outline
    usage: Usage


def messages(film: Film, cues: CueSheet, options: Options, base: Outline, pictures: Sequence[Picture] = ()) -> list[Message]:
    """What would be asked first; needs neither server nor key."""
    return prompt(film, cues, options, base, turning_points(cues, base), pictures)


def outline(
    film: Film,
    cues: CueSheet,
    options: Options,
    base: Outline,
    pictures: Sequence[Picture] = (),
    patience: Patience = PATIENCE,
    progress: Progress = silent,
) -> Answer:
    """Let a language model decide; `base` is the rules' own outline, which holds where it says nothing.

    Raises LlmError when no plan comes of it, OptionError for an address or name that cannot be meant.
    """
    talk = _Talk(server_from(options), patience, progress, options.seed % 2**31, _Way(with_pictures=bool(pictures)))
    turns = turning_points(cues, base)
    asked = prompt(film, cues, options, base, turns, pictures)
    notes = (f"only the first {MAX_BRIEF} characters of the brief were told",) if len(options.brief) > MAX_BRIEF else ()
    try:
        for is_last in (False, True):
            text = ""
            try:
                text = talk.say(asked)
                reply, unknown = read_reply(text, talk.server.key)
                found = decide(reply, film, cues, options, base, turns, talk.server.model, (*notes, *unknown, *talk.notes))
            except Faulty as fault:
                if is_last:
                    problem = f"the answers of {talk.server.model} cannot be used: {'; '.join(fault.faults[:3])}"
                    raise LlmError(one_line(problem, 400), "Try again, or another --llm-model.") from None
                asked = correction(asked, text, fault.faults)
            else:
                return Answer(found, talk.usage)
    except LlmError as error:
        raise LlmError(error.problem, error.hint, talk.usage) from None
    finally:
        talk.show_end()
    raise AssertionError("unreachable")


@dataclass(frozen=True)
class _Way:
    """How a request is made."""

    form: Literal["schema", "object", "text"] = "schema"
    with_seed: bool = True
    with_pictures: bool = True

    def simpler(self, reason: str) -> _Way | None:
        """Another way, without what the server refuses; None when there is nothing to leave out."""
        if self.with_seed and _OF_SEED.search(reason):
            return replace(self, with_seed=False)
        if self.with_pictures and _OF_PICTURES.search(reason):
            return replace(self, with_pictures=False)
        if self.form != "text" and _OF_FORMAT.search(reason):
            return replace(self, form="object" if self.form == "schema" else "text")
        return None


@dataclass
class _Talk:
    """A conversation under way."""

    server: Server
    patience: Patience
    progress: Progress
    seed: int
    way: _Way
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    notes: list[str] = field(default_factory=list)
    #: moment of the monotonic clock at which the present question began, seconds
    began_s: float = 0.0

    @property
    def usage(self) -> Usage:
        """So far."""
        return Usage(self.server.model, self.requests, self.prompt_tokens, self.completion_tokens)

    def say(self, asked: Sequence[Message]) -> str:
        """The model's answer.

        Raises LlmError, or Faulty for an answer that is too long, cut off or empty.
        """
        self.began_s = time.monotonic()
        try:
            done = self._answer(asked)
        except TooLong:
            raise Faulty(f"the answer is longer than {MAX_CHARACTERS} characters; write a plan, and nothing else") from None
        if done.refusal:
            raise LlmError(f"the model refuses: {done.refusal}", "Change the brief, or take another --llm-model.")
        if done.is_cut and find_json(done.text) is None:
            raise Faulty("the answer was cut off before its end; be briefer, with fewer sections")
        return done.text

    def _answer(self, asked: Sequence[Message]) -> Completion:
        patience = self.patience
        question = Question(self.began_s + patience.question_s, self._sent, self._show)
        tries = 0
        while True:
            try:
                done = ask(self.server, self._body(asked), patience, question)
            except Refused as refused:
                self.way = self._simpler(refused.reason)
            except Passing as failure:
                tries += failure.tries
                if failure.status not in _BREAKING or self.way.form == "text":
                    problem = f"{failure.problem} ({tries} times)" if tries > 1 else failure.problem
                    raise LlmError(problem, "Try again later, or check --llm-base-url.") from None
                # one try in plain text, for servers that break over a form instead of refusing it
                self.way, patience = replace(self.way, form="text"), replace(patience, retries=0)
            else:
                self.prompt_tokens += done.prompt_tokens
                self.completion_tokens += done.completion_tokens
                return done

    def _simpler(self, reason: str) -> _Way:
        """The next way after a refusal.

        Raises LlmError when there is none.
        """
        way = self.way.simpler(reason)
        if way is None:
            raise LlmError(f"the server refuses the request: {one_line(reason, 200)}", "Check --llm-model.")
        if self.way.with_pictures and not way.with_pictures:
            self.notes.append(f"{self.server.model} takes no pictures: it planned without them")
        return way

    def _sent(self) -> None:
        self.show_end()
        self.requests += 1

    def _show(self) -> None:
        self.progress(self._stage, min(0.99, (time.monotonic() - self.began_s) / self.patience.question_s))

    def show_end(self) -> None:
        """Show that a try is over."""
        if self.requests:
            self.progress(self._stage, 1.0)

    @property
    def _stage(self) -> str:
        return f"asking {self.server.model}" + (f", try {self.requests}" if self.requests > 1 else "")

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
