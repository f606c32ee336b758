"""Which feeds of a wearer run: one for each source that the entry has, as it has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.core import callback

from .const import CONF_KIND, KIND_EDGE, LOGGER
from .edge_feed import EdgeFeed
from .feed import Feed

if TYPE_CHECKING:
    from .wearer import Wearer

type AnyFeed = Feed | EdgeFeed


@callback
def async_follow_sources(wearer: Wearer) -> None:
    """Stop feeds whose source is gone or another one, and start those that are missing."""
    wanted = wearer.entry.subentries
    for gone in wearer.feeds.keys() - wanted.keys():
        wearer.feeds.pop(gone).async_stop()
        wearer.clock.forget(gone)
    for key, subentry in wanted.items():
        feed = wearer.feeds.get(key)
        if feed is not None and feed.serves(subentry.data):
            feed.settings = subentry.data
            feed.title = subentry.title
            continue
        if feed is not None:
            wearer.feeds.pop(key).async_stop()
        try:
            edge = subentry.data[CONF_KIND] == KIND_EDGE
            feed = EdgeFeed(wearer, subentry) if edge else Feed(wearer, subentry)
        except KeyError, ValueError:
            # Of a newer release, or changed by hand; the wearer's other sources go on.
            LOGGER.error("The settings of a source cannot be used; add it anew")
            continue
        wearer.feeds[key] = feed
        feed.async_start()
