"""A wearer's treatments and measurements at run time: the last day in memory, all in the store."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from .finger_sticks import time_and_series
from .shared.glucose.fold_treatments import fold_treatments, folded
from .shared.glucose.merge import meter_readings
from .shared.glucose.reading import Kind, Reading
from .shared.glucose.treatment import CHANGES, Treatment, TreatmentKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .logged_records import AnyRecord
    from .shared.glucose.measurement import Measurement
    from .shared.glucose.store import Store
    from .wearer import Wearer

# The longest anything in memory is asked about: a day's picture, and what is still on board.
REMEMBERED = timedelta(hours=24)
# What folds with what depends on what was told alike within minutes before, and before that: no
# run of equal doses is as long.
_AROUND = timedelta(hours=1)


class WearerRecords:
    """What one wearer did and measured; what goes to the store raises StoreError where it cannot.

    The store keeps what every source tells; what is given here is folded, each treatment once.
    """

    def __init__(self, wearer: Wearer) -> None:
        """Know nothing yet; async_load reads the store."""
        self._wearer = wearer
        # From a day before the last look at the store on, planned ones included.
        self._known: tuple[Treatment, ...] = ()
        # The newest change of each device before that.
        self._before: dict[TreatmentKind, Treatment] = {}

    @property
    def treatments(self) -> tuple[Treatment, ...]:
        """The treatments of the last 24 hours, folded, newest last; none that is only planned."""
        now = self._wearer.now()
        return tuple(each for each in self._known if now - REMEMBERED <= each.time <= now)

    @property
    def latest(self) -> Mapping[TreatmentKind, Treatment]:
        """The newest change of site, sensor and insulin up to now; one never logged is absent."""
        now = self._wearer.now()
        since = {each.kind: each for each in self._known if each.time <= now}
        return MappingProxyType(
            {
                kind: change
                for kind in CHANGES
                if (change := since.get(kind) or self._before.get(kind)) is not None
            }
        )

    async def async_load(self) -> None:
        """Read the last day, and the newest change of each device, from the store."""
        wearer = self._wearer.id
        start = self._wearer.now() - REMEMBERED - _AROUND

        def look(store: Store) -> tuple[list[Treatment], dict[TreatmentKind, Treatment | None]]:
            return (
                store.treatments.between(wearer, start),
                {kind: store.treatments.latest(wearer, kind, start) for kind in CHANGES},
            )

        known, before = await self._wearer.history.async_do(look)
        self._known = tuple(fold_treatments(known))
        self._before = {kind: each for kind, each in before.items() if each is not None}

    async def async_changed(self) -> None:
        """Look at the store anew, as after an import or an erasure, and show what it holds."""
        await self.async_load()
        await self._wearer.on_board.async_load()
        self._wearer.async_refresh()

    async def async_between(self, start: datetime, end: datetime) -> list[Treatment]:
        """Return the treatments in [start, end), folded, oldest first."""
        wearer = self._wearer.id
        # One told within minutes before `start` by another source is not one of this period.
        found = await self._wearer.history.async_do(
            lambda store: store.treatments.between(wearer, _shifted(start, -_AROUND), end)
        )
        return [each for each in fold_treatments(found) if each.time >= start]

    async def async_measurements_between(self, start: datetime, end: datetime) -> list[Measurement]:
        """Return the measurements in [start, end), oldest first."""
        wearer = self._wearer.id
        return await self._wearer.history.async_do(
            lambda store: store.measurements.between(wearer, start, end)
        )

    async def async_log_treatment(self, treatment: Treatment) -> None:
        """Keep one treatment."""
        await self.async_take((treatment,))

    async def async_log_measurement(self, measurement: Measurement) -> None:
        """Keep one measurement; a finger-stick is a reading, and none of these."""
        wearer = self._wearer.id
        await self._wearer.history.async_do(
            lambda store: store.measurements.add(wearer, (measurement,))
        )

    async def async_take(self, treatments: Iterable[Treatment]) -> None:
        """Keep what a source or the wearer tells; what is known already changes nothing."""
        wearer, told = self._wearer.id, tuple(treatments)
        added = await self._wearer.history.async_do(
            lambda store: store.treatments.add(wearer, told)
        )
        if added.earliest_change is not None:
            await self.async_changed()

    async def async_finger_sticks_between(self, start: datetime, end: datetime) -> list[Reading]:
        """Return what meters measured in [start, end), of all sources, folded, oldest first."""
        wearer = self._wearer.id
        found = await self._wearer.history.async_do(
            lambda store: store.readings(wearer, start, end)
        )
        return meter_readings(found)

    async def async_get(self, source: str, id_: str) -> AnyRecord | None:
        """Return one record, a finger-stick among them, None where there is none."""
        wearer = self._wearer.id

        def look(store: Store) -> AnyRecord | None:
            if (stick := time_and_series(id_)) is not None:
                time, series = stick
                found = store.readings(wearer, time, time + timedelta(milliseconds=1))
                wanted = source, Kind.METER, series, time
                return next((each for each in found if each.identity == wanted), None)
            treatment = store.treatments.get(wearer, source, id_)
            return treatment or store.measurements.get(wearer, source, id_)

        return await self._wearer.history.async_do(look)

    async def async_edit(self, before: AnyRecord, after: AnyRecord) -> None:
        """Put `after` in the place of `before`, both of one source and id, or finger-sticks.

        A record stays as edited, whatever its vendor tells later. Other sources' copies of a
        treatment, which were shown as one with it, go: they would count beside it.
        """
        wearer = self._wearer.id
        if isinstance(after, Reading):
            if isinstance(before, Reading) and before.identity != after.identity:
                # On disk before the other leaves it: a full disk must lose neither.
                await self._wearer.history.async_do(lambda store: store.add(wearer, (after,)))
                await self._wearer.async_drop(before)
            await self._wearer.async_take((after,))
            return

        def edit(store: Store) -> bool:
            with store.writing():
                if isinstance(before, Treatment):
                    _delete_copies(store, wearer, before)
                if isinstance(after, Treatment):
                    return store.treatments.edit(wearer, after)
                return store.measurements.edit(wearer, after)

        await self._wearer.history.async_do(edit)
        await self.async_changed()

    async def async_delete(self, record: AnyRecord) -> None:
        """Delete one record for good, whatever its vendor tells later; a finger-stick as well.

        A treatment goes with its copies of other sources, one of which would be shown instead.
        """
        wearer = self._wearer.id
        if isinstance(record, Reading):
            await self._wearer.async_drop(record)
            return

        def delete(store: Store) -> bool:
            with store.writing():
                if isinstance(record, Treatment):
                    _delete_copies(store, wearer, record)
                    return store.treatments.delete(wearer, record.source, record.id)
                return store.measurements.delete(wearer, record.source, record.id)

        await self._wearer.history.async_do(delete)
        await self.async_changed()


def _delete_copies(store: Store, wearer: str, treatment: Treatment) -> None:
    """Delete what other sources tell of a treatment."""
    time = treatment.time
    around = store.treatments.between(wearer, _shifted(time, -_AROUND), _shifted(time, _AROUND))
    copies = next((told for told in folded(around) if treatment in told), [])
    for copy in copies:
        if copy != treatment:
            store.treatments.delete(wearer, copy.source, copy.id)


def _shifted(time: datetime, by: timedelta) -> datetime | None:
    """Return a time so much earlier or later; None, no limit, beyond the calendar."""
    try:
        return time + by
    except OverflowError:
        return None
