"""How every fake vendor serves: real HTTP on loopback, a log of what was asked, and raw faults.

A fake is a FakeServer that says its routes; its own switches are its own attributes:

    class FakeVendor(FakeServer):
        def routes(self) -> Iterable[web.AbstractRouteDef]:
            return [web.get("/values", self.values)]

        async def values(self, request: web.Request) -> web.Response: ...

    fake = FakeVendor()                              # or FakeVendor(clock=...): see `clock`
    async with fake.serving() as url:                # in the running loop: "http://127.0.0.1:PORT"
    with fake.serving_in_thread() as url:            # own thread and loop, for synchronous clients

    fake.fail(html_503)                              # each request from now on, until ...
    fake.heal()                                      # ... all faults end
    fake.fail(too_many_requests(30), times=1)        # the next request only
    fake.fail(never_answers, path="/values")         # only where the path contains this
    fake.date_offset = timedelta(hours=1)            # the Date header runs an hour ahead
    fake.sends_date = False                          # no Date header at all
    fake.log                                         # list[Received], oldest first
    fake.asked("/values")                            # that part of the log whose path has this

Faults: html_503, html_attention_required, html_200, truncated_json, never_answers,
connection_reset, broken_off, dripping(seconds), too_many_requests(retry_after), empty_body,
status(code). A fault is a function of the request and of the real handler, so a test may
write its own. Of several that match, the one switched on first is played. What is asked is
logged whether or not a fault follows; truncated_json and broken_off run the real handler.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import cast

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Fault = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]

START_SECONDS = 10.0
# Handlers that never answer are cancelled this long after the fake is told to stop.
SHUTDOWN_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it came; `at` is monotonic seconds."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    at: float

    def json(self) -> object:
        """Return the body read as JSON."""
        return cast("object", json.loads(self.body))


@dataclass(slots=True)
class _Failing:
    """A fault switched on: for which paths, and for how many more requests (None: until healed)."""

    fault: Fault
    path: str
    left: int | None


class FakeServer:
    """A vendor's server on loopback; subclasses say `routes` and keep their own switches.

    `clock` (aware UTC) is the vendor's clock: it makes the Date header, and a fake that plays
    a simulated day reads it too.
    """

    def __init__(self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Begin with everything working."""
        self.clock = clock
        self.date_offset = timedelta(0)
        self.sends_date = True
        self.log: list[Received] = []
        self._failing: list[_Failing] = []
        self._answering: set[asyncio.Task[object]] = set()

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Return what the vendor answers to."""
        raise NotImplementedError

    def fail(self, fault: Fault, *, times: int | None = None, path: str = "") -> None:
        """Switch a fault on for requests whose path contains `path`, `times` times or for good."""
        self._failing.append(_Failing(fault, path, times))

    def heal(self) -> None:
        """End all faults."""
        self._failing.clear()

    def asked(self, path: str) -> list[Received]:
        """Return the logged requests whose path contains `path`, oldest first."""
        return [received for received in self.log if path in received.path]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve in the running loop; gives the base URL without a slash at its end."""
        runner, url = await self._start()
        try:
            yield url
        finally:
            await self._stop(runner)

    @contextmanager
    def serving_in_thread(self) -> Iterator[str]:
        """Serve in a thread with its own loop, so that a synchronous client may block."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="fake vendor", daemon=True)
        thread.start()
        try:
            starting = asyncio.run_coroutine_threadsafe(self._start(), loop)
            runner, url = starting.result(START_SECONDS)
            try:
                yield url
            finally:
                stopping = asyncio.run_coroutine_threadsafe(self._stop(runner), loop)
                stopping.result(START_SECONDS)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _start(self) -> tuple[web.AppRunner, str]:
        app = web.Application(middlewares=[self._receive])
        app.add_routes(self.routes())
        app.on_response_prepare.append(self._date)
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handler_cancellation=True
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        return runner, f"http://{host}:{port}"

    async def _stop(self, runner: web.AppRunner) -> None:
        """Stop serving; no task is left behind, not even of a handler that never answers."""
        await runner.cleanup()
        left = tuple(self._answering)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        # aiohttp's own task of each connection ends one turn after its handler's.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    @web.middleware
    async def _receive(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Log the request, then answer it or play the first fault that matches."""
        self.log.append(
            Received(
                method=request.method,
                path=request.path,
                query=dict(request.query),
                headers=dict(request.headers),
                body=await request.read(),
                at=time.monotonic(),
            )
        )
        task = asyncio.current_task()
        if task is not None:
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        for failing in self._failing:
            if failing.path in request.path:
                if failing.left is not None:
                    failing.left -= 1
                    if failing.left <= 0:
                        self._failing.remove(failing)
                return await failing.fault(request, handler)
        return await handler(request)

    async def _date(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Put the vendor's clock into the Date header; aiohttp has put the real time there."""
        if self.sends_date:
            shown = (self.clock() + self.date_offset).astimezone(UTC)
            response.headers["Date"] = format_datetime(shown, usegmt=True)
        else:
            response.headers.pop("Date", None)


def status(code: int) -> Fault:
    """Return the fault of a bare HTTP status with a short plain text."""

    async def fault(_request: web.Request, _handler: Handler) -> web.StreamResponse:
        return web.Response(status=code, text=HTTPStatus(code).phrase)

    return fault


async def html_503(_request: web.Request, _handler: Handler) -> web.StreamResponse:
    """Answer as a load balancer does while the vendor is down."""
    page = "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"
    return web.Response(status=503, text=page, content_type="text/html")


async def html_attention_required(_request: web.Request, _handler: Handler) -> web.StreamResponse:
    """Answer as Cloudflare does to a banned address: HTTP 200 and a page."""
    page = (
        "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
        "<body><h1>Sorry, you have been blocked</h1></body></html>"
    )
    return web.Response(text=page, content_type="text/html")


async def html_200(_request: web.Request, _handler: Handler) -> web.StreamResponse:
    """Answer with a page that says nothing, such as a portal's or a router's own."""
    return web.Response(text="<html><body>Welcome</body></html>", content_type="text/html")


async def truncated_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Send the first half of the real answer as if it were whole."""
    answer = await handler(request)
    body = _body(answer)
    return web.Response(
        status=answer.status, body=body[: len(body) // 2], content_type="application/json"
    )


async def broken_off(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Announce the whole answer, send half of it, and close the connection."""
    body = _body(await handler(request))
    response = web.StreamResponse(
        headers={"Content-Type": "application/json", "Content-Length": str(len(body))}
    )
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    _reset(request)
    return response


async def never_answers(_request: web.Request, _handler: Handler) -> web.StreamResponse:
    """Accept, and say nothing until the client gives up or the fake stops."""
    await asyncio.Event().wait()
    raise AssertionError


def dripping(seconds: float) -> Fault:
    """Return the fault of a body without end, one space each `seconds`: no read ever times out."""

    async def fault(request: web.Request, _handler: Handler) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(b" ")
                await asyncio.sleep(seconds)
        return response

    return fault


async def connection_reset(request: web.Request, _handler: Handler) -> web.StreamResponse:
    """Reset the connection instead of answering; aiohttp clients ask once more by themselves."""
    _reset(request)
    return web.Response()


def too_many_requests(retry_after: int | str | None = None) -> Fault:
    """Return the fault of HTTP 429, with Retry-After in seconds or as an HTTP date if given."""

    async def fault(_request: web.Request, _handler: Handler) -> web.StreamResponse:
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return web.Response(status=429, text="Too Many Requests", headers=headers)

    return fault


async def empty_body(_request: web.Request, _handler: Handler) -> web.StreamResponse:
    """Answer HTTP 200 with nothing in it."""
    return web.Response(content_type="application/json")


def _body(answer: web.StreamResponse) -> bytes:
    """Return the bytes of a handler's whole answer."""
    if isinstance(answer, web.Response) and isinstance(answer.body, bytes):
        return answer.body
    raise TypeError(answer)


def _reset(request: web.Request) -> None:
    """Close the client's connection at once with RST, not with FIN."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
