"""Exports one wearer's history every day or week, and keeps the newest of what it wrote."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from homeassistant.components import persistent_notification
from homeassistant.core import CALLBACK_TYPE, HassJob, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util

from .const import DOMAIN, LOGGER
from .exporting import FileKind, async_export
from .shared.glucose.errors import StoreError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Mapping, Sequence

    from .wearer import Wearer

CONF_EXPORT: Final = "export"
CONF_FOLDER: Final = "folder"
CONF_EVERY: Final = "every"
CONF_KEEP: Final = "keep"
CONF_FORMAT: Final = "format"
KEEP: Final = 7
MOST_KEPT: Final = 366

_NOTE = "scheduled exports"
# After a start, sources' first answers are waited for.
_AFTER_START = timedelta(minutes=5)
# What failed is tried again, and a clock that was set is noticed, after this.
_LOOK_EVERY = timedelta(hours=1)


class Every(StrEnum):
    """How often."""

    DAY = "day"
    WEEK = "week"


_PERIODS = {Every.DAY: timedelta(days=1), Every.WEEK: timedelta(days=7)}


class ScheduledExport:
    """One wearer's; off until the options name a folder."""

    def __init__(self, wearer: Wearer) -> None:
        """Write nothing yet; async_follow begins."""
        self._wearer = wearer
        self._settings: Mapping[str, Any] = {}
        self._cancel: CALLBACK_TYPE | None = None
        self._task: asyncio.Task[None] | None = None
        self._failing = False

    @callback
    def async_follow(self) -> None:
        """Export as the options say; safe to call at any time."""
        settings = self._wearer.entry.options.get(CONF_EXPORT, {})
        if settings == self._settings:
            return
        self.async_stop()
        self._settings = dict(settings)
        if settings:
            self._look_in(_AFTER_START)

    @callback
    def async_stop(self) -> None:
        """Export no more."""
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._settings = {}

    @callback
    def _look_in(self, wait: timedelta) -> None:
        self._cancel = async_call_later(
            self._wearer.hass, wait, HassJob(self._look, cancel_on_shutdown=True)
        )

    @callback
    def _look(self, _now: datetime) -> None:
        self._look_in(_LOOK_EVERY)
        self._task = self._wearer.entry.async_create_background_task(
            self._wearer.hass, self._async_export_if_due(), "cgm scheduled export"
        )

    async def _async_export_if_due(self) -> None:
        """Export where the last one was a period ago, or lies ahead since the clock was wrong."""
        try:
            written = await self._async_written()
            now = dt_util.utcnow()
            period = _PERIODS[Every(self._settings[CONF_EVERY])]
            # Looked at once an hour: a little early is better than an hour later every day.
            due = not written or not timedelta() <= now - written[-1][0] < period - _LOOK_EVERY / 2
            if due:
                kinds = [FileKind(self._settings[CONF_FORMAT])]
                made = await async_export(self._wearer, self._settings[CONF_FOLDER], kinds)
                written.append((now, [str(path) for path in made.paths]))
            keep = int(self._settings[CONF_KEEP])
            gone, written = written[:-keep], written[-keep:]
            if due or gone:
                # In this order: what is noted and gone is no matter, what is not noted stays.
                await self._wearer.hass.async_add_executor_job(_remove, gone)
                await self._async_note(written)
        except (HomeAssistantError, StoreError) as error:
            await self._async_tell_failed(error)
        else:
            self._failing = False
            persistent_notification.async_dismiss(self._wearer.hass, self._notification)

    async def _async_tell_failed(self, error: Exception) -> None:
        """Say once that it fails; it is tried again every hour."""
        if self._failing:
            return
        self._failing = True
        LOGGER.error("The scheduled export failed, to be tried again: %s", type(error).__name__)
        hass = self._wearer.hass
        texts = await async_get_translations(hass, hass.config.language, "common", [DOMAIN])
        title = texts[f"component.{DOMAIN}.common.export_failed_title"]
        persistent_notification.async_create(
            hass,
            texts[f"component.{DOMAIN}.common.export_failed"].format(reason=str(error)),
            title=title.format(wearer=self._wearer.entry.title),
            notification_id=self._notification,
        )

    @property
    def _notification(self) -> str:
        return f"{DOMAIN}_export_{self._wearer.id}"

    async def _async_written(self) -> list[tuple[datetime, list[str]]]:
        """Return when was exported into which files, oldest first."""
        noted = await self._wearer.history.async_do(
            lambda store: store.recall(self._wearer.id, _NOTE)
        )
        if noted is None:
            return []
        return [(datetime.fromisoformat(at), paths) for at, paths in json.loads(noted)]

    async def _async_note(self, written: Sequence[tuple[datetime, list[str]]]) -> None:
        text = json.dumps([(at.isoformat(), paths) for at, paths in written])
        await self._wearer.history.async_do(lambda store: store.note(self._wearer.id, _NOTE, text))


def _remove(exports: Iterable[tuple[datetime, list[str]]]) -> None:
    """Remove files that this wrote earlier; one that is gone already is no matter."""
    for _, paths in exports:
        for path in paths:
            with suppress(OSError):
                Path(path).unlink()
