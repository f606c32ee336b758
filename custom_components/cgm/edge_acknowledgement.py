"""Tells one agent what the open history has of its outbox: known, kept, and published."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from homeassistant.components import mqtt
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError

from .const import LOGGER, kept_under
from .edge_ledger import Ledger
from .shared.glucose.wire import Ack

if TYPE_CHECKING:
    from asyncio import Task

    from homeassistant.core import HomeAssistant

    from .edge_gate import Gate
    from .history import History
    from .shared.glucose.store import Store
    from .shared.glucose.wire import Received, Topics

_KEY = "ack"


class Acknowledgement:
    """The ledger of a node in the history that is open, and the way back to the agent."""

    def __init__(self, hass: HomeAssistant, history: History, topics: Topics, gate: Gate) -> None:
        """Build without I/O; nothing is told before there is a broker."""
        self._hass = hass
        self._history = history
        self._topics = topics
        self._gate = gate
        self._ledger: Ledger | None = None
        self._ledger_of: str | None = None
        self._broker = False
        # Epochs to tell, in the order in which they spoke.
        self._to_tell: dict[str, None] = {}
        self._telling: Task[None] | None = None
        self._closed = False

    @property
    def rejected(self) -> int:
        """How many rows that cannot be readings the agent has not heard of yet."""
        return 0 if self._ledger is None else len(self._ledger.rejected)

    async def async_know(self) -> Ledger:
        """Return the ledger of the history that is open. Raises StoreError."""
        if self._ledger is None or self._ledger_of != self._history.id:
            key = kept_under(self._topics.node)
            noted = await self._history.async_do(lambda store: store.recall(key, _KEY))
            self._ledger, self._ledger_of = Ledger(noted), self._history.id
            self._async_tell(self._ledger.epoch)
        return self._ledger

    async def async_take(self, received: Received, stored_to: int, *, retained: bool) -> None:
        """Take account of rows that are in the history up to `stored_to`. Raises StoreError."""
        ledger = await self.async_know()
        if retained and ledger.is_old(received):
            return
        before = ledger.note()
        ledger.take(received, stored_to, monotonic())
        if (note := ledger.note()) != before:
            await self._async_keep(note, self._ledger_of)
        self._async_tell(received.epoch)

    async def _async_keep(self, note: str, store_id: str | None) -> None:
        key = kept_under(self._topics.node)

        def keep(store: Store) -> None:
            # A history begun anew this very moment must not say that it has what the old one had.
            if self._history.id == store_id:
                store.note(key, _KEY, note)

        await self._history.async_do(keep)

    @callback
    def async_connection(self, *, connected: bool) -> None:
        """Follow the broker: one that lost its retained messages has lost the last word too."""
        self._broker = connected
        if connected:
            self._async_tell(None if self._ledger is None else self._ledger.epoch)

    @callback
    def async_close(self) -> None:
        """Tell no more."""
        self._closed = True
        if self._telling is not None:
            self._telling.cancel()

    @callback
    def _async_tell(self, epoch: str | None) -> None:
        """Have an epoch told; one that is told twice before its turn is told the newest once."""
        if epoch is not None:
            self._to_tell.pop(epoch, None)
            self._to_tell[epoch] = None
        if not self._closed and (self._telling is None or self._telling.done()):
            self._telling = self._hass.async_create_background_task(
                self._async_tell_all(), "cgm edge acknowledge"
            )

    async def _async_tell_all(self) -> None:
        while self._to_tell and self._broker:
            epoch = next(iter(self._to_tell))
            del self._to_tell[epoch]
            try:
                await self._async_publish(epoch)
            except HomeAssistantError as error:
                # Told again when the broker is back.
                self._to_tell[epoch] = None
                LOGGER.debug("An edge agent could not be told: %s", type(error).__name__)
                return

    async def _async_publish(self, epoch: str) -> None:
        run = None if self._ledger is None else self._ledger.run(epoch)
        if run is None or self._ledger_of is None or self._ledger_of != self._history.id:
            # What another history had is no longer here; the agent will say it again.
            return
        topic = self._topics.ack
        ack = Ack(store_id=self._ledger_of, epoch=epoch, seq=run.acked, rejected=run.rejected)
        payload = ack.encode(topic, self._gate.key)
        await mqtt.async_publish(self._hass, topic, payload, qos=1, retain=True)
        run.told(monotonic())
