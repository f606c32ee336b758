"""A wearer's records at run time: read from sources, folded, remembered, quieting, erased."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Never, cast

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm import feed_treatments
from custom_components.cgm.diagnostics import async_get_config_entry_diagnostics
from custom_components.cgm.feed_treatments import FeedTreatments
from custom_components.cgm.history import History, async_history
from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.measurement import Measurement, MeasurementKind
from custom_components.cgm.shared.glucose.reading import Kind
from custom_components.cgm.shared.glucose.sources.source import (
    Account,
    SensorLife,
    Source,
    TreatmentAnswer,
)
from custom_components.cgm.shared.glucose.store.records import Records
from custom_components.cgm.shared.glucose.treatment import Treatment, TreatmentKind
from fakes.dexcom_share import FakeDexcomShare
from fakes.nightscout import FakeNightscout
from fakes.serving import html_503

from .conftest import PassTime, RunWearer, Settle, SetUp
from .vendors import dexcom_source, nightscout_source, steady
from .watching import NOON, attribute, kept, running, value

pytestmark = pytest.mark.usefixtures("nothing_secret_is_logged")

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
STALE = "binary_sensor.alex_alarm_no_readings"
LOW = "binary_sensor.alex_alarm_low"


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


@pytest.fixture
async def site(
    nightscout: FakeNightscout, nightscout_url: str, run_wearer: RunWearer
) -> MockConfigEntry:
    """Run a wearer at 100 whose site tells a meal of an hour ago."""
    steady(nightscout, 100)
    put(nightscout, -HOUR, eventType="Meal Bolus", carbs=45, insulin=4.5)
    return await run_wearer(nightscout_source(nightscout_url))


def put(vendor: FakeNightscout, when: timedelta, **row: object) -> None:
    at = dt_util.utcnow() + when
    text = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    vendor.put_treatment({"created_at": text, **row})


def carbs(
    amount: float, when: timedelta = timedelta(), *, source: str = "logged", id_: str | None = None
) -> Treatment:
    return treatment(TreatmentKind.CARBS, when, amount=amount, source=source, id=id_ or f"{when}")


def treatment(kind: TreatmentKind, when: timedelta = timedelta(), **said: Any) -> Treatment:  # noqa: ANN401 - fields
    about = {"source": "logged", "id": f"{kind} {when}", **said}
    return Treatment(time=dt_util.utcnow() + when, kind=kind, **about)


def remembered(entry: MockConfigEntry) -> list[tuple[str, float | None]]:
    return [(each.kind.value, each.amount) for each in running(entry).records.treatments]


def shown(entry: MockConfigEntry) -> list[float | None]:
    return [each.amount for each in running(entry).records.treatments]


async def test_a_sites_treatments_are_read_and_remembered(
    hass: HomeAssistant, site: MockConfigEntry, nightscout: FakeNightscout, pass_time: PassTime
) -> None:
    assert remembered(site) == [("carbs", 45), ("insulin_rapid", 4.5)]
    put(nightscout, timedelta(), eventType="Carb Correction", carbs=15)
    # Written down in the evening, about the morning.
    put(nightscout, -4 * HOUR, eventType="Carb Correction", carbs=8)
    await pass_time(11 * MINUTE)
    assert shown(site) == [45, 4.5, 15]
    await pass_time(HOUR)
    assert shown(site) == [8, 45, 4.5, 15]
    assert value(hass, "sensor.alex_nightscout_state") == "ok"


async def test_a_site_is_asked_at_most_every_five_minutes(
    site: MockConfigEntry, nightscout: FakeNightscout, pass_time: PassTime
) -> None:
    before = asked(nightscout)
    await pass_time(HOUR)
    assert 6 <= asked(nightscout) - before <= 12


def asked(vendor: FakeNightscout) -> int:
    return len(vendor.asked("/treatments"))


async def test_a_sites_finger_stick_raises_a_low(
    hass: HomeAssistant, site: MockConfigEntry, nightscout: FakeNightscout, pass_time: PassTime
) -> None:
    assert value(hass, LOW) == "off"
    put(
        nightscout,
        4 * MINUTE,
        eventType="BG Check",
        glucose=61,
        glucoseType="Finger",
        units="mg/dl",
    )
    steady(nightscout, 100, minutes=(4, 9))
    await pass_time(10 * MINUTE)
    assert value(hass, LOW) == "on"
    assert [row.mg_dl for row in await kept(hass, site) if row.kind is Kind.METER] == [61]


@pytest.mark.parametrize("fault", ["disk", "site"])
async def test_treatments_that_cannot_be_read_leave_the_readings_alone_and_come_later(
    hass: HomeAssistant,
    site: MockConfigEntry,
    nightscout: FakeNightscout,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    def full(*_: object) -> None:
        raise StoreUnavailable("history cannot be used now: the disk is full")

    put(nightscout, timedelta(), eventType="Carb Correction", carbs=15)
    put(nightscout, timedelta(), eventType="Carb Correction", carbs=[])
    with monkeypatch.context() as patched:
        if fault == "disk":
            patched.setattr(Records, "add", full)
        else:
            nightscout.fail(html_503, path="/treatments")
        steady(nightscout, 101, minutes=range(4, 40, 5))
        await pass_time(36 * MINUTE)
        assert value(hass) == "101"
        assert value(hass, "sensor.alex_nightscout_state") == "ok"
        assert shown(site) == [45, 4.5]
        assert caplog.text.count("Treatments of a source cannot be read") == 1
        nightscout.heal()
    await pass_time(20 * MINUTE)
    assert shown(site) == [45, 4.5, 15]
    assert "Treatments of a source are read again" in caplog.text


async def test_a_fault_of_ours_and_a_slow_site_do_not_disturb_the_readings(
    hass: HomeAssistant,
    site: MockConfigEntry,
    nightscout: FakeNightscout,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    steady(nightscout, 102, minutes=range(4, 60, 5))

    async def faulty(*_: object) -> None:
        raise RuntimeError("Alex ate 45 g")

    with monkeypatch.context() as patched:
        patched.setattr(Source, "treatments", faulty)
        await pass_time(10 * MINUTE)
        assert value(hass) == "102"
        assert "please report (<class 'RuntimeError'>)" in caplog.text
    with monkeypatch.context() as patched:
        patched.setattr(feed_treatments, "_LONGEST_SECONDS", 0)
        await pass_time(20 * MINUTE)
        assert shown(site) == [45, 4.5]
    put(nightscout, timedelta(), eventType="Carb Correction", carbs=15)
    await pass_time(20 * MINUTE)
    assert shown(site) == [45, 4.5, 15]
    assert value(hass) == "102"


async def test_a_source_without_treatments_is_asked_once(
    run_wearer: RunWearer,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked_for: list[object] = []
    asks = Source.treatments

    async def counted(source: Source, since: datetime) -> TreatmentAnswer | None:
        asked_for.append(answer := await asks(source, since))
        return answer

    monkeypatch.setattr(Source, "treatments", counted)
    steady(dexcom, 100, minutes=range(-11, 20, 5))
    await run_wearer(dexcom_source(dexcom))
    await pass_time(20 * MINUTE)
    assert asked_for == [None]


class Asking:
    """Treatments of one source, asked for whenever the clock is moved on."""

    def __init__(
        self, entry: MockConfigEntry, freezer: FrozenDateTimeFactory, settle: Settle
    ) -> None:
        # Nothing but its treatments is asked for, and those are told here.
        source = Source(account=cast("Account", None), wearer="alex", id="teller")
        self.feed = FeedTreatments(running(entry), source)
        self.tells: tuple[Treatment, ...] = ()
        self.hangs = False
        self.elapsed = 1000.0
        self._since: list[datetime] = []
        self._freezer, self._settle = freezer, settle

    async def told(self, since: datetime) -> TreatmentAnswer:
        self._since.append(since)
        if self.hangs:
            await asyncio.Event().wait()
        return TreatmentAnswer(treatments=self.tells)

    def ask(self, minutes: float) -> timedelta | None:
        """Ask so much later; return how far back it was asked for, None where it was not."""
        self._freezer.tick(minutes * MINUTE)
        self.elapsed += minutes * 60
        self._since.clear()
        self.feed.async_ask()
        return dt_util.utcnow() - self._since[0] if self._since else None

    async def after(self, minutes: float) -> timedelta | None:
        """Ask as `ask` does, and wait for what comes of it."""
        asked = self.ask(minutes)
        await self._settle()
        return asked


@pytest.fixture
async def asking(
    set_up: SetUp,
    freezer: FrozenDateTimeFactory,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> Asking:
    asking = Asking(await set_up(), freezer, settle)
    monkeypatch.setattr(feed_treatments, "monotonic", lambda: asking.elapsed)
    monkeypatch.setattr(Source, "treatments", asking.told)
    return asking


async def test_it_is_asked_back_to_where_treatments_are_still_written_down(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await asking.after(0) == timedelta(days=14)
    assert await asking.after(4) is None
    assert await asking.after(1) == 3 * HOUR + 5 * MINUTE
    assert await asking.after(54) == 3 * HOUR + 54 * MINUTE
    # Once an hour, what somebody wrote down in the evening about the morning.
    assert await asking.after(5) == 24 * HOUR + 5 * MINUTE
    assert await asking.after(5) == 3 * HOUR + 5 * MINUTE
    # A history begun anew has none of it.
    monkeypatch.setattr(History, "id", "another")
    assert await asking.after(5) == timedelta(days=14)


async def test_what_the_disk_refused_is_asked_for_again_however_late(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Never:
        raise StoreUnavailable("history cannot be used now: the disk is full")

    await asking.after(0)
    asking.tells = (carbs(30),)
    with monkeypatch.context() as patched:
        patched.setattr(Records, "add", full)
        assert await asking.after(5) == 3 * HOUR + 5 * MINUTE
        # It is left alone for longer, and what it told is not forgotten.
        assert await asking.after(10) is None
        assert await asking.after(5) == 3 * HOUR + 20 * MINUTE
        assert await asking.after(30 * 60) == 54 * HOUR + 20 * MINUTE
    assert await asking.after(60) == 55 * HOUR + 20 * MINUTE
    assert await asking.after(5) == 3 * HOUR + 5 * MINUTE


async def test_what_is_stopped_waits_for_no_answer_and_asks_no_more(asking: Asking) -> None:
    await asking.after(0)
    asking.hangs = True
    assert asking.ask(5) is not None
    # One question at a time.
    assert asking.ask(5) is None
    asking.feed.async_stop()
    asking.hangs = False
    # At first, that is still being given up.
    assert await asking.after(60) is None
    assert await asking.after(60) is None
    task = asking.feed._task  # noqa: SLF001 - whether it goes on is seen nowhere else
    assert task is not None
    assert task.cancelled()


async def test_a_removed_source_keeps_its_records_and_a_removed_wearer_none(
    hass: HomeAssistant, site: MockConfigEntry, settle: Settle
) -> None:
    wearer = running(site)
    weight = Measurement(
        time=dt_util.utcnow(), kind=MeasurementKind.WEIGHT, value=70, source="logged", id="w"
    )
    await wearer.records.async_log_measurement(weight)
    (source,) = site.subentries
    hass.config_entries.async_remove_subentry(site, source)
    await settle()
    assert wearer.feeds == {}
    assert shown(site) == [45, 4.5]
    assert (
        len(await wearer.records.async_between(dt_util.utcnow() - 2 * HOUR, dt_util.utcnow())) == 2
    )
    await hass.config_entries.async_remove(site.entry_id)
    history = async_history(hass)
    await history.async_hold("a test")
    left = await history.async_do(
        lambda store: (
            store.treatments.between(site.entry_id),
            store.measurements.between(site.entry_id),
            store.health().records,
        )
    )
    assert left == ([], [], 0)
    await history.async_let_go("a test")


async def test_what_was_deleted_or_edited_here_stays_so_whatever_the_site_tells(
    site: MockConfigEntry, pass_time: PassTime
) -> None:
    records = running(site).records
    meal, dose = records.treatments
    await records.async_delete(dose)
    await records.async_edit(
        meal, treatment(meal.kind, -HOUR, amount=50, source=meal.source, id=meal.id)
    )
    assert shown(site) == [50]
    await pass_time(2 * HOUR, MINUTE)
    assert shown(site) == [50]


async def test_one_treatment_of_two_sources_is_shown_once(set_up: SetUp) -> None:
    records = running(await set_up()).records
    await records.async_take([carbs(30, -3 * MINUTE), carbs(30, source="site"), carbs(31)])
    assert [(each.amount, each.source) for each in records.treatments] == [
        (30, "logged"),
        (31, "logged"),
    ]
    now = dt_util.utcnow()
    assert len(await records.async_between(now - HOUR, now + MINUTE)) == 2
    # The one of the site is the one of before.
    assert [each.amount for each in await records.async_between(now - MINUTE, now + MINUTE)] == [31]


@pytest.mark.parametrize("named", [0, 1])
async def test_what_is_edited_or_deleted_takes_its_copies_of_other_sources_along(
    set_up: SetUp, named: int
) -> None:
    entry = await set_up()
    records = running(entry).records
    copies = [carbs(30, -3 * MINUTE), carbs(30, source="site")]
    others = [carbs(30, -90 * MINUTE), carbs(30, -20 * MINUTE, source="site")]
    await records.async_take([*copies, *others])
    assert shown(entry) == [30, 30, 30]
    edited = replace(copies[named], amount=40)
    await records.async_edit(copies[named], edited)
    # The other one would count beside it, whoever told it.
    assert shown(entry) == [30, 30, 40]
    await records.async_take(copies)
    assert shown(entry) == [30, 30, 40]

    whence = ("logged", -3 * MINUTE), ("site", timedelta()), ("file", timedelta())
    copies = [carbs(7, when, source=source, id_="seven") for source, when in whence]
    await records.async_take(copies)
    assert shown(entry) == [30, 30, 7, 40] if named else [30, 30, 40, 7]
    await records.async_delete(copies[named])
    assert shown(entry) == [30, 30, 40]
    await records.async_take(copies)
    assert shown(entry) == [30, 30, 40]


async def test_what_folds_is_the_same_wherever_a_period_begins(
    set_up: SetUp, freezer: FrozenDateTimeFactory
) -> None:
    records = running(await set_up()).records
    begun = dt_util.utcnow()
    first, copy, second = (
        carbs(30, minute * MINUTE, source=source)
        for minute, source in ((-6, "site"), (-2, "clarity"), (1, "site"))
    )
    drink = [carbs(15, -2 * MINUTE, source="site"), carbs(15, MINUTE, source="clarity")]
    await records.async_take([first, copy, second, *drink])
    assert await records.async_between(begun - HOUR, begun + HOUR) == [first, drink[0], second]
    assert await records.async_between(begun, begun + HOUR) == [second]
    freezer.tick(timedelta(days=1))
    await records.async_load()
    assert records.treatments == (second,)


async def test_on_a_failing_disk_all_copies_stay_or_none(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await set_up()
    records = running(entry).records
    logged, told = carbs(30, -3 * MINUTE), carbs(30, source="site")
    await records.async_take([logged, told])

    def full(*_: object) -> Never:
        raise StoreUnavailable("history cannot be used now: the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Records, "edit", full)
        with pytest.raises(StoreUnavailable):
            await records.async_edit(logged, replace(logged, amount=40))
    assert await records.async_get("site", told.id) == told
    delete = Records.delete

    def half(shelf: Records[Treatment, TreatmentKind], wearer: str, source: str, id_: str) -> bool:
        return full() if source == "logged" else delete(shelf, wearer, source, id_)

    with monkeypatch.context() as patched:
        patched.setattr(Records, "delete", half)
        with pytest.raises(StoreUnavailable):
            await records.async_delete(logged)
    assert await records.async_get("site", told.id) == told
    await records.async_delete(logged)
    assert shown(entry) == []


async def test_the_calendars_first_day_can_be_asked_for_and_edited(set_up: SetUp) -> None:
    records = running(await set_up()).records
    beginning = datetime(1, 1, 1, tzinfo=UTC)
    first = replace(carbs(30), time=beginning)
    await records.async_take([first])
    assert await records.async_between(beginning, beginning + MINUTE) == [first]
    await records.async_edit(first, replace(first, amount=31))
    assert await records.async_between(beginning, beginning + MINUTE) == [replace(first, amount=31)]
    await records.async_delete(first)
    assert await records.async_between(beginning, beginning + MINUTE) == []


async def test_a_day_is_remembered_and_the_newest_change_for_ever(
    hass: HomeAssistant, set_up: SetUp, freezer: FrozenDateTimeFactory, settle: Settle
) -> None:
    entry = await set_up()
    records = running(entry).records
    old = treatment(TreatmentKind.SITE_CHANGE, -timedelta(days=80))
    planned = treatment(TreatmentKind.SITE_CHANGE, 3 * HOUR)
    await records.async_take([carbs(10, -23 * HOUR), carbs(20), carbs(5, 2 * HOUR), old, planned])
    assert shown(entry) == [10, 20]
    assert records.latest == {TreatmentKind.SITE_CHANGE: old}
    freezer.tick(4 * HOUR)
    assert [each.amount for each in records.treatments] == [20, 5, None]
    assert records.latest == {TreatmentKind.SITE_CHANGE: planned}
    assert await hass.config_entries.async_reload(entry.entry_id)
    await settle()
    assert running(entry).records.latest == {TreatmentKind.SITE_CHANGE: planned}
    freezer.tick(timedelta(days=2))
    assert running(entry).records.treatments == ()
    assert running(entry).records.latest == {TreatmentKind.SITE_CHANGE: planned}


async def test_each_change_is_told_to_whoever_listens(set_up: SetUp) -> None:
    wearer = running(await set_up())
    seen: list[int] = []
    wearer.listeners.async_add(lambda: seen.append(len(wearer.records.treatments)))
    meal = carbs(10, id_="meal")
    await wearer.records.async_log_treatment(meal)
    assert seen[-1] == 1
    seen.clear()
    await wearer.records.async_log_treatment(meal)
    assert seen == []
    await wearer.records.async_delete(meal)
    assert seen[-1] == 0


async def log(hass: HomeAssistant, kind: str, **data: object) -> None:
    await hass.services.async_call("cgm", "log_treatment", {"kind": kind, **data}, blocking=True)


async def test_a_logged_sensor_change_quiets_missing_data_also_over_a_restart(
    hass: HomeAssistant, set_up: SetUp, settle: Settle, pass_time: PassTime
) -> None:
    entry = await set_up()
    until = dt_util.utcnow() + 2 * HOUR
    await log(hass, "sensor_change")
    assert attribute(hass, STALE, "quiet_until") == until
    await pass_time(40 * MINUTE, MINUTE)
    assert value(hass, STALE) == "off"
    assert await hass.config_entries.async_unload(entry.entry_id)
    await pass_time(10 * MINUTE, MINUTE)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    await pass_time(10 * MINUTE, MINUTE)
    assert value(hass, STALE) == "off"
    assert attribute(hass, STALE, "quiet_until") == until
    await pass_time(61 * MINUTE, MINUTE)
    assert value(hass, STALE) == "on"
    assert attribute(hass, STALE, "quiet_until") is None


async def test_a_change_of_the_site_or_long_ago_quiets_nothing(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up()
    await log(hass, "site_change")
    await log(hass, "sensor_change", time=dt_util.utcnow() - 2 * HOUR)
    assert attribute(hass, STALE, "quiet_until") is None
    await pass_time(21 * MINUTE)
    assert value(hass, STALE) == "on"


async def test_a_new_sensor_that_measures_is_quiet_no_more(
    hass: HomeAssistant, set_up: SetUp, dexcom: FakeDexcomShare, pass_time: PassTime
) -> None:
    await set_up()
    # Logged before it is done: the old sensor measures on for some minutes.
    steady(dexcom, 100, minutes=(4, 9, 14, 44))
    await log(hass, "sensor_change")
    await pass_time(40 * MINUTE)
    assert value(hass, STALE) == "off"
    assert attribute(hass, STALE, "quiet_until") is not None
    await pass_time(6 * MINUTE)
    assert value(hass) == "100"
    assert attribute(hass, STALE, "quiet_until") is None
    await pass_time(21 * MINUTE)
    assert value(hass, STALE) == "on"


async def test_a_vendor_that_tells_the_warm_up_knows_better(
    hass: HomeAssistant, set_up: SetUp
) -> None:
    entry = await set_up()
    begun = dt_util.utcnow()
    (feed,) = running(entry).feeds.values()
    life = SensorLife(started=begun, warm_up_until=begun + HOUR)
    feed.status = type(feed.status)(state=feed.status.state, sensor=life)
    await log(hass, "sensor_change")
    assert attribute(hass, STALE, "quiet_until") == begun + HOUR


async def test_a_sites_sensor_change_quiets_missing_data(
    hass: HomeAssistant, site: MockConfigEntry, nightscout: FakeNightscout, pass_time: PassTime
) -> None:
    put(nightscout, timedelta(), eventType="Sensor Change")
    changed = dt_util.utcnow()
    await pass_time(30 * MINUTE)
    assert value(hass, STALE) == "off"
    assert attribute(hass, STALE, "quiet_until") == changed + 2 * HOUR


async def test_diagnostics_carry_counts_and_nothing_of_what_was_done(
    hass: HomeAssistant, site: MockConfigEntry
) -> None:
    note = "Ate at the Restaurant at the End"
    await log(hass, "note", note=note)
    told = await async_get_config_entry_diagnostics(hass, site)
    assert told["treatments_of_a_day"] == 3
    assert told["history"]["records"] == 3
    assert note not in json.dumps(told)
