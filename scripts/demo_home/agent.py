"""An edge agent as a process: the real program, on the Python without Home Assistant."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Where Home Assistant is not: as on a Pi.
PYTHON = ROOT / ".cache" / "venv311" / "bin" / "python"
_STOPPED_WITHIN_SECONDS = 20.0

_SETTINGS = """\
node = "{node}"
state_dir = "{state}"

[broker]
host = "127.0.0.1"
port = {port}
username = "{user}"
password_file = "{password}"
keepalive_seconds = 5

[health]
port = {health_port}
{pairing}
{sources}
"""
SIMULATED = """\
[[sources]]
name = "simulated"
wearer = "Alex"
kind = "simulated"
cadence_minutes = 5
"""


class AgentProcess:
    """One agent in a folder of its own: settings, secrets, outbox, and what it said."""

    def __init__(  # noqa: PLR0913 - what the settings need
        self,
        folder: Path,
        *,
        node: str,
        port: int,
        password: str,
        sources: str = SIMULATED,
        key: str | None = None,
        user: str | None = None,
        health_port: int = 0,
        command: Sequence[str] = ("-m", "edge_agent"),
    ) -> None:
        """Write the settings; start nothing yet. The broker's user is the node unless named."""
        self.node = node
        self._health_port = health_port
        self.state = folder / "state"
        self.outbox = self.state / "outbox.db"
        self.settings = folder / "config.toml"
        self._log = folder / "agent.log"
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self.state.mkdir(parents=True, exist_ok=True)
        pairing = ""
        if key is not None:
            pairing = f'\n[pairing]\nkey_file = "{_secret(folder / "pairing", key)}"\n'
        self.settings.write_text(
            _SETTINGS.format(
                node=node,
                state=self.state,
                port=port,
                user=user or node,
                password=_secret(folder / "password", password),
                health_port=health_port,
                pairing=pairing,
                sources=sources,
            )
        )
        self.settings.chmod(0o600)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process's id; raises RuntimeError before the start."""
        if self._process is None:
            raise RuntimeError("the agent was not started")
        return self._process.pid

    def start(self) -> None:
        """Start `run`."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and program
                [PYTHON, *self._command, "--config", self.settings, "run"],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=environment(),
                # Ctrl-C reaches who started it alone, who then stops it in order.
                start_new_session=True,
            )

    def do(self, *arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run another command of the agent with these settings, and return what came of it."""
        return subprocess.run(  # noqa: S603 - our own interpreter and program
            [PYTHON, *self._command, "--config", self.settings, *arguments],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def stop(self) -> int | None:
        """Stop it in order; returns its status, None where it was not started."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def waiting(self) -> int | None:
        """Return how many readings wait for Home Assistant; None where it does not answer."""
        url = f"http://127.0.0.1:{self._health_port}/healthz"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return int(json.load(answer)["depth"])
        except OSError:
            return None

    def log(self) -> str:
        """Return what all runs so far said."""
        return self._log.read_text(errors="replace") if self._log.is_file() else ""

    def _end(self, number: signal.Signals) -> int | None:
        if self._process is None:
            return None
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            status = self._process.wait(_STOPPED_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._process = None
        return status


def environment() -> dict[str, str]:
    """Return what the agent's process needs, and nothing of the home's."""
    kept = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "TZ"}}
    shared = ROOT / "custom_components" / "cgm" / "shared"
    return {**kept, "PYTHONPATH": os.pathsep.join((str(ROOT), str(shared)))}


def _secret(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path
