"""Silencing alarms by hand: one or all that are on, refused in words the user understands."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from homeassistant.exceptions import ServiceValidationError

from .const import DOMAIN
from .shared.glucose.alarms.engine import AlarmNotActive, SilenceTooLong, silenced
from .shared.glucose.alarms.sentence import alarm_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .shared.glucose.alarms.kinds import AlarmKind
    from .shared.glucose.alarms.state import Alarms, Happening
    from .shared.glucose.alarms.view import View


def silenced_by_hand(
    alarms: Alarms, wanted: Mapping[AlarmKind, timedelta | None], view: View, language: str
) -> tuple[Alarms, list[Happening]]:
    """Silence each alarm for its length, or acknowledge it where that is None; all or none.

    Raises ServiceValidationError in `language`: nothing is wanted, one is not on, too long.
    """
    if not wanted:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_alarm_active")
    happenings: list[Happening] = []
    for one, length in wanted.items():
        try:
            alarms, happening = silenced(alarms, one, view, length)
        except AlarmNotActive as error:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="alarm_not_active",
                translation_placeholders={"alarm": alarm_name(one, language)},
            ) from error
        except SilenceTooLong as error:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="silence_too_long",
                translation_placeholders={
                    "alarm": alarm_name(one, language),
                    "longest": str(error.longest // timedelta(minutes=1)),
                },
            ) from error
        happenings.append(happening)
    return alarms, happenings
