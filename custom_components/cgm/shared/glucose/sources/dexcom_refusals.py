"""What Dexcom Share's fault codes mean for what to do next.

The codes, and that they come as HTTP 500, are those of pydexcom 0.5.1 and its recorded answers.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from ..errors import GlucoseError, UnexpectedAnswer
from .http import HttpAnswer

_CREDENTIALS = frozenset(
    {"AccountPasswordInvalid", "SSO_AuthenticateAccountNotFound", "SSO_AuthenticatePasswordInvalid"}
)
_SESSION = frozenset({"SessionIdNotFound", "SessionNotValid"})
# A prefix: older servers spelled the end "Exceeed" (nightscout/share2nightscout-bridge).
_LOCKED = "SSO_AuthenticateMaxAttempts"
# Also what comes when a login fails for reasons of Dexcom's own.
_INTERNAL = "SSO_InternalError"
_CODE = re.compile(r"[A-Za-z_]{1,60}", re.ASCII)


class SessionLostError(Exception):
    """The session is not known any more: log in, ask again."""


class RefusedError(Exception):
    """Name, password, region or account id were refused."""


class LockedError(Exception):
    """Too many failed logins: the vendor takes none for a while and does not say how long."""


class EmptyIdError(Exception):
    """The vendor answered a login with the all-zero id."""


def document_of(answer: HttpAnswer) -> object:
    """Return the JSON document of a good answer, None for an empty one.

    Raises SessionLostError, RefusedError or LockedError for the codes that mean it, and
    UnexpectedAnswer or SourceUnreachable for all else (http.py).
    """
    code, message = _fault(answer)
    if code is not None:
        _raise_known(code, message)
    if code not in {None, _INTERNAL} and answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UnexpectedAnswer(f"Dexcom answered with the fault {code}")
    if answer.status != HTTPStatus.OK:
        raise answer.fault()
    return answer.json() if answer.body.strip() else None


def _raise_known(code: str, message: str) -> None:
    """Raise what a known code means; return for any other."""
    if code in _SESSION:
        raise SessionLostError
    if code.startswith(_LOCKED):
        raise LockedError
    if code in _CREDENTIALS:
        raise RefusedError("Dexcom refused name, password or region, or nobody follows")
    if code == _INTERNAL and "Cannot Authenticate by Account" in message:
        raise RefusedError("Dexcom refused name, password or region")
    if code == "InvalidArgument":
        raise RefusedError("Dexcom cannot read the name or the password")


def _fault(answer: HttpAnswer) -> tuple[str | None, str]:
    """Return code and message of a fault; no code where the answer is none."""
    try:
        document = answer.json()
    except GlucoseError:
        return None, ""
    if not isinstance(document, dict):
        return None, ""
    code, message = document.get("Code"), document.get("Message")
    if not isinstance(code, str) or _CODE.fullmatch(code) is None:
        return None, ""
    return code, message if isinstance(message, str) else ""
