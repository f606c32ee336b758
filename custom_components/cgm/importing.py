"""Takes a vendor's export, or one of ours, into a wearer's history: all of it or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.components import persistent_notification
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN, LOGGER
from .shared.glucose.errors import AmbiguousDates, StoreError, UnrecognisedExport
from .shared.glucose.formats import read_export
from .shared.glucose.merge import AHEAD_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from homeassistant.core import HomeAssistant

    from .shared.glucose.formats import Export, RefusedRow
    from .shared.glucose.store import Added, Store
    from .wearer import Wearer

_UNDER_WAY: HassKey[set[str]] = HassKey(f"{DOMAIN}_imports")
# So many refused rows are told by their line; the number of all is told.
TOLD_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of an export's rows: of readings, treatments and measurements together.

    `added` were not known, `replaced` were known otherwise, `known` as they are or as they were
    edited or deleted here. `ahead` lie in the future by this home's clock and were left out,
    `refused` could not be read, `others` are of sorts that are not kept. `first` and `last` are
    the times of what was taken, None where nothing was.
    """

    format: str
    added: int
    replaced: int
    known: int
    ahead: int
    refused: tuple[RefusedRow, ...]
    others: Mapping[str, int]
    first: datetime | None
    last: datetime | None

    @property
    def counts(self) -> dict[str, str]:
        """The numbers as texts, to stand in a sentence."""
        return {
            "format": self.format,
            "added": str(self.added),
            "replaced": str(self.replaced),
            "known": str(self.known),
            "left_out": str(self.ahead + sum(self.others.values())),
            "refused": str(len(self.refused)),
            "lines": "".join(f"\n- {row.line}: {row.reason}" for row in self.refused[:TOLD_LINES]),
        }


def reader(path: Path, zone: ZoneInfo, *, day_first: bool | None) -> Callable[[], Export]:
    """Return the work of reading a file, for another thread; OSError and UnrecognisedExport."""
    return lambda: read_export(path, zone=zone, source=None, day_first=day_first)


async def async_import(wearer: Wearer, read: Callable[[], Export]) -> Imported:
    """Have `read` called in a thread, keep what it found, and tell of it in a notification.

    Readings are of the source that a file of ours names, else of one named after the format: it
    is in no wearer's order, so that what is imported never leads, and a file that is imported
    twice adds nothing. Raises ServiceValidationError for a file that cannot be taken, and
    HomeAssistantError where the history cannot be written; nothing is imported then.
    """
    under_way = wearer.hass.data.setdefault(_UNDER_WAY, set())
    if wearer.id in under_way:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="import_under_way")
    under_way.add(wearer.id)
    news = await _News.async_of(wearer)
    news.tell("import_reading")
    try:
        export = await _async_read(wearer.hass, read)
        news.tell("import_keeping", rows=str(export.rows))
        imported = await _async_keep(wearer, export)
    except BaseException:
        # What went wrong is told to who asked for it.
        news.withdraw()
        raise
    finally:
        under_way.discard(wearer.id)
    news.tell("import_done", **imported.counts)
    LOGGER.info(
        "Imported: %d added, %d known, %d refused",
        imported.added + imported.replaced,
        imported.known,
        len(imported.refused),
    )
    return imported


async def _async_read(hass: HomeAssistant, read: Callable[[], Export]) -> Export:
    """Read, and say what is wrong with the file so that somebody can mend it."""
    try:
        export = await hass.async_add_executor_job(read)
    except AmbiguousDates as error:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="import_ambiguous_dates",
            translation_placeholders={"reason": str(error)},
        ) from error
    except UnrecognisedExport as error:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="import_unrecognised",
            translation_placeholders={"reason": str(error)},
        ) from error
    except (OSError, ValueError) as error:
        # Of an upload, Home Assistant says with a ValueError that it is gone.
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="import_not_readable"
        ) from error
    if not (export.readings or export.treatments or export.measurements):
        first = export.refused[0] if export.refused else None
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="import_nothing_in",
            translation_placeholders={
                "format": export.format,
                "refused": str(len(export.refused)),
                "reason": "-" if first is None else f"{first.line}: {first.reason}",
            },
        )
    return export


async def _async_keep(wearer: Wearer, export: Export) -> Imported:
    """Write all in one transaction, then have everything shown follow."""
    beyond = wearer.now() + AHEAD_TOLERANCE
    readings = [one for one in export.readings if one.time <= beyond]
    treatments = [one for one in export.treatments if one.time <= beyond]
    measurements = [one for one in export.measurements if one.time <= beyond]
    key = wearer.id

    def keep(store: Store) -> list[Added]:
        with store.writing():
            return [
                store.add(key, readings),
                store.treatments.add(key, treatments),
                store.measurements.add(key, measurements),
            ]

    try:
        found = await wearer.history.async_do(keep)
        earliest = found[0].earliest_change
        changes = [added.earliest_change for added in found if added.earliest_change is not None]
        if changes:
            await wearer.async_take_up_history(min(changes))
        if earliest is not None:
            await wearer.statistics.async_changed(earliest)
    except StoreError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="history_not_written"
        ) from error
    taken = [one.time for rows in (readings, treatments, measurements) for one in rows]
    given = len(export.readings) + len(export.treatments) + len(export.measurements)
    return Imported(
        format=export.format,
        added=sum(added.new for added in found),
        replaced=sum(added.replaced for added in found),
        known=len(taken) - sum(added.new + added.replaced for added in found),
        ahead=given - len(taken),
        refused=export.refused,
        others=export.others,
        first=min(taken, default=None),
        last=max(taken, default=None),
    )


class _News:
    """One wearer's notification of an import, rewritten as it goes on."""

    def __init__(self, wearer: Wearer, texts: dict[str, str]) -> None:
        self._wearer = wearer
        self._texts = texts
        self._id = f"{DOMAIN}_import_{wearer.id}"

    @classmethod
    async def async_of(cls, wearer: Wearer) -> _News:
        """Fetch the words of the home's language."""
        language = wearer.hass.config.language
        return cls(wearer, await async_get_translations(wearer.hass, language, "common", [DOMAIN]))

    @callback
    def tell(self, key: str, **said: str) -> None:
        """Show one sentence in place of the one before."""
        now = dt_util.now().strftime("%H:%M:%S")
        persistent_notification.async_create(
            self._wearer.hass,
            f"{self._text(key).format(**said)}\n\n{now}",
            title=self._text("import_title").format(wearer=self._wearer.entry.title),
            notification_id=self._id,
        )

    @callback
    def withdraw(self) -> None:
        """Take the notification away."""
        persistent_notification.async_dismiss(self._wearer.hass, self._id)

    def _text(self, key: str) -> str:
        return self._texts[f"component.{DOMAIN}.common.{key}"]
