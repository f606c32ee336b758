"""The one SQLite history of this home, opened, used and closed in one worker thread."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN, LOGGER
from .shared.glucose.errors import StoreDamaged
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
        self.opened: Opened | None = None
        self.set_aside: Path | None = None

    async def async_hold(self, holder: str) -> None:
        """Open the file unless it is open, for one more holder. Raises StoreError."""
        async with self._opening:
            if self.opened is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="cgm_history")
                try:
                    self._note(await self._async_in_thread(self._store.open))
                except BaseException:
                    self._thread.shutdown(wait=False)
                    self._thread = None
                    raise
            self._holders.add(holder)

    async def async_let_go(self, holder: str) -> None:
        """Close the file when nobody holds it any more."""
        async with self._opening:
            self._holders.discard(holder)
            if self._holders or self._thread is None:
                return
            await self._async_in_thread(self._store.close)
            self._thread.shutdown(wait=False)
            self._thread = None
            self.opened = None

    async def async_do[T](self, work: Callable[[Store], T]) -> T:
        """Run `work` on the store in its thread. Raises StoreError.

        A file that turns out damaged is set aside and a new one begun, then the work is
        done again: what the sources still offer comes back by itself.
        """
        try:
            return await self._async_in_thread(lambda: work(self._store))
        except StoreDamaged:
            LOGGER.error("The glucose history is damaged; it is set aside and a new one begun")
            self._note(await self._async_in_thread(self._reopen))
            return await self._async_in_thread(lambda: work(self._store))

    def _reopen(self) -> Opened:
        self._store.close()
        return self._store.open()

    def _note(self, opened: Opened) -> None:
        self.opened = opened
        if opened.set_aside is not None:
            self.set_aside = opened.set_aside

    async def _async_in_thread[T](self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def async_history(hass: HomeAssistant) -> History:
    """Return the home's history, not yet opened."""
    return hass.data.setdefault(_HISTORY, History(Path(hass.config.path(FILE_NAME))))
