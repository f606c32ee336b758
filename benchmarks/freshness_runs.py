"""The runs behind freshness.py: each plays a simulated day in a home and writes down what it saw.

Collected by pytest for its Home Assistant fixtures, and started by freshness.py alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Self

import freezegun.api
import pydexcom.const
import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.statistics import statistics_during_period
from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pydexcom import Region
from pytest_homeassistant_custom_component.common import MockConfigEntry

import custom_components.cgm  # noqa: F401 - else the plugin's own custom_components hides ours
from custom_components.cgm.history import async_history
from custom_components.cgm.shared.glucose.sources import catalogue
from custom_components.cgm.shared.glucose.sources.nightscout_settings import NightscoutSettings
from delays import DAY, HOUR, SHAPES, START, Shape
from fakes.dexcom_share import READ, FakeDexcomShare, Row
from fakes.librelinkup import FakeLibreLinkUp, FakePatient, addresses
from fakes.nightscout import FakeNightscout, entry
from fakes.serving import FakeServer, html_503, never_answers
from simulated_home import Watch, by_time, play

MORNING = datetime(2026, 11, 20, tzinfo=UTC)
SETTLED = MORNING + timedelta(seconds=HOUR)
EVENING = SETTLED + timedelta(seconds=DAY)
HOURS_3 = timedelta(hours=3)
PASSWORD = "right-password-1"  # noqa: S105 - the fake's
FIVE = 300
SEEDS = range(int(os.environ.get("FRESHNESS_SEEDS", "5")))
# Core names its entities after the account, which is the fake's.
CORE_DEXCOM = "sensor.wearer_example_invalid_glucose_value"


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


async def ours(hass: HomeAssistant, *sources: Mapping[str, object]) -> MockConfigEntry:
    """Set up one wearer of ours."""
    wearer = MockConfigEntry(
        domain="cgm",
        title=str(sources[0]["kind"]),
        options={"unit": "mg/dL", "time_zone": "UTC"},
        subentries_data=[
            ConfigSubentryData(
                data=MappingProxyType(source),
                subentry_type="source",
                title="Source",
                unique_id=str(source["wearer"]),
            )
            for source in sources
        ],
    )
    wearer.add_to_hass(hass)
    assert await hass.config_entries.async_setup(wearer.entry_id)
    return wearer


async def core(hass: HomeAssistant, domain: str, data: dict[str, str]) -> None:
    """Set up one of core's."""
    entry_ = MockConfigEntry(domain=domain, title="core", data=data, unique_id=domain)
    entry_.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry_.entry_id)


class Vendors:
    """Every fake of one run, holding the same readings, and what follows each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin with none."""
        self._patch = monkeypatch
        self._open = AsyncExitStack()
        self.fakes: dict[str, tuple[FakeServer, str]] = {}
        self.watches: dict[str, Watch] = {}
        self._before: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        """Serve nothing yet."""
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Stop serving."""
        await self._open.aclose()

    async def serve(self, who: str, fake: FakeServer, path: str) -> str:
        """Serve a fake; requests for `path` are the ones counted."""
        self.fakes[who] = fake, path
        return await self._open.enter_async_context(fake.serving())

    def asked(self, who: str) -> int:
        """Return how many requests came since `count_from_now`."""
        fake, path = self.fakes[who]
        return len(fake.asked(path)) - self._before.get(who, 0)

    def count_from_now(self) -> None:
        """Begin to count requests."""
        self._before = {who: len(fake.asked(path)) for who, (fake, path) in self.fakes.items()}

    async def our_dexcom(self, hass: HomeAssistant, rows: list[Row]) -> FakeDexcomShare:
        """Have our integration follow a Dexcom account."""
        fake = FakeDexcomShare(rows=rows, clock=dt_util.utcnow)
        url = await self.serve("our dexcom", fake, READ)
        self._patch.setattr(catalogue, "DEXCOM_URL", fake.base_url(url))
        source = {
            "kind": "dexcom",
            "username": fake.publisher.name,
            "password": PASSWORD,
            "region": "us",
            "wearer": fake.publisher.id,
        }
        self.watches["our dexcom"] = Watch(hass, "sensor.dexcom_last_reading", by_time)
        await ours(hass, source)
        return fake

    async def core_dexcom(self, hass: HomeAssistant, rows: list[Row]) -> FakeDexcomShare:
        """Have core's integration follow a Dexcom account."""
        fake = FakeDexcomShare(rows=rows, clock=dt_util.utcnow)
        url = await self.serve("core dexcom", fake, READ)
        self._patch.setitem(pydexcom.const.DEXCOM_BASE_URLS, Region.US, fake.base_url(url))
        data = {"username": fake.publisher.name, "password": PASSWORD, "server": "US"}
        self.watches["core dexcom"] = Watch(hass, CORE_DEXCOM, by_value(rows))
        await core(hass, "dexcom", data)
        return fake

    async def our_nightscout(self, hass: HomeAssistant, rows: list[Row]) -> FakeNightscout:
        """Have our integration follow a Nightscout site."""
        fake = site(rows)
        url = await self.serve("our nightscout", fake, "/entries")
        source = {"kind": "nightscout", "url": url, "api": "v1"}
        source["wearer"] = NightscoutSettings(url=url).site_id
        self.watches["our nightscout"] = Watch(hass, "sensor.nightscout_last_reading", by_time)
        await ours(hass, source)
        return fake

    async def core_nightscout(self, hass: HomeAssistant, rows: list[Row]) -> FakeNightscout:
        """Have core's integration follow a Nightscout site."""
        fake = site(rows)
        url = await self.serve("core nightscout", fake, "/entries")
        self.watches["core nightscout"] = Watch(hass, "sensor.blood_sugar", by_value(rows))
        await core(hass, "nightscout", {"url": url})
        return fake


def site(rows: list[Row]) -> FakeNightscout:
    """Return a site that anybody may read, with these readings."""
    fake = FakeNightscout(clock=dt_util.utcnow)
    for row in rows:
        # Core's client cannot read an entry without a delta.
        fake.put(entry(row.time, row.value, delta=0), visible_at=row.visible_at)
    return fake


def by_value(rows: list[Row]) -> Callable[[str], datetime | None]:
    """Return how a state's number tells its reading: the newest visible one of that value."""
    times: dict[str, list[Row]] = {}
    for row in rows:
        times.setdefault(str(row.value), []).append(row)

    def reading_of(state: str) -> datetime | None:
        now = dt_util.utcnow()
        return max(
            (
                row.time
                for row in times.get(state.removesuffix(".0"), [])
                if row.visible_at is not None and row.visible_at <= now
            ),
            default=None,
        )

    return reading_of


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
