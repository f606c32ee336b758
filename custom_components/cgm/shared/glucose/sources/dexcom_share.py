"""pydexcom, made safe from outside: nothing sent unasked, no answer waited for too long.

Blocking, and heavy to import (requests): only ever imported and called in an executor.

pydexcom 0.5.1 knows Dexcom's addresses, application ids, arguments and the order of calls;
those are used as they are. What is changed from outside, and why:
- its constructor logs in; here nothing is sent before `log_in`, so that a guard can be asked;
- it sets no timeout: here silence, and the whole exchange, have an end;
- it follows redirects, with the password in the body: here none is followed;
- it logs bodies, which hold session ids, and urllib3 logs addresses, which hold them too;
- it keeps an all-zero id for ever: here a login that failed leaves nothing behind;
- it reads rows more narrowly than Dexcom writes them: here rows leave as they came.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import TypeAlias, cast

from pydexcom import Dexcom, Region
from pydexcom.const import HEADERS
from pydexcom.errors import ArgumentErrorEnum, DexcomError
from requests import RequestException, Response
from urllib3.exceptions import HTTPError

from ..errors import SourceUnreachable, UnexpectedAnswer
from .dexcom_refusals import EmptyIdError, SessionLostError, document_of
from .dexcom_transport import Deadline, adapter
from .http import HttpAnswer

_Plain: TypeAlias = str | int | None

MAX_CONNECT_SECONDS = 10.0
# HTTP dates are cut to whole seconds, so on average they are half a second old.
_HALF_SECOND = timedelta(milliseconds=500)
_EMPTY_IDS = frozenset({ArgumentErrorEnum.ACCOUNT_ID_DEFAULT, ArgumentErrorEnum.SESSION_ID_DEFAULT})


class Share(Dexcom):
    """One account at Dexcom; one thread at a time.

    `clock` is our clock (aware UTC); an exchange ends within `seconds`, and as long again at
    most for each address tried while connecting.
    """

    def __init__(  # noqa: PLR0913 - an account has this many parts
        self,
        *,
        username: str,
        password: str,
        region: str,
        base_url: str | None,
        clock: Callable[[], datetime],
        seconds: float,
    ) -> None:
        super().__init__(username=username, password=password, region=Region(region))
        if base_url is not None:
            self._base_url = base_url
        self._clock = clock
        self._seconds = seconds
        # The vendor's clock minus ours, by its last answer; None where it has told no time.
        self.clock_offset: timedelta | None = None
        self._session.mount("http://", adapter())
        self._session.mount("https://", adapter())

    def _get_session(self) -> None:
        """Send nothing: this is what pydexcom's constructor logs in with."""

    @property
    def logged_in(self) -> bool:
        """Whether there is a session, which may be lost by now."""
        return self._session_id is not None

    def log_in(self) -> str:
        """Send the credentials and return the account's id; ask the guard before.

        The account's id is asked for once and then kept, unless a login fails. Raises
        EmptyIdError, RefusedError, LockedError, SourceUnreachable, UnexpectedAnswer.
        """
        self._session_id = None
        try:
            super()._get_session()
        except Exception as error:
            self._account_id = None
            self._session_id = None
            if not isinstance(error, DexcomError):
                raise
            if error.enum in _EMPTY_IDS:
                raise EmptyIdError from None
            reason = "Dexcom answered a login with something that is no id"
            raise UnexpectedAnswer(reason) from None
        return str(self._account_id)

    def rows(self, minutes: int, max_count: int) -> list[object]:
        """Return the newest rows as they came; raises as log_in does, and SessionLostError."""
        document: object = self._get_glucose_readings(minutes, max_count)
        if document is None:
            # How Dexcom answers to a session id that is none.
            raise SessionLostError
        if not isinstance(document, list):
            raise UnexpectedAnswer("Dexcom answered with something that is no list of readings")
        return cast("list[object]", document)

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        self._session.close()

    def _post(
        self,
        endpoint: str,
        params: dict[str, _Plain] | None = None,
        json: dict[str, _Plain] | None = None,
    ) -> object:
        """Ask once, and judge the answer."""
        begun = self._clock()
        response = self._exchange(endpoint, params, {} if json is None else json)
        answer = HttpAnswer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=response.content,
            received=begun + (self._clock() - begun) / 2,
        )
        told = answer.clock_offset
        self.clock_offset = None if told is None else told + _HALF_SECOND
        return document_of(answer)

    def _exchange(
        self, endpoint: str, params: dict[str, _Plain] | None, json: dict[str, _Plain]
    ) -> Response:
        """Send one request and return its whole answer; raises SourceUnreachable."""
        with Deadline(self._seconds) as deadline:
            try:
                response = self._session.post(
                    f"{self._base_url}{endpoint}",
                    headers=HEADERS,
                    params=params,
                    json=json,
                    timeout=(min(self._seconds, MAX_CONNECT_SECONDS), self._seconds),
                    allow_redirects=False,
                )
            except (RequestException, HTTPError, HTTPException, OSError):
                # Raised below: what is caught here carries the address, and that a session id.
                response = None
        if response is None or deadline.passed:
            raise SourceUnreachable("Dexcom did not answer")
        return response
