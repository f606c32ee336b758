"""Which vendor accounts are logged in, and who uses them: one login, however many wearers."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .const import CONF_RANK, CONF_REFUSED, CONF_WEARER, DOMAIN
from .shared.glucose.sources.catalogue import Tools, build_account

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.core import HomeAssistant

    from .shared.glucose.sources.source import Account

type Credentials = frozenset[tuple[str, object]]

# What a subentry holds beside the settings that make the account what it is.
_NOT_THE_ACCOUNT = {CONF_WEARER, CONF_RANK, CONF_REFUSED}


@dataclass(slots=True)
class _Held:
    account: Account
    holders: set[str] = field(default_factory=set)


_ACCOUNTS: HassKey[dict[Credentials, _Held]] = HassKey(f"{DOMAIN}_accounts")


def account_settings(data: Mapping[str, object]) -> dict[str, object]:
    """Return the part of a source's settings that says which account it is and how to log in."""
    return {key: value for key, value in data.items() if key not in _NOT_THE_ACCOUNT}


def async_hold(
    hass: HomeAssistant, data: Mapping[str, object], holder: str, *, by_hand: bool = False
) -> Account:
    """Return the account these settings name, built if nobody holds it yet. No I/O.

    `by_hand`: a person typed these credentials just now, so an earlier refusal or lock no
    longer holds them back.
    """
    settings = account_settings(data)
    accounts = hass.data.setdefault(_ACCOUNTS, {})
    held = accounts.get(credentials := _credentials(settings))
    if held is None or (by_hand and held.account.guard.may_ask_in):
        tools = Tools(
            session=async_get_clientsession(hass),
            run=hass.async_add_executor_job,
            clock=dt_util.utcnow,
            elapsed=monotonic,
        )
        account = build_account(settings, tools, refused=bool(data.get(CONF_REFUSED)))
        held = accounts[credentials] = _Held(account)
    held.holders.add(holder)
    return held.account


def async_let_go(hass: HomeAssistant, holder: str) -> None:
    """Forget what `holder` held; an account nobody holds is gone, and its session with it."""
    accounts = hass.data.get(_ACCOUNTS, {})
    for credentials, held in list(accounts.items()):
        held.holders.discard(holder)
        if not held.holders:
            del accounts[credentials]


def _credentials(settings: Mapping[str, object]) -> Credentials:
    return frozenset((key, _hashable(value)) for key, value in settings.items())


def _hashable(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
