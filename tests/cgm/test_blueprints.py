"""What holds of every blueprint, and of all that tell in words: by hand, reloaded, restarted."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm import alarm_watch
from custom_components.cgm.shared.glucose.trend import Trend
from fakes.dexcom_share import FakeDexcomShare
from fakes.serving import html_503

from .blueprints import BLUEPRINTS, SOURCE, automate, blueprint_of, complaints, restarted
from .conftest import RunWearer, Settle
from .telling import EVENT, hear_notices, notices, reading, receive, with_notices
from .vendors import dexcom_source, steady
from .watching import NOON, keep, value

ALL = sorted((path.parts[-3], path.stem) for path in BLUEPRINTS.glob("*/cgm/*.yaml"))
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
MINUTE = timedelta(minutes=1)


def test_all_that_were_asked_for_are_there() -> None:
    assert [name for domain, name in ALL if domain == "automation"] == [
        "escalation",
        "high_too_long",
        "low_flashes_lights",
        "morning_report",
        "no_data",
        "phone_alarm",
        "predicted_low",
        "spoken_alarm",
    ]


@pytest.mark.parametrize(("domain", "name"), ALL)
async def test_it_says_what_it_must(hass: HomeAssistant, domain: str, name: str) -> None:
    blueprint = await blueprint_of(hass, name, domain)
    assert blueprint.validate() is None
    assert complaints(blueprint, name, domain) == []


@pytest.mark.parametrize(("domain", "name"), ALL)
def test_the_readme_has_the_link_that_imports_it(domain: str, name: str) -> None:
    url = quote(f"{SOURCE}/{domain}/cgm/{name}.yaml", safe="")
    link = f"https://my.home-assistant.io/redirect/blueprint_import/?blueprint_url={url}"
    assert f"]({link})" in README


@dataclass(frozen=True)
class Teller:
    """A blueprint that tells an alarm in words, and how a wearer comes to have that alarm."""

    name: str
    kind: str
    entity: str
    # At which minutes from now the vendor measured before, and how much.
    before: tuple[range, int]
    # How the alarm speaks while Home Assistant runs, and what is said of it.
    speaks: Callable[[HomeAssistant, MockConfigEntry, FrozenDateTimeFactory], Awaitable[None]]
    said: str
    # How it comes that it speaks while Home Assistant starts, and what is said then.
    meanwhile: Callable[[HomeAssistant, MockConfigEntry, FrozenDateTimeFactory], None]
    said_then: str


async def stays_high(
    hass: HomeAssistant, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    freezer.tick(4 * MINUTE)
    await receive(hass, entry, reading(entry, 201))


def stayed_high(
    hass: HomeAssistant, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    keep(hass, entry, [reading(entry, 201, minutes=4)])
    freezer.tick(5 * MINUTE)


async def falls(
    hass: HomeAssistant, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    freezer.tick()
    await receive(hass, entry, reading(entry, 86, trend=Trend.DOWN))


def fell(hass: HomeAssistant, entry: MockConfigEntry, freezer: FrozenDateTimeFactory) -> None:
    # Known to the history alone, so that the alarm speaks while the wearer is set up.
    freezer.tick()
    keep(hass, entry, [reading(entry, 86, trend=Trend.DOWN)])
    freezer.tick(MINUTE)


async def falls_silent(
    hass: HomeAssistant, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    freezer.tick(19 * MINUTE)
    await receive(hass, entry)


def fell_silent(
    hass: HomeAssistant, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    freezer.tick(29 * MINUTE)


LOW_SOON = "Alex: low expected within half an hour. Now 86 mg/dL, falling fast, just measured."
NO_DATA = "Alex: no readings for 20 minutes, the last one was 120 mg/dL. Look after Alex first."
TELLERS = [
    Teller(
        "high_too_long",
        "sustained_high",
        "binary_sensor.alex_alarm_high_for_long",
        (range(-116, 0, 5), 200),
        stays_high,
        "Alex: high for long, 201 mg/dL.",
        stayed_high,
        "Alex: high for long, 201 mg/dL.",
    ),
    Teller(
        "predicted_low",
        "predicted_low",
        "binary_sensor.alex_alarm_low_predicted",
        (range(-15, 0, 5), 100),
        falls,
        LOW_SOON,
        fell,
        LOW_SOON.replace("just measured", "1 minute old"),
    ),
    Teller(
        "no_data",
        "stale",
        "binary_sensor.alex_alarm_no_readings",
        (range(-11, 0, 5), 120),
        falls_silent,
        NO_DATA,
        fell_silent,
        NO_DATA.replace("20 minutes", "30 minutes"),
    ),
]


def told(hass: HomeAssistant) -> list[str]:
    """Return what is told, less the cause of missing data: that has its own tests."""
    return [said.partition(" Dexcom ")[0] for said in notices(hass)]


@pytest.fixture(params=TELLERS, ids=lambda teller: teller.name)
def teller(request: pytest.FixtureRequest) -> Teller:
    found: Teller = request.param
    return found


@pytest.fixture
async def wearer(
    freezer: FrozenDateTimeFactory,
    dexcom: FakeDexcomShare,
    run_wearer: RunWearer,
    teller: Teller,
) -> MockConfigEntry:
    """Run a wearer who is about to have the alarm."""
    freezer.move_to(NOON)
    minutes, mg_dl = teller.before
    steady(dexcom, mg_dl, minutes=minutes)
    return await run_wearer(dexcom_source(dexcom))


async def test_run_by_hand_it_tells_nothing(
    hass: HomeAssistant, wearer: MockConfigEntry, teller: Teller, caplog: pytest.LogCaptureFixture
) -> None:
    said = await hear_notices(hass)
    data = {"entity_id": await automate(hass, teller.name, alarm=EVENT)}
    await hass.services.async_call("automation", "trigger", data, blocking=True)
    await hass.async_block_till_done()
    assert said == []
    assert "Error" not in caplog.text


async def test_a_reloaded_wearer_says_nothing_again(
    hass: HomeAssistant, wearer: MockConfigEntry, teller: Teller, settle: Settle
) -> None:
    said = await hear_notices(hass)
    await automate(hass, teller.name, alarm=EVENT)
    await hass.services.async_call("cgm", "test_alarm", {"alarm": teller.kind}, blocking=True)
    await settle()
    assert len(said) == 1
    assert await hass.config_entries.async_reload(wearer.entry_id)
    await settle()
    assert value(hass, EVENT) not in {"unavailable", "unknown"}
    assert len(said) == 1


async def test_what_was_told_is_not_told_again_after_a_restart(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    teller: Teller,
    dexcom: FakeDexcomShare,
    freezer: FrozenDateTimeFactory,
) -> None:
    await with_notices(hass)
    await automate(hass, teller.name, alarm=EVENT)
    dexcom.fail(html_503)
    await teller.speaks(hass, wearer, freezer)
    assert told(hass) == [teller.said]
    freezer.tick(2 * MINUTE)
    async with restarted(hass, wearer, before=with_notices) as again:
        assert value(again, teller.entity) == "on"
        assert notices(again) == []


async def test_what_spoke_while_home_assistant_started_is_told_then(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    teller: Teller,
    dexcom: FakeDexcomShare,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await with_notices(hass)
    await automate(hass, teller.name, alarm=EVENT)
    dexcom.fail(html_503)
    if teller.kind == "stale":
        # As if Home Assistant took longer to start than sources are waited for.
        monkeypatch.setattr(alarm_watch, "SETTLES_WITHIN", timedelta())
    teller.meanwhile(hass, wearer, freezer)
    async with restarted(hass, wearer, before=with_notices) as again:
        assert value(again, teller.entity) == "on"
        assert told(again) == [teller.said_then]
