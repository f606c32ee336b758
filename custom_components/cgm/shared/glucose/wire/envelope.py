"""One message as bytes: JSON within limits, of a known contract, signed where a key is set."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import NoReturn, cast

from ..errors import GlucoseError

CONTRACT = 1
# A full batch is about 13 kB; what is larger by far was not made by an agent.
MOST_BYTES = 65_536

_SIGNATURE = b"hmac-sha256="
_SIGNATURE_BYTES = len(_SIGNATURE) + 64 + 1

Body = dict[str, object]


class WireError(GlucoseError, ValueError):
    """A message does not fit the contract: refuse it, count it, go on."""


def sealed(topic: str, body: Body, key: bytes | None) -> bytes:
    """Return the bytes of a message on `topic`; with `key`, its signature on a line before it."""
    text = json.dumps({"contract": CONTRACT, **body}, separators=(",", ":"), allow_nan=False)
    payload = text.encode()
    if key is None:
        return payload
    return _SIGNATURE + _mac(topic, payload, key) + b"\n" + payload


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
    if fields.get("contract") != CONTRACT or isinstance(fields["contract"], bool):
        raise WireError(f"a message is not of contract {CONTRACT}")
    return cast("Body", fields)


def text_of(fields: Body, key: str, longest: int = 64) -> str:
    """Return a text field of 1..`longest` characters; raises WireError."""
    value = fields.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise WireError(f"{key} must be text of up to {longest} characters")
    return value


def whole_of(fields: Body, key: str, least: int = 0, most: int = 2**53) -> int:
    """Return a whole number in `least`..`most`; raises WireError."""
    value = fields.get(key)
    if type(value) is not int or not least <= value <= most:
        raise WireError(f"{key} must be a whole number in {least}..{most}")
    return value


def optional_number(fields: Body, key: str) -> float | None:
    """Return a number, None where it is absent or null; raises WireError."""
    value = fields.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise WireError(f"{key} must be a number")
    return float(value)


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
