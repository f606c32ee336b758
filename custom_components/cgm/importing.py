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
from .import_keeping import async_put, found_in
from .import_reasons import format_in, reason_in
from .shared.glucose.errors import AmbiguousDates, StoreError, UnrecognisedExport
from .shared.glucose.formats import read_export
from .shared.glucose.merge import AHEAD_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from .import_keeping import Found
    from .shared.glucose.formats import Export, RefusedRow
    from .shared.glucose.store import Added
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
    the times of what was taken, None where nothing was. `language` is the home's.
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
    language: str

    @property
    def counts(self) -> dict[str, str]:
        """The numbers as texts, to stand in a sentence."""
        return {
            "format": format_in(self.language, self.format),
            "added": str(self.added),
            "replaced": str(self.replaced),
            "known": str(self.known),
            "left_out": str(self.ahead + sum(self.others.values())),
            "refused": str(len(self.refused)),
            "lines": "".join(
                f"\n  - {row.line}: {reason_in(self.language, row.reason)}"
                for row in self.refused[:TOLD_LINES]
            ),
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
    news = await _News.async_of(wearer)
    under_way = wearer.hass.data.setdefault(_UNDER_WAY, set())
    if wearer.id in under_way:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="import_under_way")
    under_way.add(wearer.id)
    try:
        news.tell("import_reading")
        found = await _async_read(wearer, read)
        news.tell("import_keeping", rows=str(found.rows))
        imported = await _async_keep(wearer, found)
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


async def _async_read(wearer: Wearer, read: Callable[[], Export]) -> Found:
    """Read, and say what is wrong with the file so that somebody can mend it."""
    beyond, language = wearer.now() + AHEAD_TOLERANCE, wearer.hass.config.language
    try:
        # Half a million readings are not even counted, or let go, in the event loop.
        found = await wearer.hass.async_add_executor_job(lambda: found_in(read(), beyond))
    except AmbiguousDates as error:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="import_ambiguous_dates",
            translation_placeholders={"reason": reason_in(language, str(error))},
        ) from error
    except UnrecognisedExport as error:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="import_unrecognised",
            translation_placeholders={"reason": reason_in(language, str(error))},
        ) from error
    except (OSError, ValueError) as error:
        # Of an upload, Home Assistant says with a ValueError that it is gone.
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="import_not_readable"
        ) from error
    if not found.taken + found.ahead:
        first = found.refused[0] if found.refused else None
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="import_nothing_in",
            translation_placeholders={
                "format": format_in(language, found.format),
                "refused": str(len(found.refused)),
                "reason": "-"
                if first is None
                else f"{first.line}: {reason_in(language, first.reason)}",
            },
        )
    return found


async def _async_keep(wearer: Wearer, found: Found) -> Imported:
    """Write all of it or nothing, then have everything shown follow."""
    try:
        readings, records = await async_put(wearer, found)
    except StoreError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="history_not_written"
        ) from error
    # First what would never follow by itself: a file that is known already changes no hour.
    if (earliest := _earliest(readings)) is not None:
        await wearer.statistics.async_changed(earliest)
    added = [*readings, *records]
    if (earliest := _earliest(added)) is not None:
        try:
            await wearer.async_take_up_history(earliest)
        except StoreError as error:
            # It is kept all the same, and shown when the history can be read again.
            LOGGER.error("What was imported cannot be shown yet: %s", error)
    return Imported(
        format=found.format,
        added=sum(each.new for each in added),
        replaced=sum(each.replaced for each in added),
        known=found.taken - sum(each.new + each.replaced for each in added),
        ahead=found.ahead,
        refused=found.refused,
        others=found.others,
        first=found.first,
        last=found.last,
        language=wearer.hass.config.language,
    )


def _earliest(added: list[Added]) -> datetime | None:
    return min((one.earliest_change for one in added if one.earliest_change), default=None)


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
