"""The repairs a user can act on: "I have done that, try again now" asks at once."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cgm.const import DOMAIN
from fakes.librelinkup import FakeLibreLinkUp, FakePatient

from .conftest import AddWearer, PassTime, Settle
from .vendors import libre_source, patient
from .watching import NOON, repairs, value

type Submit = Callable[[], Awaitable[dict[str, Any]]]

LIBRE = "sensor.alex_librelinkup_state"
FLOWS = "/api/repairs/issues/fix"


@pytest.fixture(autouse=True)
async def noon(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)
    assert await async_setup_component(hass, "repairs", {})


@pytest.fixture
async def ada(librelinkup: FakeLibreLinkUp) -> FakePatient:
    """Let somebody share with the account."""
    return patient(librelinkup, "Ada", 100)


@pytest.fixture
async def wearer(
    hass: HomeAssistant,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    add_wearer: AddWearer,
    settle: Settle,
) -> MockConfigEntry:
    """Run a wearer whose Libre works."""
    added = add_wearer(libre_source(librelinkup, ada))
    assert await hass.config_entries.async_setup(added.entry_id)
    await settle()
    assert value(hass, LIBRE) == "ok"
    return added


def only_issue(hass: HomeAssistant) -> ir.IssueEntry:
    """Return the one repair that stands."""
    (issue,) = (one for one in ir.async_get(hass).issues.values() if one.domain == DOMAIN)
    return issue


@pytest.fixture
async def submit(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, settle: Settle
) -> Submit:
    """Return how the one repair is opened and submitted over HTTP, as the frontend does."""

    async def submitted() -> dict[str, Any]:
        client = await hass_client()
        opened = await client.post(
            FLOWS, json={"handler": DOMAIN, "issue_id": only_issue(hass).issue_id}
        )
        assert opened.status == HTTPStatus.OK
        form: dict[str, Any] = await opened.json()
        done = await client.post(f"{FLOWS}/{form['flow_id']}", json={})
        assert done.status == HTTPStatus.OK
        assert (await done.json())["type"] == "create_entry"
        await settle()
        return form

    return submitted


async def test_terms_accepted_and_submitted_bring_readings_at_once(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    librelinkup: FakeLibreLinkUp,
    pass_time: PassTime,
    submit: Submit,
) -> None:
    librelinkup.step = "tou"
    librelinkup.end_sessions()
    await pass_time(timedelta(minutes=3))
    assert only_issue(hass).translation_key == "terms_not_accepted"
    assert only_issue(hass).is_fixable
    librelinkup.step = None
    form = await submit()
    assert form["step_id"] == "confirm"
    assert form["description_placeholders"] == {"wearer": "Alex", "source": "Librelinkup"}
    assert value(hass, LIBRE) == "ok"
    assert repairs(hass) == {}


async def test_submitted_too_early_the_repair_stands(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    pass_time: PassTime,
    submit: Submit,
) -> None:
    librelinkup.forgets.add(ada.id)
    await pass_time(timedelta(minutes=3))
    asked = len(librelinkup.log)
    await submit()
    assert len(librelinkup.log) > asked
    assert value(hass, LIBRE) == "sharing_disabled"
    assert set(repairs(hass)) == {"sharing_disabled"}
    librelinkup.forgets.clear()
    await submit()
    assert value(hass, LIBRE) == "ok"
    assert repairs(hass) == {}


async def test_a_locked_account_is_tried_when_the_user_says_so_and_says_its_new_end(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    librelinkup: FakeLibreLinkUp,
    pass_time: PassTime,
    submit: Submit,
) -> None:
    librelinkup.locked, librelinkup.lockout = True, 3600
    librelinkup.end_sessions()
    await pass_time(timedelta(minutes=2))
    before = repairs(hass)["account_locked"]["until"]
    await pass_time(timedelta(minutes=5))
    await submit()
    assert value(hass, LIBRE) == "locked"
    assert repairs(hass)["account_locked"]["until"] > before
    librelinkup.locked = False
    await submit()
    assert value(hass, LIBRE) == "ok"
    assert repairs(hass) == {}


async def test_a_wearer_unloaded_meanwhile_leaves_nothing_to_try(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    pass_time: PassTime,
    hass_client: ClientSessionGenerator,
) -> None:
    librelinkup.forgets.add(ada.id)
    await pass_time(timedelta(minutes=3))
    client = await hass_client()
    opened = await client.post(
        FLOWS, json={"handler": DOMAIN, "issue_id": only_issue(hass).issue_id}
    )
    form = await opened.json()
    asked = len(librelinkup.log)
    assert await hass.config_entries.async_unload(wearer.entry_id)
    assert repairs(hass) == {}
    done = await client.post(f"{FLOWS}/{form['flow_id']}", json={})
    assert (await done.json())["type"] in {"create_entry", "abort"}
    assert len(librelinkup.log) == asked


async def test_a_source_removed_takes_its_repair_along(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    librelinkup.forgets.add(ada.id)
    await pass_time(timedelta(minutes=3))
    assert set(repairs(hass)) == {"sharing_disabled"}
    (source,) = wearer.subentries
    hass.config_entries.async_remove_subentry(wearer, source)
    await settle()
    assert repairs(hass) == {}
