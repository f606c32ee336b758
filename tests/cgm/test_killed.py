"""A whole Home Assistant killed in mid-write, again and again: it boots, and nothing is half there.

Here time is real, and so are the processes: those of scripts/demo.
"""

import importlib
import json
import random
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

type Demo = Callable[[str], ModuleType]

ROOT = Path(__file__).parents[2]
# Fourteen days, a reading a minute, less what the made-up sensor leaves out: one write.
AT_LEAST = 18_000
WITHIN_SECONDS = 90


@pytest.fixture(autouse=True)
def integration() -> None:
    """Have no Home Assistant in this process; in the place of the fixture that has one."""


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Demo:
    """Return the demo's modules by name."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return lambda name: importlib.import_module(f"demo_home.{name}")


@pytest.fixture
def folder(demo: Demo, tmp_path: Path, socket_enabled: None) -> Path:
    """Make a home's folder with a wearer whose simulated sensor measures each minute."""
    made = tmp_path / "home"
    demo("folder").make_folder(
        made,
        ROOT / "custom_components" / "cgm",
        port=free_port(),
        zone="Europe/Berlin",
        source="simulated",
    )
    # The replayed wearer's storage, with another source in it.
    demo("wearer").store_replayed_wearer(made, tmp_path / "none.csv", "Europe/Berlin", 1.0)
    stored = made / ".storage" / "core.config_entries"
    content = json.loads(stored.read_text())
    (source,) = content["data"]["entries"][0]["subentries"]
    source["title"] = "Simulated"
    source["data"] = {
        "kind": "simulated",
        "seed": 7,
        "cadence_minutes": "1",
        "time_zone": "Europe/Berlin",
        "wearer": "simulated-7",
        "rank": 0.0,
    }
    stored.write_text(json.dumps(content))
    return made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_of(folder: Path) -> int:
    stored = json.loads((folder / ".storage" / "http").read_text())
    return int(stored["data"]["stable"]["server_port"])


class Running:
    """A home that is starting in a thread, and can be killed at any moment."""

    def __init__(self, demo: Demo, folder: Path) -> None:
        self.failed = demo("home").HomeFailed
        self.home = demo("home").Home(folder, port_of(folder))
        self._starting = threading.Thread(target=self._start)
        self._starting.start()

    def _start(self) -> None:
        with suppress(self.failed):
            self.home.start()

    def kill(self) -> None:
        process = self.home._process  # noqa: SLF001 - no demo needs to kill its home
        process.kill()
        process.wait()
        self._starting.join()

    def wait_until_up(self) -> None:
        self._starting.join(WITHIN_SECONDS)
        assert not self._starting.is_alive()


def wait_for(what: Callable[[], bool]) -> None:
    """Return once `what` is there."""
    give_up = time.monotonic() + WITHIN_SECONDS
    while not what():
        assert time.monotonic() < give_up
        time.sleep(0.002)


def counted(folder: Path, tmp_path: Path) -> int:
    """Return how many readings a copy of a dead home's history has, and that it is sound."""
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for part in folder.glob("cgm.db*"):
        shutil.copy(part, copy)
    with closing(sqlite3.connect(copy / "cgm.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (rows,) = connection.execute("SELECT count(*) FROM readings").fetchone()
    return int(rows)


@pytest.fixture
def started(demo: Demo, folder: Path) -> Iterator[Callable[[], Running]]:
    """Return how a home is started; whatever runs in the end is killed."""
    homes: list[Running] = []

    def start() -> Running:
        homes.append(Running(demo, folder))
        return homes[-1]

    yield start
    homes[-1].kill()


@pytest.mark.timeout(300)
def test_a_home_killed_in_mid_write_boots_and_has_everything(
    demo: Demo, folder: Path, tmp_path: Path, started: Callable[[], Running]
) -> None:
    chance = random.Random()
    history, log = folder / "cgm.db", folder / "cgm.db-wal"
    found = []
    for _ in range(5):
        # Each first write is of a history that begins, so that there is much to write.
        for part in folder.glob("cgm.db*"):
            part.unlink()
        home = started()
        wait_for(log.exists)
        time.sleep(chance.uniform(0, 0.15))
        home.kill()
        found.append(counted(folder, tmp_path))
    assert all(rows == 0 or rows >= AT_LEAST for rows in found)

    home = started()
    home.wait_until_up()
    home.home.log_in(demo("folder").USER, demo("folder").PASSWORD)
    assert demo("show").wait_for_value(home.home).isdecimal()
    told = [line for line in home.home.log().splitlines() if "custom_components.cgm" in line]
    assert [line for line in told if "ERROR" in line] == []
    home.home.stop()
    assert list(folder.glob("cgm.db.*")) == []
    assert counted(folder, tmp_path) >= AT_LEAST
    with closing(sqlite3.connect(history)) as connection:
        (newest,) = connection.execute("SELECT max(time_ms) FROM readings").fetchone()
    assert datetime.now(UTC).timestamp() - newest / 1000 < 400
