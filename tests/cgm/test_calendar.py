"""The calendar of a wearer: treatments and episodes of glucose, of any stretch, and what is now."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import monotonic
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.diary import Diary
from custom_components.cgm.history import History
from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.reading import Bound, Reading
from custom_components.cgm.shared.glucose.treatment import Intensity, Treatment, TreatmentKind
from fakes.dexcom_share import FakeDexcomShare, Row

from .conftest import AddWearer, PassTime, RunWearer
from .vendors import dexcom_source
from .watching import NOON, keep, running

DIARY = "calendar.alex_diary"
FIVE = timedelta(minutes=5)
HOUR = timedelta(hours=1)
# The calendar looks five seconds after it was told.
SOON = timedelta(seconds=6)
NOW = datetime.fromisoformat(NOON)


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


def course(start: datetime, *parts: tuple[int, int]) -> list[Reading]:
    """Return readings 5 minutes apart: of each part so many, at one value."""
    values = [mg_dl for count, mg_dl in parts for _ in range(count)]
    return [
        Reading(
            time=start + place * FIVE,
            mg_dl=mg_dl,
            source="sensor",
            series="1",
            bound={39: Bound.LOW, 401: Bound.HIGH}.get(mg_dl),
        )
        for place, mg_dl in enumerate(values)
    ]


def treatment(
    kind: TreatmentKind,
    time: datetime,
    *,
    amount: float | None = None,
    intensity: Intensity | None = None,
    note: str | None = None,
) -> Treatment:
    return Treatment(
        time=time,
        source="user",
        id=f"{kind} {time.isoformat()}",
        kind=kind,
        amount=amount,
        intensity=intensity,
        note=note,
    )


async def run(
    hass: HomeAssistant, entry: MockConfigEntry, readings: Iterable[Reading] = ()
) -> MockConfigEntry:
    """Set a wearer up whose history holds readings."""
    keep(hass, entry, readings)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


async def events(hass: HomeAssistant, start: datetime, end: datetime) -> list[dict[str, str]]:
    """Ask as an automation does."""
    answer = await hass.services.async_call(
        "calendar",
        "get_events",
        {"entity_id": DIARY, "start_date_time": start, "end_date_time": end},
        blocking=True,
        return_response=True,
    )
    assert answer is not None
    found: Any = answer[DIARY]
    listed: list[dict[str, str]] = found["events"]
    return listed


async def titles(hass: HomeAssistant, start: datetime, end: datetime) -> list[str]:
    return [event["summary"] for event in await events(hass, start, end)]


def attributes(hass: HomeAssistant) -> Mapping[str, Any]:
    state = hass.states.get(DIARY)
    assert state is not None
    return state.attributes


def shown(hass: HomeAssistant) -> tuple[str, object]:
    """Return the calendar's state, and what is now."""
    state = hass.states.get(DIARY)
    assert state is not None
    return state.state, state.attributes.get("message")


async def test_without_anything_the_calendar_is_empty_and_off(
    hass: HomeAssistant, add_wearer: AddWearer
) -> None:
    await run(hass, add_wearer())
    assert shown(hass) == ("off", None)
    assert await events(hass, NOW - timedelta(days=400), NOW + timedelta(days=400)) == []


TREATMENTS = [
    treatment(TreatmentKind.INSULIN_RAPID, NOW - 9 * HOUR, amount=4.5),
    treatment(TreatmentKind.INSULIN_LONG, NOW - 8 * HOUR, amount=20.0),
    treatment(TreatmentKind.CARBS, NOW - 7 * HOUR, amount=45, note="rice\nand beans"),
    treatment(TreatmentKind.EXERCISE, NOW - 6 * HOUR, amount=90, intensity=Intensity.MODERATE),
    treatment(TreatmentKind.MEDICATION, NOW - 5 * HOUR, note="metformin 500 mg"),
    treatment(TreatmentKind.SITE_CHANGE, NOW - 4 * HOUR),
    treatment(TreatmentKind.SENSOR_CHANGE, NOW - 3 * HOUR),
    treatment(TreatmentKind.INSULIN_CHANGE, NOW - 2 * HOUR),
    treatment(TreatmentKind.NOTE, NOW - HOUR, note="a long\nnote " + 40 * "so "),
    treatment(TreatmentKind.CARBS, NOW + HOUR),
]
ENGLISH = [
    "Insulin 4.5 U",
    "Long-acting insulin 20 U",
    "Carbs 45 g",
    "Exercise 90 min, moderate",
    "Medication: metformin 500 mg",
    "Site changed",
    "Sensor changed",
    "Insulin changed",
    "Note: a long note so so so so so so so so so so so so so so so so so so so so s…",
    "Carbs",
]
GERMAN = [
    "Insulin 4,5 IE",
    "Langzeitinsulin 20 IE",
    "Kohlenhydrate 45 g",
    "Bewegung 90 min, mäßig",
    "Medikament: metformin 500 mg",
    "Katheter gewechselt",
    "Sensor gewechselt",
    "Insulin gewechselt",
    "Notiz: a long note so so so so so so so so so so so so so so so so so so so so …",
    "Kohlenhydrate",
]


@pytest.mark.parametrize(
    ("language", "wanted"), [("en", ENGLISH), ("de", GERMAN), ("de-AT", GERMAN), ("fr", ENGLISH)]
)
async def test_each_treatment_is_called_by_its_name_in_the_homes_language(
    hass: HomeAssistant, add_wearer: AddWearer, language: str, wanted: list[str]
) -> None:
    entry = await run(hass, add_wearer())
    hass.config.language = language
    await running(entry).records.async_take(TREATMENTS)
    found = await events(hass, NOW - timedelta(days=1), NOW + timedelta(days=1))
    assert [event["summary"] for event in found] == wanted
    lasts = [
        datetime.fromisoformat(event["end"]) - datetime.fromisoformat(event["start"])
        for event in found
    ]
    assert lasts == [FIVE, FIVE, FIVE, timedelta(minutes=90), FIVE, FIVE, FIVE, FIVE, FIVE, FIVE]
    assert [datetime.fromisoformat(event["start"]) for event in found] == [
        one.time for one in TREATMENTS
    ]
    assert [event.get("description") for event in found] == [one.note for one in TREATMENTS]


@pytest.mark.parametrize(
    ("unit", "language", "wanted"),
    [
        ("mg/dL", "en", ["Low 2 h 10 min, lowest 51", "High 1 h, highest 310"]),
        ("mmol/L", "en", ["Low 2 h 10 min, lowest 2.8", "High 1 h, highest 17.2"]),
        ("mmol/L", "de", ["Niedrig 2 h 10 min, tiefster Wert 2,8", "Hoch 1 h, höchster Wert 17,2"]),
    ],
)
async def test_an_episode_says_how_long_and_how_far_in_the_wearers_unit(
    hass: HomeAssistant, add_wearer: AddWearer, unit: str, language: str, wanted: list[str]
) -> None:
    start = NOW - 10 * HOUR
    readings = course(start, (12, 100), (13, 65), (1, 51), (12, 66), (12, 110), (12, 310), (9, 120))
    await run(hass, add_wearer(unit=unit), readings)
    hass.config.language = language
    found = await events(hass, start, NOW)
    assert [event["summary"] for event in found] == wanted
    low, high = found
    assert datetime.fromisoformat(low["start"]) == start + HOUR
    assert datetime.fromisoformat(low["end"]) == start + HOUR + 26 * FIVE
    assert datetime.fromisoformat(high["start"]) == start + 50 * FIVE
    assert datetime.fromisoformat(high["end"]) == start + 62 * FIVE


async def test_beyond_the_sensors_range_the_words_are_the_vendors(
    hass: HomeAssistant, add_wearer: AddWearer
) -> None:
    start = NOW - 10 * HOUR
    await run(hass, add_wearer(), course(start, (9, 100), (5, 39), (9, 100), (6, 401), (9, 100)))
    assert await titles(hass, start, NOW) == ["Low 25 min, lowest LOW", "High 30 min, highest HIGH"]


async def test_what_is_too_short_is_none_and_the_wearers_own_targets_count(
    hass: HomeAssistant, add_wearer: AddWearer
) -> None:
    start = NOW - 10 * HOUR
    entry = await run(hass, add_wearer(), course(start, (9, 100), (2, 60), (9, 150), (4, 100)))
    assert await titles(hass, start, NOW) == []
    targets = {"urgent_low_mg_dl": 54, "low_mg_dl": 63, "high_mg_dl": 140, "urgent_high_mg_dl": 250}
    hass.config_entries.async_update_entry(entry, options={**entry.options, "targets": targets})
    await hass.async_block_till_done()
    assert await titles(hass, start, NOW) == ["High 45 min, highest 150"]


async def test_a_stretch_shows_what_reaches_into_it_and_nothing_else(
    hass: HomeAssistant, add_wearer: AddWearer
) -> None:
    start = NOW - 20 * HOUR
    low = start + HOUR, start + HOUR + 24 * FIVE
    entry = await run(hass, add_wearer(), course(start, (12, 100), (24, 60), (40, 100)))
    exercise = treatment(TreatmentKind.EXERCISE, start + 4 * HOUR, amount=180)
    await running(entry).records.async_log_treatment(exercise)
    assert await titles(hass, low[0] + FIVE, low[0] + 2 * FIVE) == ["Low 2 h, lowest 60"]
    assert await titles(hass, low[1] - FIVE, low[1] + FIVE) == ["Low 2 h, lowest 60"]
    assert await titles(hass, low[1], low[1] + FIVE) == []
    assert await titles(hass, start, low[0]) == []
    assert await titles(hass, start + 6 * HOUR, start + 6 * HOUR + FIVE) == ["Exercise 180 min"]
    assert await titles(hass, start + 7 * HOUR, start + 8 * HOUR) == []


async def test_pieces_of_a_long_stretch_are_one_whole(
    hass: HomeAssistant, add_wearer: AddWearer
) -> None:
    # Lows every 11 hours over 150 days, so that one lies across every edge of the pieces.
    start = NOW - timedelta(days=150)
    parts = [part for _ in range(327) for part in ((66, 120), (66, 65))]
    readings = course(start, *parts)
    assert readings[-1].time < NOW
    entry = await run(hass, add_wearer(), readings)
    found = await running(entry).diary.async_between(start, NOW)
    assert len(found) == 327
    assert len({one.id for one in found}) == 327
    assert {one.title for one in found} == {"Low 5 h 30 min, lowest 65"}
    assert {b.start - a.start for a, b in pairwise(found)} == {11 * HOUR}


async def test_a_question_of_all_time_holds_nothing_up(
    hass: HomeAssistant, add_wearer: AddWearer
) -> None:
    start = NOW - timedelta(days=200)
    entry = await run(hass, add_wearer(), course(start, *[(144, 120), (144, 200)] * 199))
    longest = 0.0
    asking = hass.async_create_task(
        running(entry).diary.async_between(
            datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
        )
    )
    while not asking.done():
        before = monotonic()
        # Whatever else wants the loop or the store's thread.
        await asyncio.sleep(0)
        await running(entry).history.async_do(lambda store: store.newest(entry.entry_id))
        longest = max(longest, monotonic() - before)
    assert len(asking.result()) == 199
    # A piece of 62 days takes some tens of milliseconds; all 57,000 readings take ten times that.
    assert longest < 1


@pytest.mark.parametrize("mg_dl", [60, 250])
async def test_an_episode_is_now_while_it_runs_and_not_when_it_is_over(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    run_wearer: RunWearer,
    pass_time: PassTime,
    mg_dl: int,
) -> None:
    for place, value in enumerate([110] * 6 + [mg_dl] * 8 + [110] * 8):
        time = NOW + timedelta(minutes=-25 + 5 * place)
        dexcom.rows.append(Row(time=time, value=value, visible_at=time))
    await run_wearer(dexcom_source(dexcom))
    assert shown(hass) == ("off", None)
    name = f"Low {{}}, lowest {mg_dl}" if mg_dl < 70 else f"High {{}}, highest {mg_dl}"
    await pass_time(timedelta(minutes=24))
    assert shown(hass)[0] == "on"
    assert shown(hass)[1] == name.format("20 min")
    start = dt_util.as_local(NOW + FIVE).strftime("%Y-%m-%d %H:%M:%S")
    assert attributes(hass)["start_time"] == start
    await pass_time(timedelta(minutes=15))
    assert shown(hass) == ("on", name.format("35 min"))
    # Back in range, but not yet for a quarter of an hour.
    await pass_time(timedelta(minutes=10))
    assert shown(hass)[0] == "on"
    await pass_time(timedelta(minutes=15))
    assert shown(hass) == ("off", None)
    assert await titles(hass, NOW - HOUR, NOW + 2 * HOUR) == [name.format("40 min")]


async def test_an_episode_without_a_current_reading_is_not_now(
    hass: HomeAssistant, dexcom: FakeDexcomShare, run_wearer: RunWearer, pass_time: PassTime
) -> None:
    for place in range(10):
        dexcom.rows.append(Row(time=NOW + timedelta(minutes=-46 + 5 * place), value=60))
    await run_wearer(dexcom_source(dexcom))
    await pass_time(SOON)
    assert shown(hass)[0] == "on"
    await pass_time(timedelta(minutes=12))
    assert shown(hass) == ("off", None)
    assert len(await events(hass, NOW - HOUR, NOW)) == 1
    time = dt_util.utcnow() - timedelta(seconds=20)
    dexcom.rows.append(Row(time=time, value=60))
    await pass_time(timedelta(minutes=6))
    # A gap of a quarter of an hour is no end.
    assert shown(hass)[0] == "on"


async def test_a_treatment_is_now_for_as_long_as_it_lasts(
    hass: HomeAssistant, add_wearer: AddWearer, pass_time: PassTime
) -> None:
    entry = await run(hass, add_wearer())
    records = running(entry).records
    await records.async_log_treatment(treatment(TreatmentKind.EXERCISE, NOW, amount=30))
    await hass.async_block_till_done()
    assert shown(hass) == ("on", "Exercise 30 min")
    await pass_time(timedelta(minutes=1))
    await records.async_log_treatment(treatment(TreatmentKind.CARBS, dt_util.utcnow(), amount=15))
    await hass.async_block_till_done()
    assert shown(hass) == ("on", "Carbs 15 g")
    await pass_time(timedelta(minutes=6))
    assert shown(hass) == ("on", "Exercise 30 min")
    await pass_time(timedelta(minutes=25))
    assert shown(hass) == ("off", None)


async def test_a_history_that_cannot_be_read_is_said_and_read_again_later(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    run_wearer: RunWearer,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for place in range(10):
        dexcom.rows.append(Row(time=NOW + timedelta(minutes=-46 + 5 * place), value=60))
    entry = await run_wearer(dexcom_source(dexcom))
    await pass_time(SOON)

    async def refuse(*_: object) -> None:
        raise StoreUnavailable("locked")

    with monkeypatch.context() as broken:
        broken.setattr(History, "async_do", refuse)
        with pytest.raises(HomeAssistantError, match="history cannot be read"):
            await events(hass, NOW - HOUR, NOW)
        running(entry).async_tell()
        await pass_time(SOON)
        assert shown(hass)[0] == "on"
    assert len(await events(hass, NOW - HOUR, NOW)) == 1
    running(entry).async_tell()
    await pass_time(SOON)
    assert shown(hass)[0] == "on"


async def test_what_is_told_while_the_diary_is_read_is_read_as_well(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    run_wearer: RunWearer,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for place in range(10):
        dexcom.rows.append(Row(time=NOW + timedelta(minutes=-50 + 5 * place), value=60))
    entry = await run_wearer(dexcom_source(dexcom))
    await pass_time(SOON)
    assert shown(hass) == ("on", "Low 50 min, lowest 60")
    wearer, read = running(entry), Diary.async_follow
    new = Reading(time=NOW, mg_dl=60, source=wearer.chosen.order[0], series="egv")
    once = [new]

    async def slow(diary: Diary) -> None:
        await read(diary)
        if once:
            # It comes when the history has been read and the state is not yet written.
            await wearer.async_take([once.pop()])

    monkeypatch.setattr(Diary, "async_follow", slow)
    wearer.async_tell()
    await pass_time(SOON)
    await pass_time(SOON)
    assert shown(hass) == ("on", "Low 55 min, lowest 60")


async def test_a_burst_of_readings_is_read_once_and_not_while_it_lasts(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    run_wearer: RunWearer,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for place in range(10):
        dexcom.rows.append(Row(time=NOW + timedelta(minutes=-50 + 5 * place), value=60))
    wearer, read = running(await run_wearer(dexcom_source(dexcom))), Diary.async_follow
    await pass_time(SOON)
    looked: list[datetime] = []

    async def count(diary: Diary) -> None:
        looked.append(dt_util.utcnow())
        await read(diary)

    monkeypatch.setattr(Diary, "async_follow", count)
    told = dt_util.utcnow()
    for mg_dl in (60, 61, 62):
        time = dt_util.utcnow()
        row = Reading(time=time, mg_dl=mg_dl, source=wearer.chosen.order[0], series="egv")
        await wearer.async_take([row])
        await pass_time(timedelta(seconds=1), step=timedelta(seconds=1))
        assert looked == []
    await pass_time(SOON, step=timedelta(seconds=1))
    assert looked == [told + timedelta(seconds=5)]


async def test_a_calendar_that_is_removed_looks_no_more(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    run_wearer: RunWearer,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for place in range(10):
        dexcom.rows.append(Row(time=NOW + timedelta(minutes=-50 + 5 * place), value=60))
    entry = await run_wearer(dexcom_source(dexcom))
    await pass_time(SOON)
    looked: list[bool] = []

    async def note(_diary: Diary) -> None:
        looked.append(True)

    monkeypatch.setattr(Diary, "async_follow", note)
    running(entry).async_tell()
    await hass.async_block_till_done()
    assert await hass.config_entries.async_unload(entry.entry_id)
    await pass_time(SOON)
    assert looked == []
