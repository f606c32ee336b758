"""Connections of requests that a deadline can cut, and that log no session id.

Heavy to import (requests): only ever imported in an executor.
"""

from __future__ import annotations

import logging
import re
import socket
from contextlib import suppress
from contextvars import ContextVar
from threading import Lock, Timer
from types import TracebackType
from typing import Self

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse


class Deadline:
    """Cuts the connection in use when the time for the whole exchange is over.

    A read timeout ends silence, not a server that sends one byte now and then. Through a
    proxy there is the read timeout alone.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._socket: socket.socket | None = None
        self._lock = Lock()
        self._timer = Timer(seconds, self._pass)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _deadline.set(self)
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        # Not cut later: the connection may belong to another exchange by then.
        self._timer.join()
        _deadline.set(None)

    def watch(self, connection: socket.socket | None) -> None:
        """Cut this connection at the deadline, at once if it has passed."""
        with self._lock:
            self._socket = connection
            if self.passed:
                self._cut()

    def _pass(self) -> None:
        with self._lock:
            self.passed = True
            self._cut()

    def _cut(self) -> None:
        if self._socket is None:
            return
        with suppress(OSError):
            # Of the plain socket, also under TLS: the thread that reads then sees the end.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


_deadline: ContextVar[Deadline | None] = ContextVar("_deadline", default=None)


def _watch(connection: socket.socket | None) -> None:
    deadline = _deadline.get()
    if deadline is not None:
        deadline.watch(connection)


class _HTTPConnection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # the standard library returns another
        _watch(self.sock)
        return super().getresponse()


class _HTTPSConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # the standard library returns another
        _watch(self.sock)
        return super().getresponse()


class _HTTPConnectionPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSConnectionPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


def adapter() -> HTTPAdapter:
    """Return what makes connections that a deadline can cut."""
    cuttable = HTTPAdapter()
    cuttable.poolmanager.pool_classes_by_scheme = {
        "http": _HTTPConnectionPool,
        "https": _HTTPSConnectionPool,
    }
    return cuttable


class _WithoutSessionIds(logging.Filter):
    """Takes session ids out of the addresses that urllib3 logs at DEBUG."""

    _SESSION_ID = re.compile(r"(sessionId=)[^&\s\"']*", re.IGNORECASE)

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                self._SESSION_ID.sub(r"\1...", part) if isinstance(part, str) else part
                for part in record.args
            )
        return True


_without_session_ids = _WithoutSessionIds()
for _name in ("urllib3.connectionpool", "urllib3.util.retry"):
    # Added once a process, however many accounts there are.
    logging.getLogger(_name).addFilter(_without_session_ids)
