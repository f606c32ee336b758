"""The sensors of a wearer's last day, weeks and months: a table of what each shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import PERCENTAGE, UnitOfBloodGlucoseConcentration

from .const import PERIODS
from .shared.glucose.metrics.consensus import CONSENSUS, Aim, ConsensusAims

if TYPE_CHECKING:
    from homeassistant.helpers.typing import StateType

    from .shared.glucose.metrics.episodes import EpisodeSummaries, EpisodeSummary
    from .shared.glucose.metrics.weighed import Weighed
    from .wearer import Wearer

# What most people look at; all others can be switched on.
_ENABLED = {
    *("time_in_range_24h", "time_in_range_14d", "mean_24h", "cv_14d"),
    *("gmi_14d", "gmi_90d", "low_episodes_24h"),
}
# Full precision would only make every state a new one.
_DECIMALS = 2


@dataclass(frozen=True, kw_only=True)
class MeasureSensorDescription(SensorEntityDescription):
    """A sensor of one period: how its value and attributes follow from the period's measures."""

    period: str
    measure_fn: Callable[[Weighed], float | None]
    # What the consensus aims at for the wearer's group, where it does.
    aim_fn: Callable[[ConsensusAims], Aim | None] | None = None
    episodes_fn: Callable[[EpisodeSummaries], tuple[EpisodeSummary, EpisodeSummary]] | None = None

    def value_of(self, wearer: Wearer) -> float | None:
        """Return the value, rounded; None where nothing is known or too little for a number."""
        found = wearer.measures.get(self.period)
        if found is None or not found.covered.enough:
            return None
        value = self.measure_fn(found)
        return None if value is None else round(value, _DECIMALS)

    def attributes_of(self, wearer: Wearer) -> dict[str, StateType]:
        """Return what the value rests on, also where that is too little."""
        found = wearer.measures.get(self.period)
        told: dict[str, StateType] = dict.fromkeys(
            (
                *("coverage", "days_covered", "percent_covered", "percent_needed"),
                *("readings", "lows", "highs", "start", "end"),
            )
        )
        if found is not None:
            covered = found.covered
            told = {
                "coverage": covered.words_in(wearer.hass.config.language),
                "days_covered": round(covered.days, 1),
                "percent_covered": round(covered.percent, 1),
                "percent_needed": covered.needed_percent,
                "readings": found.readings,
                "lows": found.lows,
                "highs": found.highs,
                "start": found.start.isoformat(timespec="seconds"),
                "end": found.end.isoformat(timespec="seconds"),
            }
        return {**told, **self._goal_of(wearer), **self._episodes_of(found)}

    def _goal_of(self, wearer: Wearer) -> dict[str, StateType]:
        if self.aim_fn is None:
            return {}
        aim, value = self.aim_fn(CONSENSUS[wearer.chosen.group]), self.value_of(wearer)
        return {
            "goal": None if aim is None else str(aim),
            "goal_met": None if aim is None or value is None else aim.met(value),
        }

    def _episodes_of(self, found: Weighed | None) -> dict[str, StateType]:
        if self.episodes_fn is None:
            return {}
        if found is None or found.episodes is None or not found.covered.enough:
            return dict.fromkeys(("severe", "mean_minutes"))
        all_, severe = self.episodes_fn(found.episodes)
        return {"severe": severe.count, "mean_minutes": round(all_.mean_minutes, 1)}


def _low_episodes(found: Weighed) -> int | None:
    return None if found.episodes is None else found.episodes.hypo_1.count


def _high_episodes(found: Weighed) -> int | None:
    return None if found.episodes is None else found.episodes.hyper_1.count


def _percent(
    key: str,
    measure_fn: Callable[[Weighed], float | None],
    aim_fn: Callable[[ConsensusAims], Aim | None] | None,
) -> MeasureSensorDescription:
    return MeasureSensorDescription(
        key=key,
        period="",
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        measure_fn=measure_fn,
        aim_fn=aim_fn,
    )


# Each once for every period.
_MEASURES = (
    _percent("time_in_range", lambda found: found.in_range, lambda aims: aims.in_range),
    _percent("time_low", lambda found: found.low, lambda aims: aims.low),
    _percent("time_very_low", lambda found: found.very_low, lambda aims: aims.very_low),
    _percent("time_high", lambda found: found.high, lambda aims: aims.high),
    _percent("time_very_high", lambda found: found.very_high, lambda aims: aims.very_high),
    MeasureSensorDescription(
        key="mean",
        period="",
        device_class=SensorDeviceClass.BLOOD_GLUCOSE_CONCENTRATION,
        native_unit_of_measurement=UnitOfBloodGlucoseConcentration.MILLIGRAMS_PER_DECILITER,
        state_class=SensorStateClass.MEASUREMENT,
        measure_fn=lambda found: found.mean,
    ),
    _percent("gmi", lambda found: found.gmi, None),
    _percent("cv", lambda found: found.cv, lambda aims: aims.cv),
    MeasureSensorDescription(
        key="gri",
        period="",
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        measure_fn=lambda found: found.gri,
    ),
    MeasureSensorDescription(
        key="low_episodes",
        period="",
        state_class=SensorStateClass.MEASUREMENT,
        measure_fn=_low_episodes,
        episodes_fn=lambda found: (found.hypo_1, found.hypo_2),
    ),
    MeasureSensorDescription(
        key="high_episodes",
        period="",
        state_class=SensorStateClass.MEASUREMENT,
        measure_fn=_high_episodes,
        episodes_fn=lambda found: (found.hyper_1, found.hyper_2),
    ),
)


def _shown(period: str) -> str:
    """Return a period as people of any language read it: h and d are symbols, not words."""
    return f"{period[:-1]} {period[-1]}"


MEASURE_SENSORS: tuple[MeasureSensorDescription, ...] = tuple(
    replace(
        measure,
        key=(key := f"{measure.key}_{period}"),
        period=period,
        translation_key=measure.key,
        translation_placeholders={"period": _shown(period)},
        entity_registry_enabled_default=key in _ENABLED,
    )
    for period in PERIODS
    for measure in _MEASURES
)
