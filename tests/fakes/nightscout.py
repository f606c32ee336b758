"""A Nightscout site on loopback: v1 and v3 of cgm-remote-monitor as far as readings need them.

    site = FakeNightscout(clock=...)                     # public by default
    site.default_role = Role.DENIED                      # a closed site
    site.put(entry(time, 120), visible_at=time + delay)  # listed from then on by the site's clock
    token = site.add_subject("carer", Role.READABLE)
    async with site.serving() as url: ...
    site.bad_logins                                      # failed authentications so far

Read in cgm-remote-monitor (AGPL; facts only): authorization/, api/entries/, server/query.js,
server/entries.js, api3/. Raw faults (HTML, truncation, 429 ...) are FakeServer's.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time as monotonic_time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from enum import Enum
from typing import cast

from aiohttp import web

from fakes.serving import FakeServer, Handler

Row = dict[str, object]

DEFAULT_COUNT = 10
DEFAULT_DAYS = 4
PASS_SECONDS = 8 * 3600
MIN_TIMESTAMP = 946_684_800_000
_NAMESPACE = uuid.UUID(bytes=b"NightscoutRocks!")
_FIND = re.compile(r"find\[(\w+)\](?:\[\$(\w+)\])?")
_V3_FILTER = re.compile(r"(.*)\$([a-zA-Z]+)")
_V3_RESERVED = {"token", "sort", "sort$desc", "limit", "skip", "fields", "now"}
_V1_NUMBERS = {"date", "sgv", "mbg", "noise", "filtered", "unfiltered", "rssi"}


class Role(frozenset[str], Enum):
    """What a subject, or anybody, may do."""

    ADMIN = frozenset({"status", "entries", "treatments", "write"})
    READABLE = frozenset({"status", "entries", "treatments"})
    ENTRIES_READABLE = frozenset({"status", "entries"})
    STATUS_READABLE = frozenset({"status"})
    DENIED = frozenset[str]()


@dataclass(slots=True)
class _Stored:
    row: Row
    visible_at: datetime
    created_ms: int


@dataclass(frozen=True, slots=True)
class _Subject:
    token: str
    digest: str
    role: Role


@dataclass(frozen=True, slots=True)
class _Resolved:
    """Who asks: what he may, and whether what he showed was good (None: he showed nothing)."""

    may: frozenset[str]
    good: bool | None


def iso(time: datetime) -> str:
    """Write a time as JavaScript's toISOString does."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_ms(time: datetime) -> int:
    """Return epoch milliseconds."""
    return (time - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


def entry(time: datetime, mg_dl: object, *, device: str = "share2", **more: object) -> Row:
    """Return an sgv entry as uploaders send it; `more` adds or replaces fields."""
    return {
        "type": "sgv",
        "sgv": mg_dl,
        "date": epoch_ms(time),
        "dateString": iso(time),
        "direction": "Flat",
        "device": device,
        **more,
    }


def finger_stick(time: datetime, mg_dl: object, *, device: str = "meter") -> Row:
    """Return an mbg entry."""
    return {
        "type": "mbg",
        "mbg": mg_dl,
        "date": epoch_ms(time),
        "dateString": iso(time),
        "device": device,
    }


@dataclass(slots=True)
class _Delays:
    """delaylist.js: each failure holds all answers back `each` seconds longer."""

    each: float = 0.0
    until: float = field(default=0.0)

    async def wait(self) -> None:
        await asyncio.sleep(max(0.0, self.until - monotonic_time.monotonic()))

    def failed(self) -> None:
        self.until = max(self.until, monotonic_time.monotonic()) + self.each

    def succeeded(self) -> None:
        self.until = 0.0


class FakeNightscout(FakeServer):
    """See the top of the file."""

    def __init__(
        self,
        *,
        api_secret: str = "correct horse battery",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin empty, readable by anybody, without delays."""
        super().__init__(clock=clock)
        self.api_secret = api_secret
        self.default_role = Role.READABLE
        self.pass_seconds = PASS_SECONDS
        self.largest_v3_limit = 1000
        # A site that a proxy made deaf to conditions on the date (the runaway pager's dream).
        self.ignores_date_bounds = False
        self.bad_logins = 0
        self.delays = _Delays()
        self._signing_key = b"first"
        self._subjects: list[_Subject] = []
        self._stored: list[_Stored] = []
        self._treatments: list[Row] = []
        self._made = 0

    def add_subject(self, name: str, role: Role) -> str:
        """Return the access token of a new subject."""
        digest = hashlib.sha1(f"{self.api_secret}{name}".encode(), usedforsecurity=False)
        short = re.sub(r"\W", "", name.lower(), flags=re.ASCII)[:10]
        token = f"{short}-{digest.hexdigest()[:16]}"
        self._subjects.append(_Subject(token, digest.hexdigest(), role))
        return token

    def restart(self) -> None:
        """Sign with another key from now on: every pass handed out before is void."""
        self._signing_key += b"+"

    def put(self, row: Row, *, visible_at: datetime | None = None) -> str:
        """Store a row as it is, wrong or not, and return its `_id`; no upsert."""
        self._made += 1
        identity = f"{self._made:024x}"
        shown = datetime.min.replace(tzinfo=UTC) if visible_at is None else visible_at
        self._stored.append(_Stored({"_id": identity, **row}, shown, epoch_ms(self.clock())))
        return identity

    def put_treatment(self, row: Row) -> str:
        """Store a treatment as it is, wrong or not, and return its `_id`; no upsert."""
        self._made += 1
        identity = f"{self._made:024x}"
        self._treatments.append({"_id": identity, **row})
        return identity

    def delete_softly(self, identity: str) -> None:
        """Mark a row deleted, as v3 does."""
        for stored in self._stored:
            if stored.row["_id"] == identity:
                stored.row["isValid"] = False

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        v1 = self._v1_gate
        v3 = self._v3_gate
        return [
            web.get("/api/v1/status.json", v1("status", self._status)),
            web.get("/api/v1/verifyauth", self._verify_auth),
            web.get("/api/v1/entries.json", v1("entries", self._entries)),
            web.get("/api/v1/entries", v1("entries", self._entries)),
            web.get("/api/v1/entries/current.json", v1("entries", self._current)),
            web.get(r"/api/v1/entries/{model:[a-z]+}.json", v1("entries", self._entries)),
            web.get("/api/v1/treatments.json", v1("treatments", self._treatments_v1)),
            web.get("/api/v3/treatments", v3("treatments", self._treatments_v3)),
            web.post("/api/v1/entries", v1("write", self._post_v1)),
            web.post("/api/v1/entries.json", v1("write", self._post_v1)),
            web.get("/api/v2/authorization/request/{token}", self._request_pass),
            web.get("/api/v3/status", v3("status", self._v3_status)),
            web.get("/api/v3/lastModified", v3("status", self._v3_last_modified)),
            web.get("/api/v3/entries", v3("entries", self._v3_entries)),
            web.post("/api/v3/entries", v3("write", self._v3_post)),
        ]

    # --- who asks ---

    def _is_api_key(self, secret: str) -> bool:
        spoken = self.api_secret.encode()
        sha1 = hashlib.sha1(spoken, usedforsecurity=False).hexdigest()
        return secret.lower() == sha1 or secret == hashlib.sha512(spoken).hexdigest()

    def _subject(self, token: str) -> _Subject | None:
        last = token.rsplit("-", 1)[-1]
        if len(last) < 16:
            return None
        for subject in self._subjects:
            of_token = hashlib.sha1(subject.token.encode(), usedforsecurity=False).hexdigest()
            if of_token.startswith(token) or subject.digest.startswith(last):
                return subject
        return None

    async def _resolve(self, secret: str | None, jwt: str | None) -> _Resolved:
        """Tell who asks, slowly if the address failed before (authorization.resolve)."""
        await self.delays.wait()
        anybody = frozenset(self.default_role.value)
        if not secret and not jwt:
            return _Resolved(anybody, None)
        if secret and self._is_api_key(secret):
            self.delays.succeeded()
            return _Resolved(frozenset(Role.ADMIN.value), good=True)
        token = self._token_of(jwt) if jwt else None
        subject = self._subject(token or secret or "")
        if subject is not None:
            self.delays.succeeded()
            return _Resolved(frozenset(subject.role.value) | anybody, good=True)
        self.bad_logins += 1
        self.delays.failed()
        return _Resolved(frozenset(), good=False)

    async def _resolve_v1(self, request: web.Request) -> _Resolved:
        jwt = _bearer(request)
        token = request.query.get("token")
        if jwt is None and token and (subject := self._subject(token)):
            jwt = self._sign(subject.token)
        return await self._resolve(
            request.query.get("secret") or request.headers.get("api-secret"), jwt
        )

    def _v1_gate(self, needed: str, handler: Handler) -> Handler:
        async def gated(request: web.Request) -> web.StreamResponse:
            if needed in (await self._resolve_v1(request)).may:
                return await handler(request)
            return _unauthorised()

        return gated

    def _v3_gate(self, needed: str, handler: Handler) -> Handler:
        async def gated(request: web.Request) -> web.StreamResponse:
            jwt = _bearer(request)
            if jwt is None:
                return _v3_error(401, "Missing or bad access token or JWT")
            who = await self._resolve(None, jwt)
            if not who.good:
                return _v3_error(401, "Bad access token or JWT")
            if needed not in who.may:
                return _v3_error(403, f"Missing permission api:{needed}:read")
            return await handler(request)

        return gated

    def _sign(self, token: str) -> str:
        now = int(self.clock().timestamp())
        claims = {"accessToken": token, "iat": now, "exp": now + self.pass_seconds}
        head = _base64(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        signed = f"{head}.{_base64(json.dumps(claims).encode())}"
        return f"{signed}.{self._signature(signed)}"

    def _signature(self, signed: str) -> str:
        return _base64(hmac.digest(self._signing_key, signed.encode(), "sha256"))

    def _token_of(self, jwt: str) -> str | None:
        signed, _, signature = jwt.rpartition(".")
        if signature != self._signature(signed):
            return None
        claims = _claims(jwt)
        return None if claims["exp"] <= self.clock().timestamp() else str(claims["accessToken"])

    async def _request_pass(self, request: web.Request) -> web.Response:
        subject = self._subject(request.match_info["token"])
        if subject is None:
            return _unauthorised()
        jwt = self._sign(subject.token)
        claims = _claims(jwt)
        return web.json_response(
            {
                "token": jwt,
                "sub": subject.token.partition("-")[0],
                "permissionGroups": [["*:*:read"]],
                "iat": claims["iat"],
                "exp": claims["exp"],
            }
        )

    async def _verify_auth(self, request: web.Request) -> web.Response:
        who = await self._resolve_v1(request)
        authorised = bool(who.good) and "entries" in who.may
        message = {
            "canRead": "entries" in who.may,
            "canWrite": "write" in who.may,
            "isAdmin": "write" in who.may,
            "message": "OK" if authorised else "UNAUTHORIZED",
            "permissions": "DEFAULT" if who.good is None else "ROLE",
        }
        return web.json_response({"status": 200, "message": message})

    # --- v1 ---

    def _listed(self) -> list[_Stored]:
        now = self.clock()
        return [stored for stored in self._stored if stored.visible_at <= now]

    async def _status(self, request: web.Request) -> web.Response:
        now = self.clock()
        return web.json_response(
            {
                "status": "ok",
                "name": "nightscout",
                "version": "15.0.3",
                "serverTime": iso(now),
                "serverTimeEpoch": epoch_ms(now),
                "apiEnabled": True,
                "careportalEnabled": True,
                "settings": {
                    "units": "mmol",
                    "thresholds": {
                        "bgHigh": 260,
                        "bgTargetTop": 180,
                        "bgTargetBottom": 80,
                        "bgLow": 55,
                    },
                    "authDefaultRoles": "readable",
                },
                "extendedSettings": {},
                "authorized": None,
            }
        )

    async def _entries(self, request: web.Request) -> web.StreamResponse:
        find: dict[str, list[tuple[str, str]]] = {}
        for name, value in request.query.items():
            if match := _FIND.fullmatch(name):
                find.setdefault(match[1], []).append((match[2] or "eq", value))
        if "model" in request.match_info:
            find["type"] = [("eq", request.match_info["model"])]
        if "date" not in find and "dateString" not in find:
            earliest = epoch_ms(self.clock() - timedelta(days=DEFAULT_DAYS))
            find["date"] = [("gte", str(earliest))]
        if self.ignores_date_bounds:
            find.pop("date", None)
        count = request.query.get("count") or str(DEFAULT_COUNT)
        found = [
            stored.row
            for stored in self._listed()
            if all(
                _v1_matches(stored.row.get(name), operator, value, numeric=name in _V1_NUMBERS)
                for name, conditions in find.items()
                for operator, value in conditions
            )
        ]
        found.sort(key=_date, reverse=True)
        # Mongo's limit 0 is no limit.
        return self._shown(request, found[: int(count)] if int(count) else found)

    async def _current(self, request: web.Request) -> web.StreamResponse:
        found = sorted((stored.row for stored in self._listed()), key=_date, reverse=True)
        return self._shown(request, found[:1])

    def _shown(self, request: web.Request, rows: list[Row]) -> web.StreamResponse:
        headers = {}
        if rows:
            last = datetime.fromtimestamp(_date(rows[0]) // 1000, UTC)
            headers["Last-Modified"] = format_datetime(last, usegmt=True)
            known = request.headers.get("If-Modified-Since")
            if known and last <= parsedate_to_datetime(known):
                return web.Response(status=304, headers=headers)
        return web.json_response(rows, headers=headers)

    async def _post_v1(self, request: web.Request) -> web.Response:
        sent = await request.json()
        stored = [self._upsert(row) for row in (sent if isinstance(sent, list) else [sent])]
        return web.json_response(stored)

    def _upsert(self, row: Row) -> Row:
        """Store as server/entries.js does: one row for each sysTime and type."""
        text = row.get("dateString")
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
        offset = time.utcoffset() if time else None
        ms = epoch_ms(time) if time else int(cast("int", row.get("date", epoch_ms(self.clock()))))
        sys_time = iso(datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms))
        row = {**row, "sysTime": sys_time, "utcOffset": int((offset or timedelta(0)).seconds / 60)}
        for stored in self._stored:
            if (stored.row.get("sysTime"), stored.row.get("type")) == (sys_time, row.get("type")):
                stored.row.update(row)
                return stored.row
        self.put(row)
        return self._stored[-1].row

    async def _treatments_v1(self, request: web.Request) -> web.Response:
        """Answer as server/treatments.js: by `created_at` as text, newest first."""
        earliest = request.query.get("find[created_at][$gte]")
        latest = request.query.get("find[created_at][$lte]")
        if earliest is None and latest is None:
            earliest = iso(self.clock() - timedelta(days=DEFAULT_DAYS))
        found = sorted(self._treatments, key=_created_at, reverse=True)
        found = [row for row in found if _lies_between(row, earliest, latest)]
        return web.json_response(found[: int(request.query.get("count", "100"))])

    # --- v3 ---

    async def _treatments_v3(self, request: web.Request) -> web.Response:
        """Answer as api3's search: one condition a field, `sort` and then the identifier."""
        if request.query.get("sort") != "created_at":
            return _v3_error(400, "The fake knows no other order")
        earliest = request.query.get("created_at$gte")
        limit = _number(request.query.get("limit", str(self.largest_v3_limit)))
        if limit is None or not 0 < limit <= self.largest_v3_limit:
            return _v3_error(400, "Parameter limit out of tolerance")
        found = [
            _v3_shape(row)
            for row in self._treatments
            if row.get("isValid") is not False and _lies_between(row, earliest, None)
        ]
        found.sort(key=lambda row: (_created_at(row), str(row["identifier"])))
        return _v3_answer(found[: int(limit)])

    async def _v3_status(self, request: web.Request) -> web.Response:
        # No units here: v3's status carries none.
        return _v3_answer(
            {
                "version": "15.0.3",
                "apiVersion": "3.0.4",
                "srvDate": epoch_ms(self.clock()),
                "storage": {"storage": "mongodb", "version": "4.4"},
                "apiPermissions": {"entries": "r"},
            }
        )

    async def _v3_last_modified(self, request: web.Request) -> web.Response:
        newest = max((stored.created_ms for stored in self._listed()), default=None)
        collections = {} if newest is None else {"entries": newest}
        return _v3_answer({"srvDate": epoch_ms(self.clock()), "collections": collections})

    async def _v3_entries(self, request: web.Request) -> web.Response:
        # A mapping by field: of several conditions on one field the last survives.
        conditions: dict[str, tuple[str, str]] = {}
        for name, value in request.query.items():
            if name in _V3_RESERVED:
                continue
            match = _V3_FILTER.fullmatch(name)
            conditions[match[1] if match else name] = (match[2] if match else "eq", value)
        if self.ignores_date_bounds:
            conditions.pop("date", None)
        unknown = {operator for operator, _ in conditions.values()} - set(_COMPARISONS) - {"in"}
        limit = _number(request.query.get("limit", str(self.largest_v3_limit)))
        skip = _number(request.query.get("skip", "0"))
        if "sort" in request.query and "sort$desc" in request.query:
            return _v3_error(400, "Parameters sort and sort_desc cannot be combined")
        if unknown:
            return _v3_error(400, f"Unsupported filter operator {unknown.pop()}")
        if limit is None or not 0 < limit <= self.largest_v3_limit:
            return _v3_error(400, "Parameter limit out of tolerance")
        if skip is None or skip < 0:
            return _v3_error(400, "Parameter skip out of tolerance")
        found = [
            stored.row
            for stored in self._listed()
            if stored.row.get("isValid") is not False
            and all(_v3_matches(stored.row.get(n), *c) for n, c in conditions.items())
        ]
        found.sort(
            key=lambda row: (_date(row), str(row.get("identifier", ""))),
            reverse="sort$desc" in request.query,
        )
        shown = [_v3_shape(row) for row in found[int(skip) : int(skip) + int(limit)]]
        if fields := request.query.get("fields"):
            wanted = set(fields.split(","))
            shown = [{n: v for n, v in row.items() if n in wanted} for row in shown]
        return _v3_answer(shown)

    async def _v3_post(self, request: web.Request) -> web.Response:
        row = cast("Row", await request.json())
        date = row.get("date")
        if not isinstance(date, int) or date <= MIN_TIMESTAMP:
            return _v3_error(400, "Bad or missing date field")
        if not isinstance(row.get("app"), str) or not str(row["app"]).strip():
            return _v3_error(400, "Bad or missing app field")
        identity = uuid.uuid5(_NAMESPACE, f"{row.get('device')}_{date}")
        identifier = str(row.get("identifier") or identity)
        self.put({**row, "identifier": identifier})
        return web.json_response(
            {"status": 201, "identifier": identifier, "lastModified": epoch_ms(self.clock())},
            status=201,
        )


def _bearer(request: web.Request) -> str | None:
    scheme, _, jwt = request.headers.get("Authorization", "").partition(" ")
    return jwt if scheme.lower() == "bearer" and jwt else None


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _claims(jwt: str) -> dict[str, int]:
    payload = jwt.split(".")[1]
    return cast("dict[str, int]", json.loads(base64.urlsafe_b64decode(payload + "==")))


def _unauthorised() -> web.Response:
    refusal = {"status": 401, "message": "Unauthorized", "description": "Invalid/Missing"}
    return web.json_response(refusal, status=401)


def _v3_answer(result: object) -> web.Response:
    return web.json_response({"status": 200, "result": result})


def _v3_error(status: int, message: str) -> web.Response:
    return web.json_response({"status": status, "message": message}, status=status)


def _v3_shape(row: Mapping[str, object]) -> Row:
    """Give a row its identifier instead of Mongo's id, as v3 shows it."""
    shown = {name: value for name, value in row.items() if name != "_id"}
    return {**shown, "identifier": row.get("identifier") or row["_id"]}


def _created_at(row: Mapping[str, object]) -> str:
    created = row.get("created_at")
    return created if isinstance(created, str) else ""


def _lies_between(row: Mapping[str, object], earliest: str | None, latest: str | None) -> bool:
    """Compare as Mongo does: text with text, after the server wrote the asked times in UTC."""
    created = row.get("created_at")
    bounds = [
        None if text is None else iso(datetime.fromisoformat(text)) for text in (earliest, latest)
    ]
    return isinstance(created, str) and (
        (bounds[0] is None or created >= bounds[0]) and (bounds[1] is None or created <= bounds[1])
    )


def _date(row: Mapping[str, object]) -> float:
    date = row.get("date")
    return float(date) if isinstance(date, (int, float)) else float("-inf")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
}


def _v1_matches(held: object, operator: str, value: str, *, numeric: bool) -> bool:
    """Compare as Mongo does after parseInt: a number matches numbers only."""
    if not numeric:
        return (str(held) == value) is (operator != "ne")
    found = re.match(r"\s*[+-]?\d+", value)
    if found is None or isinstance(held, bool) or not isinstance(held, (int, float)):
        return False
    return _COMPARISONS[operator](held, int(found[0]))


def _v3_matches(held: object, operator: str, value: str) -> bool:
    if operator == "in":
        return str(held) in value.split("|")
    number = _number(value)
    if number is None:
        return (str(held) == value) is (operator != "ne")
    if isinstance(held, bool) or not isinstance(held, (int, float)):
        return False
    return _COMPARISONS[operator](held, number)
