"""What LibreLinkUp means when it refuses: bodies rule over HTTP statuses, evidence over guesses.

What is known of each sign comes from users' reports; the vendor documents none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus

from ..errors import (
    ClientVersionRefused,
    GlucoseError,
    SharingDisabled,
    SourceUnreachable,
    TermsNotAccepted,
    UnexpectedAnswer,
)
from .http import REQUEST_HEADER_FIELDS_REFUSED, HttpAnswer
from .librelinkup_rows import table
from .login import LoginGuard

# The oldest client the vendor has answered since October 2025.
OLDEST_ACCEPTED_VERSION = "4.16.0"

# `status` beside `data` in the body.
FINE = 0
_NOT_AUTHENTICATED = 2
_STEP_NEEDED_OR_NO_PATIENT = 4
_TOO_MANY = 429
_BODIES_THAT_RULE = {FINE, _NOT_AUTHENTICATED, _STEP_NEEDED_OR_NO_PATIENT, _TOO_MANY}
_LOCKED = 60
_LONGEST_LOCK = timedelta(days=1)

_STEPS = {
    "tou": "the vendor wants its terms of use accepted in its app",
    "pp": "the vendor wants its privacy policy accepted in its app",
    "verifyEmail": "the vendor wants the account's e-mail address verified",
}


def body_of(answer: HttpAnswer, *, client_version: str) -> Mapping[str, object]:
    """Return the JSON object of an answer that speaks for itself, an empty one with 401.

    Raises SourceUnreachable, UnexpectedAnswer, ClientVersionRefused or TermsNotAccepted where
    only the HTTP status speaks.
    """
    if answer.is_web_page:
        raise answer.fault()
    try:
        body = table(answer.json())
    except (SourceUnreachable, UnexpectedAnswer):
        if answer.status == HTTPStatus.OK:
            raise
        body = {}
    status = body.get("status")
    if type(status) is int and status in _BODIES_THAT_RULE:
        return body
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return {}
    if answer.status == HTTPStatus.BAD_REQUEST and body.get("message") == "RequiredHeaderMissing":
        # We send every header known, so a newer client must be sending one more.
        raise ClientVersionRefused("the source wants a header that newer clients send")
    # With Retry-After it is a limit of rates, which passes by itself.
    if answer.retry_after is None and answer.status in {
        HTTPStatus.FORBIDDEN,
        REQUEST_HEADER_FIELDS_REFUSED,
    }:
        raise _shut_out(answer.status, client_version)
    if answer.status != HTTPStatus.OK:
        raise answer.fault()
    raise UnexpectedAnswer("the answer is not one of LibreLinkUp's")


def _shut_out(status: int, client_version: str) -> GlucoseError:
    """Judge 403 and 430 that come without a page, a word or a time to come back.

    403 ended for everybody who raised the version, each time the vendor raised its floor (bans
    of an address come as web pages). 430 to a login had both causes: an old version, or terms
    that wait; with a version that is known to be good, terms are the likelier, and opening the
    app shows at once whether it is them.
    """
    if status == HTTPStatus.FORBIDDEN or _numbers(client_version) < _numbers(
        OLDEST_ACCEPTED_VERSION
    ):
        return ClientVersionRefused("the source shuts this client version out")
    return TermsNotAccepted("the source shuts the account out until its app has been opened")


def _numbers(version: str) -> tuple[int, ...]:
    """Return a dotted version as numbers to compare."""
    return tuple(map(int, version.split(".")))


def not_authenticated(body: Mapping[str, object]) -> bool:
    """Tell whether a body (of body_of) refuses the credentials or the session."""
    # body_of returns no status for one reason alone, a bare 401.
    return body.get("status", _NOT_AUTHENTICATED) == _NOT_AUTHENTICATED


def step_of(body: Mapping[str, object]) -> str | None:
    """Return what the vendor wants done first (tou, pp, verifyEmail, ...), None where nothing."""
    step = table(table(body.get("data")).get("step")).get("type")
    return step if isinstance(step, str) else None


def refusal(
    body: Mapping[str, object], answer: HttpAnswer, guard: LoginGuard, now: datetime, *, login: bool
) -> GlucoseError:
    """Return the error for a body (of body_of) that is not fine, and tell the guard its part.

    Status 4 has two meanings: a step the user must take (the answer to a login, or with the
    step named), and a patient whom the account does not see.
    """
    if login and not_authenticated(body):
        return guard.refused("the source refused e-mail address or password")
    status = body.get("status")
    data = table(body.get("data"))
    step = step_of(body)
    if step is not None or (login and status == _STEP_NEEDED_OR_NO_PATIENT):
        if login:
            # Terms are shown only to somebody whose password was right.
            guard.accepted()
        return TermsNotAccepted(_STEPS.get(step or "", "the vendor wants a step done in its app"))
    if table(body.get("error")).get("message") == "couldNotLoadPatient":
        return SharingDisabled("the account no longer sees this patient")
    if status == _TOO_MANY and data.get("code") == _LOCKED:
        return guard.locked(now, _lockout(table(data.get("data")).get("lockout")))
    if status == _TOO_MANY:
        return SourceUnreachable(
            "the source limits how often it is asked", retry_after=answer.retry_after, banned=True
        )
    return UnexpectedAnswer("the source refused with a status that is not known")


def _lockout(seconds: object) -> timedelta | None:
    """Read how long a lock lasts, at most a day; None where that is not told."""
    if type(seconds) is not int or seconds <= 0:
        return None
    return timedelta(seconds=min(seconds, _LONGEST_LOCK.total_seconds()))
