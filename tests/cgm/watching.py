"""What a test sees of a wearer: states, repairs, kept readings, long-term statistics."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.statistics import (
    StatisticsRow,
    statistics_during_period,
)
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)

from custom_components.cgm.const import DOMAIN
from custom_components.cgm.history import async_history
from custom_components.cgm.shared.glucose.reading import Reading
from custom_components.cgm.shared.glucose.store import Store
from custom_components.cgm.wearer import Wearer

GLUCOSE = "sensor.alex_glucose"
TREND = "sensor.alex_trend"
DELTA = "sensor.alex_delta"
RATE = "sensor.alex_rate_of_change"
LAST_READING = "sensor.alex_last_reading"
STATUS = "sensor.alex_glucose_status"
LEADING = "sensor.alex_leading_source"

# Noon, in the middle of an ordinary day, everywhere between two hours of statistics.
NOON = "2026-11-20T12:00:00+00:00"
FIVE = timedelta(minutes=5)


def value(hass: HomeAssistant, entity: str = GLUCOSE) -> str:
    """Return a state."""
    state = hass.states.get(entity)
    assert state is not None, entity
    return state.state


def attribute(hass: HomeAssistant, entity: str, name: str) -> object:
    """Return one attribute of a state."""
    state = hass.states.get(entity)
    assert state is not None, entity
    return state.attributes[name]


def shown(hass: HomeAssistant, *entities: str) -> list[str]:
    """Return the states of several entities."""
    return [value(hass, entity) for entity in entities]


def repairs(hass: HomeAssistant) -> dict[str, dict[str, str]]:
    """Return the repairs that stand: placeholders by translation key."""
    return {
        str(issue.translation_key): issue.translation_placeholders or {}
        for issue in ir.async_get(hass).issues.values()
        if issue.domain == DOMAIN and issue.active
    }


def running(entry: ConfigEntry) -> Wearer:
    """Return the wearer at run time."""
    assert entry.state is ConfigEntryState.LOADED
    wearer: Wearer = entry.runtime_data
    return wearer


async def kept(hass: HomeAssistant, entry: ConfigEntry) -> list[Reading]:
    """Return every reading that the history keeps of a wearer."""
    return await async_history(hass).async_do(lambda store: store.readings(entry.entry_id))


def keep(hass: HomeAssistant, entry: ConfigEntry, readings: Iterable[Reading]) -> None:
    """Put readings into the history of a wearer who is not set up."""
    store = Store(file_of(hass), clock=dt_util.utcnow)
    store.open()
    store.add(entry.entry_id, readings)
    store.close()


def file_of(hass: HomeAssistant) -> Path:
    """Return where the history lies."""
    return Path(hass.config.path("cgm.db"))


async def hours(
    hass: HomeAssistant, start: datetime, *, unit: str = "mg/dL", entity: str = GLUCOSE
) -> list[StatisticsRow]:
    """Return the long-term statistics of the glucose sensor from `start` on, in `unit`."""
    await async_wait_recording_done(hass)
    found = await get_instance(hass).async_add_executor_job(
        lambda: statistics_during_period(
            hass,
            start,
            None,
            {entity},
            "hour",
            {"blood_glucose_concentration": unit},
            {"mean", "min", "max"},
        )
    )
    return found.get(entity, [])
