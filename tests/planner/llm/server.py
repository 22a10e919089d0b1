"""A real HTTP server on loopback that speaks chat completions, and misbehaves on demand."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: what one request gets: called with the handler and the request's JSON
Behaviour = Callable[["Handler", dict[str, Any]], None]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        self.server.keys.append(self.headers.get("Authorization", ""))
        self.server.paths.append(self.path)
        script = self.server.script
        behaviour = script.pop(0) if len(script) > 1 else script[0]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client may have had enough
            behaviour(self, body)

    def send(self, status: int, content: bytes, headers: Mapping[str, str] | None = None, length: int | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(length or len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Behaves as its script says, one entry a request; the last one stays."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Behaviour] = []
        #: what was asked: bodies, Authorization headers, paths
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


@contextlib.contextmanager
def serving(*script: Behaviour) -> Iterator[Server]:
    """A running server."""
    server = Server()
    server.script[:] = script
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# --- behaviours -------------------------------------------------------------------------------------------------------


def completion(content: Any, finish: str = "stop", **message: Any) -> bytes:
    """The JSON of a chat completion."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    usage = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200}
    return json.dumps({"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}).encode()


def says(content: Any, finish: str = "stop", **message: Any) -> Behaviour:
    """Answers with a text (other things as JSON)."""
    text = content if isinstance(content, str) or content is None else json.dumps(content)
    return lambda handler, body: handler.send(200, completion(text, finish, **message))


def sends(raw: bytes) -> Behaviour:
    """Answers 200 with anything."""
    return lambda handler, body: handler.send(200, raw)


def fails(status: int, text: str = "no", code: str = "", **headers: str) -> Behaviour:
    """Answers with an error status."""
    content = json.dumps({"error": {"message": text, "type": "error", "code": code}}).encode()
    return lambda handler, body: handler.send(status, content, {name.replace("_", "-"): value for name, value in headers.items()})


def echoes_the_key(status: int) -> Behaviour:
    """Answers with an error that repeats what only the header held."""

    def behave(handler: Handler, body: dict[str, Any]) -> None:
        fails(status, f"bad request, you sent {dict(handler.headers)}")(handler, body)

    return behave


def hangs(seconds: float) -> Behaviour:
    """Keeps the connection, and says nothing for so long."""
    return lambda handler, body: time.sleep(seconds)


def drips(seconds: float, status: int = 200) -> Behaviour:
    """Sends a byte now and then, for so long."""

    def behave(handler: Handler, body: dict[str, Any]) -> None:
        handler.send(status, b" ", length=100_000)
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            time.sleep(0.05)
            handler.wfile.write(b" ")
            handler.wfile.flush()

    return behave


def endless(status: int, sent: list[int]) -> Behaviour:
    """Answers with 200 MB, or as much of it as is read; how much that was goes to `sent`, bytes."""

    def behave(handler: Handler, body: dict[str, Any]) -> None:
        sent.append(0)
        handler.send(status, b"a", length=200_000_000)
        for _ in range(200):
            handler.wfile.write(b"a" * 1_000_000)
            sent[-1] += 1_000_000

    return behave


def hangs_up(handler: Handler, body: dict[str, Any]) -> None:
    """Closes the connection in the middle of the answer."""
    whole = completion("{}")
    handler.send(200, whole[: len(whole) // 2], length=len(whole))
    handler.close_connection = True


def without(*kinds: str, then: Behaviour) -> Behaviour:
    """Refuses the response formats named; else behaves as told."""

    def behave(handler: Handler, body: dict[str, Any]) -> None:
        kind = body.get("response_format", {}).get("type")
        if kind in kinds:
            fails(400, f"'response_format' of type {kind} is not supported by this model")(handler, body)
        else:
            then(handler, body)

    return behave
