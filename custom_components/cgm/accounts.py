"""Which vendor accounts are logged in, and who uses them: one login, however many wearers."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from homeassistant.core import callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .const import CONF_RANK, CONF_REFUSED, CONF_WEARER, DOMAIN
from .shared.glucose.errors import GlucoseError
from .shared.glucose.sources.catalogue import Tools, build_account
from .shared.glucose.sources.source import TreatmentAccount

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Mapping
    from datetime import datetime, timedelta

    from homeassistant.config_entries import ConfigEntry, ConfigSubentry
    from homeassistant.core import HomeAssistant

    from .shared.glucose.sources.login import LoginGuard
    from .shared.glucose.sources.source import Account, Answer, TreatmentAnswer, VisibleWearer

type Credentials = frozenset[tuple[str, object]]

# What a subentry holds beside the settings that make the account what it is.
_KEPT = (CONF_WEARER, CONF_RANK)
_NOT_THE_ACCOUNT = {*_KEPT, CONF_REFUSED}


class SharedAccount:
    """One login for all its holders (Account in source.py), renewed in place for all of them.

    An account remembers refusals and pauses, so that feeds do not send again what was refused.
    A person who logs in by hand is not held back by that: they get a new account, which takes
    the old one's place here once it works.
    """

    def __init__(self, account: Account) -> None:
        """Begin with an account that nobody has asked yet."""
        self.holders: set[str] = set()
        # Whether the last question was answered.
        self.works = False
        self._account = account

    @property
    def guard(self) -> LoginGuard:
        """What decides whether credentials may be sent now."""
        return self._account.guard

    @property
    def cadence(self) -> timedelta:
        """How often a reading is due."""
        return self._account.cadence

    async def wearers(self) -> tuple[VisibleWearer, ...]:
        """Log in if need be and return whom the account can see."""
        return await self._noted(self._account, self._account.wearers())

    async def readings(self, wearer: str, source: str, since: datetime) -> Answer:
        """Return what the vendor has of `wearer` at or after `since`."""
        return await self._noted(self._account, self._account.readings(wearer, source, since))

    async def treatments(self, wearer: str, source: str, since: datetime) -> TreatmentAnswer | None:
        """Return what else the vendor has of `wearer`; None where the account knows none.

        Whether these can be read says nothing about the login.
        """
        if not isinstance(self._account, TreatmentAccount):
            return None
        return await self._account.treatments(wearer, source, since)

    async def renewed(self, account: Account) -> tuple[VisibleWearer, ...]:
        """Ask a new account whom it sees; where that works, every holder uses it from now on."""
        wearers = await account.wearers()
        self._account = account
        self.works = True
        return wearers

    async def _noted[T](self, asked: Account, answer: Awaitable[T]) -> T:
        """Note whether the account works, unless another has taken its place meanwhile."""
        try:
            answered = await answer
        except GlucoseError:
            self.works = self.works and asked is not self._account
            raise
        self.works = True
        return answered


_ACCOUNTS: HassKey[dict[Credentials, SharedAccount]] = HassKey(f"{DOMAIN}_accounts")


def account_settings(data: Mapping[str, object]) -> dict[str, object]:
    """Return the part of a source's settings that says which account it is and how to log in."""
    return {key: value for key, value in data.items() if key not in _NOT_THE_ACCOUNT}


@callback
def async_hold(hass: HomeAssistant, data: Mapping[str, object], holder: str) -> SharedAccount:
    """Return the account these settings name, built if nobody holds it yet. No I/O.

    Raises ValueError for settings that cannot be.
    """
    settings = account_settings(data)
    accounts = hass.data.setdefault(_ACCOUNTS, {})
    shared = accounts.get(credentials := _credentials(settings))
    if shared is None:
        # A refusal outlives a restart: what one wearer's source learned holds for all of them.
        refused = any(s.data.get(CONF_REFUSED) for _, s in _sources_of(hass, settings))
        shared = accounts[credentials] = SharedAccount(_built(hass, settings, refused=refused))
    shared.holders.add(holder)
    return shared


async def async_log_in(
    hass: HomeAssistant, settings: Mapping[str, object], holder: str
) -> tuple[VisibleWearer, ...]:
    """Log in with what a person typed just now and return whom the account sees.

    An account in use that works is asked, not logged in again. Raises the errors of an Account,
    and ValueError for settings that cannot be.
    """
    shared = async_hold(hass, settings, holder)
    if shared.works:
        return await shared.wearers()
    return await shared.renewed(_built(hass, account_settings(settings), refused=False))


@callback
def async_let_go(hass: HomeAssistant, holder: str) -> None:
    """Forget what `holder` held; an account nobody holds is gone, and its session with it."""
    accounts = hass.data.get(_ACCOUNTS, {})
    for credentials, shared in list(accounts.items()):
        shared.holders.discard(holder)
        if not shared.holders:
            del accounts[credentials]


@callback
def async_give_login(
    hass: HomeAssistant,
    old: Mapping[str, object],
    new: Mapping[str, object],
    visible: Collection[VisibleWearer],
) -> None:
    """Give a login that works to every source of the account, whoever wears it.

    A source whose wearer the new login does not see keeps the old one.
    """
    seen = {wearer.id for wearer in visible}
    for entry, subentry in _sources_of(hass, old):
        if subentry.data[CONF_WEARER] in seen:
            kept = {key: subentry.data[key] for key in _KEPT if key in subentry.data}
            hass.config_entries.async_update_subentry(entry, subentry, data={**new, **kept})


def _sources_of(
    hass: HomeAssistant, settings: Mapping[str, object]
) -> list[tuple[ConfigEntry, ConfigSubentry]]:
    """Return every wearer's sources that use this account with this login."""
    return [
        (entry, subentry)
        for entry in hass.config_entries.async_entries(DOMAIN)
        for subentry in entry.subentries.values()
        if account_settings(subentry.data) == settings
    ]


def _built(hass: HomeAssistant, settings: Mapping[str, object], *, refused: bool) -> Account:
    tools = Tools(
        session=async_get_clientsession(hass),
        run=hass.async_add_executor_job,
        clock=dt_util.utcnow,
        elapsed=monotonic,
    )
    return build_account(settings, tools, refused=refused)


def _credentials(settings: Mapping[str, object]) -> Credentials:
    return frozenset((key, _hashable(value)) for key, value in settings.items())


def _hashable(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
