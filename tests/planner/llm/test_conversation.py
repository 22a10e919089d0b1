"""The conversation with a server that behaves, and with one that misbehaves in every way known: real HTTP on loopback."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from composer.errors import ComposerError, LlmError, OptionError
from composer.options import Options
from composer.planned import Picture, Usage
from composer.planner.llm import Answer, outline, wire
from composer.planner.llm.server import Patience, check_server, server_from
from tests.planner.llm import films
from tests.planner.llm.server import (
    Behaviour,
    Server,
    completion,
    drips,
    echoes_the_key,
    endless,
    fails,
    hangs,
    hangs_up,
    says,
    sends,
    serving,
    without,
)

KEY = "sk-test-9f8e7d6c5b4a3210"
GOOD = says(films.NOIR)


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for name in ("OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


class Waits:
    """A sleep that only notes."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def answer(server: Server, options: Options | None = None, waits: Waits | None = None, pictures=(), whole_s: float = 5.0) -> Answer:
    options = replace(options or Options(planner="llm"), llm_base_url=server.url)
    patience = Patience(connect_s=2.0, whole_s=whole_s, sleep=waits or Waits())
    return outline(films.film(), films.cues(), options, films.base(), pictures, patience)


def forms(server: Server) -> list[str | None]:
    """The response format of every request."""
    return [one.get("response_format", {}).get("type") for one in server.requests]


def failing(*script: Behaviour, **kinds) -> tuple[LlmError, Server, Waits]:
    waits = Waits()
    with serving(*script) as server, pytest.raises(LlmError) as caught:
        answer(server, waits=waits, **kinds)
    assert KEY not in f"{caught.value!r} {caught.value} {caught.value.__cause__}"
    return caught.value, server, waits


# --- a good server ----------------------------------------------------------------------------------------------------


def test_a_good_answer_becomes_the_outline():
    with serving(GOOD) as server:
        done = answer(server, Options(planner="llm", llm_model="tiny:1b", seed=7))
    told = done.outline
    assert forms(server) == ["json_schema"]
    assert done.usage == Usage("tiny:1b", 1, 1000, 200)
    assert (told.origin, told.title, told.style) == ("llm:tiny:1b", "Rain on Glass", "noir jazz")
    assert (told.key, told.beats_per_bar) == ("C minor", 4)
    assert told.instruments == ("muted_trumpet", "drums", "piano", "contrabass")
    assert [(s.start_s, s.end_s) for s in told.sections] == [(0, 20), (20, 40), (40, 60)]
    assert [s.qpm for s in told.sections] == [66, 96, 60]
    assert [s.form for s in told.sections] == ["opening", "climax", "ending"]
    assert told.sections[1].progression == ("i", "bII", "iv", "V")
    assert told.sections[0].roles == {"melody": ("muted_trumpet",), "harmony": ("piano",), "bass": ("contrabass",)}
    assert [s.modulation for s in told.sections] == ["", "pivot", "pivot"]
    assert "rain, nobody about" in told.sections[0].reason
    assert told.notes == ()


def test_two_answers_give_two_outlines():
    with serving(says(films.NOIR), says(films.FANFARE)) as server:
        one, other = answer(server).outline, answer(server).outline
    assert one.key != other.key
    assert one.beats_per_bar != other.beats_per_bar
    assert set(one.instruments).isdisjoint(other.instruments)
    assert [s.form for s in one.sections] != [s.form for s in other.sections]
    assert one.sections[0].progression != other.sections[0].progression
    assert one.sections[0].qpm * 1.5 < other.sections[0].qpm


def test_what_is_sent():
    with serving(GOOD) as server:
        answer(server, Options(planner="llm", llm_model="tiny:1b", seed=7))
    sent = server.requests[0]
    assert server.paths == ["/v1/chat/completions"]
    assert server.keys == [f"Bearer {KEY}"]
    assert (sent["model"], sent["seed"]) == ("tiny:1b", 7)
    shape = sent["response_format"]["json_schema"]
    assert shape["strict"]
    for part in (shape["schema"], *shape["schema"]["$defs"].values()):  # what strict mode asks of every object
        assert part["required"] == list(part["properties"])
        assert part["additionalProperties"] is False


def test_a_server_of_ones_own_needs_no_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with serving(GOOD) as server:
        answer(server)
        assert server.keys == ["Bearer none"]
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert outline(films.film(), films.cues(), Options(planner="llm"), films.base()).outline.title == "Rain on Glass"


def test_without_key_and_server_nobody_is_asked(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(LlmError, match="OPENAI_API_KEY"):
        outline(films.film(), films.cues(), Options(planner="llm"), films.base())


@pytest.mark.parametrize("key", ["sk-new\nline", "sk-schlüssel"])
def test_a_key_that_cannot_be_one_is_not_shown(monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(LlmError) as caught:
        server_from(Options(llm_base_url="http://localhost:1/v1"))
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["localhost:11434", "ftp://here/v1", "http://", "http://a b/", "file:///etc/passwd", "", "http://h:99999/", "http://[", "http://a/\n"],
)
def test_addresses_that_are_none(url):
    with pytest.raises(OptionError, match="no address"):
        check_server(Options(llm_base_url=url))


@pytest.mark.parametrize(
    "url",
    [
        "http://me:secret99@here/v1", "https://here/v1?key=secret99", "https://secret99@here/v1", "http://here/secret99@v1", "me:secret99@here/v1",
        "http:///me:secret99@here", "secret99", "htp://secret99.here/v1", "http://me:secret99@[here/v1",
    ],
)  # fmt: skip
def test_an_address_with_a_key_in_it_is_refused_and_not_repeated(url):
    with pytest.raises(OptionError, match=r"more than an address|is no address") as caught:
        check_server(Options(llm_base_url=url))
    assert "secret99" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "two\nlines", "x" * 121])
def test_names_of_models_that_are_none(name):
    with pytest.raises(OptionError, match="--llm-model"):
        check_server(Options(llm_model=name))


# --- passing failures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [fails(500), fails(503), fails(429, "slow down", "rate_limit_exceeded"), hangs_up, fails(408)])
def test_what_passes_is_tried_again(bad):
    waits = Waits()
    with serving(bad, bad, GOOD) as server:
        done = answer(server, waits=waits)
    assert done.outline.title == "Rain on Glass"
    assert waits.seconds == [1.0, 2.0]
    assert done.usage.requests == len(server.requests) == 3


@pytest.mark.parametrize(
    ("asked", "waited"), [("0.25", 0.25), ("7", 7), ("900", 30), ("x", 1.0), ("-3", 0), ("nan", 1.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)]
)
def test_a_server_may_say_how_long_to_wait(asked, waited):
    waits = Waits()
    with serving(fails(429, Retry_After=asked), GOOD) as server:
        answer(server, waits=waits)
    assert waits.seconds == [waited]


def test_what_does_not_pass_is_given_up_after_three_more_tries():
    error, server, waits = failing(fails(503, "out of memory"))
    assert "the server answers 503 (4 times)" in str(error)
    assert len(server.requests) == 4
    assert waits.seconds == [1.0, 2.0, 4.0]
    assert error.usage is not None
    assert error.usage.requests == 4


@pytest.mark.parametrize(("status", "tries"), [(500, 4), (501, 1)])
def test_a_server_that_breaks_over_a_form_is_asked_once_without(status, tries):
    def behave(handler, body):
        (fails(status, "not implemented") if "response_format" in body else GOOD)(handler, body)

    with serving(behave) as server:
        assert answer(server).outline.title == "Rain on Glass"
    assert forms(server) == [*["json_schema"] * tries, None]
    error, server, _ = failing(fails(status))
    assert f"the server answers {status} ({tries + 1} times)" in str(error)
    assert len(server.requests) == tries + 1


@pytest.mark.parametrize("bad", [hangs(3), drips(3)])
def test_neither_silence_nor_a_drip_outlasts_the_time(bad):
    began_s = time.monotonic()
    with serving(bad) as server, pytest.raises(LlmError, match=r"did not answer within 0\.15 s \(2 times\)"):
        answer(server, whole_s=0.15)
    assert len(server.requests) == 2  # who keeps silent is asked once more, and no oftener
    assert time.monotonic() - began_s < 2.5


def test_one_question_has_one_time_however_often_it_is_asked():
    patience = Patience(whole_s=5.0, question_s=0.4, sleep=Waits())
    began_s = time.monotonic()
    with (
        serving(fails(500, Retry_After="0"), hangs(3)) as server,
        pytest.raises(LlmError, match=r"did not answer within 0\.\d+ s \(2 times\)"),
    ):
        outline(films.film(), films.cues(), Options(planner="llm", llm_base_url=server.url), films.base(), (), patience)
    assert time.monotonic() - began_s < 2.0
    with serving(fails(503, Retry_After="20")) as server, pytest.raises(LlmError, match="answers 503"):
        outline(films.film(), films.cues(), Options(planner="llm", llm_base_url=server.url), films.base(), (), patience)
    assert len(server.requests) == 1  # the wait it asks for is longer than all the time there is


def test_waiting_is_shown(monkeypatch):
    monkeypatch.setattr(wire, "TICK_S", 0.02)
    shown: list[tuple[str, float]] = []
    patience = Patience(whole_s=0.8, question_s=8.0, wait_s=0.01, sleep=Waits())
    with serving(hangs(2), GOOD) as server:
        options = Options(planner="llm", llm_base_url=server.url, llm_model="tiny")
        outline(films.film(), films.cues(), options, films.base(), (), patience, lambda stage, done: shown.append((stage, done)))
    stages = [stage for stage, _ in shown]
    assert list(dict.fromkeys(stages)) == ["asking tiny", "asking tiny, try 2"]
    assert stages.count("asking tiny") > 5
    first = [done for stage, done in shown if stage == "asking tiny"]
    assert first == sorted(first)
    assert 0.08 <= first[-2] < 0.5  # of the time there is
    assert [shown[-1], first[-1]] == [("asking tiny, try 2", 1.0), 1.0]


def test_a_server_that_is_not_there():
    with serving(GOOD) as server:
        gone = server.url
    with pytest.raises(LlmError, match="cannot be reached"):
        outline(films.film(), films.cues(), Options(planner="llm", llm_base_url=gone), films.base(), (), Patience(sleep=Waits()))


# --- lasting failures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "OPENAI_API_KEY"), (403, "OPENAI_API_KEY"), (404, "--llm-model"), (400, "refuses the request"), (422, "refuses"), (418, "418")],
)
def test_what_lasts_is_not_tried_again(status, said):
    error, server, waits = failing(fails(status, "no such thing"))
    assert said in str(error)
    assert len(server.requests) == 1
    assert waits.seconds == []


def test_an_empty_account_is_not_asked_again():
    error, server, _ = failing(fails(429, "you exceeded your quota", "insufficient_quota"))
    assert "no quota" in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 418, 422, 500])
def test_a_key_that_the_server_repeats_is_told_to_nobody(status):
    error, server, _ = failing(echoes_the_key(status))
    assert server.keys[0] == f"Bearer {KEY}"
    assert KEY not in json.dumps([str(error), error.problem, error.hint, repr(error.usage)])


def test_a_key_in_a_good_answer_does_not_reach_the_plan():
    title = json.dumps("Bearer KEY").replace("KEY", "".join(f"\\u{ord(c):04x}" for c in KEY))
    told = json.dumps({**films.NOIR, "title": 0, "style": KEY[:9] + "\u200b" + KEY[9:], KEY: 1}).replace('"title": 0', f'"title": {title}')
    assert KEY not in title
    with serving(says(told)) as server:
        made = answer(server).outline
    assert KEY not in repr(made)
    assert made.style == "[key]"


@pytest.mark.parametrize("key", ["mysterious", "muted_trumpet", "none", "opening"])
def test_a_key_that_is_a_word_changes_no_answer(monkeypatch, key):
    with serving(GOOD) as server:
        told = answer(server)
        monkeypatch.setenv("OPENAI_API_KEY", key)
        assert answer(server) == told


@pytest.mark.parametrize(
    "raw", [b"<html>It works!</html>", b"{}", b"[]", b'{"choices": []}', b'{"choices": [{"message": null}]}', b"[" * 5000, b"\xff\xfe"]
)
def test_what_is_no_chat_completion(raw):
    error, _, _ = failing(sends(raw))
    assert "no chat completion" in str(error)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nobody_is_sent_elsewhere(status):
    with serving(GOOD) as other:
        error, server, _ = failing(fails(status, Location=f"{other.url}/chat/completions"))
        assert (len(server.requests), len(other.requests)) == (1, 0)
    assert "Use the final address" in str(error)


@pytest.mark.parametrize("status", [400, 401, 404, 503, 302])
def test_of_an_endless_error_only_the_beginning_is_read(status):
    sent: list[int] = []
    error, _, _ = failing(endless(status, sent))
    assert str(status) in str(error) or "refuses the request" in str(error)
    assert len(str(error)) < 600
    assert max(sent) < 20_000_000  # what the sockets in between hold


def test_an_error_that_never_ends_does_not_hide_its_status(monkeypatch):
    monkeypatch.setattr(wire, "_ERROR_S", 0.1)
    error, server, _ = failing(drips(3, 401))
    assert "refuses the key (401)" in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTP_PROXY", "foo://bad"), ("ALL_PROXY", "foo://bad"), ("ALL_PROXY", "socks5://127.0.0.1:1"), ("SSL_CERT_FILE", "/nonexistent")],
)
def test_settings_of_the_environment_that_cannot_be_used(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    error, server, _ = failing(GOOD)
    assert "proxy or certificate settings" in error.problem
    assert name in error.hint
    assert server.requests == []


def test_an_error_in_place_of_an_answer_is_told():
    error, server, _ = failing(sends(json.dumps({"error": {"message": f"no\nmodel for {KEY}", "code": 7}}).encode()))
    assert "the server answers: no model for [key]" in str(error)
    assert len(server.requests) == 1
    with serving(sends(b'{"error": {"message": "Provider returned error", "code": 429}}'), GOOD) as server:
        answer(server)
    assert len(server.requests) == 2


def test_a_refusal_is_told():
    error, server, _ = failing(says(None, refusal="I can't help\nwith that."))
    assert "the model refuses: I can't help with that" in str(error)
    assert len(server.requests) == 1
    assert "content filter" in str(failing(says("", finish="content_filter"))[0])


# --- servers without structured output --------------------------------------------------------------------------------


@pytest.mark.parametrize(("refused", "form"), [((), "schema"), (("json_schema",), "object"), (("json_schema", "json_object"), "text")])
def test_the_plainest_form_that_a_server_understands(refused, form):
    bad, good = json.dumps({**films.NOIR, "home_key": "H minor"}), json.dumps(films.NOIR)
    with serving(without(*refused, then=lambda h, b: says(bad if len(b["messages"]) == 2 else good)(h, b))) as server:
        done = answer(server)
    assert done.outline.title == "Rain on Glass"
    wanted = {"schema": "json_schema", "object": "json_object", "text": None}[form]
    assert forms(server) == [*refused, wanted, wanted]  # what worked holds for the correction


def test_a_seed_that_is_refused_is_left_out():
    def behave(handler, body):
        (fails(400, "Unknown name 'seed'") if "seed" in body else GOOD)(handler, body)

    with serving(behave) as server:
        answer(server)
    assert forms(server) == ["json_schema", "json_schema"]


@pytest.mark.parametrize(
    "reason",
    [
        "this model revision does not support response_format json_schema",
        "x" * 250 + " response_format is not supported",
        "we proceed without grammar",
    ],
)
def test_what_is_refused_is_found_by_whole_words_in_all_that_is_said(reason):
    """Neither the "vision" in "revision" nor the "seed" in "proceed" is meant, nor are pictures that nobody sent."""

    def behave(handler, body):
        (fails(400, reason) if body.get("response_format", {}).get("type") == "json_schema" else GOOD)(handler, body)

    with serving(behave) as server:
        done = answer(server)
    assert forms(server) == ["json_schema", "json_object"]
    assert "seed" in server.requests[-1]
    assert done.outline.notes == ()


def test_pictures_that_nobody_sent_are_not_left_out():
    error, server, _ = failing(fails(400, "images must not be empty"))
    assert "refuses the request" in str(error)
    assert len(server.requests) == 1


PICTURES = (Picture(1.0, b"\xff\xd8one"), Picture(30.0, b"\xff\xd8two"))


def test_pictures_are_shown():
    with serving(GOOD) as server:
        answer(server, pictures=PICTURES)
    text, *images = server.requests[0]["messages"][1]["content"]
    assert "1.0, 30.0" in text["text"]
    assert [one["image_url"]["url"] for one in images] == ["data:image/jpeg;base64,/9hvbmU=", "data:image/jpeg;base64,/9h0d28="]


def test_a_model_that_cannot_see_plans_without_pictures():
    def behave(handler, body):
        (fails(400, "This model does not support image input") if isinstance(body["messages"][1]["content"], list) else GOOD)(handler, body)

    with serving(behave) as server:
        done = answer(server, pictures=PICTURES)
    assert any("no pictures" in note for note in done.outline.notes)
    assert "Pictures" not in server.requests[-1]["messages"][1]["content"]


# --- answers that are no plan -----------------------------------------------------------------------------------------

TEXTS = {
    "fenced": f"Here is the plan:\n```json\n{json.dumps(films.NOIR, indent=1)}\n```\nEnjoy!",
    "bare fence": f"```\n{json.dumps(films.NOIR)}\n```",
    "in prose": f"I think of {{rain}} and so on. {json.dumps(films.NOIR)} I hope that helps {{you}}.",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_json_is_found_in_text(text):
    with serving(without("json_schema", "json_object", then=says(text))) as server:
        done = answer(server)
    assert done.outline.title == "Rain on Glass"
    assert forms(server) == ["json_schema", "json_object", None]


def test_content_in_parts():
    half = json.dumps(films.NOIR)
    parts = [{"type": "text", "text": half[:50]}, {"type": "text", "text": half[50:]}]
    with serving(sends(completion(parts))) as server:
        assert answer(server).outline.title == "Rain on Glass"


BAD = {
    "no json": ("I would love to score this film!", "not a JSON object"),
    "half a json": (json.dumps(films.NOIR)[:200], "not a JSON object"),
    "a list": ("[1, 2]", "not a JSON object"),
    "nothing": ("", "not a JSON object"),
    "deep": ("[" * 50_000, "not a JSON object"),
    "no sections": ({"title": "x"}, "sections: Field required"),
    "empty": ({"sections": []}, "sections: at least one is needed"),
    "types": ({"sections": [{"turn": "first"}]}, "sections[0].turn: Input should be a valid integer"),
    "key": ({"sections": [{"turn": 0, "key": "H minor"}]}, "sections[0].key: unknown key 'H minor'"),
    "chord": ({"sections": [{"turn": 0, "progression": ["i", "Wx7"]}]}, "sections[0].progression: unknown chord 'Wx7'"),
    "turn": ({"sections": [{"turn": 99}]}, "sections[0].turn: there is no turning point 99; they go from 0 to 5"),
    "long": ("x" * 300_000, "300000 characters long"),
    "a megabyte": ("x" * 1_000_000, "longer than 200000 characters"),
    "fence": ("```" + "\n" * 190_000, "not a JSON object"),
    "fences": (("```" + " " * 50) * 3500, "not a JSON object"),
    "braces": ('{"a":[' * 30_000, "not a JSON object"),
    "half a letter": ("\ud800 oops", "not a JSON object"),
    "many": ({"sections": [{"start_s": i * 0.15} for i in range(400)]}, "sections: 400 are too many; write at most 60"),
}


@pytest.mark.parametrize(("content", "fault"), BAD.values(), ids=BAD)
def test_an_answer_with_faults_is_sent_back_once(content, fault):
    with serving(says(content), GOOD) as server:
        done = answer(server)
    assert done.outline.title == "Rain on Glass"
    before, correction = server.requests[1]["messages"][2:]
    assert (before["role"], correction["role"]) == ("assistant", "user")
    assert fault in correction["content"]
    assert len(json.dumps(server.requests[1])) < 30_000
    assert done.usage.requests == 2


@pytest.mark.parametrize("content", [content for content, _ in BAD.values()], ids=BAD)
def test_a_second_answer_with_faults_is_the_last(content):
    error, server, _ = failing(says(content))
    assert "cannot be used" in str(error)
    assert len(server.requests) == 2
    assert len(str(error)) < 600
    assert error.usage is not None


def test_every_fault_is_told_at_once():
    bad = {
        "home_key": "H",
        "instruments": ["kazoo choir of doom"],
        "sections": [{"turn": 0, "mood": "weird", "form": "blob"}, {"turn": 77}],
    }
    with serving(says(bad), GOOD) as server:
        answer(server)
    told = server.requests[1]["messages"][3]["content"]
    for word in ("home_key", "kazoo", "sections[0].mood", "sections[0].form", "sections[1].turn"):
        assert word in told


def test_an_answer_that_was_cut_off_is_asked_for_again():
    with serving(says(json.dumps(films.NOIR)[:300], finish="length"), GOOD) as server:
        answer(server)
    assert "cut off" in server.requests[1]["messages"][3]["content"]


def test_an_answer_that_is_whole_is_taken_though_the_server_says_it_was_cut_off():
    with serving(says(films.NOIR, finish="length")) as server:
        assert answer(server).outline.title == "Rain on Glass"
    assert len(server.requests) == 1


def test_a_problem_is_one_short_line():
    error, _, _ = failing(fails(400, "line one\nline two\x1b[31m" + "x" * 5000))
    assert len(str(error)) < 400
    assert str(error).isprintable()
    assert isinstance(error, ComposerError)
