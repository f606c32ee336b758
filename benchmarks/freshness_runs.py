"""The runs behind freshness.py: each plays a simulated day in a home and writes down what it saw.

Collected by pytest for its Home Assistant fixtures, and started by freshness.py alone.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import freezegun.api
import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.statistics import statistics_during_period
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

import custom_components.cgm  # noqa: F401 - else the plugin's own custom_components hides ours
from custom_components.cgm.history import async_history
from custom_components.cgm.shared.glucose.sources import catalogue
from delays import DAY, HOUR, SHAPES, START, Shape
from fakes.dexcom_share import Row
from fakes.librelinkup import FakeLibreLinkUp, FakePatient, addresses
from fakes.serving import html_503, never_answers
from freshness_vendors import Vendors, by_value, ours
from simulated_home import Watch, by_time, play

MORNING = datetime(2026, 11, 20, tzinfo=UTC)
SETTLED = MORNING + timedelta(seconds=HOUR)
EVENING = SETTLED + timedelta(seconds=DAY)
HOURS_3 = timedelta(hours=3)
FIVE = 300
SEEDS = range(int(os.environ.get("FRESHNESS_SEEDS", "5")))


@pytest.fixture(autouse=True)
def home(
    recorder_mock: None,
    enable_custom_integrations: None,
    socket_enabled: None,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Give every run a home that finds the integration, and a clock at midnight."""
    freezer.move_to(MORNING)


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Keep each run's history in a folder of its own."""
    return hass_tmp_config_dir


def moment(seconds: float) -> datetime:
    """Return the home's time, in whole seconds as states show it, for a moment of delays.py's."""
    return MORNING + timedelta(seconds=round(seconds - START))


def value(position: int) -> int:
    """Return the glucose of the reading at `position`."""
    # Of 353 consecutive readings no two are alike, so that a state tells its reading.
    return 45 + (position * 89) % 353


def write(kind: str, **facts: object) -> None:
    """Add one line for freshness.py to read."""
    with Path(os.environ["FRESHNESS_RESULTS"]).open("a") as results:
        results.write(json.dumps({"run": kind, **facts}) + "\n")


def day_of(shape: Shape, seed: int) -> list[Row]:
    """Return a shape's readings as the vendor will have them."""
    return [
        Row(time=moment(time), value=value(at), visible_at=moment(available))
        for at, (time, available) in enumerate(shape.stream(seed, HOUR + DAY))
    ]


def lags(watch: Watch, rows: list[Row]) -> list[float]:
    """Return seconds from available to shown of every reading that became available in the day."""
    return [
        (shown - row.visible_at).total_seconds()
        for row in rows
        if row.visible_at is not None
        and SETTLED <= row.visible_at < EVENING - timedelta(minutes=15)
        and (shown := watch.first_shown.get(row.time)) is not None
    ]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shape", [s for s in SHAPES if s.cadence == FIVE], ids=lambda s: s.name)
async def test_a_day_of_five_minutes(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
    shape: Shape,
    seed: int,
) -> None:
    rows = day_of(shape, seed)
    async with Vendors(monkeypatch) as vendors:
        await vendors.our_dexcom(hass, rows)
        await vendors.core_dexcom(hass, rows)
        await vendors.our_nightscout(hass, rows)
        await vendors.core_nightscout(hass, rows)
        await play(hass, freezer, SETTLED)
        vendors.count_from_now()
        await play(hass, freezer, EVENING)
        due = sum(SETTLED <= moment(t) < EVENING for t, _ in shape.stream(seed, HOUR + DAY))
        for who, watch in vendors.watches.items():
            write(
                "day",
                who=who,
                shape=shape.name,
                seed=seed,
                lags=lags(watch, rows),
                readings=due,
                requests=vendors.asked(who),
            )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shape", [s for s in SHAPES if s.cadence != FIVE], ids=lambda s: s.name)
async def test_a_day_of_one_minute(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
    shape: Shape,
    seed: int,
) -> None:
    fake = FakeLibreLinkUp(clock=dt_util.utcnow)
    patient = fake.follow(FakePatient(given="Ada", family="Example"))
    rows = day_of(shape, seed)
    for row in rows:
        patient.measure(row.time, row.value, delay=(row.visible_at or row.time) - row.time)
    async with Vendors(monkeypatch) as vendors:
        url = await vendors.serve("our librelinkup", fake, "/graph")
        monkeypatch.setattr(catalogue, "LIBRELINKUP_ADDRESS", addresses(url))
        source = {
            "kind": "librelinkup",
            "email": fake.email,
            "password": fake.password,
            "wearer": patient.id,
        }
        watch = Watch(hass, "sensor.librelinkup_last_reading", by_time)
        await ours(hass, source)
        await play(hass, freezer, SETTLED)
        vendors.count_from_now()
        await play(hass, freezer, EVENING)
        due = sum(SETTLED <= row.time < EVENING for row in rows)
        write(
            "day",
            who="our librelinkup",
            shape=shape.name,
            seed=seed,
            lags=lags(watch, rows),
            readings=due,
            requests=vendors.asked("our librelinkup"),
        )


def every_five_minutes(lasting: timedelta) -> list[Row]:
    """Return readings 12 s late, from midnight on."""
    count = int(lasting.total_seconds() // FIVE)
    return [
        Row(time=time, value=value(at), visible_at=time + timedelta(seconds=12))
        for at, time in enumerate(MORNING + timedelta(seconds=FIVE * n) for n in range(count))
    ]


async def stored(hass: HomeAssistant) -> set[datetime]:
    """Return the times of all readings in our history."""
    wearer = hass.config_entries.async_entries("cgm")[0].entry_id
    readings = await async_history(hass).async_do(lambda store: store.readings(wearer))
    return {reading.time for reading in readings}


async def in_statistics(hass: HomeAssistant, start: datetime, hours: int) -> int:
    """Return how many of these hours the glucose sensor's long-term statistics have."""
    await get_instance(hass).async_block_till_done()
    rows = await get_instance(hass).async_add_executor_job(
        lambda: statistics_during_period(
            hass,
            start,
            start + timedelta(hours=hours),
            {"sensor.dexcom_glucose"},
            "hour",
            None,
            {"mean"},
        )
    )
    return len(rows.get("sensor.dexcom_glucose", []))


async def test_the_password_is_changed(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = every_five_minutes(timedelta(hours=5))
    async with Vendors(monkeypatch) as vendors:
        fakes = {
            "our dexcom": await vendors.our_dexcom(hass, rows),
            "core dexcom": await vendors.core_dexcom(hass, rows),
        }
        await play(hass, freezer, SETTLED)
        for fake in fakes.values():
            fake.change_password("another-password-2")
        await play(hass, freezer, SETTLED + timedelta(hours=2))
        for who, fake in fakes.items():
            write("password", who=who, bad_logins=fake.bad_logins)


@pytest.mark.parametrize("phone_away", [False, True], ids=["vendor down", "phone away"])
async def test_three_hours_are_missing(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
    phone_away: bool,  # noqa: FBT001 - a parameter of the run
) -> None:
    begin, end = MORNING + timedelta(hours=2), MORNING + timedelta(hours=5)
    rows = every_five_minutes(timedelta(hours=9))
    missing = [row for row in rows if begin <= row.time < end]
    if phone_away:
        late = end + timedelta(seconds=12)
        rows = [replace(row, visible_at=late) if row in missing else row for row in rows]
    async with Vendors(monkeypatch) as vendors:
        fakes = [await vendors.our_dexcom(hass, rows), await vendors.core_dexcom(hass, rows)]
        await play(hass, freezer, begin + timedelta(seconds=5))
        if not phone_away:
            for fake in fakes:
                fake.fail(html_503)
        vendors.count_from_now()
        await play(hass, freezer, end + timedelta(seconds=5))
        asked = {who: vendors.asked(who) for who in vendors.fakes}
        for fake in fakes:
            fake.heal()
        await play(hass, freezer, end + timedelta(hours=3, minutes=30))
        kept = await stored(hass)
        for who, watch in vendors.watches.items():
            after = [shown for shown in watch.first_shown.values() if shown > end]
            write(
                "missing",
                who=who,
                cause="phone away" if phone_away else "vendor down",
                shown=sum(row.time in watch.first_shown for row in missing),
                stored=sum(row.time in kept for row in missing) if who == "our dexcom" else None,
                hours=await in_statistics(hass, begin, 3) if who == "our dexcom" else None,
                missing=len(missing),
                requests=asked[who],
                first_value_after=(min(after) - end).total_seconds(),
            )


async def test_the_sensor_stops(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = every_five_minutes(timedelta(hours=2))
    async with Vendors(monkeypatch) as vendors:
        await vendors.our_dexcom(hass, rows)
        await vendors.core_dexcom(hass, rows)
        await vendors.core_nightscout(hass, rows)
        ours_ = Watch(hass, "sensor.dexcom_glucose", by_value(rows))
        await play(hass, freezer, MORNING + timedelta(hours=4))
        vendors.watches["our dexcom"] = ours_
        for who, watch in vendors.watches.items():
            gone = [at for at, state in watch.states if state == "unknown" and at > rows[-1].time]
            age = (gone[0] - rows[-1].time).total_seconds() / 60 if gone else None
            write("stopped", who=who, withdrawn_after_minutes=age)


async def test_the_vendor_never_answers(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = every_five_minutes(timedelta(hours=4))
    async with Vendors(monkeypatch) as vendors:
        fake = await vendors.our_dexcom(hass, rows)
        await play(hass, freezer, SETTLED)
        fake.fail(never_answers, times=1)
        began = freezegun.api.real_monotonic()
        await play(hass, freezer, SETTLED + timedelta(minutes=20))
        lost = freezegun.api.real_monotonic() - began
        due = [row for row in rows if SETTLED <= row.time < SETTLED + timedelta(minutes=15)]
        write(
            "never",
            who="our dexcom",
            seconds_of_the_machine=lost,
            shown=sum(row.time in vendors.watches["our dexcom"].first_shown for row in due),
            due=len(due),
        )
