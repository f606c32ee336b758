"""The real program as a process: against a real broker, and with every word it knows."""

from __future__ import annotations

import csv
import json
import signal
import socket
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from fakes.agent_program import Running, ended, eventually, json_of, write_settings
from fakes.broker import (
    HOME_ASSISTANT,
    NODE,
    PASSWORDS,
    Broker,
    broker_running,
    free_port,
    needs_mosquitto,
)
from fakes.home_on_wire import TOPICS, HomeOnWire, at_home
from glucose.wire import decode_announce, decode_health

SIMULATED = (
    '[[sources]]\nname = "annas"\nwearer = "Anna"\nkind = "simulated"\nseed = 3\n'
    '[[sources]]\nname = "bens"\nwearer = "Ben"\nkind = "simulated"\nseed = 4\n'
)


def login(broker: Broker, folder: Path, password: str = PASSWORDS[NODE]) -> str:
    word = folder / "word"
    word.write_text(password, encoding="utf-8")
    word.chmod(0o600)
    return (
        f'host = "{broker.host}"\nport = {broker.port}\nusername = "{NODE}"\npassword_file = "word"'
    )


def exported(config: Path) -> list[dict[str, str]]:
    done = ended("--config", str(config), "export")
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(done.stdout.splitlines()))


@needs_mosquitto
def test_once_delivers_everything_and_ends(tmp_path: Path) -> None:
    with broker_running(tmp_path / "broker") as broker, at_home(broker) as home:
        config = write_settings(tmp_path, sources=SIMULATED, broker=login(broker, tmp_path))
        done = ended("--config", str(config), "once")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "2 of 2 sources answered; 0 readings are not yet acknowledged" in done.stdout
        rows = exported(config)
        assert len(home.stored) == len(rows) > 7000
        assert {row["state"] for row in rows} == {"done"}
        health = decode_health(TOPICS.health, home.last(TOPICS.health))
        assert [source.state for source in health.sources] == ["ok", "ok"]
        announce = decode_announce(TOPICS.announce, home.last(TOPICS.announce))
        assert [one.wearer for one in announce.carries] == ["Anna", "Ben"]
        again = ended("--config", str(config), "once")
        assert again.returncode == 0, again.stdout
        assert len(home.stored) >= len(rows)


@needs_mosquitto
def test_without_a_home_once_keeps_what_it_has_and_says_so(tmp_path: Path) -> None:
    with broker_running(tmp_path / "broker") as broker:
        config = write_settings(tmp_path, sources=SIMULATED, broker=login(broker, tmp_path))
        done = ended("--config", str(config), "once", "--wait", "1")
        assert done.returncode == 75
        kept = exported(config)
        assert f"{len(kept)} readings are not yet acknowledged" in done.stdout
        with at_home(broker) as home:
            assert ended("--config", str(config), "once").returncode == 0
            assert len(home.stored) >= len(kept) > 7000


@needs_mosquitto
def test_run_is_ready_feeds_the_watchdog_answers_healthz_and_stops_in_order(
    tmp_path: Path,
) -> None:
    port = free_port()
    address = tmp_path / "notify"
    with (
        broker_running(tmp_path / "broker") as broker,
        at_home(broker) as home,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
    ):
        systemd.bind(str(address))
        systemd.settimeout(20)
        config = write_settings(
            tmp_path, sources=SIMULATED, broker=login(broker, tmp_path), health_port=port
        )
        variables = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "2000000"}
        words = ("--config", str(config), "run")
        with Running(tmp_path / "log", *words, variables=variables) as agent:
            heard = [systemd.recv(1000).decode() for _ in range(4)]
            assert heard[0] == "READY=1"
            assert all(line.startswith("WATCHDOG=1\nSTATUS=") for line in heard[1:])
            eventually(lambda: home.last(TOPICS.health), "health within seconds of connecting")
            eventually(lambda: health(port)[1]["depth"] == 0, "all acknowledged")
            status, found = health(port)
            assert (status, found["alive"], found["connected"]) == (200, True, True)
            assert "2 of 2 sources well" in last_status(systemd)
            elsewhere = f"http://127.0.0.1:{port}/"
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(elsewhere, timeout=5)
            assert agent.stop() == 0
            assert home.last(TOPICS.availability) == b"offline"
            assert "Stopping" in agent.said()


def health(port: int) -> tuple[int, dict[str, object]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
        return answer.status, json_of(answer.read().decode())


def last_status(systemd: socket.socket) -> str:
    """Return the next word of the agent after those that lie in the socket already."""
    systemd.setblocking(False)
    try:
        while True:
            systemd.recv(1000)
    except BlockingIOError:
        systemd.settimeout(20)
        return systemd.recv(1000).decode()


@needs_mosquitto
def test_health_follows_at_once_when_everything_is_delivered(tmp_path: Path) -> None:
    def depth(home: HomeOnWire) -> int | None:
        said = home.last(TOPICS.health)
        return decode_health(TOPICS.health, said).depth if said else None

    with broker_running(tmp_path / "broker") as broker, at_home(broker) as home:
        home.silent = True
        config = write_settings(tmp_path, sources=SIMULATED, broker=login(broker, tmp_path))
        with Running(tmp_path / "log", "--config", str(config), "run") as agent:
            eventually(lambda: (depth(home) or 0) > 7000, "health says that all waits")
            home.silent = False
            home.say("online")
            # Health is told each minute; this is not about that.
            eventually(lambda: depth(home) == 0, "health says that nothing waits", 20)
            assert agent.stop() == 0


@needs_mosquitto
def test_a_process_that_stops_moving_feeds_no_watchdog(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with (
        broker_running(tmp_path / "broker") as broker,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
    ):
        systemd.bind(str(address))
        systemd.settimeout(20)
        config = write_settings(tmp_path, sources=SIMULATED, broker=login(broker, tmp_path))
        variables = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "1000000"}
        words = ("--config", str(config), "run")
        with Running(tmp_path / "log", *words, variables=variables) as agent:
            assert systemd.recv(1000) == b"READY=1"
            assert systemd.recv(1000).startswith(b"WATCHDOG=1")
            agent.process.send_signal(signal.SIGSTOP)
            last_status_or_nothing(systemd)
            systemd.settimeout(1.5)
            with pytest.raises(TimeoutError):
                systemd.recv(1000)
            agent.process.send_signal(signal.SIGCONT)
            systemd.settimeout(20)
            assert systemd.recv(1000).startswith(b"WATCHDOG=1")


def last_status_or_nothing(systemd: socket.socket) -> None:
    systemd.settimeout(0.3)
    with suppress(TimeoutError):
        while True:
            systemd.recv(1000)


@needs_mosquitto
def test_discovery_describes_a_sensor_for_each_source_only_where_it_is_wanted(
    tmp_path: Path,
) -> None:
    topic = f"homeassistant/device/cgm_{NODE}/config"
    with broker_running(tmp_path / "broker") as broker, at_home(broker) as home:
        config = write_settings(tmp_path, sources=SIMULATED, broker=login(broker, tmp_path))
        assert ended("--config", str(config), "once").returncode == 0
        assert topic not in home.said
        found = ended("--config", str(config), "once", CGM_EDGE_HOME_DISCOVERY_ENABLED="true")
        assert found.returncode == 0
        eventually(lambda: home.last(topic), "discovery is published")
        described = json.loads(home.last(topic))
        sensors = described["components"]
        assert [sensor["name"] for sensor in sensors.values()] == ["Anna glucose", "Ben glucose"]
        assert all(sensor["expire_after"] == 900 for sensor in sensors.values())
        assert described["availability"][0]["topic"] == TOPICS.availability
        for name, sensor in zip(("annas", "bens"), sensors.values(), strict=True):
            newest = max(
                (row for row in exported(config) if row["source"] == name),
                key=lambda row: row["time"],
            )
            shown = json.loads(home.last(sensor["state_topic"]))
            assert shown["mg_dl"] == int(newest["mg_dl"])
            assert sensor["state_topic"].startswith(f"cgm/{NODE}/")


@needs_mosquitto
def test_doctor_is_content_with_what_works(tmp_path: Path) -> None:
    with broker_running(tmp_path / "broker") as broker, at_home(broker):
        config = write_settings(tmp_path, sources=SIMULATED, broker=login(broker, tmp_path))
        assert ended("--config", str(config), "once").returncode == 0
        said = ended("--config", str(config), "doctor").stdout.splitlines()
        found = {line[5:].partition(":")[0]: line[:4].strip() for line in said}
        del found["clock"]  # a matter of this machine
        assert set(found.values()) == {"ok"}
        assert found.keys() == {
            *("settings", "disk", "outbox", "dns", "connection", "broker login"),
            *("broker rules", "home assistant", "source 1 (simulated)", "source 2 (simulated)"),
        }


@needs_mosquitto
def test_doctor_does_not_disturb_an_agent_that_runs(tmp_path: Path) -> None:
    with broker_running(tmp_path / "broker") as broker, at_home(broker) as home:
        config = write_settings(tmp_path, sources=SIMULATED, broker=login(broker, tmp_path))
        with Running(tmp_path / "log", "--config", str(config), "run") as agent:
            eventually(lambda: len(home.stored) > 7000, "all delivered")
            ended("--config", str(config), "doctor")
            assert "offline" not in str(home.said[TOPICS.availability])
            # An empty message is none: the doctor tries with it whether it may write.
            assert [word for word in home.said[TOPICS.availability] if word] == [b"online"]
            assert agent.stop() == 0


@needs_mosquitto
def test_doctor_says_what_to_do_about_a_wrong_password(tmp_path: Path) -> None:
    with broker_running(tmp_path / "broker") as broker:
        wrong = login(broker, tmp_path, "not the word")
        config = write_settings(tmp_path, sources=SIMULATED, broker=wrong)
        done = ended("--config", str(config), "doctor")
        assert done.returncode == 1
        assert "FAIL broker login: " in done.stdout
        assert "Next: set broker.username and broker.password_file" in done.stdout
        assert "not the word" not in done.stdout + done.stderr


def told_of(broker: Broker, folder: Path, **more: str) -> list[str]:
    """Return the doctor's lines about the broker's rules."""
    config = write_settings(folder, sources=SIMULATED, broker=login(broker, folder))
    done = ended("--config", str(config), "doctor", **more)
    return [line for line in done.stdout.splitlines() if "broker rules: " in line]


WRITTEN = ("announce", "availability", "reading", "backfill", "health")


@needs_mosquitto
def test_doctor_says_each_rule_that_is_missing(tmp_path: Path) -> None:
    access = f"user {HOME_ASSISTANT}\ntopic readwrite #\nuser {NODE}\ntopic read cgm/{NODE}/ack\n"
    with broker_running(tmp_path / "broker", access=access) as broker:
        said = told_of(broker, tmp_path, CGM_EDGE_HOME_DISCOVERY_ENABLED="true")
        discovery = f"homeassistant/device/cgm_{NODE}/config"
        topics = [*(f"cgm/{NODE}/{leaf}" for leaf in WRITTEN), discovery]
        assert [line[5:].split()[2] for line in said[:-1]] == topics
        for line, topic in zip(said[:-1], topics, strict=True):
            assert line.startswith(f"FAIL broker rules: {topic} cannot be written: ")
            assert f"add `topic write {topic}`" in line
        assert said[-1].startswith(f"look broker rules: whether cgm/{NODE}/ack can be read cannot")


@needs_mosquitto
@pytest.mark.parametrize("leaf", WRITTEN)
def test_doctor_says_the_one_rule_that_is_missing(tmp_path: Path, leaf: str) -> None:
    rules = "\n".join(f"topic write cgm/{NODE}/{one}" for one in (*WRITTEN, "ack") if one != leaf)
    access = f"user {NODE}\ntopic read cgm/{NODE}/ack\n{rules}\n"
    with broker_running(tmp_path / "broker", access=access) as broker:
        (said,) = told_of(broker, tmp_path)
    assert said.startswith(f"FAIL broker rules: cgm/{NODE}/{leaf} cannot be written: ")


@needs_mosquitto
def test_doctor_finds_that_acknowledgements_cannot_be_read(tmp_path: Path) -> None:
    # mosquitto accepts the subscription and delivers nothing.
    access = f"user {NODE}\ntopic write cgm/{NODE}/#\n"
    with broker_running(tmp_path / "broker", access=access) as broker:
        (said,) = told_of(broker, tmp_path)
    assert said.startswith(f"FAIL broker rules: cgm/{NODE}/ack cannot be read")
    assert f"add `topic read cgm/{NODE}/ack`" in said


@needs_mosquitto
@pytest.mark.parametrize(
    ("rules", "rest"),
    [
        ("", False),
        (f"topic readwrite cgm/{NODE}/doctor\n", True),
        (f"topic read cgm/{NODE}/ack\n", False),
    ],
    ids=["nothing readable", "the rest readable", "ack readable"],
)
def test_doctor_says_what_it_cannot_know(tmp_path: Path, rules: str, *, rest: bool) -> None:
    allowed = "".join(f"topic write cgm/{NODE}/{leaf}\n" for leaf in WRITTEN)
    access = f"user {NODE}\n{allowed}{rules}"
    with broker_running(tmp_path / "broker", access=access) as broker:
        (said,) = told_of(broker, tmp_path)
    assert said.startswith(f"look broker rules: whether cgm/{NODE}/ack can be read cannot be known")
    assert ("other topics of this node can" in said) is rest


@needs_mosquitto
def test_doctor_is_content_with_strict_rules_once_home_assistant_has_answered(
    tmp_path: Path,
) -> None:
    allowed = "".join(f"topic write cgm/{NODE}/{leaf}\n" for leaf in WRITTEN)
    access = (
        f"user {HOME_ASSISTANT}\ntopic readwrite #\n"
        f"user {NODE}\n{allowed}topic read cgm/{NODE}/ack\n"
    )
    with broker_running(tmp_path / "broker", access=access) as broker, at_home(broker):
        config = write_settings(tmp_path, sources=SIMULATED, broker=login(broker, tmp_path))
        assert ended("--config", str(config), "once").returncode == 0
        (said,) = told_of(broker, tmp_path)
    assert said == "ok   broker rules: every topic can be written, acknowledgements can be read"


@needs_mosquitto
def test_doctor_tells_of_another_pairing_key(tmp_path: Path) -> None:
    with broker_running(tmp_path / "broker") as broker, at_home(broker):
        config = write_settings(tmp_path, sources=SIMULATED, broker=login(broker, tmp_path))
        assert ended("--config", str(config), "once").returncode == 0
        done = ended("--config", str(config), "doctor", CGM_EDGE_PAIRING_KEY="another")
        assert "FAIL home assistant: its acknowledgement is refused: a message is not signed" in (
            done.stdout
        )


@needs_mosquitto
def test_doctor_asks_the_agent_that_runs_what_it_has_met(tmp_path: Path) -> None:
    port = free_port()
    access = f"user {NODE}\ntopic readwrite cgm/{NODE}/a/#\ntopic read cgm/{NODE}/ack\n"
    with broker_running(tmp_path / "broker", access=access) as broker:
        config = write_settings(
            tmp_path, sources=SIMULATED, broker=login(broker, tmp_path), health_port=port
        )
        idle = ended("--config", str(config), "doctor").stdout
        assert "ok   agent: does not run on this machine now" in idle
        with Running(tmp_path / "log", "--config", str(config), "run") as agent:
            trouble = f"the broker refuses publishing to cgm/{NODE}/availability"
            eventually(lambda: trouble in str(health_or_nothing(port)), "the refusal is told")
            assert f"FAIL agent: {trouble}" in ended("--config", str(config), "doctor").stdout
            assert agent.said().count("refuses publishing to cgm/pi/availability") == 1
            assert agent.stop() == 0


def health_or_nothing(port: int) -> object:
    with suppress(urllib.error.URLError):
        return health(port)[1]["troubles"]
    return None


def test_doctor_says_that_nothing_listens(tmp_path: Path) -> None:
    nowhere = f'host = "127.0.0.1"\nport = {free_port()}'
    config = write_settings(tmp_path, sources=SIMULATED, broker=nowhere)
    done = ended("--config", str(config), "doctor")
    assert done.returncode == 1
    assert "FAIL connection: nothing listens at the broker's address" in done.stdout
    assert "ok   source 2 (simulated): login accepted" in done.stdout
    assert "broker login" not in done.stdout


def test_doctor_says_that_a_name_has_no_address(tmp_path: Path) -> None:
    config = write_settings(tmp_path, sources=SIMULATED, broker='host = "nowhere.invalid"')
    done = ended("--config", str(config), "doctor")
    assert done.returncode == 1
    assert "FAIL dns: " in done.stdout


def test_two_agents_cannot_share_an_outbox(tmp_path: Path) -> None:
    nowhere = f'host = "127.0.0.1"\nport = {free_port()}'
    config = write_settings(tmp_path, sources=SIMULATED, broker=nowhere)
    with Running(tmp_path / "log", "--config", str(config), "run") as agent:
        eventually(lambda: "Running" in agent.said(), "it runs without a broker")
        second = ended("--config", str(config), "once", "--wait", "0")
        assert second.returncode == 73
        assert "another agent has it open" in second.stderr
        assert agent.stop() == 0


def test_wrong_settings_end_it_with_a_status_that_systemd_does_not_repeat(tmp_path: Path) -> None:
    config = write_settings(tmp_path, sources=SIMULATED, broker='hots = "x"')
    done = ended("--config", str(config), "run")
    assert done.returncode == 78
    assert "settings: broker.hots: there is no such setting. Did you mean" in done.stderr
    assert "settings: broker.host is missing: " in done.stderr


def test_a_dry_run_leaves_nothing_behind(tmp_path: Path) -> None:
    config = write_settings(tmp_path, sources=SIMULATED, broker='host = "nowhere.invalid"')
    done = ended("--config", str(config), "once", "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 sources answered; nothing was kept or sent" in done.stdout
    assert not (tmp_path / "state").exists()


def test_a_dry_run_ends_when_told_to(tmp_path: Path) -> None:
    config = write_settings(tmp_path, sources=SIMULATED, broker='host = "nowhere.invalid"')
    with Running(tmp_path / "log", "--config", str(config), "run", "--dry-run") as agent:
        eventually(lambda: agent.said().count("would be delivered") == 2, "both were asked")
        assert agent.stop() == 0


def test_exporting_to_a_file_makes_a_private_one_and_overwrites_none(tmp_path: Path) -> None:
    nowhere = f'host = "127.0.0.1"\nport = {free_port()}'
    config = write_settings(tmp_path, sources=SIMULATED, broker=nowhere)
    assert ended("--config", str(config), "once", "--wait", "0").returncode == 75
    path = tmp_path / "readings.csv"
    words = ("--config", str(config), "export", "--output", str(path))
    assert ended(*words).returncode == 0
    assert path.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert len(rows) > 7000
    assert {row["state"] for row in rows} == {"waiting"}
    assert {row["source"] for row in rows} == {"annas", "bens"}
    second = ended(*words)
    assert second.returncode == 73
    assert "cannot be written" in second.stderr


def test_pairing_makes_a_key_once_shows_it_and_signs_with_it(tmp_path: Path) -> None:
    config = write_settings(tmp_path, sources=SIMULATED, broker='host = "x"')
    made = ended("--config", str(config), "pair")
    assert made.returncode == 0, made.stderr
    path = tmp_path / "secrets" / "pairing-key"
    key = path.read_text(encoding="utf-8").strip()
    assert path.stat().st_mode & 0o777 == 0o600
    assert key in made.stdout
    assert "Home Assistant" in made.stdout
    unnamed = ended("--config", str(config), "pair")
    assert unnamed.returncode == 1
    assert 'key_file = "secrets/pairing-key"' in unnamed.stderr
    with config.open("a", encoding="utf-8") as file:
        file.write('[pairing]\nkey_file = "secrets/pairing-key"\n')
    assert key in ended("--config", str(config), "pair").stdout
    new = ended("--config", str(config), "pair", "--new")
    assert new.returncode == 0
    assert path.read_text(encoding="utf-8").strip() != key
