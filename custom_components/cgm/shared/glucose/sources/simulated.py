"""A simulated wearer as an account: no network, and equal settings always give equal curves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..errors import SharingDisabled
from ..reading import Bound, Reading
from ..trend import Trend, trend_of_rate
from .login import LoginGuard
from .simulated_settings import SimulatedSettings
from .source import Answer, SensorLife, VisibleWearer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .simulated_sensor import Sensors, Shown
    from .source import Clock, Run

SERIES = "sensor"
LOWEST_MG_DL = 40
HIGHEST_MG_DL = 400
SENSOR_LIFE = timedelta(days=10)
WARM_UP = timedelta(hours=2)


class SimulatedAccount:
    """An account that sees one simulated wearer (SimulatedSettings says which).

    Readings come every `cadence`, a few seconds late, from sensors that live ten days with two
    hours of warm-up; some are lost, some arrive only when the phone is back. The value, its
    arrow and its lateness follow from settings and time alone, whatever was asked before.
    """

    def __init__(
        self,
        settings: SimulatedSettings,
        *,
        clock: Clock,
        elapsed: Callable[[], float],
        run: Run,
    ) -> None:
        """Keep what is needed; what computes is imported by the first `run`, not here."""
        self._settings = settings
        self._clock = clock
        self._guard = LoginGuard(elapsed)
        self._run = run
        self._turn = asyncio.Lock()
        self._sensors: Sensors | None = None

    @property
    def guard(self) -> LoginGuard:
        """A guard that never has reason to refuse."""
        return self._guard

    @property
    def cadence(self) -> timedelta:
        """How often a reading is due."""
        return timedelta(minutes=self._settings.cadence_minutes)

    @property
    def wearer_id(self) -> str:
        """The stable id of the one wearer: the seed."""
        return f"simulated-{self._settings.seed}"

    async def wearers(self) -> tuple[VisibleWearer, ...]:
        """Return the simulated wearer."""
        return (VisibleWearer(self.wearer_id, f"Simulated wearer {self._settings.seed}"),)

    async def readings(self, wearer: str, source: str, since: datetime) -> Answer:
        """Return what has arrived by now, at or after `since`; raises SharingDisabled."""
        if wearer != self.wearer_id:
            raise SharingDisabled("this account simulates another wearer")
        now = self._clock()
        async with self._turn:
            return await self._run(lambda: self._answer(source, since, now))

    def _answer(self, source: str, since: datetime, now: datetime) -> Answer:
        if self._sensors is None:
            # Only who simulates pays for it.
            from .simulated_body import Body  # noqa: PLC0415 - see above
            from .simulated_sensor import Sensors  # noqa: PLC0415 - see above

            body = Body(self._settings.seed, self._settings.zone)
            self._sensors = Sensors(self._settings, body)
        moment = now.timestamp()
        started = datetime.fromtimestamp(self._sensors.session_at(moment).start, UTC)
        return Answer(
            readings=tuple(
                _reading(shown, source)
                for shown in self._sensors.shown(since.timestamp(), moment)
                if shown.available <= moment
            ),
            sensor=SensorLife(
                started=started, expires=started + SENSOR_LIFE, warm_up_until=started + WARM_UP
            ),
        )


def _reading(shown: Shown, source: str) -> Reading:
    """Make a reading of what the sensor showed, as a vendor would write it."""
    mg_dl = round(shown.mg_dl)
    bound: Bound | None = None
    if mg_dl < LOWEST_MG_DL:
        mg_dl, bound = LOWEST_MG_DL - 1, Bound.LOW
    elif mg_dl > HIGHEST_MG_DL:
        mg_dl, bound = HIGHEST_MG_DL + 1, Bound.HIGH
    return Reading(
        time=datetime.fromtimestamp(shown.time, UTC),
        mg_dl=mg_dl,
        source=source,
        series=SERIES,
        bound=bound,
        trend=Trend.NONE if bound or shown.rate is None else trend_of_rate(shown.rate),
    )
