"""LibreLinkUp's server on loopback: logins, regions, connections, graphs, and every known fault.

The contract is what public clients read and users report; no vendor documentation exists. What
no outside client covers (locks, floors of versions, bans) is after users' reports alone.

    fake = FakeLibreLinkUp(clock=clock)
    ada = fake.follow(FakePatient(given="Ada", family="Example"))
    ada.play(curve, start=..., minutes=24 * 60)      # minute values and smoothed graph points
    async with fake.serving() as url:
        address_of = addresses(url)                  # every region is a folder of the one server

Switches (attributes, all may be changed while serving):

    redirects      {"global": "eu", "eu": "eu2"}: where a login is sent on, hop by hop
    floor          oldest client version served; older ones get `floor_status`
    floor_status   403 (connections and graph), 400 RequiredHeaderMissing, 430 (login)
    step           None, "tou", "pp", "verifyEmail": what must be accepted in the app
    locks_after    bad passwords until the account is locked for `lockout` seconds; None: never
    locked         whether it is locked now, whatever the password
    refuses_all    good passwords are refused too (vendors do that spuriously)
    ticket_life    how long a ticket lasts; `tells_length`, `tells_expiry`: which fields say so
    renews         each answer brings a new ticket; the old ones still work
    reverses       connections come in the other order
    forgets        ids of patients that are listed nowhere any more
    mixes_up       id of a patient asked for: the patient whose graph comes instead
    omits          names of optional fields left out wherever they stand
    end_sessions() all tickets are over: 401 invalid or expired jwt
    logins, bad_logins, reads: counters

Bans and broken transport are serving.py's faults; cloudflare_1015 and bare_430 are added here.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import cast

from aiohttp import web

from fakes.serving import FakeServer, Handler

Json = dict[str, object]

GRAPH_HOURS = 12
GRAPH_MINUTES = 5
_ARROW_EDGES = ((-2.0, 1), (-1.0, 2), (1.0, 3), (2.0, 4))


def addresses(url: str) -> Callable[[str | None], str]:
    """Return the address of each region at a fake that is served at `url`."""
    return lambda region: f"{url}/{region or 'global'}"


async def cloudflare_1015(_request: web.Request, _handler: Handler) -> web.StreamResponse:
    """Answer as Cloudflare does to an address that asks too often."""
    page = "<!DOCTYPE html><html><head><title>Error 1015</title></head><body></body></html>"
    headers = {"Retry-After": "900"}
    return web.Response(status=429, text=page, content_type="text/html", headers=headers)


async def bare_430(_request: web.Request, _handler: Handler) -> web.StreamResponse:
    """Answer with the status, in no standard, that both old versions and waiting terms got."""
    return web.Response(status=430)


def vendor_time(moment: datetime) -> str:
    """Return a time as the vendor writes it, without leading zeros."""
    half = "AM" if moment.hour < 12 else "PM"
    face = moment.hour % 12 or 12
    day = f"{moment.month}/{moment.day}/{moment.year}"
    return f"{day} {face}:{moment.minute:02}:{moment.second:02} {half}"


@dataclass(slots=True, kw_only=True)
class FakeMeasurement:
    """One value of a patient: when it was measured, and from when on the server shows it."""

    time: datetime
    mg_dl: object
    visible_at: datetime
    arrow: int | None = None
    is_high: bool = False
    is_low: bool = False
    changes: Json = field(default_factory=dict)

    def json(self, *, kind: int, phone_offset: timedelta) -> Json:
        """Return it as the vendor writes it; `kind` 1 is a current value, 0 a graph point."""
        row: Json = {
            "FactoryTimestamp": vendor_time(self.time),
            "Timestamp": vendor_time(self.time + phone_offset),
            "type": kind,
            "ValueInMgPerDl": self.mg_dl,
            "MeasurementColor": 1,
            "GlucoseUnits": 1,
            "Value": self.mg_dl,
            "isHigh": self.is_high,
            "isLow": self.is_low,
        }
        if kind == 1:
            row |= {"TrendArrow": self.arrow, "TrendMessage": None}
        return row | self.changes


@dataclass(slots=True, kw_only=True)
class FakePatient:
    """Somebody who shares; lists may be filled by hand or by `play`."""

    given: str
    family: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    connection_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    phone_offset: timedelta = timedelta(hours=1)
    sensor: Json | None = None
    current: list[FakeMeasurement] = field(default_factory=list)
    graph: list[FakeMeasurement] = field(default_factory=list)

    def wears(self, since: datetime, *, product: int = 3, warm_up_minutes: int = 60) -> None:
        """Put a sensor on at `since`."""
        self.sensor = {
            "deviceId": "",
            "sn": "0FAKESERIAL",
            "a": int(since.timestamp()),
            "w": warm_up_minutes,
            "pt": product,
            "s": True,
            "lj": False,
        }

    def measure(
        self,
        time: datetime,
        mg_dl: object,
        *,
        arrow: int | None = 3,
        delay: timedelta = timedelta(),
    ) -> FakeMeasurement:
        """Add one current value, shown `delay` after its time."""
        made = FakeMeasurement(time=time, mg_dl=mg_dl, visible_at=time + delay, arrow=arrow)
        self.current.append(made)
        return made

    def draw(
        self, time: datetime, mg_dl: object, *, delay: timedelta = timedelta()
    ) -> FakeMeasurement:
        """Add one graph point, shown `delay` after its time."""
        made = FakeMeasurement(time=time, mg_dl=mg_dl, visible_at=time + delay)
        self.graph.append(made)
        return made

    def play(
        self,
        curve: Callable[[datetime], float],
        *,
        start: datetime,
        minutes: int,
        delay: Callable[[datetime], timedelta] = lambda _time: timedelta(),
        graph_delay: timedelta = timedelta(minutes=5),
    ) -> None:
        """Add a value each minute, and every five the mean of the five minutes up to it.

        `delay` says how long after a minute its value is shown; a graph point is shown
        `graph_delay` after its own time.
        """
        times = [start + timedelta(minutes=minute) for minute in range(minutes)]
        values = [curve(time) for time in times]
        for index, time in enumerate(times):
            before = values[max(0, index - GRAPH_MINUTES) : index + 1]
            rate = (before[-1] - before[0]) / max(1, len(before) - 1)
            arrow = next((arrow for edge, arrow in _ARROW_EDGES if rate < edge), 5)
            self.measure(time, round(values[index]), arrow=arrow, delay=delay(time))
            if (index + 1) % GRAPH_MINUTES == 0:
                mean = sum(values[index + 1 - GRAPH_MINUTES : index + 1]) / GRAPH_MINUTES
                self.draw(time, round(mean), delay=graph_delay)

    def newest(self, now: datetime) -> FakeMeasurement | None:
        """Return the last known value however old it is, as the vendor does."""
        shown = (value for value in self.current if value.visible_at <= now)
        return max(shown, key=lambda value: value.time, default=None)

    def points(self, now: datetime) -> list[FakeMeasurement]:
        """Return the graph of the last 12 hours, oldest first."""
        oldest = now - timedelta(hours=GRAPH_HOURS)
        shown = (point for point in self.graph if point.visible_at <= now and point.time >= oldest)
        return sorted(shown, key=lambda point: point.time)


class FakeLibreLinkUp(FakeServer):
    """The vendor with one follower's account; see the top of the file for its switches."""

    def __init__(self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(clock=clock)
        self.email = "carer@example.org"
        self.password = "correct horse"
        self.user_id = str(uuid.uuid4())
        self.redirects: dict[str, str] = {}
        self.floor = "4.16.0"
        self.floor_status = 403
        self.step: str | None = None
        self.locks_after: int | None = None
        self.lockout = 300
        self.locked = False
        self.refuses_all = False
        self.ticket_life = timedelta(days=180)
        self.tells_length = True
        self.tells_expiry = True
        self.renews = False
        self.reverses = False
        self.forgets: set[str] = set()
        self.omits: set[str] = set()
        self.mixes_up: dict[str, FakePatient] = {}
        self.patients: list[FakePatient] = []
        self.logins = 0
        self.bad_logins = 0
        self.reads = 0
        self._tickets: dict[str, datetime] = {}
        self._numbers = count(1)

    def follow(self, patient: FakePatient) -> FakePatient:
        """Let a patient share with the account."""
        self.patients.append(patient)
        return patient

    def end_sessions(self) -> None:
        """End every ticket given so far."""
        self._tickets.clear()

    @property
    def newest_ticket(self) -> str:
        """The token given last."""
        return list(self._tickets)[-1]

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return [
            web.post("/{region}/llu/auth/login", self._login),
            web.get("/{region}/llu/connections", self._connections),
            web.get("/{region}/llu/connections/{patient}/graph", self._graph),
            web.get("/{region}/llu/connections/{patient}/logbook", self._logbook),
        ]

    async def _login(self, request: web.Request) -> web.Response:
        if self._too_old(request) and self.floor_status == 430:
            return web.Response(status=430)
        sent = cast("Json", await request.json())
        right = (sent["email"], sent["password"]) == (self.email, self.password)
        if self.locked or self.refuses_all or not right:
            return self._bad_login()
        region = request.match_info["region"]
        if region in self.redirects:
            sent_on: Json = {"redirect": True, "region": self.redirects[region]}
            return self._json({"status": 0, "data": sent_on})
        self.logins += 1
        if self.step is not None:
            step: Json = {"type": self.step, "componentName": "Accept"}
            data: Json = {"step": step, "authTicket": self._new_ticket(timedelta(hours=1))}
            return self._json({"status": 4, "data": data})
        return self._json({"status": 0, "data": self._user() | {"authTicket": self._new_ticket()}})

    def _bad_login(self) -> web.Response:
        """Refuse, and lock the account when that was once too often."""
        if not self.locked:
            self.bad_logins += 1
            self.locked = self.locks_after is not None and self.bad_logins >= self.locks_after
        if self.locked:
            return self._locked()
        return self._json({"status": 2, "error": {"message": "notAuthenticated"}})

    async def _connections(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        self.reads += 1
        listed = [self.connection_of(patient) for patient in self._listed()]
        return self._data(listed[::-1] if self.reverses else listed)

    async def _graph(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        self.reads += 1
        patient = self._patient(request)
        if patient is None:
            return self._unknown_patient()
        rows = [
            point.json(kind=0, phone_offset=patient.phone_offset)
            for point in patient.points(self.clock())
        ]
        active = {"sensor": patient.sensor, "device": self._device()}
        return self._data(
            {
                "connection": self.connection_of(patient),
                "activeSensors": [] if patient.sensor is None else [active],
                "graphData": rows,
            }
        )

    async def _logbook(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        patient = self._patient(request)
        return self._unknown_patient() if patient is None else self._data([])

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Return why a logged-in question is not answered, None where it is."""
        if self._too_old(request) and self.floor_status != 430:
            missing = {"message": "RequiredHeaderMissing"} if self.floor_status == 400 else {}
            return web.json_response(missing, status=self.floor_status)
        if "account-id" not in request.headers:
            return web.json_response({"message": "RequiredHeaderMissing"}, status=400)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        expected = hashlib.sha256(self.user_id.encode()).hexdigest()
        known = self._tickets.get(token, datetime.min.replace(tzinfo=UTC)) > self.clock()
        if not known or request.headers["account-id"] != expected:
            return web.json_response({"message": "invalid or expired jwt"}, status=401)
        return None

    def _too_old(self, request: web.Request) -> bool:
        asked = request.headers.get("version", "0")
        return [int(part) for part in asked.split(".")] < [int(p) for p in self.floor.split(".")]

    def _listed(self) -> list[FakePatient]:
        return [patient for patient in self.patients if patient.id not in self.forgets]

    def _patient(self, request: web.Request) -> FakePatient | None:
        wanted = request.match_info["patient"]
        if wanted in self.mixes_up:
            return self.mixes_up[wanted]
        return next((patient for patient in self._listed() if patient.id == wanted), None)

    def _unknown_patient(self) -> web.Response:
        return self._json({"error": {"message": "couldNotLoadPatient"}, "status": 4})

    def _locked(self) -> web.Response:
        inner = {"failures": self.locks_after or 3, "interval": 60, "lockout": self.lockout}
        data: Json = {"code": 60, "data": inner, "message": "locked"}
        return self._json({"status": 429, "data": data}, http_status=429)

    def _new_ticket(self, life: timedelta | None = None) -> Json:
        """Give a new ticket; the ones given before last on."""
        token = f"secret.ticket.{next(self._numbers)}"
        self._tickets[token] = self.clock() + (self.ticket_life if life is None else life)
        return self._ticket(token)

    def _ticket(self, token: str) -> Json:
        """Return a ticket as the vendor writes it."""
        expires = self._tickets[token]
        left = expires - self.clock()
        ticket: Json = {"token": token}
        if self.tells_expiry:
            ticket["expires"] = int(expires.timestamp())
        if self.tells_length:
            ticket["duration"] = left // timedelta(milliseconds=1)
        return ticket

    def _data(self, data: object) -> web.Response:
        """Answer with a ticket, as the vendor always does: a new one, or the last one again."""
        ticket = self._new_ticket() if self.renews else self._ticket(self.newest_ticket)
        return self._json({"status": 0, "data": data, "ticket": ticket})

    def _json(self, body: Json, *, http_status: int = 200) -> web.Response:
        return web.json_response(self._without(body), status=http_status)

    def _without(self, value: object) -> object:
        """Leave out the optional fields that `omits` names, at any depth."""
        if isinstance(value, dict):
            return {
                key: self._without(part) for key, part in value.items() if key not in self.omits
            }
        if isinstance(value, list):
            return [self._without(part) for part in value]
        return value

    def connection_of(self, patient: FakePatient) -> Json:
        newest = patient.newest(self.clock())
        shown = None if newest is None else newest.json(kind=1, phone_offset=patient.phone_offset)
        return {
            "id": patient.connection_id,
            "patientId": patient.id,
            "country": "DE",
            "status": 2,
            "firstName": patient.given,
            "lastName": patient.family,
            "targetLow": 70,
            "targetHigh": 180,
            "uom": 1,
            "sensor": patient.sensor,
            "alarmRules": {
                "c": True,
                "h": {"th": 220, "thmm": 12.2, "d": 1440, "f": 0.1},
                "f": {"th": 55, "thmm": 3.0, "d": 30, "tl": 10, "tlmm": 0.6},
                "l": {"th": 60, "thmm": 3.3, "d": 1440, "tl": 10, "tlmm": 0.6},
                "nd": {"i": 20, "r": 5, "l": 6},
                "p": 5,
                "r": 5,
                "std": {"sd": True},
            },
            "glucoseMeasurement": shown,
            "glucoseItem": shown,
            "glucoseAlarm": None,
            "patientDevice": self._device(),
            "created": 1638703030,
        }

    @staticmethod
    def _device() -> Json:
        return {
            "did": "00000000-0000-4000-8000-000000000001",
            "dtid": 40068,
            "v": "3.6.5.11072",
            "ll": 60,
            "hl": 220,
            "u": 1638703030,
            "fixedLowAlarmValues": {"mgdl": 60, "mmoll": 3.3},
            "alarms": False,
            "fixedLowThreshold": 0,
        }

    def _user(self) -> Json:
        user: Json = {
            "id": self.user_id,
            "firstName": "Carer",
            "lastName": "Example",
            "email": self.email,
            "country": "DE",
            "uiLanguage": "de-DE",
            "communicationLanguage": "de-DE",
            "accountType": "pat",
            "uom": "1",
            "dateFormat": "2",
            "timeFormat": "2",
            "emailDay": [1],
            "system": {"messages": {"firstUsePhoenix": 1, "lvWebPostRelease": "3.0"}},
            "details": {},
            "created": 1638703030,
            "lastLogin": 1671955478,
            "programs": {},
            "dateOfBirth": 0,
            "practices": {},
            "devices": {},
            "consents": {"llu": {"policyAccept": 1638703030, "touAccept": 1638703030}},
        }
        return {
            "user": user,
            "messages": {"unread": 0},
            "notifications": {"unresolved": 0},
            "invitations": None,
            "trustedDeviceToken": "",
        }
