"""LibreLinkUp: one login of a follower, kept as long as the vendor lets it, for all it follows."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from ..errors import (
    ClientVersionRefused,
    GlucoseError,
    SharingDisabled,
    SourceUnreachable,
    TermsNotAccepted,
    UnexpectedAnswer,
)
from .http import HttpAnswer, ask
from .librelinkup_refusals import (
    FINE,
    body_of,
    not_authenticated,
    refusal,
    step_of,
)
from .librelinkup_rows import graph_readings, is_patient_id, sensor_life, table, visible_wearers
from .librelinkup_settings import LibreLinkUpSettings, redirected_region, vendor_address
from .login import LoginGuard
from .source import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import aiohttp

    from .source import Clock, VisibleWearer

# A sensor feeds the phone each minute; the server passes it on every one to five. The true
# interval is learned where asking is planned, this is where learning begins.
CADENCE = timedelta(minutes=1)
# Global to region to region is what was seen; more is a loop, and each hop sends a password.
MOST_REDIRECTS = 3
# After a login that led nowhere (terms, version, a session refused at once): the vendor bans
# addresses that log in with every poll.
LOGIN_PAUSE = timedelta(minutes=5)
# Milliseconds beyond any calendar.
_NO_TIME = 10**15

_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """What a login gave: the bearer's token, until when it lasts (elapsed seconds), whose it is."""

    token: str = field(repr=False)
    ends: float | None
    account_id: str = field(repr=False)


class LibreLinkUpAccount:
    """One follower's login at LibreLinkUp (the Account protocol).

    `clock` gives aware UTC, `elapsed` monotonic seconds; `refused` carries a confirmed refusal
    over a restart; `address_of` gives the base address of a region.
    """

    def __init__(  # noqa: PLR0913 - what a source is built from
        self,
        settings: LibreLinkUpSettings,
        session: aiohttp.ClientSession,
        *,
        clock: Clock,
        elapsed: Callable[[], float],
        refused: bool = False,
        address_of: Callable[[str | None], str] = vendor_address,
    ) -> None:
        self._settings = settings
        self._http = session
        self._clock = clock
        self._elapsed = elapsed
        self._address_of = address_of
        self._guard = LoginGuard(elapsed, refused=refused)
        self._headers = {
            "product": "llu.android",
            "version": settings.client_version,
            "cache-control": "no-cache",
        }
        self._region = settings.region
        self._session: _Session | None = None
        self._logging_in = asyncio.Lock()
        self._failures = 0
        self._failure: GlucoseError | None = None
        self._paused_until = 0.0

    @property
    def guard(self) -> LoginGuard:
        """What decides whether credentials may be sent now."""
        return self._guard

    @property
    def cadence(self) -> timedelta:
        """How often a reading is due: each minute, where the server passes all on."""
        return CADENCE

    @property
    def region(self) -> str | None:
        """The region in use, learned from the vendor's redirects: worth keeping in the settings."""
        return self._region

    async def wearers(self) -> tuple[VisibleWearer, ...]:
        """Return whom the account follows, by name; () where nobody shares with it."""
        _, body = await self._get("/llu/connections")
        return visible_wearers(body.get("data"))

    async def readings(self, wearer: str, source: str, since: datetime) -> Answer:
        """Return graph points and the current value of one patient, from one request.

        Raises SharingDisabled where the account no longer sees the patient.
        """
        if not is_patient_id(wearer):
            raise SharingDisabled("this cannot be anybody whom the account sees")
        answer, body = await self._get(f"/llu/connections/{wearer}/graph")
        data = body.get("data")
        found, refused = graph_readings(data, wearer=wearer, source=source, since=since)
        return Answer(
            readings=found,
            refused=refused,
            clock_offset=answer.clock_offset,
            sensor=sensor_life(data),
        )

    async def _get(self, path: str) -> tuple[HttpAnswer, Mapping[str, object]]:
        """Ask as a logged-in client; where the session has ended, log in once and ask once more."""
        session = await self._logged_in()
        answer, body = await self._ask_as(session, path)
        if not_authenticated(body):
            session = await self._logged_in(instead_of=session)
            answer, body = await self._ask_as(session, path)
            if not_authenticated(body):
                if self._session is session:
                    self._session = None
                raise self._pause(SourceUnreachable("the source refuses the login it just gave"))
        if body.get("status") != FINE or step_of(body) is not None:
            raise refusal(body, answer, self._guard, self._clock(), login=False)
        if answer.status != HTTPStatus.OK:
            raise answer.fault()
        if self._session is session:
            # Each answer brings a fresh ticket: with it, a busy account never logs in again.
            self._session = self._renewed(session, body.get("ticket"), answer) or session
        return answer, body

    async def _ask_as(
        self, session: _Session, path: str
    ) -> tuple[HttpAnswer, Mapping[str, object]]:
        answer = await ask(
            self._http,
            "GET",
            self._address_of(self._region) + path,
            clock=self._clock,
            headers={
                **self._headers,
                "authorization": f"Bearer {session.token}",
                "account-id": session.account_id,
            },
        )
        return answer, body_of(answer, client_version=self._settings.client_version)

    async def _logged_in(self, *, instead_of: _Session | None = None) -> _Session:
        """Return a session that lasts and is not `instead_of`; one login serves all who wait."""
        failures = self._failures
        async with self._logging_in:
            session = self._session
            lasts = session is not None and (session.ends is None or self._elapsed() < session.ends)
            if session is not None and lasts and session is not instead_of:
                return session
            self._session = None
            paused = self._elapsed() < self._paused_until
            if self._failure is not None and (paused or failures != self._failures):
                # Another wearer's question has just had this outcome, or it is too early.
                raise copy.copy(self._failure)
            try:
                self._session = await self._log_in()
            except (ClientVersionRefused, TermsNotAccepted, UnexpectedAnswer) as error:
                raise self._pause(error) from None
            except GlucoseError as error:
                self._note(error)
                raise
            self._failure = None
            return self._session

    def _note(self, error: GlucoseError) -> None:
        """Remember a failure for whoever waits; a copy, because a raised one holds its frames."""
        self._failures += 1
        self._failure = copy.copy(error)

    def _pause(self, error: GlucoseError) -> GlucoseError:
        """Send no credentials for a while, and meanwhile give the same answer."""
        self._note(error)
        self._paused_until = self._elapsed() + LOGIN_PAUSE.total_seconds()
        return error

    async def _log_in(self) -> _Session:
        """Send the credentials, to where the vendor says the account lives."""
        region = self._region
        been = {region}
        for _ in range(MOST_REDIRECTS + 1):
            self._guard.check()
            answer = await ask(
                self._http,
                "POST",
                self._address_of(region) + "/llu/auth/login",
                clock=self._clock,
                headers=self._headers,
                json={"email": self._settings.email, "password": self._settings.password},
            )
            body = body_of(answer, client_version=self._settings.client_version)
            data = table(body.get("data"))
            if body.get("status") != FINE or step_of(body) is not None:
                raise refusal(body, answer, self._guard, self._clock(), login=True)
            if data.get("redirect") is not True:
                session = self._session_of(data, answer)
                self._guard.accepted()
                self._region = region
                return session
            region = redirected_region(data.get("region"))
            if region in been:
                break
            been.add(region)
        raise UnexpectedAnswer("the source redirects without end")

    def _session_of(self, data: Mapping[str, object], answer: HttpAnswer) -> _Session:
        """Read a successful login."""
        user = table(data.get("user")).get("id")
        if not isinstance(user, str) or not user:
            raise UnexpectedAnswer("the login came without its user")
        nobody = _Session(
            token="",
            ends=None,
            account_id=hashlib.sha256(user.encode(errors="replace")).hexdigest(),
        )
        session = self._renewed(nobody, data.get("authTicket"), answer)
        if session is None:
            raise UnexpectedAnswer("the login came without a ticket")
        return session

    def _renewed(self, session: _Session, ticket: object, answer: HttpAnswer) -> _Session | None:
        """Return the session with a new ticket, None where that is no ticket.

        Its length counts in elapsed time, so that a wrong clock neither ends nor stretches it;
        `expires` counts only where no length is told. With neither, it lasts until refused.
        """
        fields = table(ticket)
        token = fields.get("token")
        if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
            return None
        seconds = _whole(fields.get("duration")) / 1000
        expires = _whole(fields.get("expires"))
        if seconds == 0 and expires > 0:
            vendor_now = answer.received + (answer.clock_offset or timedelta())
            seconds = expires - vendor_now.timestamp()
        ends = self._elapsed() + seconds if seconds > 0 else None
        return _Session(token=token, ends=ends, account_id=session.account_id)


def _whole(value: object) -> int:
    """Return a whole number that can be a time or a length, else 0."""
    return value if type(value) is int and 0 < value < _NO_TIME else 0
