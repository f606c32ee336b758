"""A wearer's options: who they are, their targets, when a value is too old, and the alarms."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import probatio
from homeassistant.components.person import DOMAIN as PERSON_DOMAIN
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .alarm_forms import alarm_schema, shown_alarms, typed_alarms
from .alarm_settings import alarm_rules, usable_alarm_rules
from .const import (
    CONF_ALARMS,
    CONF_CONSENSUS,
    CONF_DARK,
    CONF_LARGE,
    CONF_PERSON,
    CONF_PICTURES,
    CONF_STALE,
    CONF_TARGETS,
    CONF_TIME_ZONE,
    CONF_UNIT,
    CONF_WITHDRAWN_AFTER_MINUTES,
)
from .heartbeat import (
    CONF_EVERY_MINUTES,
    CONF_HEARTBEAT,
    CONF_HEARTBEAT_URL,
    EVERY_MINUTES,
    MOST_MINUTES,
    usable_address,
)
from .history_flow import HistoryOptions
from .on_board_flow import OnBoardOptions
from .shared.glucose.alarms.rules import ContradictoryRules, Part
from .shared.glucose.metrics.consensus import CONSENSUS, Group
from .shared.glucose.targets import Targets
from .shared.glucose.units import Unit, mmol_l, threshold_mg_dl

# Where meters show mmol/L, by ISO country code. Where both are in use (Germany), mg/dL leads.
_MMOL_COUNTRIES = frozenset(
    "AU BA CA CH CN CZ DK EE FI GB HK HR HU IE IM IS KZ LT LV MT MY NL NO NZ RU SE SG SI SK UA "  # noqa: SIM905 - as a list it would fill the page
    "VN ZA".split()
)
_TARGETS = ("urgent_low", "low", "high", "urgent_high")
_UPPER = frozenset({"high", "urgent_high"})
_ABOUT = "about"
_GOALS = "goals"
_ABOUT_FIELDS = (CONF_UNIT, CONF_TIME_ZONE, CONF_PERSON)
_SHORTEST_MINUTES = 11
_LONGEST_MINUTES = 30


def default_about(hass: HomeAssistant) -> dict[str, Any]:
    """Return the unit usual in the home's country, and the home's time zone."""
    unit = Unit.MMOL_L if hass.config.country in _MMOL_COUNTRIES else Unit.MG_DL
    return {CONF_UNIT: unit.value, CONF_TIME_ZONE: hass.config.time_zone}


async def async_about_fields(hass: HomeAssistant) -> dict[probatio.Marker, object]:
    """Return the fields about the wearer that the first form and the options share."""
    zones = sorted(await hass.async_add_executor_job(available_timezones))
    return {
        probatio.Required(CONF_UNIT): SelectSelector(
            SelectSelectorConfig(
                options=[unit.value for unit in Unit], mode=SelectSelectorMode.LIST
            )
        ),
        probatio.Required(CONF_TIME_ZONE): SelectSelector(
            SelectSelectorConfig(options=zones, mode=SelectSelectorMode.DROPDOWN)
        ),
        probatio.Optional(CONF_PERSON): EntitySelector(EntitySelectorConfig(domain=PERSON_DOMAIN)),
    }


class WearerOptionsFlow(OnBoardOptions, HistoryOptions):
    """Change what was chosen; nothing reloads, the wearer follows."""

    async def async_step_init(self, _user_input: None = None) -> ConfigFlowResult:
        """Ask what shall be changed."""
        return self.async_show_menu(
            step_id="init",
            menu_options=[
                "wearer",
                "alarms_day",
                "alarms_night",
                "heartbeat",
                "pictures",
                "treatments",
                "import_file",
                "scheduled_export",
            ],
        )

    async def async_step_alarms_day(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the alarms as they are by day."""
        return self._alarms(Part.DAY, user_input)

    async def async_step_alarms_night(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show when it is night, and the alarms as they are then."""
        return self._alarms(Part.NIGHT, user_input)

    def _alarms(self, part: Part, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        """Show one part of the day's alarms, and refuse what contradicts itself with the reason."""
        options = self.config_entry.options
        unit = Unit(options[CONF_UNIT])
        settings = options.get(CONF_ALARMS, {})
        zone = ZoneInfo(options[CONF_TIME_ZONE])
        rules, usable = usable_alarm_rules(settings, zone)
        shown = shown_alarms(rules, part, unit)
        changed: set[str] = set()
        errors: dict[str, str] = {}
        if user_input is not None:
            # What could not be used is what is set anew here.
            kept = typed_alarms(user_input, rules, part, unit)
            kept = {**settings, **kept} if usable else kept
            try:
                alarm_rules(kept, zone)
            except ContradictoryRules as contradiction:
                errors["base"] = contradiction.reason.value
                # What is to be corrected is among what was just changed: it stays in sight.
                changed = {key for key, typed in user_input.items() if typed != shown[key]}
            else:
                return self.async_create_entry(data={**options, CONF_ALARMS: kept})
        return self.async_show_form(
            step_id=f"alarms_{part}",
            data_schema=self.add_suggested_values_to_schema(
                alarm_schema(part, unit, changed), user_input or shown
            ),
            errors=errors,
        )

    async def async_step_heartbeat(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show where a heartbeat goes and how often; without an address there is none."""
        others = {k: v for k, v in self.config_entry.options.items() if k != CONF_HEARTBEAT}
        errors: dict[str, str] = {}
        if user_input is not None:
            address = user_input.get(CONF_HEARTBEAT_URL, "").strip()
            if not address:
                return self.async_create_entry(data=others)
            if usable_address(address):
                heartbeat = {
                    CONF_HEARTBEAT_URL: address,
                    CONF_EVERY_MINUTES: int(user_input[CONF_EVERY_MINUTES]),
                }
                return self.async_create_entry(data={**others, CONF_HEARTBEAT: heartbeat})
            errors[CONF_HEARTBEAT_URL] = "invalid_heartbeat_url"
        shown = {
            CONF_EVERY_MINUTES: EVERY_MINUTES,
            **self.config_entry.options.get(CONF_HEARTBEAT, {}),
        }
        return self.async_show_form(
            step_id="heartbeat",
            data_schema=self.add_suggested_values_to_schema(_HEARTBEAT, user_input or shown),
            errors=errors,
        )

    async def async_step_pictures(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show how the pictures look."""
        options = self.config_entry.options
        if user_input is not None:
            return self.async_create_entry(data={**options, CONF_PICTURES: user_input})
        shown = {CONF_DARK: False, CONF_LARGE: False, **options.get(CONF_PICTURES, {})}
        return self.async_show_form(
            step_id="pictures",
            data_schema=self.add_suggested_values_to_schema(_PICTURES, shown),
        )

    async def async_step_wearer(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show who it is in three sections and refuse targets that contradict each other."""
        options = self.config_entry.options
        unit = Unit(options[CONF_UNIT])
        errors: dict[str, str] = {}
        if user_input is not None:
            group = Group(user_input.get(_GOALS, {}).get(CONF_CONSENSUS, self._group))
            targets = self._typed_targets(user_input[CONF_TARGETS], unit, group)
            try:
                Targets(**targets)
            except ValueError:
                errors["base"] = "targets_contradict"
            else:
                return self.async_create_entry(
                    data={
                        **self._others_keep(),
                        **user_input[_ABOUT],
                        CONF_TARGETS: targets,
                        CONF_CONSENSUS: group.value,
                        CONF_STALE: {
                            CONF_WITHDRAWN_AFTER_MINUTES: int(
                                user_input[CONF_STALE][CONF_WITHDRAWN_AFTER_MINUTES]
                            )
                        },
                    }
                )
        schema = probatio.Schema(
            {
                probatio.Required(_ABOUT): section(
                    probatio.Schema(await async_about_fields(self.hass))
                ),
                probatio.Required(CONF_TARGETS): section(
                    probatio.Schema({probatio.Required(key): _threshold(unit) for key in _TARGETS})
                ),
                probatio.Optional(_GOALS): section(
                    probatio.Schema({probatio.Required(CONF_CONSENSUS): _GROUP})
                ),
                probatio.Required(CONF_STALE): section(
                    probatio.Schema({probatio.Required(CONF_WITHDRAWN_AFTER_MINUTES): _MINUTES}),
                    # Most never need it, and on a phone the form is long.
                    {"collapsed": True},
                ),
            }
        )
        return self.async_show_form(
            step_id="wearer",
            data_schema=self.add_suggested_values_to_schema(
                schema, user_input or self._shown(unit)
            ),
            errors=errors,
        )

    def _others_keep(self) -> dict[str, Any]:
        """Return what other code keeps in the options: the result replaces all of them."""
        ours = {*_ABOUT_FIELDS, CONF_TARGETS, CONF_CONSENSUS, CONF_STALE}
        return {key: value for key, value in self.config_entry.options.items() if key not in ours}

    def _typed_targets(self, typed: dict[str, Any], unit: Unit, group: Group) -> dict[str, int]:
        """Return whole mg/dL; a number left as it was shown keeps the mg/dL it stands for.

        Where all were the old group's and are left so, another group brings its own.
        """
        known = self._targets
        if group is not self._group and known == CONSENSUS[self._group].targets:
            left = {key: _shown_threshold(getattr(known, f"{key}_mg_dl"), unit) for key in _TARGETS}
            if left == {key: typed[key] for key in _TARGETS}:
                return asdict(CONSENSUS[group].targets)
        return {
            f"{key}_mg_dl": (
                mg_dl
                if typed[key] == _shown_threshold(mg_dl := getattr(known, f"{key}_mg_dl"), unit)
                else threshold_mg_dl(typed[key], unit, upper=key in _UPPER)
            )
            for key in _TARGETS
        }

    @property
    def _group(self) -> Group:
        return Group(self.config_entry.options.get(CONF_CONSENSUS, Group.ADULT))

    @property
    def _targets(self) -> Targets:
        return Targets(**self.config_entry.options.get(CONF_TARGETS, {}))

    def _shown(self, unit: Unit) -> dict[str, Any]:
        """Return the options as the form shows them: targets in the wearer's unit."""
        options = self.config_entry.options
        targets = self._targets
        return {
            _ABOUT: {key: options[key] for key in _ABOUT_FIELDS if key in options},
            CONF_TARGETS: {
                key: _shown_threshold(getattr(targets, f"{key}_mg_dl"), unit) for key in _TARGETS
            },
            _GOALS: {CONF_CONSENSUS: self._group.value},
            CONF_STALE: {
                CONF_WITHDRAWN_AFTER_MINUTES: _SHORTEST_MINUTES,
                **options.get(CONF_STALE, {}),
            },
        }


_GROUP = SelectSelector(
    SelectSelectorConfig(
        options=[group.value for group in Group],
        mode=SelectSelectorMode.DROPDOWN,
        translation_key=CONF_CONSENSUS,
    )
)

_MINUTES = NumberSelector(
    NumberSelectorConfig(
        min=_SHORTEST_MINUTES,
        max=_LONGEST_MINUTES,
        step=1,
        mode=NumberSelectorMode.BOX,
        unit_of_measurement="min",
    )
)


_PICTURES = probatio.Schema(
    {
        probatio.Required(CONF_DARK): BooleanSelector(),
        probatio.Required(CONF_LARGE): BooleanSelector(),
    }
)
_HEARTBEAT = probatio.Schema(
    {
        # Whoever has the address can keep a dead home looking alive.
        probatio.Optional(CONF_HEARTBEAT_URL): TextSelector(
            TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
        ),
        probatio.Required(CONF_EVERY_MINUTES): NumberSelector(
            NumberSelectorConfig(
                min=1,
                max=MOST_MINUTES,
                step=1,
                mode=NumberSelectorMode.BOX,
                unit_of_measurement="min",
            )
        ),
    }
)


def _threshold(unit: Unit) -> NumberSelector:
    if unit is Unit.MG_DL:
        return NumberSelector(
            NumberSelectorConfig(
                min=40, max=400, step=1, mode=NumberSelectorMode.BOX, unit_of_measurement=unit
            )
        )
    return NumberSelector(
        NumberSelectorConfig(
            min=2.2, max=22.2, step=0.1, mode=NumberSelectorMode.BOX, unit_of_measurement=unit
        )
    )


def _shown_threshold(mg_dl: int, unit: Unit) -> float:
    return mg_dl if unit is Unit.MG_DL else mmol_l(mg_dl)
