"""Looks at everything the agent needs, one line each, and says what to do where it is missing."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import Enum

from glucose.errors import GlucoseError, StoreError
from glucose.sources.source import Account, VisibleWearer

from .agent import OUTBOX_FILE, accounts
from .broker import tls_context, why_unreachable
from .broker_check import BrokerFindings, look_at_broker
from .clock import is_synchronised, utc_now
from .machine import disk_free_mb
from .memory import Memory
from .outbox import Outbox, State
from .poller import chosen
from .settings import Settings, SourceSettings
from .source_state import next_step

# Less than this is used up before somebody looks.
LEAST_DISK_MB = 100.0
WAIT_SECONDS = 10.0
_LOGIN_SECONDS = 60.0


class Colour(Enum):
    """How a finding is: RED needs somebody, YELLOW may."""

    GREEN = "ok"
    YELLOW = "look"
    RED = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: what was looked at, how it is, and what to do next."""

    what: str
    colour: Colour
    found: str
    next: str = ""

    @property
    def line(self) -> str:
        """The line as it is printed."""
        step = f". Next: {self.next}" if self.next else ""
        return f"{self.colour.value:5}{self.what}: {self.found}{step}"


def _green(what: str, found: str) -> Finding:
    return Finding(what=what, colour=Colour.GREEN, found=found)


def _yellow(what: str, found: str, step: str) -> Finding:
    return Finding(what=what, colour=Colour.YELLOW, found=found, next=step)


def _red(what: str, found: str, step: str) -> Finding:
    return Finding(what=what, colour=Colour.RED, found=found, next=step)


async def examine(settings: Settings, *, names: bool = False) -> AsyncIterator[Finding]:
    """Yield one finding after another; with `names`, the people that accounts see are shown."""
    yield look_at_clock(is_synchronised())
    yield await asyncio.to_thread(look_at_disk, settings)
    yield await asyncio.to_thread(look_at_outbox, settings)
    dns = await asyncio.to_thread(look_at_dns, settings)
    yield dns
    if dns.colour is not Colour.RED:
        reached = await asyncio.to_thread(look_at_connection, settings)
        yield reached
        if reached.colour is not Colour.RED:
            found = await asyncio.to_thread(look_at_broker, settings, WAIT_SECONDS)
            for finding in told_of_broker(found):
                yield finding
    async with accounts(settings, Memory(None)) as built:
        for source, account in zip(settings.sources, built, strict=True):
            yield await look_at_source(source, account, names=names)


def look_at_clock(synchronised: bool | None) -> Finding:  # noqa: FBT001 - the one thing it is about
    """Say whether the machine's clock is set by the network."""
    if synchronised:
        return _green("clock", "synchronised")
    if synchronised is None:
        return _yellow(
            "clock", "nobody can tell whether it is synchronised", "run `timedatectl` and look"
        )
    return _red(
        "clock",
        "not synchronised; TLS fails where it is far off, readings keep the vendor's time",
        "run `sudo timedatectl set-ntp true` and wait a minute",
    )


def look_at_disk(settings: Settings) -> Finding:
    """Say whether the outbox's folder can be written, and how much is free."""
    folder = settings.state_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return _red(
            "disk",
            f"{folder} cannot be written ({error.strerror})",
            "free the disk, or run it as the user who owns that folder (sudo for the service's)",
        )
    free = disk_free_mb(folder)
    if free is not None and free < LEAST_DISK_MB:
        return _red("disk", f"{free:.0f} MB left", f"free at least {LEAST_DISK_MB:.0f} MB")
    return _green("disk", "can be written" if free is None else f"{free:.0f} MB free")


def look_at_outbox(settings: Settings) -> Finding:
    """Say how many readings wait, without disturbing an agent that runs."""
    path = settings.state_dir / OUTBOX_FILE
    if not path.exists():
        return _green("outbox", "not there yet, the first run makes it")
    outbox = Outbox(path, clock=utc_now)
    try:
        states = [state for _, state in outbox.export()]
    except StoreError as error:
        return _red("outbox", str(error), "look at the folder's rights and free the disk")
    rejected = states.count(State.REJECTED)
    found = f"{len(states)} readings, {states.count(State.WAITING)} not yet acknowledged"
    if rejected:
        return _yellow(
            "outbox", f"{found}, {rejected} rejected by Home Assistant", "report it with `export`"
        )
    return _green("outbox", found)


def look_at_dns(settings: Settings) -> Finding:
    """Say whether the broker's name has an address."""
    try:
        socket.getaddrinfo(settings.broker.host, settings.broker.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return _red(
            "dns",
            "the broker's name has no address",
            "set broker.host to the address of the machine the broker runs on",
        )
    return _green("dns", "the broker's name has an address")


def look_at_connection(settings: Settings) -> Finding:
    """Say whether the broker's port answers and, with TLS, shows a certificate we trust."""
    broker = settings.broker
    what = "tls" if broker.tls else "connection"
    try:
        with closing(
            socket.create_connection((broker.host, broker.port), timeout=WAIT_SECONDS)
        ) as plain:
            if not broker.tls:
                return _green(what, f"port {broker.port} answers, without TLS")
            with tls_context(broker).wrap_socket(plain, server_hostname=broker.host) as secured:
                return _green(what, f"{secured.version()}, the certificate is trusted")
    except ssl.SSLCertVerificationError as error:
        return _red(
            what,
            why_unreachable(error),
            "set broker.ca_file to the broker's authority, and broker.host to the name in its "
            "certificate; look at the clock",
        )
    except OSError as error:
        return _red(
            what,
            why_unreachable(error),
            f"start the broker; look at broker.port ({broker.port}), broker.tls and firewalls",
        )


def told_of_broker(found: BrokerFindings) -> list[Finding]:
    """Say whether the broker lets us in and lets us write, and whether Home Assistant answers."""
    if found.refusal:
        return [
            _red(
                "broker login",
                found.refusal,
                "set broker.username and broker.password_file to a user of the broker",
            )
        ]
    findings = [_green("broker login", "accepted")]
    if found.denied:
        findings.append(
            _red(
                "broker rules",
                f"the broker denies {', '.join(found.denied)}",
                "name the broker's user as the node, and let it write cgm/<node>/# and read "
                "cgm/<node>/ack (docs/edge-protocol.md shows the rules)",
            )
        )
    else:
        findings.append(_green("broker rules", "writing and subscribing are allowed"))
    if found.acknowledged is None:
        findings.append(
            _yellow(
                "home assistant",
                "has acknowledged nothing yet",
                "in Home Assistant, set up MQTT and add the discovered agent",
            )
        )
    else:
        findings.append(_green("home assistant", "has acknowledged readings of this node"))
    return findings


async def look_at_source(source: SourceSettings, account: Account, *, names: bool) -> Finding:
    """Log in for real, as the agent will; with `names`, say whom the account sees."""
    seen: Sequence[VisibleWearer] = ()
    try:
        async with asyncio.timeout(_LOGIN_SECONDS):
            seen = await account.wearers()
        chosen(source.patient, seen)
    except GlucoseError as error:
        people = _people(seen) if names else ""
        return _red(source.title, f"{error}{people}", next_step(error))
    except TimeoutError:
        return _red(source.title, "did not answer", "look at the network and the vendor's state")
    return _green(source.title, f"login accepted{_people(seen) if names else ''}")


def _people(seen: Sequence[VisibleWearer]) -> str:
    return "; sees " + ", ".join(f"{one.name or 'somebody'} (id {one.id})" for one in seen)
