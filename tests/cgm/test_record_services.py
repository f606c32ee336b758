"""The actions on what a wearer did and measured, in a real home: logged, told, mended, refused."""

from datetime import timedelta
from typing import Any

import probatio
import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.measurement import MeasurementKind
from custom_components.cgm.shared.glucose.reading import Kind, Reading
from custom_components.cgm.shared.glucose.store import Store
from custom_components.cgm.shared.glucose.store.records import Records
from custom_components.cgm.shared.glucose.treatment import TreatmentKind

from .conftest import AddWearer, PassTime, Settle, SetUp
from .watching import NOON, attribute, kept, running, value

pytestmark = pytest.mark.usefixtures("nothing_secret_is_logged")

LOW = "binary_sensor.alex_alarm_low"
MINUTE = timedelta(minutes=1)
HERE = "logged"


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


@pytest.fixture
async def wearer(set_up: SetUp) -> MockConfigEntry:
    """Run a wearer who is at 100."""
    return await set_up()


async def act(hass: HomeAssistant, action: str, **data: object) -> Any:  # noqa: ANN401 - plain JSON
    return await hass.services.async_call("cgm", action, data, blocking=True, return_response=True)


async def delete(hass: HomeAssistant, named: dict[str, Any]) -> None:
    await hass.services.async_call("cgm", "delete_record", named, blocking=True)


async def treatments(hass: HomeAssistant, **data: object) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = (await act(hass, "get_treatments", **data))["treatments"]
    return told


async def measurements(hass: HomeAssistant, **data: object) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = (await act(hass, "get_treatments", **data))["measurements"]
    return told


@pytest.mark.usefixtures("wearer")
@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"kind": "insulin_rapid", "amount": 4.5}, {"amount": 4.5, "unit": "U"}),
        ({"kind": "insulin_long", "amount": "12"}, {"amount": 12, "unit": "U"}),
        ({"kind": "carbs", "amount": 45, "note": " Pasta "}, {"amount": 45, "note": "Pasta"}),
        (
            {"kind": "exercise", "duration": 30, "intensity": "vigorous"},
            {"amount": 30, "unit": "min", "intensity": "vigorous"},
        ),
        ({"kind": "exercise"}, {"amount": None, "unit": "min", "intensity": None}),
        ({"kind": "medication", "note": "Metformin"}, {"amount": None, "note": "Metformin"}),
        ({"kind": "site_change"}, {"unit": None, "note": None}),
        ({"kind": "sensor_change", "note": "left arm"}, {"note": "left arm"}),
        ({"kind": "insulin_change"}, {"amount": None}),
        ({"kind": "note", "note": "Ill"}, {"note": "Ill"}),
    ],
)
async def test_a_treatment_is_logged_now_and_told(
    hass: HomeAssistant, data: dict[str, Any], told: dict[str, Any]
) -> None:
    named = await act(hass, "log_treatment", **data)
    assert named.keys() == {"source", "id"}
    assert named["source"] == HERE
    (found,) = await treatments(hass)
    assert found == {**found, **named, **told, "kind": data["kind"], "time": NOON}


@pytest.mark.usefixtures("wearer")
@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"kind": "finger_stick", "value": 104}, {"value": 104, "unit": "mg/dL"}),
        ({"kind": "finger_stick", "value": 5.8, "unit": "mmol/L"}, {"value": 104}),
        ({"kind": "hba1c", "value": 6.9}, {"value": 6.9, "unit": "%"}),
        # 53 mmol/mol is 7.0 % (Hoelzel 2004): 53 * 0.09148 + 2.152.
        (
            {"kind": "hba1c", "value": 53, "unit": "mmol/mol", "note": "clinic"},
            {"value": pytest.approx(7.00044), "unit": "%", "note": "clinic"},
        ),
        (
            {"kind": "blood_pressure", "value": 121, "diastolic": 79},
            {"value": 121, "diastolic": 79, "unit": "mmHg"},
        ),
        ({"kind": "weight", "value": 71.5, "unit": "kg"}, {"value": 71.5, "unit": "kg"}),
        ({"kind": "sleep", "value": 430, "quality": 4}, {"value": 430, "quality": 4}),
    ],
)
async def test_a_measurement_is_logged_now_and_told(
    hass: HomeAssistant, data: dict[str, Any], told: dict[str, Any]
) -> None:
    named = await act(hass, "log_measurement", **data)
    assert named["source"] == HERE
    (found,) = await measurements(hass)
    assert found == {**found, **named, **told, "kind": data["kind"], "time": NOON}


async def test_a_finger_stick_below_70_raises_a_low_and_taken_back_is_gone(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    assert value(hass, LOW) == "off"
    named = await act(hass, "log_measurement", kind="finger_stick", value=65)
    assert value(hass, LOW) == "on"
    assert attribute(hass, LOW, "value") == 65
    # A finger-stick never leads.
    assert value(hass) == "100"
    (stick,) = (row for row in await kept(hass, wearer) if row.kind is Kind.METER)
    assert (stick.mg_dl, stick.source, stick.time) == (65, HERE, dt_util.utcnow())
    await delete(hass, named)
    assert all(row.kind is Kind.CGM for row in await kept(hass, wearer))
    assert all(row.kind is Kind.CGM for row in running(wearer).recent)
    assert await measurements(hass) == []
    with pytest.raises(ServiceValidationError, match="no record of this source"):
        await delete(hass, named)


async def test_a_finger_stick_is_in_the_wearers_unit(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "unit": "mmol/L"})
    await act(hass, "log_measurement", kind="finger_stick", value=3.5)
    (stick,) = (row for row in await kept(hass, wearer) if row.kind is Kind.METER)
    assert stick.mg_dl == 63
    (told,) = await measurements(hass)
    assert (told["value"], told["unit"]) == (3.5, "mmol/L")
    assert value(hass, LOW) == "on"


async def test_a_finger_stick_waits_for_the_disk_and_is_seen_all_the_same(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise StoreUnavailable("history cannot be used now: the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "add", full)
        await act(hass, "log_measurement", kind="finger_stick", value=65)
        assert value(hass, LOW) == "on"
        assert all(row.kind is Kind.CGM for row in await kept(hass, wearer))
    await pass_time(2 * MINUTE)
    assert [row.mg_dl for row in await kept(hass, wearer) if row.kind is Kind.METER] == [65]


@pytest.mark.usefixtures("wearer")
async def test_what_is_edited_says_what_was_named_and_keeps_the_rest(hass: HomeAssistant) -> None:
    named = await act(hass, "log_treatment", kind="carbs", amount=45, note="Pasta")
    earlier = dt_util.utcnow() - 10 * MINUTE
    assert await act(hass, "edit_record", **named, amount=60, time=earlier) == named
    (found,) = await treatments(hass)
    assert (found["amount"], found["note"], found["time"]) == (60, "Pasta", earlier.isoformat())
    await act(hass, "edit_record", **named, note="")
    (found,) = await treatments(hass)
    assert (found["amount"], found["note"], found["time"]) == (60, None, earlier.isoformat())
    await delete(hass, named)
    assert await treatments(hass) == []

    ran = await act(hass, "log_treatment", kind="exercise", duration=20, intensity="light")
    await act(hass, "edit_record", **ran, duration=25)
    (found,) = await treatments(hass)
    assert (found["amount"], found["intensity"]) == (25, "light")

    slept = await act(hass, "log_measurement", kind="sleep", value=400, note="warm")
    await act(hass, "edit_record", **slept, quality=2)
    (found,) = await measurements(hass)
    assert (found["value"], found["quality"], found["note"]) == (400, 2, "warm")
    await delete(hass, slept)
    assert await measurements(hass) == []


@pytest.mark.usefixtures("wearer")
async def test_null_takes_away_what_a_record_may_be_without(hass: HomeAssistant) -> None:
    ran = await act(
        hass, "log_treatment", kind="exercise", duration=20, intensity="light", note="rain"
    )
    await act(hass, "edit_record", **ran, intensity=None)
    (found,) = await treatments(hass)
    assert (found["amount"], found["intensity"], found["note"]) == (20, None, "rain")
    await act(hass, "edit_record", **ran, duration=None, note=None)
    (found,) = await treatments(hass)
    assert (found["amount"], found["intensity"], found["note"]) == (None, None, None)
    await delete(hass, ran)

    ate = await act(hass, "log_treatment", kind="carbs", amount=20)
    await act(hass, "edit_record", **ate, amount=None)
    (found,) = await treatments(hass)
    assert found["amount"] is None

    slept = await act(hass, "log_measurement", kind="sleep", value=400, quality=4, note="warm")
    await act(hass, "edit_record", **slept, quality=None)
    (found,) = await measurements(hass)
    assert found == {**found, "value": 400, "note": "warm"}
    assert "quality" not in found


@pytest.mark.usefixtures("wearer")
async def test_what_is_not_named_stays_also_a_second_number(hass: HomeAssistant) -> None:
    pressure = await act(hass, "log_measurement", kind="blood_pressure", value=120, diastolic=80)
    slept = await act(hass, "log_measurement", kind="sleep", value=400, quality=4)
    await act(hass, "edit_record", **pressure, value=130)
    await act(hass, "edit_record", **slept, value=410)
    told = {each["kind"]: each for each in await measurements(hass)}
    assert (told["blood_pressure"]["value"], told["blood_pressure"]["diastolic"]) == (130, 80)
    assert (told["sleep"]["value"], told["sleep"]["quality"]) == (410, 4)
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "edit_record", **pressure, value=80)
    assert refused.value.translation_key == "record_pressure_order"


async def test_a_finger_stick_has_no_note_and_is_found_to_the_millisecond(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    time = "2026-11-20T11:59:00.123456+00:00"
    named = await act(hass, "log_measurement", kind="finger_stick", value=104, time=time)
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "edit_record", **named, note="after lunch")
    assert refused.value.translation_key == "record_field_unfit"
    await delete(hass, named)
    for rows in (await kept(hass, wearer), running(wearer).recent):
        assert all(row.kind is Kind.CGM for row in rows)


@pytest.mark.usefixtures("wearer")
async def test_what_a_record_needs_cannot_be_taken_away(hass: HomeAssistant) -> None:
    slept = await act(hass, "log_measurement", kind="sleep", value=400)
    pressure = await act(hass, "log_measurement", kind="blood_pressure", value=120, diastolic=80)
    noted = await act(hass, "log_treatment", kind="note", note="Ill")
    before = await act(hass, "get_treatments")
    for named, data in (
        (slept, {"value": None}),
        (slept, {"time": None}),
        (slept, {"quality": 3.5}),
        (pressure, {"diastolic": None}),
    ):
        with pytest.raises(probatio.Invalid):
            await act(hass, "edit_record", **named, **data)
    with pytest.raises(ServiceValidationError, match="needs its text"):
        await act(hass, "edit_record", **noted, note=None)
    assert await act(hass, "get_treatments") == before


@pytest.mark.usefixtures("wearer")
async def test_a_unit_is_that_of_a_value_beside_it(hass: HomeAssistant) -> None:
    pricked = await act(hass, "log_measurement", kind="finger_stick", value=104)
    tested = await act(hass, "log_measurement", kind="hba1c", value=6.9)
    before = await measurements(hass)
    for named, unit in ((pricked, "mmol/L"), (pricked, "kg"), (tested, "mmol/mol")):
        with pytest.raises(ServiceValidationError, match="is missing for this kind"):
            await act(hass, "edit_record", **named, unit=unit)
    assert await measurements(hass) == before
    await act(hass, "edit_record", **pricked, value=5.6, unit="mmol/L")
    await act(hass, "edit_record", **tested, value=53, unit="mmol/mol")
    told = {each["kind"]: each["value"] for each in await measurements(hass)}
    assert told == {"finger_stick": 101, "hba1c": pytest.approx(7.00044)}


@pytest.mark.usefixtures("wearer")
async def test_all_that_was_ever_logged_can_be_asked_for(hass: HomeAssistant) -> None:
    await act(hass, "log_treatment", kind="carbs", amount=10, time="1900-01-02")
    await act(hass, "log_treatment", kind="carbs", amount=20)
    found = await treatments(hass, start="0001-01-01T00:00:00+00:00")
    assert [each["amount"] for each in found] == [10, 20]


async def test_an_edited_finger_stick_is_judged_anew(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    named = await act(hass, "log_measurement", kind="finger_stick", value=155)
    assert value(hass, LOW) == "off"
    assert await act(hass, "edit_record", **named, value=65) == named
    assert value(hass, LOW) == "on"
    earlier = dt_util.utcnow() - 2 * MINUTE
    moved = await act(hass, "edit_record", **named, time=earlier)
    assert moved["id"] != named["id"]
    assert [(row.mg_dl, row.time) for row in await kept(hass, wearer) if row.source == HERE] == [
        (65, earlier)
    ]
    (found,) = await measurements(hass)
    assert found["id"] == moved["id"]


async def test_a_finger_stick_edited_in_place_is_low_all_the_while(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    named = await act(hass, "log_measurement", kind="finger_stick", value=65)
    seen: list[set[int]] = []

    def look() -> None:
        rows = running(wearer).recent
        seen.append({row.mg_dl for row in rows if row.kind is Kind.METER})

    running(wearer).listeners.async_add(look)
    await act(hass, "edit_record", **named, value=64)
    assert value(hass, LOW) == "on"
    # Never away in between, when a disk might refuse it.
    assert seen
    assert all(each == {64} for each in seen)


async def test_a_finger_stick_that_cannot_be_written_elsewhere_stays_where_it_is(
    hass: HomeAssistant, wearer: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreUnavailable("history cannot be used now: the disk is full")

    named = await act(hass, "log_measurement", kind="finger_stick", value=104)
    begun, earlier = dt_util.utcnow(), dt_util.utcnow() - 2 * MINUTE
    with monkeypatch.context() as patched:
        patched.setattr(Store, "add", full)
        with pytest.raises(HomeAssistantError, match="cannot be written"):
            await act(hass, "edit_record", **named, time=earlier)
    for rows in (await kept(hass, wearer), running(wearer).recent):
        assert [row.time for row in rows if row.kind is Kind.METER] == [begun]
    await act(hass, "edit_record", **named, time=earlier)
    for rows in (await kept(hass, wearer), running(wearer).recent):
        assert [row.time for row in rows if row.kind is Kind.METER] == [earlier]


async def test_a_sources_finger_stick_is_corrected_there(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    (source,) = running(wearer).feeds
    stick = Reading(time=dt_util.utcnow(), mg_dl=90, source=source, series="mbg", kind=Kind.METER)
    await running(wearer).async_take((stick,))
    (found,) = await measurements(hass)
    named = {"source": found["source"], "id": found["id"]}
    assert named["source"] == source
    with pytest.raises(ServiceValidationError, match="came from a source"):
        await delete(hass, named)
    with pytest.raises(ServiceValidationError, match="came from a source"):
        await act(hass, "edit_record", **named, value=80)
    assert await measurements(hass) == [found]
    # One logged at the same moment is another one.
    logged = await act(hass, "log_measurement", kind="finger_stick", value=104)
    await delete(hass, logged)
    assert [row for row in await kept(hass, wearer) if row.kind is Kind.METER] == [stick]


@pytest.mark.usefixtures("wearer")
@pytest.mark.parametrize(
    ("action", "data", "key"),
    [
        ("log_treatment", {"kind": "carbs", "amount": 1001}, "record_number_outside"),
        ("log_treatment", {"kind": "carbs", "amount": "nan"}, "record_number_outside"),
        ("log_treatment", {"kind": "insulin_rapid", "amount": -1}, "record_number_outside"),
        ("log_treatment", {"kind": "insulin_rapid", "amount": 0}, "record_number_outside"),
        ("log_treatment", {"kind": "exercise", "amount": 30}, "record_field_unfit"),
        ("log_treatment", {"kind": "carbs", "duration": 30}, "record_field_unfit"),
        ("log_treatment", {"kind": "carbs", "intensity": "light"}, "record_field_unfit"),
        ("log_treatment", {"kind": "site_change", "amount": 1}, "record_field_unfit"),
        ("log_treatment", {"kind": "medication"}, "record_text_missing"),
        ("log_treatment", {"kind": "note", "note": "  "}, "record_text_missing"),
        ("log_treatment", {"kind": "carbs", "time": "2026-11-20T12:01:01Z"}, "record_time_outside"),
        ("log_treatment", {"kind": "carbs", "time": "1899-12-31"}, "record_time_outside"),
        ("log_treatment", {"kind": "carbs", "time": "0001-01-01"}, "record_time_outside"),
        ("log_treatment", {"kind": "carbs", "time": "9999-12-31 23:59"}, "record_time_outside"),
        ("log_measurement", {"kind": "finger_stick"}, "record_field_missing"),
        ("log_measurement", {"kind": "finger_stick", "value": 5.6}, "record_number_outside"),
        ("log_measurement", {"kind": "finger_stick", "value": "inf"}, "record_number_outside"),
        (
            "log_measurement",
            {"kind": "finger_stick", "value": 120, "unit": "mmol/L"},
            "record_number_outside",
        ),
        ("log_measurement", {"kind": "finger_stick", "value": 9, "unit": "%"}, "record_unit_unfit"),
        (
            "log_measurement",
            {"kind": "finger_stick", "value": 90, "note": "x"},
            "record_field_unfit",
        ),
        ("log_measurement", {"kind": "hba1c", "value": 53}, "record_number_outside"),
        ("log_measurement", {"kind": "hba1c", "value": 6, "unit": "mg/dL"}, "record_unit_unfit"),
        ("log_measurement", {"kind": "blood_pressure", "value": 120}, "record_field_missing"),
        (
            "log_measurement",
            {"kind": "blood_pressure", "value": 80, "diastolic": 80},
            "record_pressure_order",
        ),
        (
            "log_measurement",
            {"kind": "blood_pressure", "value": 120, "diastolic": 5},
            "record_number_outside",
        ),
        ("log_measurement", {"kind": "weight", "value": 70, "quality": 3}, "record_field_unfit"),
        ("log_measurement", {"kind": "sleep", "value": 400, "quality": 6}, "record_number_outside"),
        ("edit_record", {"source": HERE, "id": "none", "amount": 1}, "record_unknown"),
        ("edit_record", {"source": HERE, "id": "finger_stick never x"}, "record_unknown"),
        (
            "edit_record",
            {"source": HERE, "id": "finger_stick 2026-11-20T12:00:00+00:00 x"},
            "record_unknown",
        ),
        (
            "edit_record",
            {"source": HERE, "id": "finger_stick 9999-12-31T23:59:59.999999+00:00 x"},
            "record_unknown",
        ),
        ("get_treatments", {"start": "9999-12-31 23:59"}, "range_is_empty"),
        ("get_treatments", {"end": "0001-01-01"}, "range_is_empty"),
        (
            "get_treatments",
            {"start": "2026-11-20T12:00:00Z", "end": "2026-11-20T12:00:00Z"},
            "range_is_empty",
        ),
    ],
)
async def test_what_cannot_be_is_refused_in_the_users_words(
    hass: HomeAssistant, action: str, data: dict[str, Any], key: str
) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, action, **data)
    assert refused.value.translation_key == key
    # The sentence is there, with what it names filled in.
    assert str(refused.value) != key
    assert "{" not in str(refused.value)
    told = await act(hass, "get_treatments")
    assert told["treatments"] == told["measurements"] == []


@pytest.mark.usefixtures("wearer")
@pytest.mark.parametrize(
    ("language", "unfit", "missing"),
    [("en", "Amount", "Lower value"), ("de", "Menge", "Unterer Wert")],
)
async def test_a_refusal_names_a_field_as_the_form_does(
    hass: HomeAssistant, language: str, unfit: str, missing: str
) -> None:
    hass.config.language = language
    pressure = {"kind": "blood_pressure", "value": 120}
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "log_treatment", kind="exercise", amount=30)
    assert refused.value.translation_placeholders == {"field": unfit}
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "log_measurement", **pressure)
    assert refused.value.translation_placeholders == {"field": missing}

    logged = await act(hass, "log_measurement", **pressure, diastolic=80)
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "edit_record", **logged, amount=1)
    assert refused.value.translation_placeholders == {"field": unfit}


async def test_a_time_without_a_zone_is_the_homes_and_just_ahead_is_now(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")
    await act(hass, "log_treatment", kind="carbs", amount=10, time="2026-11-20 12:30:00")
    await act(hass, "log_treatment", kind="carbs", amount=20, time="2026-11-20T12:00:30Z")
    told = [(each["amount"], each["time"]) for each in await treatments(hass)]
    assert told == [(10, "2026-11-20T11:30:00+00:00"), (20, NOON)]
    assert len(running(wearer).records.treatments) == 2


@pytest.mark.usefixtures("wearer")
async def test_only_the_asked_time_is_told(hass: HomeAssistant, pass_time: PassTime) -> None:
    await act(hass, "log_treatment", kind="carbs", amount=10)
    middle = dt_util.utcnow() + MINUTE
    await pass_time(2 * MINUTE)
    await act(hass, "log_treatment", kind="carbs", amount=20)

    async def amounts(**data: object) -> list[float]:
        return [each["amount"] for each in await treatments(hass, **data)]

    assert await amounts() == [10, 20]
    assert await amounts(start=middle) == [20]
    assert await amounts(end=middle) == [10]
    # The start belongs to it, the end does not.
    assert await amounts(start=middle - MINUTE, end=middle + MINUTE) == [10]


@pytest.mark.usefixtures("wearer")
async def test_untold_it_is_the_last_day_and_a_start_without_a_zone_is_the_homes(
    hass: HomeAssistant,
) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")
    for hours in (25, 24, 2, 1):
        earlier = dt_util.utcnow() - timedelta(hours=hours)
        await act(hass, "log_treatment", kind="carbs", amount=hours, time=earlier)
    # Without an end it ends just after now, so that now is in: a day and a moment ago is out.
    assert [each["amount"] for each in await treatments(hass)] == [2, 1]
    since = await treatments(hass, start="2026-11-20 11:30:00")
    assert [each["amount"] for each in since] == [1]
    until = await treatments(hass, end="2026-11-20 11:30:00")
    assert [each["amount"] for each in until] == [25, 24, 2]


@pytest.mark.usefixtures("wearer")
async def test_measurements_and_finger_sticks_are_told_by_their_time(hass: HomeAssistant) -> None:
    earlier = dt_util.utcnow() - 10 * MINUTE
    await act(hass, "log_measurement", kind="weight", value=70, time=earlier)
    await act(hass, "log_measurement", kind="finger_stick", value=104)
    await act(hass, "log_measurement", kind="hba1c", value=6.9, time=earlier - MINUTE)
    told = [each["kind"] for each in await measurements(hass)]
    assert told == ["hba1c", "weight", "finger_stick"]


@pytest.mark.usefixtures("wearer")
async def test_a_note_that_is_too_long_is_refused_and_not_cut(hass: HomeAssistant) -> None:
    with pytest.raises(probatio.Invalid):
        await act(hass, "log_treatment", kind="note", note="x" * 1001)
    assert await treatments(hass) == []
    await act(hass, "log_treatment", kind="note", note="x" * 1000)
    assert [each["note"] for each in await treatments(hass)] == ["x" * 1000]


async def test_each_wearer_has_records_of_their_own(
    hass: HomeAssistant, wearer: MockConfigEntry, add_wearer: AddWearer, settle: Settle
) -> None:
    other = add_wearer(title="Robin")
    assert await hass.config_entries.async_setup(other.entry_id)
    await settle()
    with pytest.raises(ServiceValidationError):
        await act(hass, "log_treatment", kind="carbs", amount=10)
    whose = {"config_entry_id": other.entry_id}
    named = await act(hass, "log_treatment", kind="carbs", amount=10, **whose)
    assert len(await treatments(hass, **whose)) == 1
    assert await treatments(hass, config_entry_id=wearer.entry_id) == []
    with pytest.raises(ServiceValidationError, match="no record of this source"):
        await delete(hass, {**named, "config_entry_id": wearer.entry_id})


@pytest.mark.usefixtures("wearer")
async def test_a_failing_disk_is_said_and_nothing_is_logged(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = await act(hass, "log_treatment", kind="carbs", amount=10)
    before = await act(hass, "get_treatments")

    def full(*_: object, **__: object) -> None:
        raise StoreUnavailable("history cannot be used now: the disk is full")

    with monkeypatch.context() as patched:
        for call in ("add", "edit", "delete"):
            patched.setattr(Records, call, full)
        for action, data in (
            ("log_treatment", {"kind": "carbs", "amount": 5}),
            ("log_measurement", {"kind": "weight", "value": 70}),
            ("edit_record", {**named, "amount": 5}),
        ):
            with pytest.raises(HomeAssistantError) as failed:
                await act(hass, action, **data)
            assert failed.value.translation_key == "history_not_written"
        with pytest.raises(HomeAssistantError, match="cannot be written"):
            await delete(hass, named)
    with monkeypatch.context() as patched:
        patched.setattr(Records, "between", full)
        with pytest.raises(HomeAssistantError) as failed:
            await act(hass, "get_treatments")
        assert failed.value.translation_key == "history_not_read"
    assert await act(hass, "get_treatments") == before


@pytest.mark.usefixtures("wearer")
async def test_every_kind_can_be_logged(hass: HomeAssistant) -> None:
    for kind in TreatmentKind:
        await act(hass, "log_treatment", kind=kind, note="a text")
    for number, measured in enumerate(MeasurementKind):
        also = {"diastolic": 8 + number + 20} if measured == "blood_pressure" else {}
        value_of = {"hba1c": 6, "blood_pressure": 120, "weight": 70, "sleep": 400}[measured]
        await act(hass, "log_measurement", kind=measured, value=value_of, **also)
    assert {each["kind"] for each in await treatments(hass)} == set(TreatmentKind)
    assert {each["kind"] for each in await measurements(hass)} == set(MeasurementKind)
