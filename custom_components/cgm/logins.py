"""Refused logins of a wearer's sources: kept over a restart, asked for, taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.core import callback

from .const import CONF_REFUSED
from .feed_status import FeedState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .feeds import AnyFeed
    from .wearer import Wearer

_ANSWERED = frozenset({FeedState.OK, FeedState.NO_READINGS})


@callback
def async_note_login(wearer: Wearer, feed: AnyFeed) -> None:
    """Keep with the source's settings that its login was refused, or that it works again."""
    refused = bool(feed.settings.get(CONF_REFUSED))
    if feed.status.state is FeedState.WAITING_FOR_LOGIN and not refused:
        _keep(wearer, feed, {**feed.settings, CONF_REFUSED: True})
    elif feed.status.state in _ANSWERED and refused:
        # The vendor changed its mind by itself. Known to the feed first, so that it goes on
        # instead of being made anew.
        feed.settings = {k: v for k, v in feed.settings.items() if k != CONF_REFUSED}
        _keep(wearer, feed, feed.settings)


@callback
def async_ask_for_login(wearer: Wearer) -> None:
    """Have one reauth flow open while any source is refused, and none otherwise."""
    entry, flows = wearer.entry, wearer.hass.config_entries.flow
    refused = [s for s in entry.subentries.values() if s.data.get(CONF_REFUSED)]
    if refused:
        name = f"{entry.title}: {refused[0].title}"
        entry.async_start_reauth(wearer.hass, context={"title_placeholders": {"name": name}})
        return
    for flow in list(entry.async_get_active_flows(wearer.hass, {SOURCE_REAUTH})):
        flows.async_abort(flow["flow_id"])


def _keep(wearer: Wearer, feed: AnyFeed, settings: Mapping[str, object]) -> None:
    if (subentry := wearer.entry.subentries.get(feed.id)) is not None:
        wearer.hass.config_entries.async_update_subentry(wearer.entry, subentry, data=settings)
