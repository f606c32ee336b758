"""One HTTP request to a vendor, and what its answer means before the vendor's own rules.

How a source uses it:

    answer = await ask(session, "GET", url, clock=clock, headers=headers, params=params)
    if answer.status == 401: ...                 # first whatever the vendor gives a meaning
    document = answer.json()                     # any status, JSON or an error
    raise answer.fault()                         # last: a status nobody gave a meaning

- `ask` returns whatever was answered, with any status, redirects included (none is followed:
  credentials must not travel to a host nobody chose). It raises SourceUnreachable where there
  was no whole answer: refused, reset, timed out, cut off in the body, TLS.
- `answer.json()` returns the document (any JSON value: check its shape). Where there is none
  (a web page, a truncated document, other text, nothing), it raises `fault()` for a web page
  or a status of 400 and above, else UnexpectedAnswer.
- `answer.fault()` returns (does not raise) the error for the status alone: SourceUnreachable
  with banned=True for 403, 429 and 430, SourceUnreachable for 408, 425 and 5xx,
  UnexpectedAnswer for every other. A web page is SourceUnreachable, banned=True unless it is
  a 5xx page without the words of a ban.
- `answer.is_web_page` tells a web page; `answer.retry_after` and `answer.clock_offset` are
  timedeltas or None. Errors made here carry `retry_after`. No message names an address, a
  header or a body.
"""

from __future__ import annotations

import json as json_format
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp

from ..errors import GlucoseError, SourceUnreachable, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .source import Clock

TIMEOUT = timedelta(seconds=30)
# A day of one-minute readings is under 1 MB in any vendor's words; a proxy gone mad is not.
LARGEST_BODY = 16 * 1024 * 1024
# A vendor that asks for more is asked once a day all the same.
LONGEST_RETRY_AFTER = timedelta(days=1)

# 430 is no standard status; LibreView's front door answers it to clients that it shuts out.
REQUEST_HEADER_FIELDS_REFUSED = 430
_BANS = {HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS, REQUEST_HEADER_FIELDS_REFUSED}
_COME_BACK = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
# What Cloudflare's blocking pages say; its pages about a server that is down say none of it.
_BAN_WORDS = (
    b"attention required",
    b"access denied",
    b"error 1015",
    b"you have been blocked",
    b"you are being rate limited",
    b"just a moment",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """A whole answer: status, headers (names in lower case), body, and when we had it.

    `received` is our clock (aware UTC) at the moment the headers came.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received: datetime

    @property
    def clock_offset(self) -> timedelta | None:
        """Vendor's clock minus ours from `Date`, to the second; None where it cannot tell.

        A stored copy (`Age` above zero) carries the date of its making, and tells nothing.
        """
        date = _http_date(self.headers.get("date"))
        stored = self.headers.get("age", "0").strip() not in {"", "0"}
        return None if date is None or stored else date - self.received

    @property
    def retry_after(self) -> timedelta | None:
        """How long the vendor asks us to wait, at most a day; None where it does not say.

        A date is read against the vendor's own `Date`, so that our clock may be wrong.
        """
        asked = self.headers.get("retry-after", "").strip()
        if asked.isascii() and asked.isdecimal():
            # Nine digits are 31 years: more would overflow a timedelta before it is cut.
            return min(timedelta(seconds=int(asked[:9])), LONGEST_RETRY_AFTER)
        until = _http_date(asked)
        if until is None:
            return None
        now = _http_date(self.headers.get("date")) or self.received
        return min(max(until - now, timedelta()), LONGEST_RETRY_AFTER)

    def json(self) -> object:
        """Return the JSON document; see the top of the file for what is raised."""
        if self.is_web_page:
            raise self.fault()
        try:
            return json_format.loads(self.body)
        except (ValueError, RecursionError):
            if self.status >= HTTPStatus.BAD_REQUEST:
                raise self.fault() from None
            msg = f"the answer with status {self.status} is not a JSON document"
            raise UnexpectedAnswer(msg) from None

    def fault(self) -> GlucoseError:
        """Return the error for a status that the vendor's own rules give no meaning."""
        outage = self.status >= HTTPStatus.INTERNAL_SERVER_ERROR or self.status in _COME_BACK
        if self.is_web_page:
            banned = not outage or any(words in self.body.lower() for words in _BAN_WORDS)
            msg = f"a web page came instead of an answer, with status {self.status}"
            return SourceUnreachable(msg, retry_after=self.retry_after, banned=banned)
        msg = f"the source answered with status {self.status}"
        if self.status in _BANS:
            return SourceUnreachable(msg, retry_after=self.retry_after, banned=True)
        if outage:
            return SourceUnreachable(msg, retry_after=self.retry_after)
        return UnexpectedAnswer(msg)

    @property
    def is_web_page(self) -> bool:
        """Whether a web page came, told by its body: vendors and proxies label them wrongly."""
        return self.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


async def ask(  # noqa: PLR0913 - one request has this many parts
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    clock: Clock,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    json: object = None,
    timeout: timedelta = TIMEOUT,  # noqa: ASYNC109 - it bounds the whole exchange, not a wait
) -> HttpAnswer:
    """Send one request and return its whole answer, whatever the status.

    `json` is sent as a JSON body where it is not None. Raises SourceUnreachable where no
    whole answer came within `timeout`, UnexpectedAnswer for a body over LARGEST_BODY and for
    a request that HTTP cannot carry (a line break in a token).
    """
    if session.closed:
        msg = "the session to the source is closed"
        raise SourceUnreachable(msg)
    try:
        async with session.request(
            method,
            url,
            headers=headers,
            params=params,
            json=json,
            timeout=aiohttp.ClientTimeout(total=timeout.total_seconds()),
            allow_redirects=False,
            raise_for_status=False,
        ) as response:
            received = clock()
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > LARGEST_BODY:
                    msg = "the answer is larger than any we know"
                    raise UnexpectedAnswer(msg)
            return HttpAnswer(
                status=response.status,
                headers={name.lower(): value for name, value in response.headers.items()},
                body=bytes(body),
                received=received,
            )
    # `from None` everywhere: aiohttp's messages carry the address, whose query may hold a token.
    except TimeoutError:
        msg = "the source did not answer in time"
        raise SourceUnreachable(msg) from None
    except aiohttp.ClientSSLError:
        msg = "no secure connection to the source could be made"
        raise SourceUnreachable(msg) from None
    except ValueError:
        msg = "the request cannot be sent over HTTP"
        raise UnexpectedAnswer(msg) from None
    except (aiohttp.ClientError, OSError):
        msg = "the source could not be reached"
        raise SourceUnreachable(msg) from None


def _http_date(text: str | None) -> datetime | None:
    """Read an HTTP-date as aware UTC; None for anything else."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        # HTTP dates are in GMT by definition; one without a zone is read as such.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
