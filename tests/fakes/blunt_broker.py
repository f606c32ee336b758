"""A broker that ends connections as brokers other than our mosquitto do: with or without a word."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

CONNECT, PUBLISH, SUBSCRIBE = 0x10, 0x30, 0x80
# The three ways to write a DISCONNECT with a reason alone, or with a word behind it (section 3.14).
SHORT = b"\xe0\x01%c"
WITH_LENGTH = b"\xe0\x02%c\x00"
WITH_WORDS = b"\xe0\x07%c\x05\x1f\x00\x02no"


class BluntBroker:
    """Takes every login, confirms everything, keeps nothing.

    `says_goodbye` is asked for each packet, by its kind and topic, and returns what to send before
    the connection is closed, None where it is to go on.
    """

    def __init__(self, says_goodbye: Callable[[int, str], bytes | None]) -> None:
        self._says_goodbye = says_goodbye
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.published: list[str] = []
        self.connections = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                plug, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with plug, suppress(OSError, EOFError):
                plug.settimeout(20)
                self._converse(plug)

    def _converse(self, plug: socket.socket) -> None:
        while True:
            kind, body = _packet(plug)
            topic = _text(body, 0) if kind & 0xF0 == PUBLISH else ""
            goodbye = self._says_goodbye(kind & 0xF0, topic)
            if goodbye is not None:
                plug.sendall(goodbye)
                return
            if kind == CONNECT:
                plug.sendall(b"\x20\x03\x00\x00\x00")
            elif kind & 0xF0 == PUBLISH:
                self.published.append(topic)
                at = 2 + len(topic.encode())
                plug.sendall(b"\x40\x02" + body[at : at + 2])
            elif kind & 0xF0 == SUBSCRIBE:
                plug.sendall(b"\x90\x04" + body[:2] + b"\x00\x01")


@contextmanager
def blunt_broker(says_goodbye: Callable[[int, str], bytes | None]) -> Iterator[BluntBroker]:
    """Give a running one and stop it afterwards."""
    broker = BluntBroker(says_goodbye)
    try:
        yield broker
    finally:
        broker.close()


def _packet(plug: socket.socket) -> tuple[int, bytes]:
    (kind,) = _exactly(plug, 1)
    length, shift = 0, 0
    while True:
        (byte,) = _exactly(plug, 1)
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return kind, _exactly(plug, length)


def _exactly(plug: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = plug.recv(count - len(found))
        if not more:
            raise EOFError
        found += more
    return found


def _text(body: bytes, at: int) -> str:
    length = int.from_bytes(body[at : at + 2], "big")
    return body[at + 2 : at + 2 + length].decode()
