"""What tests of the integration put into the fake vendors, and the sources that name them."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from homeassistant.util import dt as dt_util

from custom_components.cgm.shared.glucose.sources.nightscout_settings import NightscoutSettings
from fakes.dexcom_share import FakeDexcomShare, Row
from fakes.librelinkup import FakeLibreLinkUp, FakePatient
from fakes.nightscout import FakeNightscout, entry
from fakes.phone_server import FakePhone

NEW_PASSWORD = "another-password-2"
WRONG_PASSWORD = "mistyped-password-3"
API_SECRET = "a-secret-of-nightscout"

# What no log may hold: all that opens an account, and all that names one.
SECRETS = (
    "right-password-1",
    "correct horse",
    NEW_PASSWORD,
    WRONG_PASSWORD,
    API_SECRET,
    hashlib.sha1(API_SECRET.encode(), usedforsecurity=False).hexdigest(),
    "wearer@example.invalid",
    "carer@example.org",
    "second@example.org",
    "secret.ticket",
    "carer-",
)
# People, as the dialogs and the vendors name them.
NAMES = ("Alex", "Robin", "Ada", "Ben", "Example")


def steady(
    vendor: FakeDexcomShare | FakeNightscout | FakePhone | FakePatient,
    mg_dl: int,
    *,
    minutes: Iterable[int] = (-11, -6, -1),
) -> None:
    """Have the vendor hold one value at so many minutes from now; later ones are not seen yet."""
    now = dt_util.utcnow()
    for time in (now + timedelta(minutes=minute) for minute in minutes):
        match vendor:
            case FakeDexcomShare():
                vendor.rows.append(Row(time=time, value=mg_dl, visible_at=time))
            case FakeNightscout():
                vendor.put(entry(time, mg_dl), visible_at=time)
            case FakePhone():
                vendor.put(time, mg_dl, visible_at=time)
            case FakePatient():
                vendor.measure(time, mg_dl)
                vendor.draw(time, mg_dl)


def patient(vendor: FakeLibreLinkUp, given: str, mg_dl: int) -> FakePatient:
    """Have somebody share with the account, at one value until now."""
    shared = vendor.follow(FakePatient(given=given, family="Example"))
    steady(shared, mg_dl)
    return shared


def dexcom_source(vendor: FakeDexcomShare, **changes: object) -> dict[str, Any]:
    """Return the data of a subentry that reads the fake's one wearer."""
    return {
        "kind": "dexcom",
        "username": vendor.publisher.name,
        "password": vendor.publisher.password,
        "region": "us",
        "wearer": vendor.publisher.id,
        **changes,
    }


def libre_source(vendor: FakeLibreLinkUp, whose: FakePatient, **changes: object) -> dict[str, Any]:
    """Return the data of a subentry that reads one of the account's patients."""
    return {
        "kind": "librelinkup",
        "email": vendor.email,
        "password": vendor.password,
        "wearer": whose.id,
        **changes,
    }


def nightscout_source(url: str, **changes: object) -> dict[str, Any]:
    """Return the data of a subentry that reads a site; with api="phone", a phone."""
    return {
        "kind": "nightscout",
        "url": url,
        "api": "v1",
        "wearer": NightscoutSettings(url=url).site_id,
        **changes,
    }
