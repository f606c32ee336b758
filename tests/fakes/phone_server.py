"""The web servers of xDrip+ and Juggluco on a phone in the LAN, byte for byte where it matters.

    phone = FakePhone(App.XDRIP, secret="...", clock=...)
    phone.put(time, 120, visible_at=...)
    async with phone.serving() as url: ...

Not built on FakeServer: xDrip+ answers HTTP/1.0 with bare line feeds, Juggluco HTTP/1.1 without a
Date, and both close after each answer; a library's server would tidy that up. Read in xDrip's
webservices/XdripWebService.java and WebServiceSgv.java, and in Juggluco's
net/watchserver/watchserver.cpp (GPL; facts only). The client is always taken for one from the
LAN: loopback, which xDrip+ lets in without a secret, is where the tests live.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import Enum
from urllib.parse import parse_qsl, urlsplit

Row = dict[str, object]

DEFAULT_COUNT = 24
XDRIP_LARGEST_COUNT = 1000


class App(Enum):
    """Whose server it is."""

    XDRIP = "xDrip+"
    JUGGLUCO = "Juggluco"


@dataclass(frozen=True, slots=True)
class PhoneRequest:
    """One request as it came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str] = field(repr=False)


class FakePhone:
    """See the top of the file."""

    def __init__(
        self,
        app: App,
        *,
        secret: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin with an active sensor, no readings and no faults."""
        self.app = app
        self.secret = secret
        self.clock = clock
        self.device = "Juggluco" if app is App.JUGGLUCO else "G6 Native"
        self.units_hint = "mgdl"
        # Without one, xDrip+ lists nothing unless it follows somebody or `all_data` is asked.
        self.active_sensor = True
        self.empty_is_no_body = False
        self.date_offset = timedelta(0)
        # Raw bytes instead of every answer, until None again: HTML, half an answer, nothing.
        self.raw_answer: bytes | None = None
        self.log: list[PhoneRequest] = []
        self.bad_logins = 0
        self._rows: list[tuple[datetime, Row]] = []

    def put(
        self, time: datetime, mg_dl: object, *, visible_at: datetime | None = None, **more: object
    ) -> None:
        """Keep a reading, listed from `visible_at` on; `more` replaces fields."""
        text = time.astimezone(UTC).isoformat(timespec="milliseconds")
        row = {
            "_id": f"{len(self._rows):032x}",
            "device": self.device,
            "dateString": text,
            "sysTime": text,
            "date": (time - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1),
            "sgv": mg_dl,
            "delta": 0.5,
            "direction": "Flat",
            "noise": 1,
            "filtered": 0,
            "unfiltered": 0,
            "rssi": 100,
            "type": "sgv",
            **more,
        }
        self._rows.append((time if visible_at is None else visible_at, row))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve in the running loop; gives the base URL without a slash at its end."""
        server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        try:
            host, port = server.sockets[0].getsockname()[:2]
            yield f"http://{host}:{port}"
        finally:
            server.close()
            await server.wait_closed()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            writer.write(self._answer(head))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, head: str) -> bytes:
        first, *lines = head.splitlines()
        parts = urlsplit(first.split(" ")[1])
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.log.append(PhoneRequest(parts.path, query, headers))
        if self.raw_answer is not None:
            return self.raw_answer
        refusal = self._refusal(headers)
        if refusal is not None:
            self.bad_logins += 1
            return self._reply(403, "text/plain", refusal)
        if parts.path in ("/sgv.json", "/api/v1/entries/sgv.json"):
            return self._reply(200, "application/json", self._sgv(query))
        if parts.path == "/status.json":
            limits = {"bgHigh": 170, "bgLow": 70}
            status = {"settings": {"units": self.units_hint, "thresholds": limits}}
            return self._reply(200, "application/json", json.dumps(status))
        if self.app is App.XDRIP:
            return self._reply(404, "text/plain", f"Path not found: {parts.path}")
        return self._reply(400, "text/plain", f"Bad Request: {parts.path}")

    def _refusal(self, headers: dict[str, str]) -> str | None:
        """Return the text of a refusal, None where the client may read."""
        digest = hashlib.sha1(self.secret.encode(), usedforsecurity=False).hexdigest()
        if self.app is App.JUGGLUCO:
            # Names are compared letter by letter; without a secret, whatever comes is ignored.
            sent = headers.get("api-secret")
            right = not self.secret or sent == digest
            return None if right else f"api_secret wrong: {sent or ''}\n"
        shown = {name.lower(): value for name, value in headers.items()}.get("api-secret")
        # A secret that nobody asked for is a wrong one.
        wrong = shown is not None and not (self.secret and shown.lower() == digest)
        if wrong or (self.secret and shown is None):
            return "Authentication failed - check api-secret\n"
        return None

    def _sgv(self, query: dict[str, str]) -> str:
        count = _count(query)
        if self.app is App.XDRIP:
            count = max(1, min(count, XDRIP_LARGEST_COUNT))
        now = self.clock()
        rows = [dict(row) for visible_at, row in self._rows if visible_at <= now]
        rows.sort(key=lambda row: int(str(row["date"])), reverse=True)
        if not self.active_sensor and "all_data" not in query:
            rows = []
        rows = rows[:count]
        if rows:
            rows[0]["units_hint"] = self.units_hint
        if "brief_mode" in query:
            kept = {"date", "sgv", "delta", "direction", "noise", "units_hint"}
            rows = [{name: row[name] for name in row if name in kept} for row in rows]
        if not rows and (self.empty_is_no_body or "no_empty" in query):
            return ""
        if not rows and self.app is App.JUGGLUCO:
            return "{}\n"
        return json.dumps(rows)

    def _reply(self, status: int, kind: str, body: str) -> bytes:
        content = body.encode()
        if self.app is App.JUGGLUCO:
            reason = "OK" if status == 200 else "Forbidden" if status == 403 else "Bad Request"
            lines = [f"HTTP/1.1 {status} {reason}", f"Content-Type: {kind}"]
            lines.append(f"Content-Length: {len(content)}")
            return "\r\n".join([*lines, "", ""]).encode() + content
        date = format_datetime((self.clock() + self.date_offset).astimezone(UTC), usegmt=True)
        lines = [f"HTTP/1.0 {status} OK", f"Date: {date}", "Access-Control-Allow-Origin: *"]
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(content)}"]
        return "\n".join([*lines, "", ""]).encode() + content


def _count(query: dict[str, str]) -> int:
    try:
        return int(query.get("count", DEFAULT_COUNT))
    except ValueError:
        return DEFAULT_COUNT
