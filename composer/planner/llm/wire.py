"""One request over HTTP by the openai SDK, read within limits of time and room.

Conventions
-----------
The SDK retries nothing and follows nobody elsewhere. Of an answer that is an error only the first 64 kB are read, and for five seconds:
its status tells enough. Proxies and certificates are those of the environment.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any

import httpx
import openai

from composer.errors import LlmError
from composer.planner.llm.failures import Passing, Status, TooLong

if TYPE_CHECKING:
    from composer.planner.llm.server import Server

#: an answer longer than this is none; of an error no more than this is read; bytes
MAX_ANSWER_BYTES, _MAX_ERROR_BYTES = 512_000, 64_000
#: an error has so long to tell itself, seconds
_ERROR_S = 5.0
#: how often somebody who waits is shown that it goes on, seconds
TICK_S = 1.0


def send(server: Server, body: Mapping[str, Any], connect_s: float, whole_s: float, shown: Callable[[], None]) -> bytes:
    """One request; the raw answer. `shown` is called once a second while it lasts.

    Raises LlmError when nobody can be asked, Passing for silence and cut connections, Status for an error, TooLong for an endless answer.
    """
    return asyncio.run(_send(server, body, connect_s, whole_s, shown))


async def _send(server: Server, body: Mapping[str, Any], connect_s: float, whole_s: float, shown: Callable[[], None]) -> bytes:
    client = _client(server, httpx.Timeout(whole_s, connect=connect_s))
    ticking = asyncio.create_task(_ticking(shown))
    try:
        async with asyncio.timeout(whole_s), client:
            return await _answer(client, server.model, body)
    except openai.APIStatusError as error:
        raise Status(error.status_code, error.response.headers, error.response.text) from None
    except (TimeoutError, openai.APITimeoutError, httpx.TimeoutException):
        raise Passing(f"the server did not answer within {whole_s:.3g} s", is_slow=True) from None
    except (openai.APIConnectionError, httpx.HTTPError):
        raise Passing("the server cannot be reached, or hung up") from None
    except (openai.OpenAIError, httpx.InvalidURL):
        raise LlmError("the server cannot be asked", "Check --llm-base-url.") from None
    finally:
        ticking.cancel()


def _client(server: Server, timeout: httpx.Timeout) -> openai.AsyncOpenAI:
    """The SDK's client.

    Raises LlmError for proxies and certificates that the environment names and that cannot be used.
    """
    try:
        http = httpx.AsyncClient(timeout=timeout, follow_redirects=False, event_hooks={"response": [_bound]})
        return openai.AsyncOpenAI(api_key=server.key, base_url=server.base_url, timeout=timeout, max_retries=0, http_client=http)
    except (ValueError, ImportError, OSError, httpx.InvalidURL, openai.OpenAIError):
        problem = "the server cannot be asked: the proxy or certificate settings of the environment cannot be used"
        raise LlmError(problem, "Check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.") from None


async def _answer(client: openai.AsyncOpenAI, model: str, body: Mapping[str, Any]) -> bytes:
    async with client.chat.completions.with_streaming_response.create(model=model, **body) as response:
        read = bytearray()
        async for part in response.iter_bytes():
            read += part
            if len(read) > MAX_ANSWER_BYTES:
                raise TooLong
        return bytes(read)


async def _ticking(shown: Callable[[], None]) -> None:
    while True:
        shown()
        await asyncio.sleep(TICK_S)


async def _bound(response: httpx.Response) -> None:
    """Let no more of an error be read than tells what it is."""
    if not response.is_success and isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = _Bounded(response.stream)
        response.headers.pop("content-encoding", None)  # what is cut off cannot be unpacked, and what is packed may be endless


class _Bounded(httpx.AsyncByteStream):
    """The beginning of a stream."""

    def __init__(self, whole: httpx.AsyncByteStream) -> None:
        self._whole = whole

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = bytearray()
        with contextlib.suppress(TimeoutError, httpx.HTTPError):
            async with asyncio.timeout(_ERROR_S):
                async for part in self._whole:
                    read += part
                    if len(read) >= _MAX_ERROR_BYTES:
                        break
        yield bytes(read[:_MAX_ERROR_BYTES])

    async def aclose(self) -> None:
        """Close the connection's stream."""
        await self._whole.aclose()
