"""The wearer's pictures: whom they are served to, when they change, and without the history."""

import asyncio
import io
import math
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.image import async_get_image
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from PIL import Image
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cgm.shared.glucose.alarms.state import What
from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.metrics.agp import Agp
from custom_components.cgm.shared.glucose.pictures.day import Day, day_picture
from custom_components.cgm.shared.glucose.pictures.look import DARK, LIGHT, Look, Size
from custom_components.cgm.shared.glucose.pictures.profile import Profile, profile_picture
from custom_components.cgm.shared.glucose.reading import Kind, Reading
from custom_components.cgm.shared.glucose.treatment import Treatment, TreatmentKind
from fakes.dexcom_share import FakeDexcomShare

from .conftest import PassTime, Settle, SetUp
from .dialogs import said
from .test_alarm_home import reading, receive
from .watching import NOON, attribute, running, value

TODAY = "image.alex_today"
PROFILE = "image.alex_glucose_profile_agp"
BOTH = pytest.mark.parametrize("entity", [TODAY, PROFILE])
MINUTE = timedelta(minutes=1)

PICTURES = "custom_components.cgm.shared.glucose.pictures"


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


@pytest.fixture
async def alex(set_up: SetUp) -> MockConfigEntry:
    return await set_up()


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Day, Look]]:
    """Collect what is drawn of days, and draw it."""
    drawn: list[tuple[Day, Look]] = []

    def draw(day: Day, look: Look) -> bytes:
        drawn.append((day, look))
        return day_picture(day, look)

    monkeypatch.setattr(f"{PICTURES}.day.day_picture", draw)
    return drawn


@pytest.fixture
def profiles(monkeypatch: pytest.MonkeyPatch) -> list[Profile]:
    """Collect what is drawn of profiles, and draw it."""
    drawn: list[Profile] = []

    def draw(profile: Profile, look: Look) -> bytes:
        drawn.append(profile)
        return profile_picture(profile, look)

    monkeypatch.setattr(f"{PICTURES}.profile.profile_picture", draw)
    return drawn


async def fetched(hass_client: ClientSessionGenerator, entity: str) -> Image.Image:
    """Return the picture as somebody who is logged in gets it."""
    client = await hass_client()
    answer = await client.get(f"/api/image_proxy/{entity}")
    assert answer.status == HTTPStatus.OK
    assert answer.content_type == "image/png"
    body = await answer.read()
    assert len(body) < 60_000
    image = Image.open(io.BytesIO(body))
    assert image.format == "PNG"
    return image.convert("RGB")


@BOTH
async def test_it_is_served_to_whoever_is_logged_in_and_to_nobody_else(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    entity: str,
) -> None:
    image = await fetched(hass_client, entity)
    assert image.size == Size.SMALL.value
    assert image.getpixel((2, 2)) == LIGHT.paper
    stranger = await hass_client_no_auth()
    path = f"/api/image_proxy/{entity}"
    assert (await stranger.get(path)).status == HTTPStatus.FORBIDDEN
    wrong = {"Authorization": "Bearer no-such-token"}
    assert (await stranger.get(path, headers=wrong)).status == HTTPStatus.UNAUTHORIZED
    # The frontend's own link carries a token that changes every few minutes.
    assert (await stranger.get(str(attribute(hass, entity, "entity_picture")))).status == 200


async def test_no_file_of_it_is_written(
    hass: HomeAssistant, alex: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    await fetched(hass_client, TODAY)
    folder = Path(hass.config.config_dir)
    assert await hass.async_add_executor_job(lambda: list(folder.rglob("*.png"))) == []


async def test_a_change_of_options_shows_at_once_and_nothing_else_is_lost(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    settle: Settle,
    pass_time: PassTime,
) -> None:
    before = dict(alex.options)
    menu = said(await hass.config_entries.options.async_init(alex.entry_id), "options")
    form = await hass.config_entries.options.async_configure(
        menu["flow_id"], {"next_step_id": "pictures"}
    )
    said(form, "options")
    done = await hass.config_entries.options.async_configure(
        form["flow_id"], {"dark": True, "large": True}
    )
    assert said(done, "options")["type"] == "create_entry"
    assert dict(alex.options) == {**before, "pictures": {"dark": True, "large": True}}
    await settle()
    image = await fetched(hass_client, TODAY)
    assert image.size == Size.LARGE.value
    assert image.getpixel((2, 2)) == DARK.paper


async def test_today_shows_all_that_is_known_of_today(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    days: list[tuple[Day, Look]],
    hass_client: ClientSessionGenerator,
    pass_time: PassTime,
) -> None:
    now = dt_util.utcnow()
    wearer = running(alex)
    source = wearer.chosen.order[0]
    early = Reading(time=now - timedelta(hours=10), mg_dl=140, source=source, series="live")
    yesterday = Reading(time=now - timedelta(hours=14), mg_dl=150, source=source, series="live")
    stick = Reading(
        time=now - timedelta(hours=9), mg_dl=133, source=source, series="m", kind=Kind.METER
    )
    await wearer.history.async_do(lambda store: store.add(wearer.id, [yesterday, early, stick]))
    meal = Treatment(
        time=now - timedelta(hours=8), source="home", id="1", kind=TreatmentKind.CARBS, amount=30
    )
    await wearer.records.async_log_treatment(meal)
    await receive(alex, reading(alex, 51, minutes=0))
    hass.config.language = "de"
    hass.config_entries.async_update_entry(alex, options={**alex.options, "unit": "mmol/L"})
    await fetched(hass_client, TODAY)
    ((day, look),) = days
    assert (day.date.isoformat(), str(day.zone)) == ("2026-11-20", "Europe/Berlin")
    assert {early, stick} <= set(day.readings)
    assert [one.mg_dl for one in day.readings if one.time >= now] == [51]
    assert all(one.time >= day.start - timedelta(hours=1) for one in day.readings)
    assert day.treatments == [meal]
    assert day.current is not None
    assert day.current.mg_dl == 51
    assert day.trend is not None
    lows = [span for span in day.alarms if span.low]
    assert lows
    assert all(span.end is None and span.start <= now for span in lows)
    assert (look.unit, look.language) == ("mmol/L", "de")


async def test_an_alarm_of_today_that_is_over_has_its_end(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    days: list[tuple[Day, Look]],
    hass_client: ClientSessionGenerator,
    dexcom: FakeDexcomShare,
    freezer: FrozenDateTimeFactory,
) -> None:
    low = dt_util.utcnow()
    await receive(alex, reading(alex, 51, minutes=0))
    for mg_dl in (100, 110, 120, 120):
        freezer.tick(5 * MINUTE)
        await receive(alex, reading(alex, mg_dl, minutes=0))
    assert running(alex).alarms.alarms.on == ()
    log = await running(alex).alarms.async_log()
    assert What.CLEARED in {row.what for row in log}
    await fetched(hass_client, TODAY)
    ((day, _),) = days
    assert {(span.start, span.low) for span in day.alarms} >= {(low, True)}
    assert all(span.end is not None and span.end > low for span in day.alarms)


async def test_the_frontend_asks_anew_when_a_reading_came_at_most_once_a_minute(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    days: list[tuple[Day, Look]],
    hass_client: ClientSessionGenerator,
    pass_time: PassTime,
) -> None:
    await pass_time(2 * MINUTE)
    first = value(hass, TODAY)
    profile = value(hass, PROFILE)
    running(alex).async_tell()
    await hass.async_block_till_done()
    assert value(hass, TODAY) == first, "nothing has changed"
    await receive(alex, reading(alex, 110, minutes=0))
    await hass.async_block_till_done()
    second = value(hass, TODAY)
    assert second > first
    await receive(alex, reading(alex, 111, minutes=0.01))
    await hass.async_block_till_done()
    assert value(hass, TODAY) == second, "too soon"
    await pass_time(MINUTE)
    third = value(hass, TODAY)
    assert third > second
    assert value(hass, PROFILE) == profile
    # It is drawn for the one who asks, and not again for the next one in the same minute.
    await fetched(hass_client, TODAY)
    await fetched(hass_client, TODAY)
    assert len(days) == 1
    assert {110, 111} & {one.mg_dl for one in days[0][0].readings}
    # The age of what is shown would be another one.
    await pass_time(MINUTE)
    await fetched(hass_client, TODAY)
    assert len(days) == 2


async def test_the_profile_changes_once_an_hour(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    profiles: list[Profile],
    pass_time: PassTime,
) -> None:
    first = value(hass, PROFILE)
    await async_get_image(hass, PROFILE)
    await pass_time(timedelta(minutes=58), step=5 * MINUTE)
    await async_get_image(hass, PROFILE)
    assert (value(hass, PROFILE), len(profiles)) == (first, 1)
    await pass_time(timedelta(minutes=3))
    assert value(hass, PROFILE) > first
    await async_get_image(hass, PROFILE)
    assert len(profiles) == 2


@BOTH
async def test_what_was_erased_is_not_shown_a_moment_longer(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    days: list[tuple[Day, Look]],
    profiles: list[Profile],
    entity: str,
    pass_time: PassTime,
) -> None:
    wearer = running(alex)
    now = dt_util.utcnow()
    rows = [
        row
        for row in fortnight(wearer.chosen.order[0], days=13)
        if row.time < now - 8 * 60 * MINUTE
    ]
    await wearer.history.async_do(lambda store: store.add(wearer.id, rows))
    await async_get_image(hass, entity)
    # Not within the minute in which the frontend asked anyway.
    await pass_time(2 * MINUTE)
    before = value(hass, entity)
    await hass.services.async_call(
        "cgm",
        "erase_history",
        {
            "config_entry_id": alex.entry_id,
            "confirm": alex.title,
            "start": now - timedelta(days=13),
            "end": now - timedelta(hours=8),
        },
        blocking=True,
        return_response=True,
    )
    await hass.async_block_till_done()
    assert value(hass, entity) > before
    drawn: list[Any] = days if entity == TODAY else profiles
    drawn.clear()
    await async_get_image(hass, entity)
    (again,) = drawn
    if entity == PROFILE:
        assert not isinstance(again.agp, Agp)
    else:
        first = min(row.time for row in again[0].readings)
        assert first >= now - timedelta(hours=8)


def fortnight(source: str, *, days: float) -> list[Reading]:
    """Return readings every five minutes up to now, a wave from day to day."""
    now = dt_util.utcnow()
    return [
        Reading(
            time=now - MINUTE * 5 * back,
            mg_dl=round(140 + 60 * math.sin(back / 288 * 2 * math.pi)),
            source=source,
            series="live",
        )
        for back in range(1, round(days * 288))
    ]


@pytest.mark.parametrize(("known", "enough"), [(14, True), (9.5, False)])
async def test_the_profile_is_of_14_days_and_refused_below_70_percent(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    profiles: list[Profile],
    hass_client: ClientSessionGenerator,
    known: float,
    enough: bool,
) -> None:
    wearer = running(alex)
    rows = fortnight(wearer.chosen.order[0], days=known)
    await wearer.history.async_do(lambda store: store.add(wearer.id, rows))
    await fetched(hass_client, PROFILE)
    (profile,) = profiles
    assert isinstance(profile.agp, Agp) is enough
    assert (profile.last - profile.first).days == 14
    assert profile.mean_mg_dl == pytest.approx(140, abs=3)


@BOTH
async def test_without_the_history_it_is_unavailable_and_comes_back(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
    pass_time: PassTime,
    entity: str,
) -> None:
    wearer = running(alex)
    do = wearer.history.async_do

    async def refuse(_work: object) -> None:
        raise StoreUnavailable("the disk is gone")

    monkeypatch.setattr(wearer.history, "async_do", refuse)
    answer = await (await hass_client()).get(f"/api/image_proxy/{entity}")
    assert answer.status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert value(hass, entity) == "unavailable"
    # Nobody asks for it now; it finds out by itself.
    await pass_time(timedelta(minutes=16))
    assert value(hass, entity) == "unavailable"
    monkeypatch.setattr(wearer.history, "async_do", do)
    await pass_time(timedelta(minutes=16))
    assert datetime.fromisoformat(value(hass, entity)) <= dt_util.utcnow()
    good = await async_get_image(hass, entity)
    # From now on there is a last picture.
    monkeypatch.setattr(wearer.history, "async_do", refuse)
    await pass_time(timedelta(minutes=61), step=5 * MINUTE)
    assert await async_get_image(hass, entity) == good
    assert value(hass, entity) == "unavailable"


async def test_asked_by_several_at_once_it_is_drawn_once(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    days: list[tuple[Day, Look]],
    hass_client: ClientSessionGenerator,
) -> None:
    client = await hass_client()
    path = f"/api/image_proxy/{TODAY}"
    answers = await asyncio.gather(*(client.get(path) for _ in range(4)))
    assert len({await answer.read() for answer in answers}) == 1
    assert len(days) == 1
