"""A Nightscout site, or a phone that serves readings on the LAN, as an account of one wearer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from ..errors import UnexpectedAnswer
from ..nightscout_entry import EARLIEST
from .http import HttpAnswer, ask
from .login import LoginGuard
from .nightscout_entries import Entries
from .nightscout_pages import pages, row_ms
from .nightscout_settings import Api, NightscoutSettings, likely_api
from .nightscout_treatments import Treatments, created_ms, created_text
from .nightscout_v3 import Pass, pass_of, result_of
from .source import Answer, TreatmentAnswer, VisibleWearer

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from .source import Clock

__all__ = ["Api", "NightscoutAccount", "NightscoutSettings", "likely_api"]

CADENCE = timedelta(minutes=5)
# v3 refuses more; v1 is asked for no more either, unless that many rows share one moment.
PAGE_SIZE = 1000
LARGEST_V1_PAGE = 64_000
LARGEST_V3_PAGE = 1000
# xDrip+ gives no more, however many are asked for, and nothing older.
LARGEST_PHONE_PAGE = 1000
PHONE_GROWTH = 5

_EPOCH = datetime.fromtimestamp(0, UTC)
_MS = timedelta(milliseconds=1)


class NightscoutAccount:
    """One site under one secret: see source.Account.

    Requests go one after the other, so that a secret that turns out bad is sent once. Every
    request carries it, so every request asks the guard: Nightscout holds back all answers to an
    address by five more seconds for each failure.
    """

    def __init__(  # noqa: PLR0913 - what an account is made of, and the page size for tests
        self,
        settings: NightscoutSettings,
        session: ClientSession,
        clock: Clock,
        elapsed: Callable[[], float],
        *,
        refused: bool = False,
        page_size: int = PAGE_SIZE,
    ) -> None:
        """Keep what is needed; `page_size` is 1..1000, `elapsed` monotonic seconds."""
        self._settings = settings
        self._session = session
        self._clock = clock
        self._elapsed = elapsed
        self._guard = LoginGuard(elapsed, refused=refused)
        self._page_size = page_size
        self._turn = asyncio.Lock()
        self._pass: Pass | None = None
        self._clock_offset: timedelta | None = None

    @property
    def guard(self) -> LoginGuard:
        """What decides whether the secret may be sent now."""
        return self._guard

    @property
    def cadence(self) -> timedelta:
        """Five minutes: what most uploaders do; none says how often its readings are due."""
        return CADENCE

    async def wearers(self) -> tuple[VisibleWearer, ...]:
        """Read the status and one entry (a phone: the entry); sites do not name their wearer."""
        async with self._turn:
            match self._settings.api:
                case Api.PHONE:
                    await self._phone_rows(1)
                case Api.V1:
                    status = await self._document("/api/v1/status.json")
                    if not isinstance(status, Mapping) or "settings" not in status:
                        msg = "the address answers, but not as a Nightscout site"
                        raise UnexpectedAnswer(msg)
                    await self._v1_rows(0, None, 1)
                case Api.V3:
                    result_of(await self._document("/api/v3/status"))
                    await self._v3_rows(None, 1)
            self._guard.accepted()
        return (VisibleWearer(id=self._settings.site_id, name=""),)

    async def readings(self, wearer: str, source: str, since: datetime) -> Answer:
        """Return the site's CGM values and finger-sticks at or after `since` (aware).

        A page is read as soon as it is there; all of it is thrown away where a later one
        fails. Phones keep no more than their newest 1000.
        """
        if wearer != self._settings.site_id:
            msg = "the site does not carry this wearer"
            raise UnexpectedAnswer(msg)
        async with self._turn:
            self._clock_offset = None
            entries = Entries(source, since, phone=self._settings.api is Api.PHONE)
            async for rows in self._pages(since):
                entries.take(rows)
            self._guard.accepted()
            return entries.answer(self._clock_offset)

    async def treatments(self, wearer: str, source: str, since: datetime) -> TreatmentAnswer:
        """Return the site's treatments at or after `since` (aware); of a phone, none.

        A secret that may not read them says nothing against the readings, so the guard is not
        told.
        """
        if wearer != self._settings.site_id:
            msg = "the site does not carry this wearer"
            raise UnexpectedAnswer(msg)
        found = Treatments(source, since)
        if self._settings.api is Api.PHONE:
            return found.answer()
        start = (max(since, EARLIEST) - _EPOCH) // _MS
        v1 = self._settings.api is Api.V1
        async with self._turn:
            async for rows in pages(
                lambda bound, count: self._treatment_rows(start, bound, count),
                start=start,
                size=self._page_size,
                largest=LARGEST_V1_PAGE if v1 else LARGEST_V3_PAGE,
                backwards=v1,
                moment=created_ms,
            ):
                found.take(rows)
        return found.answer()

    def _pages(self, since: datetime) -> AsyncIterator[list[object]]:
        start = (max(since, EARLIEST) - _EPOCH) // _MS
        match self._settings.api:
            case Api.PHONE:
                return self._phone_pages(since)
            case Api.V1:
                # v1 sorts newest first, and takes several conditions for one field.
                return pages(
                    lambda bound, count: self._v1_rows(start, bound, count),
                    start=start,
                    size=self._page_size,
                    largest=LARGEST_V1_PAGE,
                    backwards=True,
                )
            case Api.V3:
                # v3 keeps one condition a field, the last: so the walk leads upwards from
                # `date$gte`, which alone bounds each page.
                return pages(
                    self._v3_rows,
                    start=start,
                    size=self._page_size,
                    largest=LARGEST_V3_PAGE,
                    backwards=False,
                )

    async def _phone_pages(self, since: datetime) -> AsyncIterator[list[object]]:
        """Ask for the newest rows, and again for more while they do not reach back to `since`.

        A phone knows no times in a question. The first count is for one row in five minutes.
        """
        start = (since - _EPOCH) / _MS
        count = min(max((self._clock() - since) // CADENCE, 0) + 2, LARGEST_PHONE_PAGE)
        while True:
            rows = await self._phone_rows(count)
            oldest = min((ms for row in rows if (ms := row_ms(row)) is not None), default=start)
            if len(rows) < count or oldest <= start or count == LARGEST_PHONE_PAGE:
                yield rows
                return
            count = min(count * PHONE_GROWTH, LARGEST_PHONE_PAGE)

    async def _v1_rows(self, start: int, bound: int | None, count: int) -> list[object]:
        """Return the newest `count` entries from `start` to `bound`, both epoch ms, inclusive.

        A condition on the date is always there: without one the server looks back four days.
        """
        params = {"count": str(count), "find[date][$gte]": str(start)}
        if bound is not None:
            params["find[date][$lte]"] = str(bound)
        return _list(await self._document("/api/v1/entries.json", params))

    async def _v3_rows(self, bound: int | None, count: int) -> list[object]:
        """Return the oldest `count` entries from `bound` (epoch ms, inclusive) on."""
        params = {"sort": "date", "date$gte": str(bound or 0), "limit": str(count)}
        return _list(result_of(await self._document("/api/v3/entries", params)))

    async def _treatment_rows(self, start: int, bound: int | None, count: int) -> list[object]:
        """Return `count` treatments as _v1_rows and _v3_rows do entries, by `created_at`."""
        if self._settings.api is Api.V1:
            params = {"count": str(count), "find[created_at][$gte]": created_text(start)}
            if bound is not None:
                params["find[created_at][$lte]"] = created_text(bound)
            return _list(await self._document("/api/v1/treatments.json", params, optional=True))
        params = {
            "sort": "created_at",
            "created_at$gte": created_text(bound or start),
            "limit": str(count),
        }
        return _list(result_of(await self._document("/api/v3/treatments", params, optional=True)))

    async def _phone_rows(self, count: int) -> list[object]:
        """Return the phone's newest `count` rows; `all_data` keeps those of the sensor before."""
        answer = await self._get("/sgv.json", {"count": str(count), "all_data": "Y"})
        # Nothing to give is `[]`, nothing at all, or Juggluco's `{}`.
        document = answer.json() if answer.body.strip() else []
        return [] if document == {} else _list(document)

    async def _document(
        self, path: str, params: Mapping[str, str] | None = None, *, optional: bool = False
    ) -> object:
        return (await self._get(path, params, optional=optional)).json()

    async def _get(
        self, path: str, params: Mapping[str, str] | None = None, *, optional: bool = False
    ) -> HttpAnswer:
        """Ask with the credentials; every answer but a good one is raised.

        `optional` is what the credentials need not be allowed to read.
        """
        held = self._pass
        answer = await self._send(path, params, await self._credentials())
        if answer.status == HTTPStatus.UNAUTHORIZED and held is not None and held is self._pass:
            # A site that was restarted with another key knows no pass of before: one more, once.
            self._pass = None
            answer = await self._send(path, params, await self._credentials())
        if optional and answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            msg = "the secret may not read treatments"
            raise UnexpectedAnswer(msg)
        return self._judged(answer)

    async def _credentials(self) -> dict[str, str]:
        """Return the headers that open the site; v3: with a pass, fetched if none is good."""
        if self._settings.api is not Api.V3:
            secret = self._settings.api_secret
            # Lower case: Juggluco compares header names letter by letter.
            return {} if secret is None else {"api-secret": secret}
        if self._pass is None or not self._pass.is_good(self._elapsed()):
            self._pass = None
            # The one route that hands out passes has the token in its path.
            route = f"/api/v2/authorization/request/{self._settings.secret}"
            answer = self._judged(await self._send(route, None, {}))
            self._pass = pass_of(answer.json(), self._elapsed())
        return {"Authorization": f"Bearer {self._pass.text}"}

    async def _send(
        self, path: str, params: Mapping[str, str] | None, credentials: Mapping[str, str]
    ) -> HttpAnswer:
        """Send one request if the guard allows it, and keep the clock's offset."""
        self._guard.check()
        answer = await ask(
            self._session,
            "GET",
            f"{self._settings.url}{path}",
            clock=self._clock,
            headers={"Accept": "application/json", **credentials},
            params=params,
        )
        if answer.clock_offset is not None:
            self._clock_offset = answer.clock_offset
        return answer

    def _judged(self, answer: HttpAnswer) -> HttpAnswer:
        """Return a good answer, raise for any other."""
        if answer.status == HTTPStatus.OK:
            return answer
        # A 403 with a page comes from the wall before the site, not from the site.
        page = answer.body.lstrip().startswith(b"<")
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._pass = None
            raise self._guard.refused("the site refused the secret, or it may not read entries")
        if answer.status == HTTPStatus.FORBIDDEN and not page:
            self._pass = None
            if self._settings.api is Api.PHONE:
                # xDrip+ without a secret of its own refuses every secret.
                reason = "the phone refused the secret, or has none and wants none"
            else:
                reason = "the secret may not read entries"
            raise self._guard.refused(reason)
        if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
            msg = "the site has moved: enter the address that it leads to"
            raise UnexpectedAnswer(msg)
        raise answer.fault()


def _list(document: object) -> list[object]:
    """Return the rows; raises UnexpectedAnswer where it is no list."""
    if not isinstance(document, list):
        msg = "the site's entries are not a list"
        raise UnexpectedAnswer(msg)
    return document
