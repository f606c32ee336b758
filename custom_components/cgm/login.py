"""Trying typed credentials for real, and saying what went wrong in words a form can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .accounts import async_hold
from .const import CONF_KIND, LOGGER, NO_TIME
from .shared.glucose.errors import (
    AccountLocked,
    ClientVersionRefused,
    CredentialsRejected,
    GlucoseError,
    SharingDisabled,
    SourceUnreachable,
    TermsNotAccepted,
)
from .shared.glucose.sources.source import VisibleWearer

_ERROR_KEYS: tuple[tuple[type[GlucoseError], str], ...] = (
    (CredentialsRejected, "invalid_auth"),
    (AccountLocked, "account_locked"),
    (TermsNotAccepted, "terms_not_accepted"),
    (SharingDisabled, "nobody_shares"),
    (ClientVersionRefused, "version_refused"),
    (SourceUnreachable, "cannot_connect"),
    (GlucoseError, "unexpected_answer"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginOutcome:
    """Whom the account sees, or the translation key of what stands in the way."""

    wearers: tuple[VisibleWearer, ...] = ()
    error: str | None = None
    until: str = NO_TIME


async def async_try_login(
    hass: HomeAssistant, settings: Mapping[str, object], holder: str
) -> LoginOutcome:
    """Log in with settings typed just now; the account stays held by `holder` if that works."""
    try:
        account = async_hold(hass, settings, holder, by_hand=True)
    except ValueError:
        return LoginOutcome(error="invalid_address")
    try:
        wearers = await account.wearers()
    except AccountLocked as error:
        until = NO_TIME if error.until is None else dt_util.as_local(error.until).strftime("%H:%M")
        return LoginOutcome(error="account_locked", until=until)
    except GlucoseError as error:
        LOGGER.debug("Login at %s failed: %s", settings[CONF_KIND], type(error).__name__)
        return LoginOutcome(error=next(key for kind, key in _ERROR_KEYS if isinstance(error, kind)))
    if not wearers:
        return LoginOutcome(error="nobody_shares")
    return LoginOutcome(wearers=wearers)
