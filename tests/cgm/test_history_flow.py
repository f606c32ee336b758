"""The options on a wearer's history: a real upload is imported, a schedule is kept or refused."""

from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from .conftest import AddWearer
from .dialogs import said, shown
from .histories import NOON, allowed, everything, table
from .test_importing import LIBREVIEW

pytestmark = pytest.mark.usefixtures("nothing_secret_is_logged")

# Long ago by any clock: a server that answers needs one that runs.
LONG_AGO = NOON - timedelta(days=900)
HOW = {"time_zone": "Europe/Berlin", "date_order": "from_file"}


@pytest.fixture
async def alex(hass: HomeAssistant, add_wearer: AddWearer) -> MockConfigEntry:
    """Return a wearer who is set up and has no source, while time goes on."""
    entry = add_wearer()
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


async def opened(hass: HomeAssistant, entry: MockConfigEntry, step: str) -> ConfigFlowResult:
    menu = said(await hass.config_entries.options.async_init(entry.entry_id), "options")
    return said(
        await hass.config_entries.options.async_configure(menu["flow_id"], {"next_step_id": step}),
        "options",
    )


async def submitted(
    hass: HomeAssistant, form: ConfigFlowResult, typed: dict[str, Any]
) -> ConfigFlowResult:
    return said(
        await hass.config_entries.options.async_configure(form["flow_id"], typed), "options"
    )


async def uploaded(hass_client: ClientSessionGenerator, text: str) -> str:
    """Upload a file as the frontend does; returns its id."""
    client = await hass_client()
    form = aiohttp.FormData()
    form.add_field("file", text.encode(), filename="export.csv")
    answer = await client.post("/api/file_upload", data=form)
    return str((await answer.json())["file_id"])


async def test_an_uploaded_file_is_imported_and_its_counts_said(
    hass: HomeAssistant, alex: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    form = await opened(hass, alex, "import_file")
    assert shown(form) == HOW
    options = dict(alex.options)
    file = await uploaded(hass_client, table([(LONG_AGO, 100)]) + "x,100\n")
    end = await submitted(hass, form, {**HOW, "file": file})
    assert (end["type"], end["reason"]) == (FlowResultType.ABORT, "imported")
    counts = end["description_placeholders"]
    assert counts is not None
    assert (counts["added"], counts["refused"]) == ("1", "1")
    assert [len(part) for part in await everything(hass, alex)] == [1, 0, 0]
    assert alex.options == options


async def test_what_is_wrong_with_a_file_is_said_and_another_can_be_chosen(
    hass: HomeAssistant, alex: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    form = await opened(hass, alex, "import_file")
    file = await uploaded(hass_client, "nothing of ours")
    form = await submitted(hass, form, {**HOW, "file": file})
    assert form["errors"] == {"base": "import_unrecognised"}
    # The file was removed when it was read.
    form = await submitted(hass, form, {**HOW, "file": file})
    assert form["errors"] == {"base": "import_not_readable"}
    file = await uploaded(hass_client, LIBREVIEW)
    form = await submitted(hass, form, {**HOW, "file": file})
    assert form["errors"] == {"base": "import_ambiguous_dates"}
    assert await everything(hass, alex) == ([], [], [])
    file = await uploaded(hass_client, LIBREVIEW)
    end = await submitted(hass, form, {**HOW, "date_order": "day_first", "file": file})
    assert end["reason"] == "imported"
    (reading,) = (await everything(hass, alex))[0]
    assert reading.time.month == 5


async def test_a_wearer_who_is_not_running_takes_no_file(
    hass: HomeAssistant, add_wearer: AddWearer
) -> None:
    end = await opened(hass, add_wearer(), "import_file")
    assert (end["type"], end["reason"]) == (FlowResultType.ABORT, "not_loaded")


async def test_a_schedule_is_set_changed_and_ended(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    folder = str(allowed(hass))
    options = dict(alex.options)
    form = await opened(hass, alex, "scheduled_export")
    usual = {"every": "day", "format": "json", "keep": 7}
    assert shown(form) == usual
    await submitted(hass, form, {**usual, "folder": f" {folder} "})
    assert alex.options == {**options, "export": {**usual, "folder": folder}}
    form = await opened(hass, alex, "scheduled_export")
    assert shown(form) == {**usual, "folder": folder}
    await submitted(hass, form, usual)
    assert alex.options == options


async def test_a_folder_that_may_not_be_written_to_is_refused(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    usual = {"every": "week", "format": "csv", "keep": 3}
    form = await opened(hass, alex, "scheduled_export")
    form = await submitted(hass, form, {**usual, "folder": "/nowhere"})
    assert form["errors"] == {"folder": "folder_not_allowed"}
    form = await submitted(hass, form, {**usual, "folder": str(allowed(hass, "www"))})
    assert form["errors"] == {"folder": "folder_is_served"}
    assert "export" not in alex.options
    await submitted(hass, form, {**usual, "folder": str(allowed(hass))})
    assert alex.options["export"]["every"] == "week"
