"""One message as bytes: JSON within limits, of a known contract, signed where a key is set."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import unicodedata
from typing import NoReturn, cast

from ..errors import GlucoseError

CONTRACT = 1
# A full batch is about 13 kB, and 65 kB with the longest names of the widest characters.
MOST_BYTES = 65_536

_SIGNATURE = b"hmac-sha256="
_SIGNATURE_BYTES = len(_SIGNATURE) + 64 + 1
# Control characters have no place in a name, and half a surrogate pair in no file or database.
_NOT_TEXT = {"Cc", "Cs"}

Body = dict[str, object]


class WireError(GlucoseError, ValueError):
    """A message does not fit the contract: refuse it, count it, go on."""


def sealed(topic: str, body: Body, key: bytes | None) -> bytes:
    """Return the bytes of a message on `topic`; with `key`, its signature on a line before it.

    Raises WireError for what JSON cannot say: better here, where it can be seen, than refused
    there again and again. Who sends looks at the size.
    """
    try:
        text = json.dumps(
            {"contract": CONTRACT, **body},
            separators=(",", ":"),
            allow_nan=False,
            ensure_ascii=False,
        )
        payload = text.encode()
    except ValueError:
        raise WireError("a message holds what is neither text nor a finite number") from None
    if key is None:
        return payload
    return _SIGNATURE + _mac(topic, payload, key) + b"\n" + payload


def is_signed(payload: bytes) -> bool:
    """Tell whether a message claims to be signed; only `opened` with the key knows if it is."""
    return payload.startswith(_SIGNATURE)


def opened(topic: str, payload: bytes, key: bytes | None) -> Body:
    """Return a message's fields; raises WireError for anything an agent would not send.

    With `key`, an unsigned or wrongly signed message is refused. Without one, a signature is
    not looked at: somebody who has no key cannot tell.
    """
    if len(payload) > MOST_BYTES:
        raise WireError("a message is too large")
    body = payload
    if payload.startswith(_SIGNATURE):
        body = payload[_SIGNATURE_BYTES:]
    if key is not None:
        expected = _SIGNATURE + _mac(topic, body, key) + b"\n"
        if not hmac.compare_digest(payload[:_SIGNATURE_BYTES], expected):
            raise WireError("a message is not signed with the pairing key")
    try:
        fields = json.loads(body.decode(), parse_constant=_refused)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise WireError("a message is not JSON") from None
    if not isinstance(fields, dict):
        raise WireError("a message is not an object")
    contract = fields.get("contract")
    if type(contract) is not int or contract != CONTRACT:
        raise WireError(f"a message is not of contract {CONTRACT}")
    return cast("Body", fields)


def text_of(fields: Body, key: str, longest: int = 64) -> str:
    """Return a text field of 1..`longest` characters, none of control; raises WireError."""
    value = fields.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise WireError(f"{key} must be text of up to {longest} characters")
    if any(unicodedata.category(character) in _NOT_TEXT for character in value):
        raise WireError(f"{key} must be text without control characters")
    return value


def whole_of(fields: Body, key: str, least: int = 0, most: int = 2**53) -> int:
    """Return a whole number in `least`..`most`; raises WireError."""
    value = fields.get(key)
    if type(value) is not int or not least <= value <= most:
        raise WireError(f"{key} must be a whole number in {least}..{most}")
    return value


def optional_number(fields: Body, key: str) -> float | None:
    """Return a finite number, None where it is absent or null; raises WireError."""
    value = fields.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise WireError(f"{key} must be a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    # JSON has no word for infinity, but 1e999 is read as one.
    if not math.isfinite(number):
        raise WireError(f"{key} must be a finite number")
    return number


def optional_flag(fields: Body, key: str) -> bool | None:
    """Return true or false, None where it is absent or null; raises WireError."""
    value = fields.get(key)
    if value is not None and not isinstance(value, bool):
        raise WireError(f"{key} must be true or false")
    return value


def list_of(fields: Body, key: str, most: int) -> list[object]:
    """Return a list of at most `most` entries; raises WireError."""
    value = fields.get(key)
    if not isinstance(value, list) or len(value) > most:
        raise WireError(f"{key} must be a list of at most {most}")
    return value


def objects_of(fields: Body, key: str, most: int) -> list[Body]:
    """Return a list of objects; raises WireError."""
    values = list_of(fields, key, most)
    if not all(isinstance(value, dict) for value in values):
        raise WireError(f"{key} must hold objects")
    return cast("list[Body]", values)


def _mac(topic: str, body: bytes, key: bytes) -> bytes:
    """Sign the topic too: an acknowledgement of one node is none of another."""
    return hmac.new(key, topic.encode() + b"\n" + body, hashlib.sha256).hexdigest().encode()


def _refused(constant: str) -> NoReturn:
    raise ValueError(constant)
