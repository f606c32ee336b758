"""Looks at everything the agent needs, one line each, and says what to do where it is missing."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException

from glucose.errors import GlucoseError, StoreError
from glucose.sources.source import Account, VisibleWearer

from .assembly import OUTBOX_FILE, announcement
from .broker import tls_context, why_unreachable
from .broker_check import look_at_broker
from .broker_report import told_of_broker
from .clock import is_synchronised, utc_now
from .finding import Colour, Finding, green, red, yellow
from .machine import disk_free_mb
from .memory import Memory
from .outbox import Outbox
from .outbox_listing import State
from .poller import chosen
from .settings import Settings, SourceSettings
from .source_accounts import accounts
from .source_state import next_step

# Less than this is used up before somebody looks.
LEAST_DISK_MB = 100.0
WAIT_SECONDS = 10.0
_LOGIN_SECONDS = 60.0
_REFUSES_WITHIN = 1.0


async def examine(settings: Settings, *, names: bool = False) -> AsyncIterator[Finding]:
    """Yield one finding after another; with `names`, the people that accounts see are shown."""
    yield look_at_clock(is_synchronised())
    yield await asyncio.to_thread(look_at_disk, settings)
    yield await asyncio.to_thread(look_at_outbox, settings)
    if settings.call is not None:
        from .trial_call import look_at_call  # noqa: PLC0415 - only who set it up pays for it

        yield look_at_call(settings.call)
    dns = await asyncio.to_thread(look_at_dns, settings)
    yield dns
    async with accounts(settings, Memory(None)) as built:
        if dns.colour is not Colour.RED:
            reached = await asyncio.to_thread(look_at_connection, settings)
            yield reached
            if reached.colour is not Colour.RED:
                announce = announcement(settings, built)
                found = await asyncio.to_thread(look_at_broker, settings, announce, WAIT_SECONDS)
                for finding in told_of_broker(found, settings):
                    yield finding
        for finding in await asyncio.to_thread(look_at_agent, settings):
            yield finding
        for source, account in zip(settings.sources, built, strict=True):
            yield await look_at_source(source, account, names=names)


def look_at_clock(synchronised: bool | None) -> Finding:  # noqa: FBT001 - the one thing it is about
    """Say whether the machine's clock is set by the network."""
    if synchronised:
        return green("clock", "synchronised")
    if synchronised is None:
        return yellow(
            "clock", "nobody can tell whether it is synchronised", "run `timedatectl` and look"
        )
    return red(
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
        return red(
            "disk",
            f"{folder} cannot be written ({error.strerror})",
            "free the disk, or run it as the user who owns that folder (sudo for the service's)",
        )
    free = disk_free_mb(folder)
    if free is not None and free < LEAST_DISK_MB:
        return red("disk", f"{free:.0f} MB left", f"free at least {LEAST_DISK_MB:.0f} MB")
    return green("disk", "can be written" if free is None else f"{free:.0f} MB free")


def look_at_outbox(settings: Settings) -> Finding:
    """Say how many readings wait, without disturbing an agent that runs."""
    path = settings.state_dir / OUTBOX_FILE
    if not path.exists():
        return green("outbox", "not there yet, the first run makes it")
    outbox = Outbox(path, clock=utc_now)
    try:
        states = [state for _, state in outbox.export()]
    except StoreError as error:
        return red("outbox", str(error), "look at the folder's rights and free the disk")
    rejected = states.count(State.REJECTED)
    found = f"{len(states)} readings, {states.count(State.WAITING)} not yet acknowledged"
    if rejected:
        return yellow(
            "outbox", f"{found}, {rejected} rejected by Home Assistant", "report it with `export`"
        )
    return green("outbox", found)


def look_at_dns(settings: Settings) -> Finding:
    """Say whether the broker's name has an address."""
    try:
        socket.getaddrinfo(settings.broker.host, settings.broker.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return red(
            "dns",
            "the broker's name has no address",
            "set broker.host to the address of the machine the broker runs on",
        )
    return green("dns", "the broker's name has an address")


def look_at_connection(settings: Settings) -> Finding:
    """Say whether the broker's port answers and, with TLS, shows a certificate we trust."""
    broker = settings.broker
    what = "tls" if broker.tls else "connection"
    try:
        with closing(
            socket.create_connection((broker.host, broker.port), timeout=WAIT_SECONDS)
        ) as plain:
            if not broker.tls:
                return green(what, f"port {broker.port} answers, without TLS")
            with tls_context(broker).wrap_socket(plain, server_hostname=broker.host) as secured:
                _await_refusal(secured)
                return green(what, f"{secured.version()}, the certificate is trusted")
    except ssl.SSLCertVerificationError as error:
        return red(
            what,
            why_unreachable(error),
            "set broker.ca_file to the broker's authority, and broker.host to the name in its "
            "certificate; look at the clock",
        )
    except ssl.SSLError as error:
        if "ALERT" not in (error.reason or ""):
            return _unreached(what, error, settings)
        return red(
            what,
            f"the broker refuses the agent's certificate: {error.reason}",
            "set broker.cert_file and broker.key_file to a certificate that the broker's authority "
            "has signed and that has not expired",
        )
    except OSError as error:
        return _unreached(what, error, settings)


def _await_refusal(secured: ssl.SSLSocket) -> None:
    """Raise ssl.SSLError where the broker will not have our certificate, or asks for one.

    With TLS 1.3 that comes after the handshake, instead of the broker's first word, and a broker
    says nothing before it is spoken to.
    """
    secured.settimeout(_REFUSES_WITHIN)
    with suppress(TimeoutError):
        secured.recv(1)


def _unreached(what: str, error: OSError, settings: Settings) -> Finding:
    return red(
        what,
        why_unreachable(error),
        f"start the broker; look at broker.port ({settings.broker.port}), broker.tls and firewalls",
    )


def look_at_agent(settings: Settings) -> list[Finding]:
    """Ask the agent that runs on this machine how it stands; nothing where it cannot be asked."""
    if not settings.health_port:
        return []
    try:
        with closing(
            HTTPConnection("127.0.0.1", settings.health_port, timeout=WAIT_SECONDS)
        ) as asked:
            asked.request("GET", "/healthz")
            told = json.loads(asked.getresponse().read())
        troubles = [str(trouble) for trouble in told["troubles"]]
        unable = [str(problem) for problem in told["call_problems"]]
        alive, problem = bool(told["alive"]), told["problem"]
    except ConnectionRefusedError:
        return [green("agent", "does not run on this machine now")]
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return [
            yellow(
                "agent",
                f"something else answers on port {settings.health_port}",
                "set health.port to a free one",
            )
        ]
    findings = [red("agent", trouble, "see the lines on the broker") for trouble in troubles]
    findings += [red("agent", why, "run `test-call`, and correct [call]") for why in unable]
    if problem:
        findings.append(red("agent", f"runs, not connected: {problem}", "see the lines above"))
    if not alive:
        findings.append(red("agent", "hangs", "run `sudo systemctl restart cgm-edge-agent`"))
    return findings or [green("agent", "runs and is connected")]


async def look_at_source(source: SourceSettings, account: Account, *, names: bool) -> Finding:
    """Log in for real, as the agent will; with `names`, say whom the account sees."""
    seen: Sequence[VisibleWearer] = ()
    try:
        async with asyncio.timeout(_LOGIN_SECONDS):
            seen = await account.wearers()
        chosen(source.patient, seen)
    except GlucoseError as error:
        people = _people(seen) if names else ""
        return red(source.title, f"{error}{people}", next_step(error))
    except TimeoutError:
        return red(source.title, "did not answer", "look at the network and the vendor's state")
    return green(source.title, f"login accepted{_people(seen) if names else ''}")


def _people(seen: Sequence[VisibleWearer]) -> str:
    return "; sees " + ", ".join(f"{one.name or 'somebody'} (id {one.id})" for one in seen)
