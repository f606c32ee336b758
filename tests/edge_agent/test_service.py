"""The service: how confined systemd finds it, and what installing writes."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from edge_agent.notifier import Notifier
from edge_agent.service import ServiceError, command_of, install, unit_text
from fakes.agent_program import ended

MOST_EXPOSED = 1.5
ANALYSE = shutil.which("systemd-analyze")


def unit(folder: Path) -> Path:
    path = folder / "cgm-edge-agent.service"
    # A program that is there, so that only the unit itself is judged.
    path.write_text(unit_text(Path("/bin/true")), encoding="utf-8")
    return path


@pytest.mark.skipif(ANALYSE is None, reason="systemd-analyze is not installed")
def test_systemd_finds_the_service_hardly_exposed(tmp_path: Path) -> None:
    words = [str(ANALYSE), "security", "--offline=true", "--no-pager", str(unit(tmp_path))]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - the system's own program
    (level,) = re.findall(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    assert float(level) <= MOST_EXPOSED


@pytest.mark.skipif(ANALYSE is None, reason="systemd-analyze is not installed")
def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    words = [str(ANALYSE), "verify", "--man=no", str(unit(tmp_path))]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - the system's own program
    assert "cgm-edge-agent.service" not in done.stderr


def test_the_service_may_ask_whether_the_clock_is_synchronised_and_not_set_it() -> None:
    lines = unit_text(Path("/x")).splitlines()
    # ProtectClock's own filter forbids the question too, whatever SystemCallFilter says.
    assert "ProtectClock=no" in lines
    assert lines.index("SystemCallFilter=~@privileged @resources") < lines.index(
        "SystemCallFilter=adjtimex clock_adjtime clock_adjtime64"
    )
    assert "CapabilityBoundingSet=" in lines
    assert "AmbientCapabilities=" in lines


@pytest.mark.parametrize(
    "line",
    [
        *("Type=notify", "WatchdogSec=120", "Restart=always", "StartLimitIntervalSec=0"),
        *("DynamicUser=yes", "StateDirectory=cgm-edge-agent", "RestartPreventExitStatus=78"),
        "LoadCredential=secrets:/etc/cgm-edge-agent/secrets",
    ],
)
def test_the_unit_says(line: str) -> None:
    assert line in unit_text(Path("/x")).splitlines()


def test_installing_again_leaves_settings_and_secrets_alone(tmp_path: Path) -> None:
    install(Path("/opt/x/bin/cgm-edge-agent"), tmp_path)
    config = tmp_path / "etc/cgm-edge-agent/config.toml"
    config.write_text("mine", encoding="utf-8")
    again = install(Path("/opt/y/bin/cgm-edge-agent"), tmp_path)
    assert config.read_text(encoding="utf-8") == "mine"
    assert again.kept == (config.parent / "secrets", config)
    assert "ExecStart=/opt/y/bin/cgm-edge-agent " in again.written[0].read_text(encoding="utf-8")


def test_a_program_in_somebodys_home_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "cgm-edge-agent"
    program.write_text("", encoding="utf-8")
    program.chmod(0o755)
    assert command_of(str(program)) == program
    monkeypatch.setattr("edge_agent.service._HIDDEN", (f"{tmp_path}/",))
    with pytest.raises(ServiceError, match="/opt/cgm-edge-agent"):
        command_of(str(program))


def test_a_program_that_is_not_there_is_refused() -> None:
    with pytest.raises(ServiceError, match="cannot be found"):
        command_of("cgm-edge-agent-that-is-not-there")


def test_installing_where_one_may_not_says_so(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ServiceError, match="cannot be installed"):
        install(Path("/x"), file)


def test_a_checkout_without_the_program_says_so() -> None:
    done = ended("install-service", "--dry-run", PATH="/nonexistent")
    assert done.returncode == 1
    assert "cannot be found as a program" in done.stderr


def test_the_watchdog_is_only_this_processs_own() -> None:
    ours = {"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "7"}
    assert Notifier(ours, pid=7).watchdog_seconds == 120
    assert Notifier(ours, pid=8).watchdog_seconds is None
    assert Notifier({}).watchdog_seconds is None


@pytest.mark.parametrize("abstract", [False, True], ids=["file", "abstract"])
def test_systemd_hears_what_is_said(tmp_path: Path, *, abstract: bool) -> None:
    name = f"@cgm-{tmp_path}" if abstract else str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name.replace("@", "\0"))
        notifier = Notifier({"NOTIFY_SOCKET": name})
        notifier.ready()
        notifier.alive("all well")
        notifier.stopping()
        heard = [systemd.recv(100).decode() for _ in range(3)]
    assert heard == ["READY=1", "WATCHDOG=1\nSTATUS=all well", "STOPPING=1"]


def test_a_systemd_that_is_gone_costs_nothing(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
