"""The sensor on a simulated wearer: its life, its errors, what it loses, when a value arrives."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from .simulated_day import epoch_seconds
from .simulated_draws import Topic, normal, of_unit, smooth, uniform, wandering
from .simulated_settings import Planted

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator

    from .simulated_body import Body
    from .simulated_settings import PlantedEvent, SimulatedSettings

DAY = 86400
GRID = 300
LIFE_DAYS = 10
WARM_UP = 2 * 3600
# The arrow looks back this far, as Dexcom's does.
TREND_SECONDS = 900
RAMP = 2400
RISE_PEAK, RISE_END = 75 * 60, 240 * 60
_FIRST_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Session:
    """One sensor: its number, and epoch seconds from its start to the start of the next."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Truth:
    """What the tissue's glucose was, each GRID seconds from epoch second `start`."""

    start: int
    mg_dl: array[float]

    def at(self, moment: float) -> float:
        """Return it at any time inside."""
        step = (moment - self.start) / GRID
        left = min(int(step), len(self.mg_dl) - 2)
        part = step - left
        return self.mg_dl[left] * (1.0 - part) + self.mg_dl[left + 1] * part


class Shown(NamedTuple):
    """A value that a sensor showed.

    `time` is an epoch second, `mg_dl` unrounded and unlimited, `rate` mg/dL/min or None where the
    sensor cannot tell, `available` the epoch second from which the value can be had.
    """

    time: int
    mg_dl: float
    rate: float | None
    available: float


class Sensors:
    """The sensors of one wearer, one after the other."""

    def __init__(self, settings: SimulatedSettings, body: Body) -> None:
        self._settings = settings
        self._seed = settings.seed
        self._body = body

    def session_at(self, moment: float) -> Session:
        """Return the sensor worn at this epoch second."""
        number = self._number_near(moment)
        while self._start(number) > moment:
            number -= 1
        while self._start(number + 1) <= moment:
            number += 1
        return Session(number, self._start(number), self._start(number + 1))

    def shown(self, first: float, last: float) -> Iterator[Shown]:
        """Yield what sensors showed from `first` to `last` (epoch seconds, both included)."""
        day = int((first - TREND_SECONDS) // DAY)
        truth = _Truth(day * DAY, self._body.glucose(day, int((last + GRID) // DAY)))
        moment = first
        while moment <= last:
            session = self.session_at(moment)
            yield from self._shown(session, truth, first, last)
            moment = session.end

    def _number_near(self, moment: float) -> int:
        epoch = self._settings.sensor_epoch
        zero = epoch.timestamp() if epoch else self._first_day() * DAY
        return int((moment - zero) // (LIFE_DAYS * DAY))

    def _first_day(self) -> int:
        return int(list(of_unit(self._seed, Topic.PERSON, 0, 4))[3] * LIFE_DAYS)

    def _start(self, number: int) -> int:
        """Return when a sensor was started: some evening, ten days after the last."""
        epoch, zone = self._settings.sensor_epoch, self._settings.zone
        if epoch is not None and number == 0:
            return int(epoch.timestamp())
        days = number * LIFE_DAYS
        if epoch is None:
            day = date.fromordinal(_FIRST_DAY + self._first_day() + days)
        else:
            day = epoch.astimezone(zone).date() + timedelta(days=days)
        (luck,) = of_unit(self._seed, Topic.SENSOR, number, 1)
        return int(epoch_seconds(day, 18.0 + 3.0 * luck, zone))

    def _shown(self, session: Session, truth: _Truth, first: float, last: float) -> Iterator[Shown]:
        cadence = self._settings.cadence_minutes * 60
        back = TREND_SECONDS // cadence
        lowest = -(-WARM_UP // cadence)
        begin = max(lowest, -int((session.start - first) // cadence))
        end = int((min(last, session.end - 1) - session.start) // cadence)
        if end < begin:
            return
        early = max(lowest, begin - back)
        times = range(session.start + early * cadence, session.start + end * cadence + 1, cadence)
        mg_dl = self._mg_dl(session, truth, times)
        available = self._arrival(times)
        for place in range(begin - early, len(times)):
            arrives = available[place]
            if arrives is None:
                continue
            rate = None
            if place >= back:
                rate = (mg_dl[place] - mg_dl[place - back]) / (TREND_SECONDS / 60)
            yield Shown(times[place], mg_dl[place], rate, arrives)

    def _mg_dl(self, session: Session, truth: _Truth, times: range) -> list[float]:
        """Return the sensor's values: the true ones, with what the wearer's skin makes of them."""
        seed = self._seed
        glucose = [truth.at(at) for at in times]
        self._plant(glucose, times)
        lost = self._compression(times)
        (luck,) = normal(seed, Topic.SENSOR, (session.number,))
        gain = 0.045 * luck
        for place, (at, drift, slow, fast) in enumerate(
            zip(
                times,
                wandering(seed, Topic.SENSOR_DRIFT, times, 12 * 3600),
                wandering(seed, Topic.NOISE_SLOW, times, 2700),
                normal(seed, Topic.NOISE_FAST, (at // 60 for at in times)),
                strict=True,
            )
        ):
            # A fresh sensor is less sure of itself.
            fresh = 1.0 + 0.7 * (1.0 - smooth((at - session.start) / DAY))
            error = gain + 0.025 * drift + 0.022 * fresh * slow
            glucose[place] = glucose[place] * (1.0 + error) + 0.7 * fresh * fast - lost[place]
        return glucose

    def _plant(self, glucose: list[float], times: range) -> None:
        for event, start in self._events(times, {Planted.RISE, Planted.HOLD}):
            if event.what is Planted.RISE:
                for place in _between(times, start, start + RISE_END):
                    after = times[place] - start
                    fall = (after - RISE_PEAK) / (RISE_END - RISE_PEAK)
                    glucose[place] += event.mg_dl * smooth(after / RISE_PEAK) * (1.0 - smooth(fall))
                continue
            held = event.minutes * 60
            for place in _between(times, start - RAMP, start + held + RAMP):
                after = times[place] - start
                weight = smooth(after / RAMP + 1.0) * smooth(1.0 - (after - held) / RAMP)
                glucose[place] = glucose[place] * (1.0 - weight) + event.mg_dl * weight

    def _compression(self, times: range) -> list[float]:
        """Return by how much the sensor reads low while it is slept upon."""
        lost = [0.0] * len(times)
        for day in self._local_days(times):
            chance, begins, lasts, depth = of_unit(
                self._seed, Topic.COMPRESSION, day.toordinal(), 4
            )
            if chance >= 0.12:  # noqa: PLR2004 - one night in eight
                continue
            start = epoch_seconds(day, 0.5 + 4.5 * begins, self._settings.zone)
            end = start + 60 * (25 + 35 * lasts)
            for place in _between(times, start, end):
                at = times[place]
                shape = smooth((at - start) / 900) * smooth((end - at) / 900)
                lost[place] += (18 + 30 * depth) * shape
        return lost

    def _arrival(self, times: range) -> list[float | None]:
        """Return from when each value can be had, None where it never can."""
        seed = self._seed
        # Some are lost in the air.
        kept = [luck >= 0.003 for luck in uniform(seed, Topic.LOST, times)]  # noqa: PLR2004 - three in a thousand
        sent = [float(at) for at in times]
        for day in range(times[0] // DAY - 1, times[-1] // DAY + 1):
            count, *draws = of_unit(seed, Topic.GAPS, day, 16)
            for gap in range(int(count * count * 4)):
                place, size, rare, backfilled = draws[4 * gap : 4 + 4 * gap]
                start = (day + place) * DAY
                minutes = 150 + 150 * size if rare < 0.04 else 7 + 50 * size * size  # noqa: PLR2004 - one gap in 25 is long
                end = start + 60 * minutes
                for inside in _between(times, start, end):
                    # The phone was away and caught up, or the sensor saw nothing.
                    if backfilled < 0.5:  # noqa: PLR2004 - half of them
                        sent[inside] = max(sent[inside], end)
                    else:
                        kept[inside] = False
        for event, start in self._events(times, {Planted.PRESENT, Planted.HOLD}):
            for inside in _between(times, start, start + event.minutes * 60 + 1):
                kept[inside] = True
                sent[inside] = float(times[inside])
        for event, start in self._events(times, {Planted.GAP}):
            for inside in _between(times, start, start + event.minutes * 60):
                kept[inside] = False
        return [
            at + 4.0 + 14.0 * luck * luck + 45.0 * (luck > 0.98) if arrives else None  # noqa: PLR2004 - two in a hundred come late
            for at, arrives, luck in zip(sent, kept, uniform(seed, Topic.DELAY, times), strict=True)
        ]

    def _events(self, times: range, what: set[Planted]) -> Iterator[tuple[PlantedEvent, float]]:
        """Yield the planted events that can touch these times, each with its epoch second."""
        planted = [event for event in self._settings.planted if event.what in what]
        for day in self._local_days(times) if planted else ():
            for event in planted:
                if event.falls_on(day):
                    hours = event.at.hour + event.at.minute / 60 + event.at.second / 3600
                    yield event, epoch_seconds(day, hours, self._settings.zone)

    def _local_days(self, times: range) -> Iterator[date]:
        """Yield the local days around these times, three back for what lasts."""
        zone = self._settings.zone
        day = datetime.fromtimestamp(times[0], UTC).astimezone(zone).date() - timedelta(days=3)
        last = datetime.fromtimestamp(times[-1], UTC).astimezone(zone).date() + timedelta(days=1)
        while day <= last:
            yield day
            day += timedelta(days=1)


def _between(times: range, start: float, end: float) -> range:
    """Return the places of the times from `start` to before `end`."""
    return range(bisect_left(times, start), bisect_left(times, end))
