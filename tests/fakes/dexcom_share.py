"""A Dexcom Share server on loopback, with a switch for every fault seen in the field.

    fake = FakeDexcomShare(rows=[Row(time=..., value=112, trend="Flat")], clock=...)
    with fake.serving_in_thread() as url:
        services = fake.base_url(url)       # what pydexcom's DEXCOM_BASE_URLS holds for a region

What it answers follows pydexcom's recorded cassettes (2024 and 2025) and source 0.5.1. Every
public attribute is a switch and may be changed while serving; raw HTTP faults are `fail` of
serving.py, and `coded` here makes one of any fault code. Guessed, because no record shows it:
the Message of SSO_AuthenticateMaxAttemptsExceeded and of SessionNotValid, and that a foreign
application id is refused as a wrong region is.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web

from .serving import FakeServer, Fault, Handler

SERVICES = "/ShareWebServices/Services/"
AUTHENTICATE = SERVICES + "General/AuthenticatePublisherAccount"
LOGIN_BY_ID = SERVICES + "General/LoginPublisherAccountById"
READ = SERVICES + "Publisher/ReadPublisherLatestGlucoseValues"

ZERO_ID = "00000000-0000-0000-0000-000000000000"
APPLICATION_IDS = {
    "us": "d89443d2-327c-4a6f-89e5-496bbb0317db",
    "ous": "d89443d2-327c-4a6f-89e5-496bbb0317db",
    "jp": "d8665ade-9673-4e27-9ff6-92db4ce13d13",
}
TRENDS = (
    "None",
    "DoubleUp",
    "SingleUp",
    "FortyFiveUp",
    "Flat",
    "FortyFiveDown",
    "SingleDown",
    "DoubleDown",
    "NotComputable",
    "RateOutOfRange",
)
MAX_MINUTES = 1440
MAX_COUNT = 288


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One reading as the vendor has it; `visible_at` is when it reaches the vendor.

    None: it is there from the beginning. `value` and `trend` may be anything JSON can hold.
    """

    time: datetime
    value: object = 100
    trend: object = "Flat"
    visible_at: datetime | None = None


@dataclass(slots=True)
class Publisher:
    """The account: whose name and password are right, and where it was registered."""

    name: str = "wearer@example.invalid"
    password: str = field(default="right-password-1", repr=False)
    id: str = "6f3f5b56-9d3c-4f5c-8e51-4f0b1d2c3a4e"
    region: str = "us"


class FakeDexcomShare(FakeServer):
    """One region's Dexcom Share with one publisher account.

    Switches, each off at first:
      region               which region this server is; unlike publisher.region: logins refused
      has_follower         False: logins are refused as a wrong password is
      spurious_refusals    so many of the next good logins are refused all the same
      lock_after           after so many bad logins every login answers MaxAttempts;
                           locked_for ends it by the clock, `unlock` at once
      zero_sessions        so many of the next LoginPublisherAccountById answer the all-zero id
      zero_accounts        so many of the next AuthenticatePublisherAccount answer the all-zero id
      session_lifetime     how long a session lives, by the clock; `drop_sessions` ends all now
      session_fault        the code of a lost session: SessionIdNotFound or SessionNotValid
      sharing              False: logins work, reads are empty
      slash_dates          /Date(…)/ instead of Date(…)
      integer_trends       4 instead of "Flat"
      second_upload        each reading comes once more, this much later (phone and watch)
      display_clock_error  ST and DT are off by this much, WT is right
      display_offset       the offset of the device that DT carries
      json_sub_code        SubCode is JSON text instead of the XML-like one
      raw_rows             what is put before the rows of every read, as it is

    Counts: `logins` (sessions given), `bad_logins` (credentials refused, for whatever reason),
    `reads` (reads answered with rows).
    """

    def __init__(
        self,
        *,
        rows: Iterable[Row] = (),
        region: str = "us",
        publisher: Publisher | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin with everything working."""
        super().__init__(clock=clock)
        self.rows = list(rows)
        self.raw_rows: list[object] = []
        self.region = region
        self.publisher = Publisher(region=region) if publisher is None else publisher
        self.has_follower = True
        self.spurious_refusals = 0
        self.lock_after: int | None = None
        self.locked_for: timedelta | None = None
        self.zero_sessions = 0
        self.zero_accounts = 0
        self.session_lifetime: timedelta | None = None
        self.session_fault = "SessionIdNotFound"
        self.sharing = True
        self.slash_dates = False
        self.integer_trends = False
        self.second_upload: timedelta | None = None
        self.display_clock_error = timedelta(0)
        self.display_offset = timedelta(hours=-4)
        self.json_sub_code = False
        self.logins = 0
        self.bad_logins = 0
        self.reads = 0
        self._sessions: dict[str, datetime] = {}
        self._failures = 0
        self._locked_at: datetime | None = None

    @staticmethod
    def base_url(url: str) -> str:
        """Return the services' base URL for a URL given by `serving`."""
        return url + SERVICES

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Return the three services."""
        return [
            web.post(AUTHENTICATE, self._authenticate),
            web.post(LOGIN_BY_ID, self._login_by_id),
            web.post(READ, self._read),
        ]

    def change_password(self, password: str) -> None:
        """Change the password as its owner does: all sessions end."""
        self.publisher.password = password
        self.drop_sessions()

    def drop_sessions(self) -> None:
        """End all sessions."""
        self._sessions.clear()

    def unlock(self) -> None:
        """End the lock and forget failed logins."""
        self._failures = 0
        self._locked_at = None

    async def _authenticate(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if not asked.get("accountName"):
            return self._fault("InvalidArgument", "Missing required field(s): accountName")
        if not asked.get("password"):
            return self._fault("InvalidArgument", "Missing required field(s): password")
        refusal = self._refusal(asked, asked["accountName"] == self.publisher.name)
        if refusal is not None:
            return refusal
        if self.zero_accounts > 0:
            self.zero_accounts -= 1
            return web.json_response(ZERO_ID)
        return web.json_response(self.publisher.id)

    async def _login_by_id(self, request: web.Request) -> web.Response:
        asked = await request.json()
        account = asked.get("accountId")
        if not asked.get("password"):
            return self._fault("InvalidArgument", "Missing required field(s): password")
        # Recorded: an empty or all-zero account id is no fault, but gives an all-zero session.
        if account in {"", None, ZERO_ID}:
            return web.json_response(ZERO_ID)
        if not _is_uuid(account):
            message = (
                "Missing required field(s): JSON parse error: Cannot deserialize value of type "
                "`java.util.UUID` from String: UUID has to be represented by standard 36-char "
                "representation"
            )
            return self._fault("InvalidArgument", message)
        refusal = self._refusal(asked, account == self.publisher.id)
        if refusal is not None:
            return refusal
        if self.zero_sessions > 0:
            self.zero_sessions -= 1
            return web.json_response(ZERO_ID)
        session = str(uuid.uuid4())
        self._sessions[session] = self.clock()
        self.logins += 1
        return web.json_response(session)

    async def _read(self, request: web.Request) -> web.Response:
        # nightscout-connect spells it sessionID, pydexcom sessionId; both are understood.
        session = request.query.get("sessionId", request.query.get("sessionID"))
        if session == ZERO_ID:
            return web.Response(content_type="application/json")
        now = self.clock()
        if session is None or not self._is_live(session, now):
            message = f"Failed to find session object. [SessionId = {session}]"
            return self._fault(self.session_fault, message)
        minutes = int(request.query.get("minutes", 0))
        count = int(request.query.get("maxCount", 0))
        if not (0 <= minutes <= MAX_MINUTES and 0 <= count <= MAX_COUNT):
            return self._fault("InvalidArgument", "minutes or maxCount out of range")
        self.reads += 1
        # Python writes NaN where it is told to; so a test may send what no JSON reader must take.
        text = json.dumps(self._shared(now, minutes, count))
        return web.Response(text=text, content_type="application/json")

    def _refusal(self, asked: dict[str, str], known: bool) -> web.Response | None:
        """Return the fault that refuses these credentials, None where they are good."""
        if self._is_locked():
            self.bad_logins += 1
            return self._fault(
                "SSO_AuthenticateMaxAttemptsExceeded", "Maximum authentication attempts exceeded"
            )
        good = (
            known
            and asked["password"] == self.publisher.password
            and asked.get("applicationId") == APPLICATION_IDS[self.region]
            and self.publisher.region == self.region
            and self.has_follower
        )
        if good and self.spurious_refusals > 0:
            self.spurious_refusals -= 1
            self.bad_logins += 1
            return self._fault("AccountPasswordInvalid", "Publisher account password failed")
        if good:
            self._failures = 0
            return None
        self.bad_logins += 1
        self._failures += 1
        if self.lock_after is not None and self._failures >= self.lock_after:
            self._locked_at = self.clock()
        return self._fault("AccountPasswordInvalid", "Publisher account password failed")

    def _is_locked(self) -> bool:
        if self._locked_at is None:
            return False
        if self.locked_for is not None and self.clock() - self._locked_at >= self.locked_for:
            self.unlock()
            return False
        return True

    def _is_live(self, session: str, now: datetime) -> bool:
        begun = self._sessions.get(session)
        if begun is None:
            return False
        return self.session_lifetime is None or now - begun < self.session_lifetime

    def _shared(self, now: datetime, minutes: int, count: int) -> list[object]:
        """Return what is visible now of the last `minutes`, newest first, at most `count`."""
        if not self.sharing:
            return []
        begin = now - timedelta(minutes=minutes)
        rows = [row for row in self.rows if row.time >= begin and self._is_visible(row, now)]
        uploads = [(row.time, row) for row in rows]
        if self.second_upload is not None:
            uploads += [(row.time + self.second_upload, row) for row in rows]
        uploads.sort(key=lambda upload: upload[0], reverse=True)
        return (self.raw_rows + [self._json(time, row) for time, row in uploads])[:count]

    @staticmethod
    def _is_visible(row: Row, now: datetime) -> bool:
        return row.visible_at is None or row.visible_at <= now

    def _json(self, time: datetime, row: Row) -> dict[str, object]:
        wear = _epoch_ms(time)
        shown = wear + round(self.display_clock_error.total_seconds() * 1000)
        minutes = round(self.display_offset.total_seconds() / 60)
        offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
        slash = "/" if self.slash_dates else ""
        trend = row.trend
        if self.integer_trends and trend in TRENDS:
            trend = TRENDS.index(str(trend))
        return {
            "WT": f"{slash}Date({wear}){slash}",
            "ST": f"{slash}Date({shown}){slash}",
            "DT": f"{slash}Date({shown}{offset}){slash}",
            "Value": row.value,
            "Trend": trend,
        }

    def _fault(self, code: str, message: str) -> web.Response:
        return _fault_answer(code, message, json_sub_code=self.json_sub_code)


def coded(code: str, message: str, *, status: int = 500) -> Fault:
    """Return the fault of any Dexcom code, to be switched on with `fail`."""

    async def fault(_request: web.Request, _handler: Handler) -> web.StreamResponse:
        return _fault_answer(code, message, status=status)

    return fault


def _fault_answer(
    code: str, message: str, *, status: int = 500, json_sub_code: bool = False
) -> web.Response:
    sub_code = f'<OnlineException ErrorCode="{code}" Category="4" Message="{message}" />'
    if json_sub_code:
        sub_code = json.dumps({"ErrorCode": code, "Message": message})
    fault = {
        "Code": code,
        "Message": message,
        "SubCode": sub_code,
        "TypeName": "FaultException",
    }
    return web.json_response(fault, status=status)


def _epoch_ms(time: datetime) -> int:
    """Return epoch milliseconds without the rounding of a float."""
    return (time - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


def _is_uuid(text: object) -> bool:
    try:
        uuid.UUID(str(text))
    except ValueError:
        return False
    return True
