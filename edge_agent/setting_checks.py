"""How a value from outside becomes that of a setting, or is refused."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import voluptuous as vol

from glucose.sources.librelinkup_settings import LibreLinkUpSettings
from glucose.sources.nightscout_settings import NightscoutSettings
from glucose.sources.replay import FASTEST
from glucose.wire import Topics

# Returns the value or raises vol.Invalid or ValueError.
Check = Callable[[object], object]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)
# ntfy's own rule.
_TOPIC = re.compile(r"/[-_A-Za-z0-9]{1,64}", re.ASCII)
# What the wire takes for a text: Home Assistant refuses an announcement with another.
_LONGEST_LABEL = 64
_NOT_IN_LABEL = {"Cc", "Cs"}
_YES = {"1", "true", "yes", "on"}
_NO = {"0", "false", "no", "off"}


def text(value: object) -> str:
    """Take a text that is not blank, without the blanks around it."""
    if not isinstance(value, str) or not value.strip():
        raise vol.Invalid("not a text")
    return value.strip()


def secret(value: object) -> str:
    """Take a secret as it is: a blank at its end may belong to it."""
    if not isinstance(value, str) or not value:
        raise vol.Invalid("not a text")
    return value


def whole(least: int, most: int) -> Check:
    """Return what takes whole numbers within these."""

    def check(value: object) -> int:
        if type(value) is not int or not least <= value <= most:
            raise vol.Invalid("not in range")
        return value

    return check


def one_of(*words: str) -> Check:
    """Return what takes one of these words."""

    def check(value: object) -> str:
        if value not in words:
            raise vol.Invalid("none of them")
        return str(value)

    return check


def yes_or_no(value: object) -> bool:
    """Take true or false, and no word for them."""
    if not isinstance(value, bool):
        raise vol.Invalid("neither true nor false")
    return value


def name(value: object) -> str:
    """Take what may be a part of a topic."""
    found = text(value)
    if _NAME.fullmatch(found) is None:
        raise vol.Invalid("not a name")
    return found


def node(value: object) -> str:
    """Take the name of a node."""
    return Topics(text(value)).node


def label(value: object) -> str:
    """Take what is shown to people, and goes over the wire."""
    found = text(value)
    if len(found) > _LONGEST_LABEL:
        raise vol.Invalid("too long")
    if any(unicodedata.category(character) in _NOT_IN_LABEL for character in found):
        raise vol.Invalid("not shown")
    return found


def topic(value: object) -> str:
    """Take the beginning of an MQTT topic."""
    found = label(value)
    if any(sign in found for sign in "+#") or found.startswith(("/", "$")) or found.endswith("/"):
        raise vol.Invalid("no topic")
    return found


def path(value: object) -> Path:
    """Take a path; ~ is the home of whoever runs the agent."""
    return Path(text(value)).expanduser()


def zone(value: object) -> str:
    """Take the name of a time zone."""
    try:
        return ZoneInfo(text(value)).key
    except (ZoneInfoNotFoundError, OSError) as error:
        raise vol.Invalid("no zone") from error


def moment(value: object) -> str:
    """Take an aware time, as TOML's own or as text."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(text(value))
    if found.tzinfo is None:
        raise vol.Invalid("no time zone")
    return found.astimezone(UTC).isoformat()


def speed(value: object) -> float:
    """Take how many times faster than life something is played."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= FASTEST:
        raise vol.Invalid("not a speed")
    return float(value)


def site(value: object) -> str:
    """Take the address of a Nightscout site."""
    return NightscoutSettings(url=text(value)).url


def call_address(value: object) -> str:
    """Take an address to call, whose path or query may be a secret."""
    found = text(value)
    try:
        parts = urlsplit(found)
        named = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError as error:
        raise vol.Invalid("no address") from error
    if not named or "@" in parts.netloc or parts.fragment or not found.isprintable():
        raise vol.Invalid("no address")
    return found


def ntfy_topic(value: object) -> str:
    """Take the whole address of a topic at an ntfy server."""
    found = call_address(value).rstrip("/")
    parts = urlsplit(found)
    if _TOPIC.fullmatch(parts.path) is None or parts.query:
        raise vol.Invalid("no topic")
    return found


def version(value: object) -> str:
    """Take a version of LibreLinkUp's app."""
    return LibreLinkUpSettings(email="", password="", client_version=text(value)).client_version


# From an environment variable. What is not of its kind stays a text, which the check refuses.


def whole_of_text(given: str) -> object:
    """Read a whole number."""
    return int(given) if re.fullmatch(r"-?\d{1,9}", given, re.ASCII) else given


def number_of_text(given: str) -> object:
    """Read a number."""
    try:
        return float(given)
    except ValueError:
        return given


def yes_or_no_of_text(given: str) -> object:
    """Read true or false, in the words that people use for them."""
    word = given.strip().lower()
    return True if word in _YES else False if word in _NO else given
