"""A Dexcom Share account: when it logs in, what it asks for, and what it makes of the answer."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from ..errors import CredentialsRejected, SourceUnreachable, UnexpectedAnswer
from .dexcom_refusals import EmptyIdError, LockedError, RefusedError, SessionLostError
from .dexcom_rows import readings_of
from .login import CONFIRM_AFTER, LoginGuard
from .source import Answer, VisibleWearer

if TYPE_CHECKING:
    from .dexcom_share import Share
    from .source import Clock, Run


CADENCE = timedelta(minutes=5)
ANSWER_WITHIN = timedelta(seconds=20)
MAX_MINUTES = 1440
MAX_COUNT = 288
# Asked for beyond `since`, because the vendor counts back from its own clock.
_MARGIN_MINUTES = 10
# Phone and watch may both upload each reading (gagebenne/pydexcom#95).
_UPLOADS = 2

_PHONE_FILLERS = re.compile(r"[\s().\-/]")
_PHONE = re.compile(r"\+[0-9]+")


class Region(StrEnum):
    """Where the account was registered; each region knows only its own accounts."""

    US = "us"
    OUS = "ous"
    JP = "jp"


@dataclass(frozen=True, slots=True, kw_only=True)
class DexcomSettings:
    """The publisher's own credentials, not a follower's."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    region: Region

    @property
    def account_name(self) -> str:
        """Return the name as Dexcom wants it: a phone number is "+" and digits, nothing between."""
        number = _PHONE_FILLERS.sub("", self.username)
        return number if _PHONE.fullmatch(number) else self.username.strip()


class DexcomAccount:
    """One Dexcom Share login (Account in source.py); it sees one wearer, whose id is the account's.

    `run` runs blocking calls; `clock` is aware UTC, `elapsed` monotonic seconds; `refused` begins
    with a refusal that was confirmed before a restart. `base_url` replaces the region's services'
    address. A request ends within `answer_within`; connecting may add as much for each address.

    Dexcom gives at most 24 hours and 288 rows, whatever is asked for.
    """

    def __init__(  # noqa: PLR0913 - settings, and what the outside world is to it
        self,
        settings: DexcomSettings,
        *,
        run: Run,
        clock: Clock,
        elapsed: Callable[[], float],
        refused: bool = False,
        base_url: str | None = None,
        answer_within: timedelta = ANSWER_WITHIN,
    ) -> None:
        self._settings = settings
        self._run = run
        self._clock = clock
        self._elapsed = elapsed
        self._base_url = base_url
        self._answer_within = answer_within
        self._guard = LoginGuard(elapsed, refused=refused)
        self._asking = asyncio.Lock()
        # A cancelled caller leaves its thread at work: the next one's thread waits for it here.
        self._working = Lock()
        self._share: Share | None = None
        self._no_login_before = 0.0

    @property
    def guard(self) -> LoginGuard:
        """What decides whether credentials may be sent now."""
        return self._guard

    @property
    def cadence(self) -> timedelta:
        """How often a reading is due."""
        return CADENCE

    async def wearers(self) -> tuple[VisibleWearer, ...]:
        """Log in if need be and return the one wearer.

        Its name is empty: Share tells none, and the account's name is not one to show.
        """
        async with self._asking:
            account_id = await self._run(self._log_in_if_need_be)
        return (VisibleWearer(id=account_id, name=""),)

    async def readings(self, wearer: str, source: str, since: datetime) -> Answer:
        """Return what Dexcom has at or after `since`, oldest first."""
        async with self._asking:
            return await self._run(partial(self._answer, wearer, source, since))

    # From here on everything runs in an executor's thread.

    def _log_in_if_need_be(self) -> str:
        with self._opened() as share:
            return self._account_id(share)

    def _answer(self, wearer: str, source: str, since: datetime) -> Answer:
        with self._opened() as share:
            if self._account_id(share) != wearer:
                # The user's next step is to log in, as the wearer this time.
                reason = "these credentials belong to another Dexcom account than this wearer's"
                raise CredentialsRejected(reason, confirmed=True)
            rows = self._rows(share, since)
            offset = share.clock_offset
        now = None if offset is None else self._clock() + offset
        readings, refused = readings_of(rows, source=source, since=since, now=now)
        return Answer(readings=readings, refused=refused, clock_offset=offset)

    def _rows(self, share: Share, since: datetime) -> list[object]:
        """Ask; if the session is lost, log in once and ask once more."""
        now = self._clock() + (share.clock_offset or timedelta(0))
        minutes = min(max(math.ceil((now - since).total_seconds() / 60), 0), MAX_MINUTES)
        minutes = min(minutes + _MARGIN_MINUTES, MAX_MINUTES)
        count = min(math.ceil(_UPLOADS * timedelta(minutes=minutes) / CADENCE), MAX_COUNT)
        try:
            try:
                return share.rows(minutes, count)
            except (SessionLostError, RefusedError):
                # No credentials were sent here, so none were refused: only the session was.
                self._log_in(share)
            return share.rows(minutes, count)
        except LockedError:
            raise self._guard.locked(self._clock(), None) from None
        except (SessionLostError, RefusedError):
            raise UnexpectedAnswer("Dexcom does not know the session it has just given") from None

    def _account_id(self, share: Share) -> str:
        if not share.logged_in:
            self._log_in(share)
        return str(share.account_id)

    def _log_in(self, share: Share) -> None:
        """Send the credentials, if they may be sent."""
        self._guard.check()
        pause = self._no_login_before - self._elapsed()
        if pause > 0:
            reason = "Dexcom gave no session"
            raise SourceUnreachable(reason, retry_after=timedelta(seconds=pause))
        try:
            try:
                share.log_in()
            except EmptyIdError:
                share.log_in()
        except EmptyIdError:
            # It was seen for wrong passwords, but also for right ones while Dexcom was ill
            # (gagebenne/pydexcom#2, #18): not told to the user, and not repeated quickly.
            self._no_login_before = self._elapsed() + CONFIRM_AFTER.total_seconds()
            reason = "Dexcom gave no session"
            raise SourceUnreachable(reason, retry_after=CONFIRM_AFTER) from None
        except RefusedError as refusal:
            raise self._guard.refused(str(refusal)) from None
        except LockedError:
            raise self._guard.locked(self._clock(), None) from None
        self._guard.accepted()

    @contextmanager
    def _opened(self) -> Iterator[Share]:
        """Lend the client to one thread at a time.

        Connections are not kept for the next time: five minutes later a router in between may
        have forgotten them, and a half-dead one costs a whole timeout.
        """
        with self._working:
            if self._share is None:
                self._share = self._made()
            try:
                yield self._share
            finally:
                self._share.close()

    def _made(self) -> Share:
        """Return a new client; nothing is sent yet."""
        from .dexcom_share import Share  # noqa: PLC0415 - requests is heavy: off the loop

        name, password = self._settings.account_name, self._settings.password
        if not name or not password:
            raise CredentialsRejected("name or password is missing", confirmed=True)
        return Share(
            username=name,
            password=password,
            region=self._settings.region,
            base_url=self._base_url,
            clock=self._clock,
            seconds=self._answer_within.total_seconds(),
        )
