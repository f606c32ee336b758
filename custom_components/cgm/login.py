"""Trying typed credentials for real, and saying what went wrong in words a form can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .accounts import async_log_in
from .const import CONF_KIND, LOGGER, NO_TIME
from .shared.glucose.errors import (
    AccountLocked,
    ClientVersionRefused,
    CredentialsRejected,
    GlucoseError,
    SharingDisabled,
    SourceUnreachable,
    TermsNotAccepted,
    UnexpectedAnswer,
)
from .shared.glucose.sources.nightscout_settings import (
    Api,
    NightscoutSettings,
    likely_api,
)
from .shared.glucose.sources.source import VisibleWearer
from .source_forms import CONF_API, CONF_CLIENT_VERSION, CONF_SECRET

_BASE = "base"
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
    """Whom the account sees, or what stands in the way: translation keys by the form's fields.

    `until` is the local time at which a locked account opens, as text.
    """

    wearers: tuple[VisibleWearer, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    until: str = NO_TIME


async def async_try_login(
    hass: HomeAssistant, settings: Mapping[str, object], holder: str
) -> LoginOutcome:
    """Log in with settings typed just now; `holder` holds the account until it lets go."""
    try:
        wearers = await async_log_in(hass, settings, holder)
    except GlucoseError as error:
        LOGGER.debug("Login at %s failed: %s", settings[CONF_KIND], type(error).__name__)
        if isinstance(error, UnexpectedAnswer) and _wants_phone(settings):
            return LoginOutcome(errors={CONF_API: "phone_expected"})
        key = next(key for kind, key in _ERROR_KEYS if isinstance(error, kind))
        return LoginOutcome(errors={_BASE: key}, until=_until(error))
    except ValueError:
        return LoginOutcome(errors=_impossible(settings))
    if not wearers:
        return LoginOutcome(errors={_BASE: "nobody_shares"})
    return LoginOutcome(wearers=wearers)


def _until(error: GlucoseError) -> str:
    if not isinstance(error, AccountLocked) or error.until is None:
        return NO_TIME
    return dt_util.as_local(error.until).strftime("%H:%M")


def _wants_phone(settings: Mapping[str, object]) -> bool:
    """Tell whether a phone's address is asked as if it were a site's."""
    return (
        settings[CONF_KIND] == "nightscout"
        and settings[CONF_API] != Api.PHONE
        and likely_api(str(settings[CONF_URL])) is Api.PHONE
    )


def _impossible(settings: Mapping[str, object]) -> dict[str, str]:
    """Return which field holds what cannot be sent at all."""
    if settings[CONF_KIND] != "nightscout":
        return {CONF_CLIENT_VERSION: "invalid_version"}
    try:
        NightscoutSettings(url=str(settings[CONF_URL]))
    except ValueError:
        return {CONF_URL: "invalid_address"}
    return {CONF_SECRET: "token_needed"}
