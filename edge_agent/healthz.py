"""/healthz on this machine's loopback: 200 while the agent goes on, 503 while it hangs."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

from .condition import Condition

_LOGGER = logging.getLogger(__name__)
_LOOPBACK = "127.0.0.1"
_SECONDS = 10.0
_MOST_HEAD_BYTES = 8192


@asynccontextmanager
async def serving(
    port: int, condition: Callable[[], Awaitable[Condition]]
) -> AsyncIterator[int | None]:
    """Answer on 127.0.0.1:`port` (0: nowhere); gives the port, None where nothing answers.

    One page for one reader needs no web server: aiohttp's would cost 2 MB of memory. A port that
    is taken is said and costs /healthz, never the readings.
    """
    if port == 0:
        yield None
        return

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(
            OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            async with asyncio.timeout(_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await _page(head, condition))
                await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(answer, _LOOPBACK, port, limit=_MOST_HEAD_BYTES)
    except OSError as error:
        _LOGGER.error(
            "/healthz cannot answer on port %d (%s): set health.port", port, type(error).__name__
        )
        yield None
        return
    async with server:
        yield port


async def _page(head: bytes, condition: Callable[[], Awaitable[Condition]]) -> bytes:
    """Return the whole answer to a request's head."""
    method, _, rest = head.partition(b"\r\n")[0].partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if path != b"/healthz":
        return _response(HTTPStatus.NOT_FOUND, {"see": "/healthz"})
    if method not in {b"GET", b"HEAD"}:
        return _response(HTTPStatus.METHOD_NOT_ALLOWED, {"see": "GET /healthz"})
    found = await condition()
    status = HTTPStatus.OK if found.alive else HTTPStatus.SERVICE_UNAVAILABLE
    whole = _response(status, found.to_json())
    return whole if method == b"GET" else whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def _response(status: HTTPStatus, content: dict[str, object]) -> bytes:
    body = json.dumps(content).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
