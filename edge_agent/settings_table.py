"""Every setting there is: what it means, what it may be, and what it is unless set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import voluptuous as vol

from glucose.sources.dexcom import Region
from glucose.sources.nightscout_settings import Api
from glucose.sources.replay import FASTEST
from glucose.sources.simulated_settings import CADENCES
from glucose.units import Unit

from . import setting_checks as checks

LOG_LEVELS = ("debug", "info", "warning", "error")
# Where a secret may stand in a file of its own instead.
IN_FILE = "_file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key: `check` returns the value or raises vol.Invalid or ValueError.

    `allowed` completes "allowed: ". A `secret` may also be given as KEY_file. `of_text` reads the
    key from an environment variable.
    """

    meaning: str
    allowed: str
    check: checks.Check
    default: object = None
    required: bool = False
    secret: bool = False
    of_text: Callable[[str], object] = str


def _whole_setting(meaning: str, least: int, most: int, default: int | None) -> Setting:
    return Setting(
        meaning=meaning,
        allowed=f"a whole number, {least} to {most}",
        check=checks.whole(least, most),
        default=default,
        of_text=checks.whole_of_text,
    )


def _switch(meaning: str, *, default: bool) -> Setting:
    return Setting(
        meaning=meaning,
        allowed="true or false",
        check=checks.yes_or_no,
        default=default,
        of_text=checks.yes_or_no_of_text,
    )


def _choice(meaning: str, *words: str, default: str | None = None) -> Setting:
    return Setting(
        meaning=meaning,
        allowed=f"one of {', '.join(words)}",
        check=checks.one_of(*words),
        default=default,
        required=default is None,
    )


def _file(meaning: str) -> Setting:
    return Setting(meaning=meaning, allowed="a path", check=checks.path)


def _word(meaning: str, *, required: bool = False, default: str | None = None) -> Setting:
    return Setting(
        meaning=meaning,
        allowed="a text that is not empty",
        check=checks.text,
        required=required,
        default=default,
    )


def _hidden(meaning: str, *, required: bool = False) -> Setting:
    return Setting(
        meaning=meaning,
        allowed="a text that is not empty",
        check=checks.secret,
        required=required,
        secret=True,
    )


_TIME_ZONE = Setting(
    meaning="where the wearer's days begin and end",
    allowed="a zone's name such as Europe/Berlin",
    check=checks.zone,
    default="UTC",
)
_STARTED_AT_ALLOWED = "a time with its zone, such as 2026-11-20T08:00:00+01:00"

GENERAL: Mapping[str, Setting] = {
    "node": Setting(
        meaning="the agent's name on the broker, one for each agent",
        allowed="up to 32 of a-z, 0-9, _ and -; first a letter or digit",
        check=checks.node,
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
    "call": {
        "webhook": _hidden("where an urgent low is posted as JSON while Home Assistant is away"),
        "ntfy": _hidden("the address of the ntfy topic where it is published then"),
        "ntfy_token": _hidden("the ntfy server's access token, where it wants one"),
        "after_minutes": _whole_setting(
            "how long Home Assistant may be away before somebody is called", 1, 60, 5
        ),
        "most_calls": _whole_setting("how many calls an urgent low makes at most", 1, 100, 12),
        "urgent_low_mg_dl": _whole_setting("below which value it is urgent, in mg/dL", 41, 69, 54),
        "names": _switch("whether a call says the wearer's name", default=False),
        "unit": _choice("the unit of a call", *Unit, default=Unit.MG_DL.value),
        "language": _choice("the language of a call", "en", "de", default="en"),
    },
    "home_discovery": {
        "enabled": _switch(
            "plain MQTT sensors in a Home Assistant that has no CGM integration", default=False
        ),
        "prefix": Setting(
            meaning="Home Assistant's MQTT discovery prefix",
            allowed="the beginning of a topic, without + and #, no / around it",
            check=checks.topic,
            default="homeassistant",
        ),
    },
}

EVERY_SOURCE: Mapping[str, Setting] = {
    "name": Setting(
        meaning="what this source is called on the broker; never change it later",
        allowed="up to 32 of a-z, 0-9, _ and -; first a letter or digit; each only once",
        check=checks.name,
        required=True,
    ),
    "wearer": Setting(
        meaning="whose readings these are; shown when Home Assistant asks where they belong",
        allowed="a text of up to 64 characters, on one line and without control characters",
        check=checks.label,
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
            check=checks.version,
        ),
    },
    "nightscout": {
        "url": Setting(
            meaning="the site's or the phone's address",
            allowed="an address without user name, password and query",
            check=checks.site,
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
            of_text=checks.whole_of_text,
        ),
        "started_at": Setting(
            meaning="a moment around which nothing is missing",
            allowed=_STARTED_AT_ALLOWED,
            check=checks.moment,
        ),
    },
    "replay": {
        "file": Setting(
            meaning="a Clarity or LibreView export to play",
            allowed="a path",
            check=checks.path,
            required=True,
        ),
        "time_zone": _TIME_ZONE,
        "started_at": Setting(
            meaning="when playing began; keep it",
            allowed=_STARTED_AT_ALLOWED,
            check=checks.moment,
            required=True,
        ),
        "speed": Setting(
            meaning="how many times faster than life",
            allowed=f"a number above 0, at most {FASTEST:g}",
            check=checks.speed,
            default=1.0,
            of_text=checks.number_of_text,
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
