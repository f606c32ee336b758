"""Several sources in one agent: all are delivered, whatever one of them does."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.memory import Memory
from edge_agent.settings_file import load
from edge_agent.source_accounts import accounts
from fakes.agent_program import WITHIN_SECONDS, environment, eventually, write_settings
from fakes.broker import (
    NODE,
    PASSWORDS,
    broker_running,
    needs_mosquitto,
)
from fakes.dexcom_share import FakeDexcomShare, Row
from fakes.home_on_wire import TOPICS, HomeOnWire, at_home
from fakes.nightscout import FakeNightscout, entry
from fakes.serving import html_503, never_answers
from glucose.sources import catalogue
from glucose.wire import SourceHealth, decode_announce, decode_health

CADENCE = timedelta(minutes=5)
WATCHDOG_SECONDS = 2.0
# The program as it is, but for where Dexcom is.
PROGRAM = (
    "import sys; from glucose.sources import catalogue; catalogue.DEXCOM_URL = sys.argv.pop(1);"
    "from edge_agent.__main__ import main; sys.exit(main())"
)


def states(home: HomeOnWire) -> dict[str, SourceHealth]:
    if not (health := home.last(TOPICS.health)):
        return {}
    return {one.source: one for one in decode_health(TOPICS.health, health).sources}


class Watchdog:
    """Listens as systemd does, and notes when it was fed."""

    def __init__(self, address: Path) -> None:
        self.fed: list[float] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(address))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while message := self._socket.recv(4096):
            if message.startswith(b"WATCHDOG=1"):
                self.fed.append(time.monotonic())


@contextmanager
def watchdog(address: Path) -> Iterator[Watchdog]:
    watching = Watchdog(address)
    try:
        yield watching
    finally:
        watching.close()


def source(name: str, wearer: str, kind: str, **more: str) -> str:
    lines = {"name": name, "wearer": wearer, "kind": kind, **more}
    return "[[sources]]\n" + "".join(f'{key} = "{word}"\n' for key, word in lines.items())


def secret(folder: Path, name: str, word: str) -> str:
    path = folder / name
    path.write_text(word, encoding="utf-8")
    path.chmod(0o600)
    return name


def site_with(newest: datetime, count: int) -> FakeNightscout:
    site = FakeNightscout()
    for number in range(count):
        site.put(entry(newest - number * CADENCE, 100 + number % 50))
    return site


@needs_mosquitto
def test_one_that_hangs_and_one_that_fails_delay_no_other_and_starve_no_watchdog(
    tmp_path: Path,
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    dexcom = FakeDexcomShare(rows=[Row(time=now - number * CADENCE) for number in range(200)])
    site, hanging, failing = (site_with(now, 500) for _ in range(3))
    hanging.fail(never_answers)
    failing.fail(html_503)
    with ExitStack() as stack:
        broker = stack.enter_context(broker_running(tmp_path / "broker"))
        home = stack.enter_context(at_home(broker))
        systemd = stack.enter_context(watchdog(tmp_path / "notify"))
        at = {
            name: stack.enter_context(one.serving_in_thread())
            for name, one in {"site": site, "hanging": hanging, "failing": failing}.items()
        }
        share = dexcom.base_url(stack.enter_context(dexcom.serving_in_thread()))
        password = secret(tmp_path, "dexcom-word", dexcom.publisher.password)
        config = write_settings(
            tmp_path,
            broker=(
                f'host = "{broker.host}"\nport = {broker.port}\nusername = "{NODE}"\n'
                f'password_file = "{secret(tmp_path, "word", PASSWORDS[NODE])}"'
            ),
            sources=source("hangs", "Dora", "nightscout", url=at["hanging"])
            + source("fails", "Emil", "nightscout", url=at["failing"])
            + source("annas", "Anna", "simulated")
            + source("bens", "Ben", "simulated")
            + source("claras", "Clara", "nightscout", url=at["site"])
            + source(
                "claras-dexcom",
                "Clara",
                "dexcom",
                username=dexcom.publisher.name,
                password_file=password,
                region="us",
            ),
        )
        variables = {
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": str(int(WATCHDOG_SECONDS * 1e6)),
        }
        process = stack.enter_context(
            subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-c", PROGRAM, share, "--config", str(config), "run"],
                env=environment(**variables),
            )
        )
        stack.callback(process.kill)
        good = {"annas", "bens", "claras", "claras-dexcom"}
        eventually(
            lambda: (
                set(home.counts) == good
                and home.counts["claras"] == 500
                and home.counts["claras-dexcom"] == 200
                and min(home.counts["annas"], home.counts["bens"]) > 3000
            ),
            "the four good sources are not delivered",
        )
        carries = decode_announce(TOPICS.announce, home.last(TOPICS.announce)).carries
        assert {one.wearer for one in carries} == {"Anna", "Ben", "Clara", "Dora", "Emil"}
        time.sleep(3 * WATCHDOG_SECONDS)
        gaps = [
            later - earlier for earlier, later in zip(systemd.fed, systemd.fed[1:], strict=False)
        ]
        assert len(gaps) > 6
        assert max(gaps) < WATCHDOG_SECONDS
        # Both come back by themselves, and the watchdog never bit.
        hanging.heal()
        failing.heal()
        eventually(
            lambda: home.counts["hangs"] == home.counts["fails"] == 500,
            "what hung and what failed does not come back",
            2 * WITHIN_SECONDS,
        )
        process.terminate()
        assert process.wait(WITHIN_SECONDS) == 0
        assert home.counts["claras"] == 500


async def test_many_that_hang_in_threads_leave_the_outbox_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dexcom's library blocks a thread for each request."""
    dexcom = FakeDexcomShare()
    dexcom.fail(never_answers)
    async with dexcom.serving() as url:
        monkeypatch.setattr(catalogue, "DEXCOM_URL", dexcom.base_url(url))
        word = secret(tmp_path, "word", "secret word 1")
        config = write_settings(
            tmp_path,
            broker=f'host = "localhost"\npassword_file = "{word}"\nusername = "{NODE}"',
            sources="".join(
                source(
                    f"s{number}",
                    "Anna",
                    "dexcom",
                    username=f"user{number}@example.invalid",
                    password_file=word,
                    region="us",
                )
                for number in range(16)
            ),
        )
        settings = load(config, {}, simulated=False)
        threads = 5  # that the smallest Pi has for everything else
        pool = ThreadPoolExecutor(threads)
        # Set past its setter, which Home Assistant's test plugin keeps for itself.
        monkeypatch.setattr(asyncio.get_running_loop(), "_default_executor", pool)
        async with accounts(settings, Memory(None)) as found:
            asking = [asyncio.create_task(account.wearers()) for account in found]
            # Threads ask, who know no event of ours.
            while len(dexcom.asked("")) < threads:  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.02)
            began = time.monotonic()
            await asyncio.wait_for(asyncio.to_thread(time.sleep, 0), 5)
            assert time.monotonic() - began < 1
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
    pool.shutdown()
