"""The action that tells one person and never stands in the way of telling the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import probatio
from homeassistant.components.notify import DOMAIN as NOTIFY
from homeassistant.core import ServiceCall, callback
from homeassistant.exceptions import HomeAssistantError, ServiceNotFound
from homeassistant.helpers import config_validation as cv

from .const import ACTION_TELL, DOMAIN, LOGGER

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

ATTR_ACTION = "action"


def _notify_action(value: object) -> str:
    """Return the name of an action of notify; raises probatio.Invalid for any other."""
    action = cv.service(value)
    if action.partition(".")[0] != NOTIFY:
        raise probatio.Invalid(f"{action} is no action of notify")
    return action


SCHEMA = probatio.Schema(
    {
        probatio.Required(ATTR_ACTION): _notify_action,
        probatio.Required("message"): cv.string,
        probatio.Optional("title"): cv.string,
        probatio.Optional("data"): dict,
    }
)


@callback
def async_register_tell(hass: HomeAssistant) -> None:
    """Offer the action."""
    hass.services.async_register(DOMAIN, ACTION_TELL, _tell, SCHEMA)


async def _tell(call: ServiceCall) -> None:
    """Call a notify action. One that fails is logged; one that is not there, too.

    A script ends at an action that does not exist, whatever it says of errors: a phone that was
    removed would keep the carers after it from being told.
    """
    words = dict(call.data)
    domain, _, action = words.pop(ATTR_ACTION).partition(".")
    try:
        await call.hass.services.async_call(
            domain, action, words, blocking=True, context=call.context
        )
    except ServiceNotFound:
        LOGGER.error(
            "Somebody was not told: there is no action %s.%s any more; correct the automation",
            domain,
            action,
        )
    except (HomeAssistantError, probatio.Invalid, TimeoutError) as error:
        LOGGER.error("Somebody was not told by %s.%s: %s", domain, action, type(error).__name__)
