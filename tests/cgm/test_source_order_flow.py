"""Several sources of one wearer: who comes first is chosen, shown, and can be changed."""

from datetime import timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry

from fakes.dexcom_share import FakeDexcomShare
from fakes.librelinkup import FakeLibreLinkUp

from .conftest import AddWearer, PassTime, Settle
from .dialogs import change, choices, choose_kind, libre_form, only_source, submit
from .running import set_up, shows
from .vendors import (
    dexcom_source,
    patient,
    steady,
)

pytestmark = pytest.mark.usefixtures("nothing_secret_is_logged")


def by_title(entry: MockConfigEntry, title: str) -> ConfigSubentry:
    (found,) = (s for s in entry.subentries.values() if s.title == title)
    return found


async def test_a_second_source_is_placed_and_the_first_of_them_leads(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    dexcom: FakeDexcomShare,
    librelinkup: FakeLibreLinkUp,
    freezer: FrozenDateTimeFactory,
    settle: Settle,
    pass_time: PassTime,
    lost: list[str],
) -> None:
    freezer.move_to("2026-11-20T12:00:00+00:00")
    steady(dexcom, 111, minutes=range(-11, 30, 5))
    ada = patient(librelinkup, "Ada", 122)
    steady(ada, 122, minutes=range(30))
    alex = add_wearer(dexcom_source(dexcom))
    await set_up(hass, settle)
    assert shows(hass, "alex_glucose") == "111"

    form = await choose_kind(hass, alex, "librelinkup")
    form = await submit(hass, form, libre_form(librelinkup))
    assert form["step_id"] == "place"
    first = only_source(alex)
    assert choices(form, "place") == {"first": "first", first.subentry_id: "Dexcom"}
    done = await submit(hass, form, {"place": "first"})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await settle()
    await pass_time(timedelta(minutes=3))
    assert shows(hass, "alex_glucose") == "122"
    assert shows(hass, "alex_leading_source") == "LibreLinkUp"
    libre = by_title(alex, "LibreLinkUp")
    assert alex.runtime_data.chosen.order == [libre.subentry_id, first.subentry_id]

    menu = await change(hass, alex, libre)
    assert menu["type"] is FlowResultType.MENU
    assert menu["menu_options"] == ["librelinkup", "place"]
    form = await submit(hass, menu, {"next_step_id": "place"})
    done = await submit(hass, form, {"place": first.subentry_id})
    assert done["type"] is FlowResultType.ABORT
    assert done["reason"] == "reconfigure_successful"
    await pass_time(timedelta(minutes=6))
    assert alex.runtime_data.chosen.order == [first.subentry_id, libre.subentry_id]
    assert shows(hass, "alex_glucose") == "111"
    assert shows(hass, "alex_leading_source") == "Dexcom"

    hass.config_entries.async_remove_subentry(alex, first.subentry_id)
    await pass_time(timedelta(minutes=3))
    assert shows(hass, "alex_glucose") == "122"
    assert lost == []
    assert (dexcom.logins, librelinkup.logins) == (1, 1)


async def test_a_form_for_the_place_begins_with_the_place_as_it_is(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    settle: Settle,
) -> None:
    three = [{**simulated, "seed": seed, "wearer": f"simulated-{seed}"} for seed in (1, 2, 3)]
    alex = add_wearer(*three)
    await set_up(hass, settle)
    one, two, three_ = alex.runtime_data.chosen.order
    for source, place in ((one, "first"), (two, one), (three_, two)):
        menu = await change(hass, alex, alex.subentries[source])
        form = await submit(hass, menu, {"next_step_id": "place"})
        schema = form["data_schema"]
        assert schema is not None
        assert schema({})["place"] == place
        await submit(hass, form, {})
    assert alex.runtime_data.chosen.order == [one, two, three_]


@pytest.mark.parametrize(
    ("moved", "after", "order"),
    [
        (2, None, [2, 0, 1]),
        (2, 0, [0, 2, 1]),
        (0, 1, [1, 0, 2]),
        (0, 2, [1, 2, 0]),
        (1, None, [1, 0, 2]),
    ],
)
async def test_a_source_can_be_moved_to_every_place(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    settle: Settle,
    moved: int,
    after: int | None,
    order: list[int],
) -> None:
    three = [{**simulated, "seed": seed, "wearer": f"simulated-{seed}"} for seed in (1, 2, 3)]
    alex = add_wearer(*three)
    await set_up(hass, settle)
    before = alex.runtime_data.chosen.order
    places = dict(enumerate(before))
    menu = await change(hass, alex, alex.subentries[before[moved]])
    form = await submit(hass, menu, {"next_step_id": "place"})
    await submit(hass, form, {"place": places.get(after, "first")})  # type: ignore[arg-type] # None is no place
    assert alex.runtime_data.chosen.order == [before[place] for place in order]


async def test_a_neighbour_removed_meanwhile_is_no_hindrance(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    settle: Settle,
) -> None:
    two = [{**simulated, "seed": seed, "wearer": f"simulated-{seed}"} for seed in (1, 2)]
    alex = add_wearer(*two)
    await set_up(hass, settle)
    one, other = alex.runtime_data.chosen.order
    first_form = await submit(
        hass, await choose_kind(hass, alex, "simulated"), {"cadence_minutes": "5"}
    )
    second_form = await submit(
        hass, await choose_kind(hass, alex, "simulated"), {"cadence_minutes": "5"}
    )
    hass.config_entries.async_remove_subentry(alex, one)
    done = await submit(hass, first_form, {"place": one})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    *_, added = alex.subentries
    assert alex.runtime_data.chosen.order == [other, added]
    hass.config_entries.async_remove_subentry(alex, other)
    hass.config_entries.async_remove_subentry(alex, added)
    done = await submit(hass, second_form, {"place": one})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert only_source(alex).data["rank"] == 0.0


async def test_sources_of_one_kind_get_titles_of_their_own(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    form = await choose_kind(hass, alex, "simulated")
    await submit(hass, form, {"cadence_minutes": "5"})
    for _ in range(2):
        form = await submit(
            hass, await choose_kind(hass, alex, "simulated"), {"cadence_minutes": "1"}
        )
        await submit(hass, form, {"place": "first"})
    await settle()
    titles = [source.title for source in alex.subentries.values()]
    assert titles == ["Simulated", "Simulated 2", "Simulated 3"]
