"""What is asked for each kind of source: a table of forms, used to add, change and log in again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import probatio
from homeassistant.const import CONF_EMAIL, CONF_PASSWORD, CONF_REGION, CONF_URL, CONF_USERNAME
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .const import CONF_PAIRING_KEY, KIND_EDGE

if TYPE_CHECKING:
    from .shared.glucose.wire import Carried

CONF_CLIENT_VERSION: Final = "client_version"
CONF_SECRET: Final = "secret"  # noqa: S105 - the field's name
CONF_API: Final = "api"
CONF_SEED: Final = "seed"
CONF_STARTED: Final = "started_at"
CONF_CADENCE_MINUTES: Final = "cadence_minutes"
CONF_LOW_FIRST_NIGHT: Final = "low_first_night"

type Fields = dict[probatio.Marker, object]

SECRET_TEXT = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password")
)


def _one_of(key: str, *options: str) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(
            options=list(options), translation_key=key, mode=SelectSelectorMode.DROPDOWN
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceForm:
    """The fields of one kind: all of them, and which of them a new login asks for."""

    title: str
    fields: Fields
    login: frozenset[str]

    def schema(self, *, login_only: bool = False) -> probatio.Schema:
        """Return the whole form, or only what a refused login needs."""
        return probatio.Schema(
            {
                marker: field
                for marker, field in self.fields.items()
                if not login_only or str(marker) in self.login
            }
        )

    def without_secrets(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a form may show again of known settings."""
        return {
            str(marker): data[str(marker)]
            for marker, field in self.fields.items()
            if str(marker) in data and field is not SECRET_TEXT
        }


SOURCE_FORMS: dict[str, SourceForm] = {
    "dexcom": SourceForm(
        title="Dexcom",
        fields={
            probatio.Required(CONF_USERNAME): TextSelector(
                TextSelectorConfig(autocomplete="username")
            ),
            probatio.Required(CONF_PASSWORD): SECRET_TEXT,
            probatio.Required(CONF_REGION): _one_of("dexcom_region", "us", "ous", "jp"),
        },
        login=frozenset({CONF_USERNAME, CONF_PASSWORD}),
    ),
    "librelinkup": SourceForm(
        title="LibreLinkUp",
        fields={
            probatio.Required(CONF_EMAIL): TextSelector(
                TextSelectorConfig(type=TextSelectorType.EMAIL, autocomplete="username")
            ),
            probatio.Required(CONF_PASSWORD): SECRET_TEXT,
            probatio.Optional(CONF_CLIENT_VERSION): TextSelector(),
        },
        login=frozenset({CONF_EMAIL, CONF_PASSWORD}),
    ),
    "nightscout": SourceForm(
        title="Nightscout",
        fields={
            probatio.Required(CONF_URL): TextSelector(
                TextSelectorConfig(type=TextSelectorType.URL)
            ),
            probatio.Optional(CONF_SECRET): SECRET_TEXT,
            probatio.Required(CONF_API, default="v1"): _one_of(
                "nightscout_api", "v1", "v3", "phone"
            ),
        },
        login=frozenset({CONF_SECRET}),
    ),
    "simulated": SourceForm(
        title="Simulated",
        fields={
            probatio.Required(CONF_CADENCE_MINUTES, default="5"): _one_of(
                "cadence_minutes", "1", "5"
            ),
            probatio.Optional(CONF_LOW_FIRST_NIGHT): BooleanSelector(),
        },
        login=frozenset(),
    ),
    KIND_EDGE: SourceForm(
        title="Edge agent",
        fields={probatio.Optional(CONF_PAIRING_KEY): SECRET_TEXT},
        login=frozenset(),
    ),
}


def one_of_carried(carried: Mapping[str, Carried]) -> SelectSelector:
    """Return the choice among what edge agents carry, by the names they give to wearers."""
    names = [one.wearer for one in carried.values()]
    return SelectSelector(
        SelectSelectorConfig(
            options=[
                SelectOptionDict(
                    value=key,
                    label=one.wearer
                    if names.count(one.wearer) == 1
                    else f"{one.wearer} ({one.source})",
                )
                for key, one in carried.items()
            ],
            mode=SelectSelectorMode.LIST,
        )
    )


def untaken(title: str, taken: Collection[str]) -> str:
    """Return the title, with a number behind it where others have it."""
    numbered = (f"{title} {number}" for number in count(2))
    return title if title not in taken else next(t for t in numbered if t not in taken)
