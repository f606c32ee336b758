"""The network between an agent and its broker: cut, it says nothing to either, not even a FIN."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

_AT_ONCE = 65_536


class Network:
    """Carries connections from a loopback port of its own to another one, until it is cut."""

    def __init__(self, to: int) -> None:
        """Take the port to carry to, and a free one to listen on."""
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._down = False
        self._lines: list[_Line] = []
        self._listening = threading.Thread(target=self._listen, daemon=True)
        # A line is laid either before a cut, which then cuts it, or after, to nowhere.
        self._laying = threading.Lock()

    def __enter__(self) -> Self:
        """Begin to carry."""
        self._listening.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close everything."""
        # Closed alone, a socket that somebody waits at stays open.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listening.join()
        self._listener.close()
        for line in self._lines:
            line.close()

    def cut(self) -> None:
        """Carry nothing any more: what is open stays open, and nobody is answered."""
        with self._laying:
            self._down = True
            for line in self._lines:
                line.dead = True

    def mend(self) -> None:
        """Carry new connections; those that were cut never come back."""
        self._down = False

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                with self._laying:
                    self._lines.append(_Line(near, None if self._down else self._to))


class _Line:
    """One connection carried, to nowhere where there is no port; `dead` swallows what is sent."""

    def __init__(self, near: socket.socket, to: int | None) -> None:
        self.dead = to is None
        self._ends = [near]
        self._carrying: list[threading.Thread] = []
        if to is not None:
            far = socket.create_connection(("127.0.0.1", to))
            self._ends.append(far)
            for way in ((near, far), (far, near)):
                self._carrying.append(threading.Thread(target=self._carry, args=way, daemon=True))
                self._carrying[-1].start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while said := one.recv(_AT_ONCE):
                if not self.dead:
                    other.sendall(said)
            if not self.dead:
                other.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End it on both sides."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._carrying:
            thread.join()
        for end in self._ends:
            end.close()
