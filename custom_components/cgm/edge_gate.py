"""Which messages of one agent are let in: those that fit the contract and the pairing key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .const import LOGGER
from .shared.glucose.wire import WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from homeassistant.components.mqtt import ReceiveMessage


class Gate:
    """Refuses, counts, says so once, and goes on; with a key, the unsigned are refused too."""

    def __init__(self) -> None:
        """Begin with nothing refused, and no key."""
        self.key: bytes | None = None
        self.refused = 0

    def let_in[T](
        self, message: ReceiveMessage, decode: Callable[[str, bytes, bytes | None], T]
    ) -> T | None:
        """Return what a message says, None where it is not to be listened to."""
        payload = message.payload
        if not isinstance(payload, bytes) or not payload:
            # Emptied, or the agent's own trial of what the broker lets it write.
            return None
        try:
            return decode(message.topic, payload, self.key)
        except WireError as error:
            self.refused += 1
            if self.refused == 1:
                LOGGER.warning("Messages of an edge agent are refused: %s", error)
            return None
