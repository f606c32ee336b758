"""A deadline cuts whatever connection is in use, and the log gets no session id."""

from __future__ import annotations

import logging
import socket
import time

import pytest

from glucose.sources.dexcom_transport import Deadline


def test_a_connection_in_use_is_cut_at_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Deadline(0.1) as deadline:
        deadline.watch(ours)
        assert ours.recv(1) == b""
        assert deadline.passed


def test_a_connection_made_after_the_deadline_is_cut_at_once() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Deadline(0.01) as deadline:
        time.sleep(0.1)
        assert deadline.passed
        deadline.watch(ours)
        assert ours.recv(1) == b""


def test_a_connection_closed_meanwhile_does_no_harm() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Deadline(0.05) as deadline:
        deadline.watch(ours)
        ours.close()
        time.sleep(0.1)
        assert deadline.passed


def test_after_the_exchange_nothing_is_cut() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with Deadline(0.05) as deadline:
            deadline.watch(ours)
        time.sleep(0.1)
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"
        assert not deadline.passed


@pytest.mark.parametrize("name", ["urllib3.connectionpool", "urllib3.util.retry"])
def test_a_session_id_in_an_address_is_not_logged(
    caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.DEBUG, logger=name)
    logger = logging.getLogger(name)
    logger.debug("%s asked %s %d", "POST", "/Read?sessionId=secret-1&minutes=10", 200)
    logger.debug("Retry for (url='%s')", "/Read?minutes=10&sessionID=secret-1")
    logger.debug("no parts at all")
    logger.debug("%(parts)s by name", {"parts": "some"})

    assert [record.getMessage() for record in caplog.records] == [
        "POST asked /Read?sessionId=...&minutes=10 200",
        "Retry for (url='/Read?minutes=10&sessionID=...')",
        "no parts at all",
        "some by name",
    ]
