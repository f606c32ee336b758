"""Insulin and carbs still on board of one wearer, by the models that the options choose."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from .const import LOGGER
from .shared.glucose.forecast.carbs_on_board import Absorption, CarbModel, carbs_on_board
from .shared.glucose.forecast.insulin_on_board import (
    INSULIN_MODELS,
    InsulinModel,
    insulin_on_board,
)
from .shared.glucose.treatment import TreatmentKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .shared.glucose.store import Store
    from .shared.glucose.treatment import Treatment
    from .wearer import Wearer

CONF_ON_BOARD: Final = "on_board"
CONF_INSULIN: Final = "insulin"
CONF_DURATION_MINUTES: Final = "duration_minutes"
CONF_PEAK_MINUTES: Final = "peak_minutes"
CONF_ABSORPTION: Final = "absorption"
CONF_CARBS_MINUTES: Final = "carbs_minutes"

USUAL_INSULIN: Final = "adult"
CUSTOM_INSULIN: Final = "custom"
_KINDS = (TreatmentKind.INSULIN_RAPID, TreatmentKind.CARBS)
_MINUTE = timedelta(minutes=1)


def insulin_model(settings: Mapping[str, Any]) -> InsulinModel:
    """Return the model that the options mean, of `{"insulin", "duration_minutes", "peak_minutes"}`.

    The minutes belong to "custom" only. Raises KeyError, TypeError or ValueError.
    """
    named = settings.get(CONF_INSULIN, USUAL_INSULIN)
    if named != CUSTOM_INSULIN:
        return INSULIN_MODELS[named]
    return InsulinModel(
        duration=settings[CONF_DURATION_MINUTES] * _MINUTE,
        peak=settings[CONF_PEAK_MINUTES] * _MINUTE,
    )


def carb_model(settings: Mapping[str, Any]) -> CarbModel:
    """Return the model that the options mean, of `{"absorption", "carbs_minutes"}`.

    Raises TypeError or ValueError.
    """
    usual = CarbModel()
    return CarbModel(
        duration=settings.get(CONF_CARBS_MINUTES, usual.duration // _MINUTE) * _MINUTE,
        absorption=Absorption(settings.get(CONF_ABSORPTION, usual.absorption)),
    )


class OnBoard:
    """What was taken and is not yet used up; it says so and advises no dose."""

    def __init__(self, wearer: Wearer) -> None:
        """Know of no treatment yet; async_load asks the store."""
        self._wearer = wearer
        self._begun: set[TreatmentKind] = set()
        self._settings: Mapping[str, Any] | None = None
        self._models = InsulinModel(), CarbModel()

    async def async_load(self) -> None:
        """Learn which treatments were ever logged. Raises StoreError."""
        wearer, now = self._wearer.id, self._wearer.now()

        def begun(store: Store) -> set[TreatmentKind]:
            return {kind for kind in _KINDS if store.treatments.latest(wearer, kind, now)}

        self._begun = await self._wearer.history.async_do(begun)

    def begun(self, kind: TreatmentKind) -> bool:
        """Tell whether this kind was ever logged: without that, zero would be a guess."""
        if kind not in self._begun and any(self._of(kind)):
            self._begun.add(kind)
        return kind in self._begun

    @property
    def insulin_units(self) -> float | None:
        """Units of rapid insulin still to act; None without any, or while an unknown dose acts."""
        if not self.begun(TreatmentKind.INSULIN_RAPID):
            return None
        model, now = self._chosen[0], self._wearer.now()
        doses = list(self._of(TreatmentKind.INSULIN_RAPID))
        if any(dose.amount is None and model.left(now - dose.time) > 0 for dose in doses):
            return None
        return insulin_on_board(doses, model, now)

    @property
    def carbs_grams(self) -> float | None:
        """Grams still to be absorbed; None without any, or while an unknown meal is."""
        if not self.begun(TreatmentKind.CARBS):
            return None
        model, now = self._chosen[1], self._wearer.now()
        meals = list(self._of(TreatmentKind.CARBS))
        if any(meal.amount is None and model.absorbed(now - meal.time) < 1 for meal in meals):
            return None
        return carbs_on_board(meals, model, now)

    @property
    def _chosen(self) -> tuple[InsulinModel, CarbModel]:
        """The models of the options; the usual ones where they mean none, which is said once."""
        settings = self._wearer.entry.options.get(CONF_ON_BOARD, {})
        if settings != self._settings:
            self._settings = settings
            self._models, usable = usable_models(settings)
            if not usable:
                LOGGER.error("The settings of insulin and carbs cannot be used; the defaults are")
        return self._models

    def _of(self, kind: TreatmentKind) -> Iterator[Treatment]:
        return (each for each in self._wearer.records.treatments if each.kind is kind)


def usable_models(settings: Mapping[str, Any]) -> tuple[tuple[InsulinModel, CarbModel], bool]:
    """Return the models that the options mean, or the usual ones; and whether they mean any."""
    try:
        return (insulin_model(settings), carb_model(settings)), True
    except AttributeError, KeyError, OverflowError, TypeError, ValueError:
        # Of another release, or changed by hand.
        return (InsulinModel(), CarbModel()), False
