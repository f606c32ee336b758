"""What a blueprint tells in a test home: readings put in, notifications and messages read out."""

from homeassistant.components import persistent_notification
from homeassistant.components.persistent_notification import Notification, UpdateType
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util

from custom_components.cgm.shared.glucose.reading import Bound, Reading
from custom_components.cgm.shared.glucose.sources.source import Answer
from custom_components.cgm.shared.glucose.trend import Trend

from .blueprints import demo
from .watching import FIVE, running

EVENT = "event.alex_alarm"


async def with_notices(hass: HomeAssistant) -> None:
    """Set up notifications of Home Assistant itself, as every real home has them."""
    assert await async_setup_component(hass, "persistent_notification", {})


async def hear_notices(hass: HomeAssistant) -> list[str]:
    """Collect what notifications of Home Assistant itself say from now on."""
    await with_notices(hass)
    found: list[str] = []

    @callback
    def note(what: UpdateType, notifications: dict[str, Notification]) -> None:
        if what is not UpdateType.REMOVED:
            found.extend(str(one["message"]) for one in notifications.values())

    persistent_notification.async_register_callback(hass, note)
    return found


def notices(hass: HomeAssistant) -> list[str]:
    """Return what the notifications that stand now say."""
    return [one["message"] for one in hass.data.get(persistent_notification.DOMAIN, {}).values()]


async def hear_messages(hass: HomeAssistant) -> tuple[str, list[dict[str, str]]]:
    """Set up the notifier of Home Assistant's demo; return its entity and what it is sent."""
    found: list[dict[str, str]] = []

    @callback
    def note(event: Event[dict[str, str]]) -> None:
        found.append(dict(event.data))

    hass.bus.async_listen("notify", note)
    await demo(hass, Platform.NOTIFY)
    return "notify.notifier", found


def reading(
    entry: ConfigEntry,
    mg_dl: int,
    *,
    minutes: float = 0,
    trend: Trend | None = None,
    bound: Bound | None = None,
) -> Reading:
    """Return a reading of the wearer's only source, so many minutes from now."""
    (source,) = entry.subentries
    return Reading(
        time=dt_util.utcnow() + minutes / 5 * FIVE,
        mg_dl=mg_dl,
        source=source,
        series="share",
        trend=trend,
        bound=bound,
    )


async def receive(hass: HomeAssistant, entry: ConfigEntry, *rows: Reading) -> None:
    """Have readings of the wearer's only source come, and all that follows happen."""
    wearer = running(entry)
    (feed,) = wearer.feeds.values()
    await wearer.async_receive(feed, Answer(readings=rows))
    await hass.async_block_till_done(wait_background_tasks=True)
