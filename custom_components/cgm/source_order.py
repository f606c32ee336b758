"""The order in which a wearer's sources lead, as numbers that leave room between neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from .const import CONF_RANK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from homeassistant.config_entries import ConfigSubentry

CONF_PLACE = "place"
FIRST = "first"


def rank(source: ConfigSubentry) -> float:
    """Return a source's number; the least leads."""
    return float(source.data.get(CONF_RANK, 0.0))


def in_order(sources: Iterable[ConfigSubentry]) -> list[ConfigSubentry]:
    """Return the sources in the order in which they lead."""
    return sorted(sources, key=rank)


def place_now(this: ConfigSubentry | None, others: Sequence[ConfigSubentry]) -> str:
    """Return after which of the others, in order, a source comes now; a new one comes last."""
    before = [s for s in others if this is None or rank(s) <= rank(this)]
    return before[-1].subentry_id if before else FIRST


def rank_after(place: str, others: Sequence[ConfigSubentry]) -> float:
    """Return a number between the neighbours of the chosen place.

    A source that was removed while the form was open is no neighbour: then it is the last.
    """
    ranks = [rank(s) for s in others]
    if not ranks:
        return 0.0
    if place == FIRST:
        return ranks[0] - 1.0
    keys = [s.subentry_id for s in others]
    after = keys.index(place) + 1 if place in keys else len(keys)
    if after == len(ranks):
        return ranks[-1] + 1.0
    return (ranks[after - 1] + ranks[after]) / 2


def one_of_places(others: Sequence[ConfigSubentry]) -> SelectSelector:
    """Return the field that asks behind which source one comes."""
    return SelectSelector(
        SelectSelectorConfig(
            options=[
                SelectOptionDict(value=FIRST, label=FIRST),
                *(SelectOptionDict(value=s.subentry_id, label=s.title) for s in others),
            ],
            mode=SelectSelectorMode.LIST,
            translation_key=CONF_PLACE,
        )
    )
