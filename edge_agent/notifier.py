"""Tells systemd how the service stands: ready, alive, stopping."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

_LOGGER = logging.getLogger(__name__)


class Notifier:
    """Writes to the socket that NOTIFY_SOCKET names; says nothing where there is none."""

    def __init__(self, environment: Mapping[str, str], *, pid: int | None = None) -> None:
        """Read what systemd set; the watchdog is this process's only if WATCHDOG_PID says so."""
        address = environment.get("NOTIFY_SOCKET", "")
        # "@" stands for the abstract namespace's zero byte.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        ours = environment.get("WATCHDOG_PID", "") in {"", str(pid or os.getpid())}
        microseconds = environment.get("WATCHDOG_USEC", "")
        self.watchdog_seconds: float | None = (
            int(microseconds) / 1e6 if ours and microseconds.isdecimal() else None
        )

    def ready(self) -> None:
        """Say that the service works from now on."""
        self._say("READY=1")

    def alive(self, status: str) -> None:
        """Feed the watchdog and say in a few words how things stand."""
        self._say(f"WATCHDOG=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """Say how things stand without feeding the watchdog."""
        self._say(f"STATUS={status}")

    def stopping(self) -> None:
        """Say that the service is on its way out."""
        self._say("STOPPING=1")

    def _say(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
                told.settimeout(0)
                told.sendto(message.encode(), self._address)
        except OSError as error:
            _LOGGER.warning("systemd cannot be told: %s", type(error).__name__)
