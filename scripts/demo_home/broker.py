"""A real mosquitto on loopback as a subprocess: own users, own rules, own folder, no service."""

from __future__ import annotations

import getpass
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

MOSQUITTO = Path("/usr/sbin/mosquitto")
HOME_ASSISTANT = "homeassistant"
# The agent's user is named as its node: it owns its subtree, and hears when Home Assistant comes.
ACCESS = f"""\
user {HOME_ASSISTANT}
topic read cgm/#
topic write cgm/+/ack
topic readwrite homeassistant/#

pattern readwrite cgm/%u/#
pattern read homeassistant/status
pattern write homeassistant/device/cgm_%u/config
"""
_UP_WITHIN_SECONDS = 10.0
_STOPPED_WITHIN_SECONDS = 10.0


class BrokerFailed(Exception):  # noqa: N818 - what happened, in the caller's own words
    """mosquitto is missing, or did not start."""


class Broker:
    """One mosquitto on a loopback port that it keeps over restarts.

    `users` are names with passwords, `access` is an ACL file's text. Without `persistence` it
    forgets retained messages and queues at each stop; with it, `kill` still loses what came since
    the last save, as a power cut does.
    """

    def __init__(
        self,
        folder: Path,
        users: Mapping[str, str],
        *,
        access: str = ACCESS,
        persistence: bool = True,
        port: int | None = None,
    ) -> None:
        """Start nothing yet."""
        self.host = "127.0.0.1"
        self.port = free_port() if port is None else port
        self._folder = folder
        self._users = dict(users)
        self._access = access
        self._persistence = persistence
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, also where it is paused."""
        self.resume()
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the process is there, paused or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Write the configuration anew, start, and wait until it takes connections."""
        if self.running:
            return
        if not MOSQUITTO.is_file():
            raise BrokerFailed(f"{MOSQUITTO} is missing: run scripts/setup")
        with (self._folder_with_configuration() / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed path, our own configuration
                [MOSQUITTO, "-c", self._folder / "mosquitto.conf"],
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches who started it alone, who then stops it in order.
                start_new_session=True,
            )
        give_up = time.monotonic() + _UP_WITHIN_SECONDS
        while time.monotonic() < give_up:
            if self._process.poll() is not None:
                raise BrokerFailed(
                    f"mosquitto ended with status {self._process.returncode}: {self.log()[-500:]}"
                )
            try:
                socket.create_connection((self.host, self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        self.kill()
        raise BrokerFailed(f"mosquitto does not listen after {_UP_WITHIN_SECONDS:g} s")

    def stop(self) -> None:
        """End it in order: connections are closed, and with persistence everything is saved."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze it: connections stay open and swallow what is sent, as in a half-open network."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused one go on."""
        self._send(signal.SIGCONT)

    def restart_empty(self) -> None:
        """Kill it, remove all it kept, start it again on the same port."""
        self.kill()
        self.empty()
        self.start()

    def empty(self) -> None:
        """Remove what a stopped broker kept: retained messages, sessions, queues."""
        (self._folder / "mosquitto.db").unlink(missing_ok=True)

    def log(self) -> str:
        """Return what all runs so far printed: connections, refusals, errors."""
        path = self._folder / "broker.log"
        return path.read_text(errors="replace") if path.is_file() else ""

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._send(number)
        try:
            self._process.wait(_STOPPED_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _folder_with_configuration(self) -> Path:
        folder = self._folder
        folder.mkdir(parents=True, exist_ok=True)
        passwords = folder / "passwords"
        passwords.write_text("".join(f"{user}:{word}\n" for user, word in self._users.items()))
        passwords.chmod(0o600)
        hashing = shutil.which("mosquitto_passwd", path="/usr/bin:/usr/local/bin")
        if hashing is None:
            raise BrokerFailed("mosquitto_passwd is missing: run scripts/setup")
        subprocess.run([hashing, "-U", passwords], check=True)  # noqa: S603 - a fixed path
        access = folder / "access"
        access.write_text(self._access)
        access.chmod(0o600)
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} {self.host}\n"
            # As root it would become another user, who may not read this folder.
            f"user {getpass.getuser()}\n"
            "allow_anonymous false\n"
            f"password_file {passwords}\n"
            f"acl_file {access}\n"
            f"persistence {str(self._persistence).lower()}\n"
            f"persistence_location {folder}/\n"
            # The default, 1,000, loses what is sent to a slow subscriber without a word.
            "max_queued_messages 0\n"
            "set_tcp_nodelay true\n"
            "log_dest stdout\n"
            "log_type error\nlog_type warning\nlog_type notice\n"
        )
        return folder


def free_port() -> int:
    """Return a loopback port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
