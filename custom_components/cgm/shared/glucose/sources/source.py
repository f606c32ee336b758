"""What every vendor's account can do, and one wearer's source made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime, timedelta

    from ..reading import Reading
    from ..treatment import Treatment
    from .login import LoginGuard

    Clock = Callable[[], datetime]


T = TypeVar("T")


class Run(Protocol):
    """Runs a blocking call off the event loop: asyncio.to_thread, or Home Assistant's executor."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        """Return what `work` returns."""


@dataclass(frozen=True, slots=True)
class VisibleWearer:
    """Somebody whose readings an account sees: the vendor's stable id, a name to choose by."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorLife:
    """When the sensor on the skin was started and will end, aware UTC; None where not told.

    `warm_up_until` is set only where the vendor tells a warm-up.
    """

    started: datetime | None = None
    expires: datetime | None = None
    warm_up_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a vendor had: readings oldest first, and what came along with them.

    `refused` counts rows that could not be readings. `clock_offset` is the vendor's clock
    minus ours (from the HTTP Date header), None where no Date came.
    """

    readings: tuple[Reading, ...] = ()
    refused: int = 0
    clock_offset: timedelta | None = None
    sensor: SensorLife | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentAnswer:
    """What a vendor had beside readings: treatments oldest first, and finger-sticks among them.

    `refused` counts rows that could be neither.
    """

    treatments: tuple[Treatment, ...] = ()
    finger_sticks: tuple[Reading, ...] = ()
    refused: int = 0


class Account(Protocol):
    """One login at one vendor; built without I/O, remembers its session and a refusal.

    Both calls raise the errors of errors.py and nothing else (asyncio.CancelledError apart).
    Every login goes through the account's LoginGuard (login.py), so refused credentials are
    confirmed once, then sent at most once in six hours, however many wearers ask.
    """

    @property
    def guard(self) -> LoginGuard:
        """What decides whether credentials may be sent now."""

    @property
    def cadence(self) -> timedelta:
        """How often a reading is due, by the vendor's own word or custom."""

    async def wearers(self) -> tuple[VisibleWearer, ...]:
        """Log in if need be and return whom the account can see: the login test."""

    async def readings(self, wearer: str, source: str, since: datetime) -> Answer:
        """Return what the vendor has of `wearer` at or after `since`, under the id `source`."""


@runtime_checkable
class TreatmentAccount(Account, Protocol):
    """An account that also knows treatments; most do not."""

    async def treatments(self, wearer: str, source: str, since: datetime) -> TreatmentAnswer | None:
        """Return what the vendor has of `wearer` at or after `since`, under the id `source`.

        None where the account stands for another one that knows no treatments after all.
        Where the credentials may read readings only, it is an UnexpectedAnswer that says so.
        """


@dataclass(frozen=True, slots=True)
class Source:
    """One wearer's readings from one account, under the id they are stored with."""

    account: Account
    wearer: str
    id: str

    @property
    def cadence(self) -> timedelta:
        """How often a reading is due."""
        return self.account.cadence

    async def readings(self, since: datetime) -> Answer:
        """Return what the vendor has at or after `since`, oldest first."""
        return await self.account.readings(self.wearer, self.id, since)

    async def treatments(self, since: datetime) -> TreatmentAnswer | None:
        """Return the treatments at or after `since`; None where the account knows none."""
        if not isinstance(self.account, TreatmentAccount):
            return None
        return await self.account.treatments(self.wearer, self.id, since)
