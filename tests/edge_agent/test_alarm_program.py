"""The real program calls where a real broker's home is silent, and leaves it where it answers."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes.agent_program import ended, environment, eventually, json_of, write_settings
from fakes.broker import (
    NODE,
    PASSWORDS,
    broker_running,
    free_port,
    needs_mosquitto,
)
from fakes.callee import HOOK, TOPIC, Callee
from fakes.home_on_wire import HomeOnWire, at_home
from fakes.nightscout import FakeNightscout, entry
from fakes.serving import status

# The program as it is, but for how long a minute is.
PROGRAM = (
    "import sys; from edge_agent import stand_in;"
    "stand_in.MINUTE = 1.0; stand_in.SETTLES_WITHIN = 1.0; stand_in.LOOK_EVERY = 0.2;"
    "stand_in.LOOK_SOON = 0.1; stand_in.FIRST_PAUSE = 0.2;"
    "from edge_agent.__main__ import main; sys.exit(main())"
)


class Surroundings:
    """A broker, a home, a site with a low of a minute ago, somebody to call, and the settings."""

    def __init__(
        self, folder: Path, home: HomeOnWire, callee: Callee, config: Path, port: int
    ) -> None:
        self.home, self.callee, self.config, self.port = home, callee, config, port
        self._log = folder / "log"

    def started(self, *words: str) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as said:
            return subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-c", PROGRAM, "--config", str(self.config), *words],
                env=environment(),
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    @contextmanager
    def running(self) -> Iterator[None]:
        agent = self.started("run")
        try:
            yield
            agent.terminate()
            assert agent.wait(20) == 0, self.said()
        finally:
            agent.kill()
            agent.wait()

    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def health(self) -> dict[str, object]:
        address = f"http://127.0.0.1:{self.port}/healthz"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return json_of(answer.read().decode())
        except urllib.error.URLError:
            return {}  # it has not begun to answer


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Surroundings]:
    with ExitStack() as stack:
        broker = stack.enter_context(broker_running(tmp_path / "broker"))
        site, callee, port = FakeNightscout(), Callee(), free_port()
        site.put(entry(datetime.now(UTC) - timedelta(minutes=1), 47))
        address = stack.enter_context(site.serving_in_thread())
        called = stack.enter_context(callee.serving_in_thread())
        home = stack.enter_context(at_home(broker))
        for name, secret in (("word", PASSWORDS[NODE]), ("hook", called + HOOK)):
            (tmp_path / name).write_text(secret, encoding="utf-8")
            (tmp_path / name).chmod(0o600)
        config = write_settings(
            tmp_path,
            sources=f'[[sources]]\nname = "annas"\nwearer = "Anna"\nkind = "nightscout"\n'
            f'url = "{address}"\n[call]\nwebhook_file = "hook"\nntfy = "{called}/{TOPIC}"\n'
            "after_minutes = 2\n",
            broker=f'host = "{broker.host}"\nport = {broker.port}\nusername = "{NODE}"\n'
            'password_file = "word"',
            health_port=port,
        )
        yield Surroundings(tmp_path, home, callee, config, port)


@needs_mosquitto
def test_a_silent_home_has_somebody_called_and_its_return_is_said(around: Surroundings) -> None:
    around.home.silent = True
    with around.running():
        eventually(lambda: around.callee.events[:1] == ["call"], "somebody was called")
        assert around.callee.called[0]["value"] == 47
        assert around.callee.called[0]["wearer"] is None
        eventually(lambda: around.callee.published, "it was published too")
        eventually(lambda: around.health().get("calling") == 1, "healthz says so")
        around.home.silent = False
        around.home.say("online")
        eventually(lambda: around.callee.events[-1:] == ["back"], "that home is back was said")
        eventually(lambda: around.health().get("calling") == 0, "healthz says so")
        count = len(around.callee.log)
    assert len(around.callee.log) == count
    for private in ("Anna", HOOK, TOPIC, "47 mg"):
        assert private not in around.said()


@needs_mosquitto
def test_a_home_that_answers_in_time_leaves_it_to_its_own_alarms(around: Surroundings) -> None:
    with around.running():
        assert around.home.heard.wait(20)
        eventually(lambda: around.health().get("depth") == 0, "all acknowledged")
        with pytest.raises(AssertionError, match="called"):
            eventually(lambda: around.callee.log, "called", 5)
        # Until Home Assistant's will says that it is gone.
        around.home.say("offline")
        eventually(lambda: around.callee.events == ["call"], "called once it is gone")
        around.home.say("online")
        eventually(lambda: around.callee.events[-1] == "back", "that home is back was said")


@needs_mosquitto
def test_a_restart_in_the_middle_ends_what_the_last_run_began(around: Surroundings) -> None:
    around.home.silent = True
    with around.running():
        eventually(lambda: around.callee.events, "somebody was called")
    around.home.silent = False
    with around.running():
        eventually(lambda: around.callee.events[-1] == "back", "that home is back was said")


@needs_mosquitto
def test_the_test_call_and_the_doctor_tell_what_works(around: Surroundings) -> None:
    words = ("--config", str(around.config))
    done = ended(*words, "test-call")
    assert (done.returncode, done.stdout.count("ok   ")) == (0, 2), done.stderr
    assert around.callee.events == ["test"]
    assert ended(*words, "test-call", "--dry-run").returncode == 0
    assert ended(*words, "run", "--dry-run", "--help").returncode == 0
    assert around.callee.events == ["test"]
    around.callee.fail(status(401))
    failed = ended(*words, "test-call")
    assert failed.returncode == 1
    assert "FAIL webhook: answers 401" in failed.stdout
    around.home.silent = True
    with around.running():
        eventually(lambda: "webhook" in str(around.health().get("call_problems")), "told")
        doctor = ended(*words, "doctor").stdout
        assert "FAIL agent: nobody can be called by ntfy: answers 401. Next: " in doctor
        assert "look call: by ntfy and webhook after 2 min without Home Assistant" in doctor
        around.callee.heal()
        eventually(lambda: around.health().get("call_problems") == [], "it works again")
    for secret in (HOOK, TOPIC):
        assert secret not in doctor + failed.stdout + around.said()


def test_without_a_call_set_up_there_is_none_to_test(tmp_path: Path) -> None:
    config = write_settings(
        tmp_path,
        sources='[[sources]]\nname = "s"\nwearer = "Anna"\nkind = "simulated"\n',
        broker='host = "broker"',
    )
    done = ended("--config", str(config), "test-call")
    assert done.returncode == 1
    assert "nobody is to be called" in done.stderr


@needs_mosquitto
def test_a_dry_run_calls_nobody(around: Surroundings) -> None:
    around.home.silent = True
    agent = around.started("run", "--dry-run")
    try:
        eventually(lambda: "would be delivered" in around.said(), "asked for real")
        with pytest.raises(AssertionError, match="called"):
            eventually(lambda: around.callee.log, "called", 4)
    finally:
        agent.kill()
        agent.wait()
