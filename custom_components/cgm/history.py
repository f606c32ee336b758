"""The one SQLite history of this home, opened, used and closed in one worker thread."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN, LOGGER
from .shared.glucose.errors import StoreDamaged, StoreError, StoreUnavailable
from .shared.glucose.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from homeassistant.core import HomeAssistant

    from .shared.glucose.store import Opened

_HISTORY: HassKey[History] = HassKey(f"{DOMAIN}_history")
FILE_NAME = "cgm.db"


class History:
    """The store behind a queue of one thread, shared by all wearers and closed with the last."""

    def __init__(self, path: Path) -> None:
        """Remember where the file is; nothing is opened yet."""
        self._store = Store(path, clock=dt_util.utcnow)
        self._thread: ThreadPoolExecutor | None = None
        self._opening = asyncio.Lock()
        self._holders: set[str] = set()
        self._damaged = False
        self.opened: Opened | None = None
        self.still = False
        self.set_aside: Path | None = None

    @property
    def id(self) -> str | None:
        """Which history it is: another one after a damaged file, None while it is closed."""
        return None if self.opened is None else self.opened.store_id

    async def async_hold(self, holder: str) -> None:
        """Open the file unless it is open, for one more holder. Raises StoreError."""
        async with self._opening:
            if self._thread is None:
                thread = ThreadPoolExecutor(1, thread_name_prefix="cgm_history")
                try:
                    self._note(await _async_run(thread, self._store.open))
                except BaseException:
                    thread.shutdown(wait=False)
                    raise
                self._thread, self._damaged = thread, False
            self._holders.add(holder)

    async def async_let_go(self, holder: str) -> None:
        """Close the file when nobody holds it any more."""
        async with self._opening:
            self._holders.discard(holder)
            if self._holders or self._thread is None:
                return
            thread, self._thread, self.opened = self._thread, None, None
            self.still = False
            try:
                await _async_run(thread, self._store.close)
            except BaseException:
                thread.shutdown(wait=False)
                raise
            # Idle by now, with nothing queued behind: it ends within microseconds.
            thread.shutdown()

    async def async_do[T](self, work: Callable[[Store], T]) -> T:
        """Run `work` on the store in its thread. Raises StoreError.

        A file that turns out damaged is set aside and a new one begun, then the work is
        done again: what the sources still offer comes back by itself.
        """
        if self._thread is None:
            raise StoreUnavailable("history cannot be used now: it is not open")
        return await _async_run(self._thread, lambda: self._done(work))

    async def async_hold_still(self) -> None:
        """Leave the file as it is for a backup to copy; what is added waits in its log.

        Raises StoreError.
        """
        await self.async_do(lambda store: store.hold_still())
        self.still = True

    async def async_let_move(self) -> None:
        """Go on as before. Raises StoreError."""
        self.still = False
        await self.async_do(lambda store: store.let_move())

    async def async_facts(self) -> dict[str, float]:
        """Return how large the history is: counts only; empty where it cannot be read."""
        try:
            health = await self.async_do(lambda store: store.health())
        except StoreError:
            return {}
        return {
            "readings": health.rows,
            "records": health.records,
            "megabytes": round(health.file_bytes / 1e6, 1),
        }

    # From here on in the store's thread, one job after the other.

    def _done[T](self, work: Callable[[Store], T]) -> T:
        if not self._damaged:
            try:
                return work(self._store)
            except StoreDamaged:
                LOGGER.error("The glucose history is damaged; it is set aside and a new one begun")
                self._damaged = True
        # Where there is no room for a new file, the damaged one is let be until there is.
        self._note(self._store.open())
        self._damaged = False
        return work(self._store)

    def _note(self, opened: Opened) -> None:
        self.opened = opened
        if opened.set_aside is not None:
            self.set_aside = opened.set_aside


async def _async_run[T](thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(thread, work)


def async_history(hass: HomeAssistant) -> History:
    """Return the home's history, not yet opened."""
    return hass.data.setdefault(_HISTORY, History(Path(hass.config.path(FILE_NAME))))
