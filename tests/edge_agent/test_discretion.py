"""No secret, name or token is in anything the agent says, whatever it is told to say and however
things go: every vendor's real source against a real server, at the most talkative level.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent import assembly, speech
from edge_agent.doctor import examine
from edge_agent.settings_file import load
from fakes.agent_program import write_settings
from fakes.broker import free_port
from fakes.dexcom_share import FakeDexcomShare, Row
from fakes.librelinkup import FakeLibreLinkUp, FakePatient, addresses
from fakes.nightscout import FakeNightscout, Role, entry
from fakes.serving import FakeServer, Fault, html_503, truncated_json
from glucose.sources import catalogue

PRIVATE = ("Anna", "annas-", "Example", "hunter2", "correct horse", "right-password")


@pytest.fixture
def spoken() -> Iterator[io.StringIO]:
    """Everything said at the level debug; the logging of the tests is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook
    stream = io.StringIO()
    speech.set_up("debug", stream, {})
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks
    for name in ("edge_agent", "glucose"):
        logging.getLogger(name).setLevel(logging.NOTSET)


class Vendors:
    """The three vendors with Anna's readings."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        times = [now - timedelta(minutes=5 * number + 1) for number in range(20)]
        self.dexcom = FakeDexcomShare(rows=[Row(time=time, value=120) for time in times])
        self.libre = FakeLibreLinkUp()
        self.patient = self.libre.follow(FakePatient(given="Anna", family="Example"))
        self.patient.play(lambda _: 120.0, start=now - timedelta(hours=2), minutes=115)
        self.site = FakeNightscout()
        self.site.default_role = Role.DENIED
        self.token = self.site.add_subject("Anna", Role.READABLE)
        for time in times:
            self.site.put(entry(time, 120))

    @property
    def all(self) -> tuple[FakeServer, ...]:
        return self.dexcom, self.libre, self.site

    def tables(self, site: str, password: str | None = None) -> str:
        return f"""
[[sources]]
name = "annas-dexcom"
wearer = "Anna Example"
kind = "dexcom"
username = "{self.dexcom.publisher.name}"
password = "{password or self.dexcom.publisher.password}"
region = "us"
[[sources]]
name = "annas-libre"
wearer = "Anna Example"
kind = "librelinkup"
email = "{self.libre.email}"
password = "{password or self.libre.password}"
[[sources]]
name = "annas-site"
wearer = "Anna Example"
kind = "nightscout"
url = "{site}"
secret = "{password or self.token}"
"""

    def private(self) -> tuple[str, ...]:
        return (
            *PRIVATE,
            *(self.dexcom.publisher.name, self.dexcom.publisher.id, self.libre.email),
            *(self.libre.user_id, self.token),
            str(self.patient.id),
        )


async def lived(
    folder: Path, monkeypatch: pytest.MonkeyPatch, vendors: Vendors, *, password: str | None
) -> list[str]:
    """Run each source twice and the doctor once; returns the words of the sources' states."""
    async with (
        vendors.dexcom.serving() as dexcom,
        vendors.libre.serving() as libre,
        vendors.site.serving() as site,
    ):
        monkeypatch.setattr(catalogue, "DEXCOM_URL", vendors.dexcom.base_url(dexcom))
        monkeypatch.setattr(catalogue, "LIBRELINKUP_ADDRESS", addresses(libre))
        config = write_settings(
            folder,
            sources=vendors.tables(site, password),
            broker=f'host = "127.0.0.1"\nport = {free_port()}\nusername="u"\npassword="hunter2"',
            general='log_level = "debug"\n',
        )
        settings = load(config, {})
        async with assembly.assembled(settings) as running:
            for poller in running.pollers:
                await poller.ask()
                await poller.ask()
            states = [poller.status.state.value for poller in running.pollers]
            assert (await running.condition()).health.sources
        for line in [finding.line async for finding in examine(settings)]:
            logging.getLogger("edge_agent.doctor").info("%s", line)
        return states


async def test_nothing_private_is_said_while_all_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoken: io.StringIO
) -> None:
    vendors = Vendors()
    assert await lived(tmp_path, monkeypatch, vendors, password=None) == ["ok"] * 3
    said = spoken.getvalue()
    assert "source 1 (dexcom): 20 new readings" in said
    assert [word for word in vendors.private() if word in said] == []


async def test_nothing_private_is_said_when_logins_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoken: io.StringIO
) -> None:
    vendors = Vendors()
    states = await lived(tmp_path, monkeypatch, vendors, password="hunter2")
    assert states == ["retrying"] * 3
    said = spoken.getvalue()
    assert said.count("CredentialsRejected") >= 3
    assert [word for word in vendors.private() if word in said] == []


@pytest.mark.parametrize("fault", [html_503, truncated_json], ids=lambda fault: fault.__name__)
async def test_nothing_private_is_said_when_vendors_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoken: io.StringIO, fault: Fault
) -> None:
    vendors = Vendors()
    for vendor in vendors.all:
        vendor.fail(fault)
    states = await lived(tmp_path, monkeypatch, vendors, password=None)
    assert "ok" not in states
    said = spoken.getvalue()
    assert "cannot be read" in said
    assert [word for word in vendors.private() if word in said] == []


async def test_a_library_that_talks_is_not_quoted(spoken: io.StringIO) -> None:
    logging.getLogger("urllib3.connectionpool").debug("GET /?sessionId=hunter2")
    logging.getLogger("aiohttp.client").warning("cannot reach https://anna:hunter2@example.org")
    try:
        raise RuntimeError("Anna's token is hunter2")  # noqa: TRY301 - a library's
    except RuntimeError:
        logging.getLogger("pydexcom").exception("hunter2")
        logging.getLogger("edge_agent.poller").exception("a fault of ours")
    said = spoken.getvalue()
    assert "hunter2" not in said
    assert "aiohttp.client: a warning of a library, its words are withheld" in said
    assert "(RuntimeError)" in said
    assert "a fault of ours" in said


def test_a_thread_that_dies_tells_where_and_not_with_what(spoken: io.StringIO) -> None:
    def die() -> None:
        raise RuntimeError("hunter2")

    thread = threading.Thread(target=die)
    thread.start()
    thread.join()
    assert "RuntimeError" in spoken.getvalue()
    assert "hunter2" not in spoken.getvalue()
