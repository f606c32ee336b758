"""Every setting there is: what it means, what it may be, and how a text from outside becomes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import voluptuous as vol

from glucose.sources.dexcom import Region
from glucose.sources.librelinkup_settings import LibreLinkUpSettings
from glucose.sources.nightscout_settings import Api, NightscoutSettings
from glucose.sources.replay import FASTEST
from glucose.sources.simulated_settings import CADENCES
from glucose.wire import Topics

Check = Callable[[object], object]

LOG_LEVELS = ("debug", "info", "warning", "error")
# Where a secret may stand in a file of its own instead.
IN_FILE = "_file"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)
_YES = {"1", "true", "yes", "on"}
_NO = {"0", "false", "no", "off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key: `check` returns the value or raises vol.Invalid or ValueError.

    `allowed` completes "allowed: ". A `secret` may also be given as KEY_file. `of_text` reads the
    key from an environment variable.
    """

    meaning: str
    allowed: str
    check: Check
    default: object = None
    required: bool = False
    secret: bool = False
    of_text: Callable[[str], object] = str


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise vol.Invalid("not a text")
    return value.strip()


def _secret(value: object) -> str:
    """Take a secret as it is: a blank at its end may belong to it."""
    if not isinstance(value, str) or not value:
        raise vol.Invalid("not a text")
    return value


def _whole(least: int, most: int) -> Check:
    def check(value: object) -> int:
        if type(value) is not int or not least <= value <= most:
            raise vol.Invalid("not in range")
        return value

    return check


def _one_of(*words: str) -> Check:
    def check(value: object) -> str:
        if value not in words:
            raise vol.Invalid("none of them")
        return str(value)

    return check


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise vol.Invalid("neither true nor false")
    return value


def _name(value: object) -> str:
    text = _text(value)
    if _NAME.fullmatch(text) is None:
        raise vol.Invalid("not a name")
    return text


def _node(value: object) -> str:
    return Topics(_text(value)).node


def _label(value: object) -> str:
    text = _text(value)
    if len(text) > 64:  # noqa: PLR2004 - what the wire takes
        raise vol.Invalid("too long")
    return text


def _path(value: object) -> Path:
    return Path(_text(value)).expanduser()


def _zone(value: object) -> str:
    try:
        return ZoneInfo(_text(value)).key
    except (ZoneInfoNotFoundError, OSError) as error:
        raise vol.Invalid("no zone") from error


def _moment(value: object) -> str:
    """Take an aware time, as TOML's own or as text."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise vol.Invalid("no time zone")
    return moment.astimezone(UTC).isoformat()


def _speed(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= FASTEST:
        raise vol.Invalid("not a speed")
    return float(value)


def _site(value: object) -> str:
    return NightscoutSettings(url=_text(value)).url


def _version(value: object) -> str:
    return LibreLinkUpSettings(email="", password="", client_version=_text(value)).client_version


def _whole_of_text(text: str) -> object:
    return int(text) if re.fullmatch(r"-?\d{1,9}", text, re.ASCII) else text


def _number_of_text(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _yes_or_no_of_text(text: str) -> object:
    word = text.strip().lower()
    return True if word in _YES else False if word in _NO else text


def _whole_setting(meaning: str, least: int, most: int, default: int | None) -> Setting:
    return Setting(
        meaning=meaning,
        allowed=f"a whole number, {least} to {most}",
        check=_whole(least, most),
        default=default,
        of_text=_whole_of_text,
    )


def _switch(meaning: str, *, default: bool) -> Setting:
    return Setting(
        meaning=meaning,
        allowed="true or false",
        check=_yes_or_no,
        default=default,
        of_text=_yes_or_no_of_text,
    )


def _choice(meaning: str, *words: str, default: str | None = None) -> Setting:
    return Setting(
        meaning=meaning,
        allowed=f"one of {', '.join(words)}",
        check=_one_of(*words),
        default=default,
        required=default is None,
    )


def _file(meaning: str) -> Setting:
    return Setting(meaning=meaning, allowed="a path", check=_path)


def _word(meaning: str, *, required: bool = False, default: str | None = None) -> Setting:
    return Setting(
        meaning=meaning,
        allowed="a text that is not empty",
        check=_text,
        required=required,
        default=default,
    )


def _hidden(meaning: str, *, required: bool = False) -> Setting:
    return Setting(
        meaning=meaning,
        allowed="a text that is not empty",
        check=_secret,
        required=required,
        secret=True,
    )


_TIME_ZONE = Setting(
    meaning="where the wearer's days begin and end",
    allowed="a zone's name such as Europe/Berlin",
    check=_zone,
    default="UTC",
)
_STARTED_AT_ALLOWED = "a time with its zone, such as 2026-11-20T08:00:00+01:00"

GENERAL: Mapping[str, Setting] = {
    "node": Setting(
        meaning="the agent's name on the broker, one for each agent",
        allowed="up to 32 of a-z, 0-9, _ and -; first a letter or digit",
        check=_node,
        required=True,
    ),
    "state_dir": _file("where the outbox is kept; the service's own folder unless set"),
    "log_level": _choice("how much is said on standard output", *LOG_LEVELS, default="info"),
}

TABLES: Mapping[str, Mapping[str, Setting]] = {
    "broker": {
        "host": _word("the MQTT broker's host name or address", required=True),
        "port": _whole_setting(
            "the broker's port; 8883 with TLS, else 1883, unless set", 1, 65535, None
        ),
        "username": _word("the broker's user for this agent"),
        "password": _hidden("that user's password"),
        "tls": _switch("whether the connection is encrypted", default=False),
        "ca_file": _file("the certificate authority that signed the broker's certificate"),
        "cert_file": _file("this agent's own certificate, where the broker wants one"),
        "key_file": _file("the key of this agent's own certificate"),
        "keepalive_seconds": _whole_setting(
            "after how long a dead connection is noticed", 5, 3600, 30
        ),
    },
    "pairing": {
        "key": _hidden("signs all messages; the same key is entered in Home Assistant"),
    },
    "outbox": {
        "most_mb": _whole_setting("how large the outbox may grow on disk, in MB", 4, 4096, 64),
    },
    "health": {
        "port": _whole_setting("where /healthz answers on 127.0.0.1; 0 for nowhere", 0, 65535, 8099)
    },
    "home_discovery": {
        "enabled": _switch(
            "plain MQTT sensors in a Home Assistant that has no CGM integration", default=False
        ),
        "prefix": _word("Home Assistant's MQTT discovery prefix", default="homeassistant"),
    },
}

EVERY_SOURCE: Mapping[str, Setting] = {
    "name": Setting(
        meaning="what this source is called on the broker; never change it later",
        allowed="up to 32 of a-z, 0-9, _ and -; first a letter or digit; each only once",
        check=_name,
        required=True,
    ),
    "wearer": Setting(
        meaning="whose readings these are; shown when Home Assistant asks where they belong",
        allowed="a text of up to 64 characters",
        check=_label,
        required=True,
    ),
    "patient": _word("the person's id, where the account sees several (doctor --names shows them)"),
}

KINDS: Mapping[str, Mapping[str, Setting]] = {
    "dexcom": {
        "username": _word("the wearer's own Dexcom account, not a follower's", required=True),
        "password": _hidden("that account's password", required=True),
        "region": _choice("where the account was opened", *Region),
    },
    "librelinkup": {
        "email": _word("the address of the LibreLinkUp account that follows", required=True),
        "password": _hidden("that account's password", required=True),
        "client_version": Setting(
            meaning="the app's version to be taken for, where the vendor wants a newer one",
            allowed="numbers with dots, such as 4.16.0",
            check=_version,
        ),
    },
    "nightscout": {
        "url": Setting(
            meaning="the site's or the phone's address",
            allowed="an address without user name, password and query",
            check=_site,
            required=True,
        ),
        "secret": _hidden("the API secret or an access token, where one is asked for"),
        "api": _choice("how it is spoken to", *Api, default=Api.V1.value),
    },
    "simulated": {
        "seed": _whole_setting("which simulated wearer", 0, 2**31 - 1, 1),
        "time_zone": _TIME_ZONE,
        "cadence_minutes": Setting(
            meaning="minutes from reading to reading",
            allowed=f"one of {', '.join(map(str, CADENCES))}",
            check=vol.In(CADENCES),
            default=5,
            of_text=_whole_of_text,
        ),
        "started_at": Setting(
            meaning="a moment around which nothing is missing",
            allowed=_STARTED_AT_ALLOWED,
            check=_moment,
        ),
    },
    "replay": {
        "file": Setting(
            meaning="a Clarity or LibreView export to play",
            allowed="a path",
            check=_path,
            required=True,
        ),
        "time_zone": _TIME_ZONE,
        "started_at": Setting(
            meaning="when playing began; keep it",
            allowed=_STARTED_AT_ALLOWED,
            check=_moment,
            required=True,
        ),
        "speed": Setting(
            meaning="how many times faster than life",
            allowed=f"a number above 0, at most {FASTEST:g}",
            check=_speed,
            default=1.0,
            of_text=_number_of_text,
        ),
    },
}

KIND = _choice("what kind of source it is", *KINDS)


def with_files(table: Mapping[str, Setting]) -> dict[str, Setting]:
    """Return a table with a KEY_file beside each secret KEY."""
    return {
        **table,
        **{
            key + IN_FILE: _file(f"a file that holds {key} ({setting.meaning})")
            for key, setting in table.items()
            if setting.secret
        },
    }
