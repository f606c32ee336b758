"""What a wearer's calendar shows: treatments and episodes of glucose of any stretch of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .diary_entry import DiaryEntry
from .diary_words import episode_title, treatment_title
from .shared.glucose.treatment import TreatmentKind
from .wearer_history import merged_between

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .shared.glucose.reading import Reading
    from .shared.glucose.store import Store
    from .shared.glucose.treatment import Treatment
    from .wearer import Wearer

# What has no length of its own is long enough to be seen in a day's view.
SHOWN_FOR = timedelta(minutes=5)
# The longest exercise there is (treatment.py).
_LONGEST_TREATMENT = timedelta(days=1)
# An episode that begins in a stretch is known whole if it is not longer than this.
_AROUND = timedelta(days=3)
# So many days at once hold the store's thread for a fraction of a second; a month's view is one.
_AT_ONCE = timedelta(days=62)
# No record is older; what is earlier could not be reckoned with, either.
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_RUNNING_WITHIN = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Episode:
    low: bool
    start: datetime
    end: datetime
    extreme: Reading


class Diary:
    """The diary of one wearer: read from the history when asked, nothing kept but what runs."""

    def __init__(self, wearer: Wearer) -> None:
        """Begin with nothing."""
        self._wearer = wearer
        self._running: _Episode | None = None

    async def async_between(self, start: datetime, end: datetime) -> list[DiaryEntry]:
        """Return what overlaps [start, end), aware times, by its beginning. Raises StoreError.

        A long stretch is read piece by piece, so that readings that come are not held up.
        """
        start = max(start.astimezone(UTC), _EARLIEST)
        end = min(end.astimezone(UTC), _LATEST)
        found: list[DiaryEntry] = []
        for first, beyond in _pieces(start, end, self._wearer.now()):
            found += await self._async_treatments(
                first - _LONGEST_TREATMENT if first == start else first, beyond
            )
            found += [
                self._of_episode(one)
                for one in await self._async_episodes(first, beyond)
                # Else it is another piece's.
                if one.start < beyond and (one.start >= first or first == start)
            ]
        overlapping = (one for one in found if one.start < end and one.end > start)
        return sorted(overlapping, key=lambda one: (one.start, one.id))

    @property
    def is_calm(self) -> bool:
        """Whether no episode ran when one looked last, and none can have begun."""
        reading, targets = self._wearer.present.reading, self._wearer.chosen.targets
        return self._running is None and (
            reading is None or targets.low_mg_dl <= reading.mg_dl <= targets.high_mg_dl
        )

    async def async_follow(self) -> None:
        """Learn of the episode that runs now; of nothing while glucose is and was in range."""
        wearer, now = self._wearer, self._wearer.now()
        if wearer.present.reading is None or self.is_calm:
            self._running = None
            return
        found = await self._wearer.history.async_do(
            self._episodes_in(now - _RUNNING_WITHIN, now + _MINUTE, running=True)
        )
        self._running = max(found, key=lambda one: one.start, default=None)

    @property
    def current(self) -> DiaryEntry | None:
        """The episode that runs now (of which async_follow learned), or else the last treatment.

        None where neither is now: an episode without a current reading is none that runs.
        """
        wearer, now = self._wearer, self._wearer.now()
        if self._running is not None and wearer.present.reading is not None:
            # Nobody knows when it ends: not before the next look.
            until = max(wearer.present.until or now, now + _MINUTE)
            return self._of_episode(self._running, until)
        for treatment in reversed(wearer.records.treatments):
            entry = self._of_treatment(treatment)
            if entry.start <= now < entry.end:
                return entry
        return None

    async def _async_treatments(self, start: datetime, end: datetime) -> list[DiaryEntry]:
        treatments = await self._wearer.records.async_between(start, end)
        return [self._of_treatment(treatment) for treatment in treatments]

    async def _async_episodes(self, start: datetime, end: datetime) -> list[_Episode]:
        now = self._wearer.now() + _MINUTE
        if start >= now:
            return []
        return await self._wearer.history.async_do(
            self._episodes_in(start - _AROUND, min(end + _AROUND, now))
        )

    def _episodes_in(
        self, start: datetime, end: datetime, *, running: bool = False
    ) -> Callable[[Store], list[_Episode]]:
        """Return work for the store's thread: what the wearer's own targets call low and high."""
        read = merged_between(self._wearer, start, end)
        targets = self._wearer.chosen.targets
        zone = self._wearer.chosen.zone

        def work(store: Store) -> list[_Episode]:
            # numpy takes a while to load, for which Home Assistant's start need not wait.
            from .shared.glucose.metrics.episodes import Level, episodes_of  # noqa: PLC0415 - see above
            from .shared.glucose.metrics.series import Series  # noqa: PLC0415 - see above

            levels = (
                Level(threshold_mg_dl=targets.low_mg_dl, low=True),
                Level(threshold_mg_dl=targets.high_mg_dl, low=False),
            )
            readings = read(store)
            series = Series.of(readings, zone)
            grid, last = series.grid, series.last
            if grid is None or last is None:
                return []
            step = grid.step * _MINUTE
            return [
                _Episode(low=level.low, start=one.start, end=one.end, extreme=extreme)
                for level in levels
                for one in episodes_of(grid, level)
                if (extreme := _extreme(readings, one.start, one.end, low=level.low)) is not None
                # The grid ends with the last cell before the last reading.
                and (not running or last - one.end < step)
            ]

        return work

    def _of_episode(self, one: _Episode, until: datetime | None = None) -> DiaryEntry:
        return DiaryEntry(
            id=f"{'low' if one.low else 'high'} {one.start.isoformat()}",
            start=one.start,
            end=until or one.end,
            title=episode_title(
                one.end - one.start,
                one.extreme,
                low=one.low,
                unit=self._wearer.chosen.unit,
                language=self._wearer.hass.config.language,
            ),
        )

    def _of_treatment(self, treatment: Treatment) -> DiaryEntry:
        lasts = SHOWN_FOR
        if treatment.kind is TreatmentKind.EXERCISE and treatment.amount is not None:
            lasts = treatment.amount * _MINUTE
        return DiaryEntry(
            id=f"{treatment.source} {treatment.id}",
            start=treatment.time,
            end=treatment.time + lasts,
            title=treatment_title(treatment, self._wearer.hass.config.language),
            text=treatment.note,
        )


def _pieces(start: datetime, end: datetime, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        # The little that is planned is one piece.
        beyond = min(start + _AT_ONCE, end) if start < now else end
        yield start, beyond
        start = beyond


def _extreme(
    readings: Sequence[Reading], start: datetime, end: datetime, *, low: bool
) -> Reading | None:
    """Return the reading furthest out: what people are told was measured, not interpolated."""
    within = (reading for reading in readings if start <= reading.time <= end)
    worst = min if low else max
    return worst(within, key=lambda reading: reading.mg_dl, default=None)
