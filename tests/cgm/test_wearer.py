"""What each kind of source shows, how long a value is shown, what is known without a cloud."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events

from custom_components.cgm.shared.glucose.reading import Bound, Reading
from fakes.dexcom_share import FakeDexcomShare, Row
from fakes.librelinkup import FakeLibreLinkUp, FakePatient
from fakes.nightscout import FakeNightscout, Role, entry as site_entry
from fakes.phone_server import FakePhone
from fakes.serving import html_503

from .conftest import AddWearer, PassTime, Settle
from .vendors import dexcom_source, libre_source, nightscout_source
from .watching import (
    DELTA,
    GLUCOSE,
    LAST_READING,
    LEADING,
    NOON,
    RATE,
    STATUS,
    TREND,
    attribute,
    keep,
    kept,
    running,
    shown,
    value,
)

# Rises by 2 mg/dL a minute: values at so many minutes before now.
RISING = {-16: 110, -11: 120, -6: 130, -1: 140}


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


@pytest.fixture
async def rising_dexcom(dexcom: FakeDexcomShare) -> dict[str, Any]:
    """Have Dexcom hold a rise; return the source."""
    dexcom.rows += [Row(time=ago(m), value=v, trend="FortyFiveUp") for m, v in RISING.items()]
    return dexcom_source(dexcom)


@pytest.fixture
async def rising_libre(librelinkup: FakeLibreLinkUp) -> dict[str, Any]:
    """Have Libre hold the rise in its graph, and its last value; return the source."""
    ada = librelinkup.follow(FakePatient(given="Ada", family="Example"))
    for minutes, mg_dl in RISING.items():
        ada.measure(ago(minutes), mg_dl, arrow=4)
        ada.draw(ago(minutes), mg_dl)
    return libre_source(librelinkup, ada)


@pytest.fixture
async def rising_v1(nightscout: FakeNightscout, nightscout_url: str) -> dict[str, Any]:
    """Have a site hold the rise; return the source."""
    for minutes, mg_dl in RISING.items():
        nightscout.put(site_entry(ago(minutes), mg_dl, direction="FortyFiveUp"))
    return nightscout_source(nightscout_url)


@pytest.fixture
async def rising_v3(rising_v1: dict[str, Any], nightscout: FakeNightscout) -> dict[str, Any]:
    """Have a closed site hold the rise; return the source with a token."""
    nightscout.default_role = Role.DENIED
    token = nightscout.add_subject("carer", Role.READABLE)
    return {**rising_v1, "api": "v3", "secret": token}


@pytest.fixture
async def rising_phone(phone: FakePhone, phone_url: str) -> dict[str, Any]:
    """Have a phone hold the rise; return the source."""
    for minutes, mg_dl in RISING.items():
        phone.put(ago(minutes), mg_dl, direction="FortyFiveUp")
    return nightscout_source(phone_url, api="phone")


@pytest.fixture
def source(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the source of that name."""
    found: dict[str, Any] = request.getfixturevalue(request.param)
    return found


def ago(minutes: float) -> datetime:
    """Return the time so many (negative) minutes from now."""
    return dt_util.utcnow() + timedelta(minutes=minutes)


async def start(hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle) -> None:
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert wearer.state is ConfigEntryState.LOADED


# Libre's graph is another series than its current value: of that there is one, so the delta is
# not known yet.
@pytest.mark.parametrize(
    ("source", "title", "delta", "rate"),
    [
        ("rising_dexcom", "Dexcom", "10", "2.0"),
        ("rising_v1", "Nightscout", "10", "2.0"),
        ("rising_v3", "Nightscout", "10", "2.0"),
        ("rising_phone", "Nightscout", "10", "2.0"),
        ("rising_libre", "Librelinkup", "unknown", "unknown"),
    ],
    indirect=["source"],
)
async def test_each_vendor_s_glucose_is_shown(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    settle: Settle,
    source: dict[str, Any],
    title: str,
    delta: str,
    rate: str,
) -> None:
    wearer = add_wearer(source)
    await start(hass, wearer, settle)
    assert shown(hass, GLUCOSE, TREND, STATUS) == ["140", "slight_up", "in_range"]
    assert shown(hass, DELTA, RATE) == [delta, rate]
    assert shown(hass, LEADING, LAST_READING) == [title, "2026-11-20T11:59:00+00:00"]
    assert value(hass, f"sensor.alex_{title.lower()}_state") == "ok"
    assert attribute(hass, TREND, "computed") is False
    assert len({reading.time for reading in await kept(hass, wearer)}) == 4


async def test_a_wearer_in_mmol_l_reads_mmol_l_everywhere(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    settle: Settle,
    rising_dexcom: dict[str, Any],
) -> None:
    wearer = add_wearer(rising_dexcom, unit="mmol/L")
    await start(hass, wearer, settle)
    assert attribute(hass, GLUCOSE, "unit_of_measurement") == "mmol/L"
    assert float(value(hass)) == pytest.approx(140 / 18.016, abs=0.005)
    assert attribute(hass, DELTA, "unit_of_measurement") == "mmol/L"
    assert value(hass, DELTA) == "0.6"
    assert attribute(hass, RATE, "unit_of_measurement") == "mmol/L/min"
    assert value(hass, RATE) == "0.11"


async def test_a_change_of_unit_is_seen_at_once_and_back(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    settle: Settle,
    rising_dexcom: dict[str, Any],
    lost: list[str],
) -> None:
    wearer = add_wearer(rising_dexcom)
    await start(hass, wearer, settle)
    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "unit": "mmol/L"})
    await settle()
    assert attribute(hass, GLUCOSE, "unit_of_measurement") == "mmol/L"
    assert float(value(hass)) == pytest.approx(7.8, abs=0.05)
    assert value(hass, DELTA) == "0.6"

    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "unit": "mg/dL"})
    await settle()
    assert shown(hass, GLUCOSE, DELTA) == ["140", "10"]
    assert attribute(hass, GLUCOSE, "unit_of_measurement") == "mg/dL"
    assert lost == []


@pytest.mark.parametrize(
    ("mg_dl", "bound", "status"), [(39, "low", "urgent_low"), (401, "high", "urgent_high")]
)
async def test_a_bound_is_named_is_urgent_and_stays_out_of_differences(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    settle: Settle,
    pass_time: PassTime,
    mg_dl: int,
    bound: str,
    status: str,
) -> None:
    dexcom.rows += [Row(time=ago(m), value=100, trend="None") for m in (-16, -11, -6)]
    dexcom.rows.append(Row(time=ago(-1), value=mg_dl, trend="None"))
    wearer = add_wearer(dexcom_source(dexcom))
    await start(hass, wearer, settle)
    assert shown(hass, GLUCOSE, STATUS) == [str(mg_dl), status]
    assert attribute(hass, GLUCOSE, "bound") == bound
    assert shown(hass, DELTA, RATE) == ["unknown", "unknown"]
    assert (await kept(hass, wearer))[-1].bound is Bound(bound)

    for minutes, later in ((4, 60), (9, 70)):
        dexcom.rows.append(Row(time=ago(minutes), value=later, visible_at=ago(minutes)))
    await pass_time(timedelta(minutes=9, seconds=40))
    assert shown(hass, GLUCOSE, DELTA, STATUS) == ["70", "10", "in_range"]
    assert attribute(hass, GLUCOSE, "bound") is None


@pytest.mark.parametrize(
    ("options", "after"),
    [
        ({}, timedelta(minutes=11)),
        ({"stale": {"withdrawn_after_minutes": 20}}, timedelta(minutes=20)),
        ({"stale": {"withdrawn_after_minutes": 6}}, timedelta(minutes=11)),
    ],
)
async def test_a_value_is_withdrawn_to_the_second_though_no_answer_comes(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    settle: Settle,
    pass_time: PassTime,
    options: dict[str, object],
    after: timedelta,
) -> None:
    dexcom.rows += [Row(time=ago(m), value=v, trend="FortyFiveUp") for m, v in RISING.items()]
    wearer = add_wearer(dexcom_source(dexcom), **options)
    await start(hass, wearer, settle)
    dexcom.fail(html_503)
    second = timedelta(seconds=1)
    # The half second that async_fire_time_changed adds must not reach over the edge.
    await pass_time(after - timedelta(minutes=1) - second)
    assert shown(hass, GLUCOSE, TREND, DELTA, STATUS, LEADING) == [
        "140",
        "slight_up",
        "10",
        "in_range",
        "Dexcom",
    ]
    await pass_time(second)
    assert shown(hass, GLUCOSE, TREND, DELTA, RATE, STATUS, LEADING) == ["unknown"] * 6
    assert value(hass, LAST_READING) == "2026-11-20T11:59:00+00:00"
    assert value(hass, "sensor.alex_dexcom_state") == "retrying"

    dexcom.heal()
    dexcom.rows.append(Row(time=ago(0), value=150))
    await pass_time(timedelta(minutes=3))
    assert shown(hass, GLUCOSE, STATUS) == ["150", "in_range"]
    assert value(hass, "sensor.alex_dexcom_state") == "ok"


async def test_a_source_that_measures_rarely_keeps_its_value_for_2_2_intervals(
    hass: HomeAssistant,
    nightscout: FakeNightscout,
    nightscout_url: str,
    add_wearer: AddWearer,
    settle: Settle,
    pass_time: PassTime,
) -> None:
    for minutes in (-61, -46, -31, -16, -1):
        nightscout.put(site_entry(ago(minutes), 100))
    wearer = add_wearer(nightscout_source(nightscout_url))
    await start(hass, wearer, settle)
    await pass_time(timedelta(minutes=31))
    await pass_time(timedelta(seconds=59), timedelta(seconds=1))
    assert shown(hass, GLUCOSE, STATUS) == ["100", "in_range"]
    await pass_time(timedelta(seconds=1))
    assert shown(hass, GLUCOSE, STATUS) == ["unknown", "unknown"]


def of_the_past(wearer: MockConfigEntry, *minutes: float) -> list[Reading]:
    """Return readings of the wearer's first source, from a time before."""
    (source, *_) = wearer.subentries
    return [Reading(time=ago(m), mg_dl=110, source=source, series="share") for m in sorted(minutes)]


async def test_with_every_cloud_down_what_is_known_is_shown_with_its_age(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    nightscout: FakeNightscout,
    nightscout_url: str,
    add_wearer: AddWearer,
    settle: Settle,
    pass_time: PassTime,
) -> None:
    dexcom.fail(html_503)
    nightscout.fail(html_503)
    wearer = add_wearer(dexcom_source(dexcom), nightscout_source(nightscout_url))
    keep(hass, wearer, of_the_past(wearer, -14, -9, -4))
    await start(hass, wearer, settle)
    assert shown(hass, GLUCOSE, DELTA, STATUS, LEADING) == ["110", "0", "in_range", "Dexcom"]
    assert value(hass, LAST_READING) == "2026-11-20T11:56:00+00:00"
    assert value(hass, "sensor.alex_dexcom_state") == "retrying"
    assert value(hass, "sensor.alex_nightscout_state") == "retrying"
    await pass_time(timedelta(minutes=7))
    assert shown(hass, GLUCOSE, DELTA, STATUS) == ["unknown"] * 3
    assert value(hass, LAST_READING) == "2026-11-20T11:56:00+00:00"


@pytest.mark.parametrize(
    ("minutes", "last"),
    [(-12, "2026-11-20T11:48:00+00:00"), (-359, "2026-11-20T06:01:00+00:00"), (-361, "unknown")],
)
async def test_the_last_six_hours_are_taken_up_and_nothing_old_is_shown_as_now(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    settle: Settle,
    minutes: int,
    last: str,
) -> None:
    dexcom.fail(html_503)
    wearer = add_wearer(dexcom_source(dexcom))
    keep(hass, wearer, of_the_past(wearer, minutes))
    await start(hass, wearer, settle)
    assert shown(hass, GLUCOSE, STATUS, LAST_READING) == ["unknown", "unknown", last]


async def test_a_wearer_without_sources_is_set_up(
    hass: HomeAssistant, add_wearer: AddWearer, settle: Settle
) -> None:
    await start(hass, add_wearer(), settle)
    assert shown(hass, GLUCOSE, STATUS, LAST_READING, LEADING) == ["unknown"] * 4


async def test_a_source_that_cannot_be_built_leaves_the_others_alone(
    hass: HomeAssistant,
    rising_dexcom: dict[str, Any],
    add_wearer: AddWearer,
    settle: Settle,
    caplog: pytest.LogCaptureFixture,
) -> None:
    unknown = {"kind": "of_tomorrow", "wearer": "x"}
    impossible = {**rising_dexcom, "region": "moon", "wearer": "y"}
    wearer = add_wearer(unknown, impossible, rising_dexcom)
    await start(hass, wearer, settle)
    assert value(hass) == "140"
    assert caplog.text.count("settings of a source cannot be used") >= 2
    assert len(running(wearer).feeds) == 1


async def test_an_idle_hour_wakes_up_seldom_and_writes_nothing(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    settle: Settle,
    freezer: FrozenDateTimeFactory,
    rising_dexcom: dict[str, Any],
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wearer = add_wearer(rising_dexcom)
    await start(hass, wearer, settle)
    await pass_time(timedelta(minutes=30))
    assert value(hass) == "unknown"
    wakes: list[float] = []
    call_at = hass.loop.call_at

    def counted(when: float, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the loop's own words
        wakes.append(when)
        return call_at(when, *args, **kwargs)

    monkeypatch.setattr(hass.loop, "call_at", counted)
    states = async_capture_events(hass, EVENT_STATE_CHANGED)
    asked = dexcom.reads
    await pass_time(timedelta(hours=1), timedelta(seconds=30))
    assert 5 <= dexcom.reads - asked <= 30
    # Two looks a minute, and one each five minutes at the measures of the day.
    assert len(wakes) < 175
    # That there are no readings is said again each half hour; beside it the pictures
    # change, which end with the hour or the day, and the measures of days that go by.
    said = [state for event in states if (state := event.data["new_state"]) is not None]
    told = [
        (state.entity_id, state.attributes["event_type"])
        for state in said
        if "event_type" in state.attributes
    ]
    assert told == [("event.alex_alarm", "repeated")] * 2
    others = {state.entity_id for state in said} - {"event.alex_alarm"}
    assert all(entity.startswith("image.") or entity[-4:] in {"24_h", "14_d"} for entity in others)
    assert len(said) < 80
