"""Erasing a history: a period or all of it, everywhere it is kept, only by the wearer's name."""

# ruff: noqa: ASYNC240 - a test may wait for a small file

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.history import state_changes_during_period
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)

from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.reading import Reading
from custom_components.cgm.shared.glucose.store import Store
from fakes.dexcom_share import FakeDexcomShare

from .conftest import PassTime, RunWearer
from .histories import FIVE, NOON, everything, keep_everything
from .vendors import dexcom_source, steady
from .watching import GLUCOSE, hours, kept, value

pytestmark = pytest.mark.usefixtures("nothing_secret_is_logged")


async def erased(hass: HomeAssistant, confirm: str = "Alex", **said: object) -> dict[str, Any]:
    answer = await hass.services.async_call(
        "cgm",
        "erase_history",
        {"confirm": confirm, **said},
        blocking=True,
        return_response=True,
    )
    assert isinstance(answer, dict)
    return answer


async def refused(hass: HomeAssistant, confirm: str = "Alex") -> str:
    with pytest.raises(HomeAssistantError) as caught:
        await erased(hass, confirm)
    return str(caught.value.translation_key)


async def test_another_name_erases_nothing(hass: HomeAssistant, alex: MockConfigEntry) -> None:
    await keep_everything(hass, alex)
    before = await everything(hass, alex)
    for name in ("", "alex", "Sam", "Alex Alex"):
        assert await refused(hass, name) == "erase_not_confirmed"
    assert await everything(hass, alex) == before
    # Blanks around it are no other name.
    assert (await erased(hass, " Alex "))["readings"] == 291


async def test_everything_goes_and_its_bytes_with_it(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    await keep_everything(hass, alex)
    file = Path(hass.config.path("cgm.db"))
    assert await erased(hass) == {"readings": 291, "treatments": 9, "measurements": 3}
    assert await everything(hass, alex) == ([], [], [])
    log = file.with_name("cgm.db-wal")
    content = file.read_bytes() + (log.read_bytes() if log.exists() else b"")
    assert b"HYPERLINK" not in content


async def test_a_period_goes_and_the_rest_stays(hass: HomeAssistant, alex: MockConfigEntry) -> None:
    await keep_everything(hass, alex)
    start, end = NOON - timedelta(hours=2), NOON - timedelta(hours=1)
    before = await everything(hass, alex)
    answer = await erased(hass, start=start.isoformat(), end=end.isoformat())
    assert answer == {"readings": 12, "treatments": 1, "measurements": 1}
    assert list(await everything(hass, alex)) == [
        [one for one in part if not start <= one.time < end] for part in before
    ]


async def test_the_value_is_withdrawn_and_the_recorder_forgets(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    run_wearer: RunWearer,
    freezer: FrozenDateTimeFactory,
) -> None:
    freezer.move_to(NOON)
    steady(dexcom, 123)
    entry = await run_wearer(dexcom_source(dexcom))
    assert value(hass, GLUCOSE) == "123"
    await async_wait_recording_done(hass)
    # The recorder forgets what is older than now, by the clock.
    freezer.tick(1)
    assert await erased(hass) != {}
    assert value(hass, GLUCOSE) == "unknown"
    assert await kept(hass, entry) == []
    await async_wait_recording_done(hass)
    await hass.async_block_till_done()
    found = await get_instance(hass).async_add_executor_job(
        lambda: state_changes_during_period(hass, NOON - timedelta(days=1), entity_id=GLUCOSE)
    )
    assert "123" not in {state.state for state in found.get(GLUCOSE, [])}


async def test_long_term_statistics_of_the_period_go_and_of_the_rest_are_made_anew(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    wearer = alex.runtime_data
    begins = NOON - timedelta(hours=5)
    rows = [
        Reading(time=begins + place * FIVE, mg_dl=100 + place, source="a", series="b")
        for place in range(36)
    ]
    await wearer.history.async_do(lambda store: store.add(wearer.id, rows))
    await wearer.statistics.async_changed(begins)
    await pass_time(timedelta(minutes=1))
    whole = await hours(hass, begins)
    assert len(whole) == 3
    second = begins + timedelta(hours=1)
    await erased(hass, start=second.isoformat(), end=(second + timedelta(hours=1)).isoformat())
    await pass_time(timedelta(minutes=1))
    assert await hours(hass, begins) == [whole[0], whole[2]]
    await erased(hass)
    await pass_time(timedelta(minutes=1))
    assert await hours(hass, begins) == []


async def test_of_a_period_the_recorder_keeps_the_states(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    asked = async_mock_service(hass, "recorder", "purge_entities")
    await erased(hass, start=(NOON - timedelta(hours=1)).isoformat())
    await erased(hass, end=NOON.isoformat())
    await hass.async_block_till_done()
    assert asked == []
    await erased(hass)
    await hass.async_block_till_done()
    (call,) = asked
    assert GLUCOSE in call.data["entity_id"]
    assert call.data["keep_days"] == 0


async def test_a_history_that_cannot_be_written_is_said(
    hass: HomeAssistant, alex: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep_everything(hass, alex)
    before = await everything(hass, alex)

    def fail(*_: object) -> None:
        raise StoreUnavailable("made up")

    with monkeypatch.context() as patched:
        patched.setattr(alex.runtime_data.history._store, "erase", fail)  # noqa: SLF001 - as a full disk would
        assert await refused(hass) == "history_not_written"
    assert await everything(hass, alex) == before
    assert (await erased(hass))["readings"] == 291


async def test_what_waits_for_a_disk_that_refuses_it_does_not_come_back(
    hass: HomeAssistant, alex: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep_everything(hass, alex)
    before = await everything(hass, alex)
    wearer = alex.runtime_data

    def fail(*_: object) -> None:
        raise StoreUnavailable("made up")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "add", fail)
        await wearer.async_take([Reading(time=NOON, mg_dl=99, source="a", series="b")])
        # It alone would have gone.
        assert await refused(hass) == "history_not_written"
    assert await everything(hass, alex) == before
    assert (await erased(hass))["readings"] == 292
    await wearer.async_look_again()
    assert await everything(hass, alex) == ([], [], [])


async def test_what_cannot_be_read_afterwards_is_said_and_withdrawn_by_the_next_try(
    hass: HomeAssistant, alex: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep_everything(hass, alex)
    wearer = alex.runtime_data
    await wearer.async_take_up_history(NOON - timedelta(days=4))
    assert wearer.recent

    async def fail(_: object) -> None:
        raise StoreUnavailable("made up")

    with monkeypatch.context() as patched:
        patched.setattr(wearer, "async_take_up_history", fail)
        assert await refused(hass) == "history_not_read"
    assert await everything(hass, alex) == ([], [], [])
    assert (await erased(hass))["readings"] == 0
    assert wearer.recent == []


async def test_the_answer_comes_when_the_statistics_are_gone_and_measures_follow_from_the_start(
    hass: HomeAssistant, alex: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep_everything(hass, alex)
    changed: list[datetime] = []
    done: list[Callable[[], None]] = []

    def hold(_: object, *, on_done: Callable[[], None]) -> None:
        done.append(on_done)

    monkeypatch.setattr(alex.runtime_data.measures, "async_changed", changed.append)
    monkeypatch.setattr(get_instance(hass), "async_clear_statistics", hold)
    start = NOON - timedelta(days=2)
    said = {"start": start.isoformat(), "end": NOON.isoformat()}
    task = hass.async_create_task(erased(hass, **said))
    while not done:  # noqa: ASYNC110 - what is waited for comes from the same loop
        await asyncio.sleep(0)
    for _ in range(20):
        # Whatever would go on meanwhile has had its turn at the history.
        await alex.runtime_data.history.async_do(lambda _: None)
    assert not task.done()
    assert changed == []
    await hass.async_add_executor_job(done[0])
    assert (await task)["readings"] > 0
    assert changed == [start]
