"""The agent's real program as a process of its own, and settings for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

REPOSITORY = Path(__file__).parents[2]
PATH = os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "custom_components/cgm/shared")))
WITHIN_SECONDS = 30.0


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without the agent's and systemd's variables, and `more`."""
    ours = ("CGM_EDGE_", "NOTIFY_", "WATCHDOG_", "CREDENTIALS_", "STATE_DIR", "JOURNAL_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return {**kept, "PYTHONPATH": PATH, "PYTHONUNBUFFERED": "1", **more}


def write_settings(
    folder: Path, *, sources: str, broker: str, general: str = "", health_port: int = 0
) -> Path:
    """Write a settings file whose outbox is beside it; returns its path."""
    path = folder / "config.toml"
    path.write_text(
        f'node = "pi"\nstate_dir = "{folder / "state"}"\n{general}\n'
        f"[broker]\n{broker}\n[health]\nport = {health_port}\n{sources}\n",
        encoding="utf-8",
    )
    path.chmod(0o600)
    return path


def ended(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the program until it ends."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "edge_agent", *words],
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=WITHIN_SECONDS,
        check=False,
    )


class Running:
    """The program while it runs; what it says goes to a file, as to a journal."""

    def __init__(self, log: Path, *words: str, variables: Mapping[str, str] | None = None) -> None:
        self._log = log
        with log.open("ab") as said:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "edge_agent", *words],
                env=environment(**(variables or {})),
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        """Give it as it is: it takes its time to start."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def said(self) -> str:
        """Return all it said so far."""
        return self._log.read_text(encoding="utf-8")

    def stop(self) -> int:
        """Ask it to stop, as systemd does; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WITHIN_SECONDS)


def eventually(true: Callable[[], object], what: str, seconds: float = WITHIN_SECONDS) -> None:
    """Wait until something is true; fails saying `what` was not."""
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, what
        time.sleep(0.02)


def json_of(text: str) -> dict[str, object]:
    """Return a JSON object."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError(text)
    return found
