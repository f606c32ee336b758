"""The sensor on a simulated wearer: its life, its errors, what it loses, when a value arrives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from .simulated_day import epoch_seconds
from .simulated_draws import Topic, normal, of_unit, smooth, uniform, wandering
from .simulated_settings import Planted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .simulated_body import Body
    from .simulated_draws import Floats, Wholes
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
    mg_dl: Floats

    def at(self, times: Floats) -> Floats:
        """Return it at any times inside."""
        step = (times - self.start) / GRID
        left = np.minimum(step.astype(np.int64), len(self.mg_dl) - 2)
        part = step - left
        between: Floats = self.mg_dl[left] * (1.0 - part) + self.mg_dl[left + 1] * part
        return between


@dataclass(frozen=True, slots=True)
class Trace:
    """What a sensor showed: parallel arrays, oldest first.

    `times` are epoch seconds, `mg_dl` unrounded and unlimited, `rate` mg/dL/min or NaN where the
    sensor cannot tell, `available` the epoch second from which a value can be had.
    """

    times: Wholes
    mg_dl: Floats
    rate: Floats
    available: Floats


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

    def traces(self, first: float, last: float) -> Iterator[Trace]:
        """Yield what each sensor showed from `first` to `last` (epoch seconds, both included)."""
        day = int((first - TREND_SECONDS) // DAY)
        truth = _Truth(day * DAY, self._body.glucose(day, int((last + GRID) // DAY)))
        moment = first
        while moment <= last:
            session = self.session_at(moment)
            trace = self._trace(session, truth, first, last)
            if trace is not None:
                yield trace
            moment = session.end

    def _number_near(self, moment: float) -> int:
        epoch = self._settings.sensor_epoch
        zero = epoch.timestamp() if epoch else self._first_day() * DAY
        return int((moment - zero) // (LIFE_DAYS * DAY))

    def _first_day(self) -> int:
        return int(of_unit(self._seed, Topic.PERSON, 0, 4)[3] * LIFE_DAYS)

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
        return int(
            epoch_seconds(day, 18.0 + 3.0 * of_unit(self._seed, Topic.SENSOR, number)[0], zone)
        )

    def _trace(self, session: Session, truth: _Truth, first: float, last: float) -> Trace | None:
        cadence = self._settings.cadence_minutes * 60
        back = TREND_SECONDS // cadence
        lowest = -(-WARM_UP // cadence)
        begin = max(lowest, -int((session.start - first) // cadence))
        end = int((min(last, session.end - 1) - session.start) // cadence)
        if end < begin:
            return None
        early = max(lowest, begin - back)
        count = np.arange(early, end + 1)
        times = session.start + count * cadence
        shown = self._shown(session, truth, times)
        rate = np.full(len(times), np.nan)
        rate[back:] = (shown[back:] - shown[:-back]) / (TREND_SECONDS / 60)
        available, kept = self._arrival(times)
        kept &= count >= begin
        return Trace(times[kept], shown[kept], rate[kept], available[kept])

    def _shown(self, session: Session, truth: _Truth, times: Wholes) -> Floats:
        """Return the sensor's value: the true one, with what the wearer's skin makes of it."""
        seed, at = self._seed, times.astype(np.float64)
        glucose = self._planted(truth.at(at), at)
        gain = 0.045 * float(normal(seed, Topic.SENSOR, np.array([session.number]))[0])
        # A fresh sensor is less sure of itself.
        fresh = 1.0 + 0.7 * (1.0 - smooth((at - session.start) / DAY))
        error = (
            gain
            + 0.025 * wandering(seed, Topic.SENSOR_DRIFT, at, 12 * 3600)
            + 0.022 * fresh * wandering(seed, Topic.NOISE_SLOW, at, 2700)
        )
        fast = 0.7 * fresh * normal(seed, Topic.NOISE_FAST, times // 60)
        return glucose * (1.0 + error) + fast - self._compression(at)

    def _planted(self, glucose: Floats, at: Floats) -> Floats:
        for event, start in self._events(at, {Planted.RISE, Planted.HOLD}):
            after = at - start
            if event.what is Planted.RISE:
                fall = (after - RISE_PEAK) / (RISE_END - RISE_PEAK)
                glucose = glucose + event.mg_dl * smooth(after / RISE_PEAK) * (1.0 - smooth(fall))
            else:
                weight = smooth(after / RAMP + 1.0) * smooth(
                    1.0 - (after - event.minutes * 60) / RAMP
                )
                glucose = glucose * (1.0 - weight) + event.mg_dl * weight
        return glucose

    def _compression(self, at: Floats) -> Floats:
        """Return by how much the sensor reads low while it is slept upon."""
        lost = np.zeros(len(at))
        for day in self._local_days(at):
            draws = of_unit(self._seed, Topic.COMPRESSION, day.toordinal(), 4)
            if draws[0] < 0.12:  # noqa: PLR2004 - one night in eight
                start = epoch_seconds(day, 0.5 + 4.5 * draws[1], self._settings.zone)
                end = start + 60 * (25 + 35 * draws[2])
                shape = smooth((at - start) / 900) * smooth((end - at) / 900)
                lost = lost + (18 + 30 * draws[3]) * shape
        return lost

    def _arrival(self, times: Wholes) -> tuple[Floats, NDArray[np.bool_]]:
        """Return from when each value can be had, and whether it ever can."""
        seed, at = self._seed, times.astype(np.float64)
        kept = uniform(seed, Topic.LOST, times) >= 0.003  # noqa: PLR2004 - lost in the air
        sent = at.copy()
        for day in range(int(times[0] // DAY) - 1, int(times[-1] // DAY) + 1):
            draws = of_unit(seed, Topic.GAPS, day, 16)
            for gap in range(int(draws[0] * draws[0] * 4)):
                place, size, rare, backfilled = draws[1 + 4 * gap : 5 + 4 * gap]
                start = (day + place) * DAY
                minutes = 150 + 150 * size if rare < 0.04 else 7 + 50 * size * size  # noqa: PLR2004
                inside = (at >= start) & (at < start + 60 * minutes)
                # The phone was away and caught up, or the sensor saw nothing.
                if backfilled < 0.5:  # noqa: PLR2004
                    sent[inside] = np.maximum(sent[inside], start + 60 * minutes)
                else:
                    kept &= ~inside
        for event, start in self._events(at, {Planted.PRESENT, Planted.HOLD}):
            inside = (at >= start) & (at <= start + event.minutes * 60)
            kept |= inside
            sent[inside] = at[inside]
        for event, start in self._events(at, {Planted.GAP}):
            kept &= ~((at >= start) & (at < start + event.minutes * 60))
        luck = uniform(seed, Topic.DELAY, times)
        return sent + 4.0 + 14.0 * luck * luck + 45.0 * (luck > 0.98), kept  # noqa: PLR2004

    def _events(self, at: Floats, what: set[Planted]) -> Iterator[tuple[PlantedEvent, float]]:
        """Yield the planted events that can touch these times, each with its epoch second."""
        planted = [event for event in self._settings.planted if event.what in what]
        for day in self._local_days(at) if planted else ():
            for event in planted:
                if event.falls_on(day):
                    hours = event.at.hour + event.at.minute / 60 + event.at.second / 3600
                    yield event, epoch_seconds(day, hours, self._settings.zone)

    def _local_days(self, at: Floats) -> Iterator[date]:
        """Yield the local days around these times, three back for what lasts."""
        zone = self._settings.zone
        day = datetime.fromtimestamp(float(at[0]), UTC).astimezone(zone).date() - timedelta(days=3)
        last = datetime.fromtimestamp(float(at[-1]), UTC).astimezone(zone).date() + timedelta(
            days=1
        )
        while day <= last:
            yield day
            day += timedelta(days=1)
