"""Alarms said aloud: on which speakers, how loud, in quiet hours, and how they are afterwards."""

from datetime import timedelta
from typing import Any, override

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.demo.media_player import DemoYoutubePlayer
from homeassistant.components.tts import TextToSpeechEntity, TtsAudioType
from homeassistant.components.tts.const import DATA_COMPONENT
from homeassistant.const import Platform
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind
from fakes.dexcom_share import FakeDexcomShare

from .blueprints import automate, blueprint_of, complaints, demo, let_run, restarted, turns
from .conftest import AddWearer, Settle
from .test_alarm_home import reading, receive
from .vendors import dexcom_source, steady
from .watching import NOON, attribute, running, value

NAME = "spoken_alarm"
EVENT = "event.alex_alarm"
VOICE = "tts.voice"
ROOM, BED = "media_player.living_room", "media_player.bedroom"
NEVER_QUIET = {"quiet_from": "00:00:00", "quiet_until": "00:00:00"}
SECOND = timedelta(seconds=1)


class Voice(TextToSpeechEntity):
    """A voice that says silence."""

    _attr_name = "Voice"
    _attr_unique_id = "voice"
    _attr_default_language = "en"
    _attr_supported_languages = ["en"]  # noqa: RUF012 - as Home Assistant declares it

    @override
    def get_tts_audio(self, message: str, language: str, options: dict[str, Any]) -> TtsAudioType:
        return "mp3", b"nothing"


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Collect which speaker played, and how loud it was then."""
    found: list[tuple[str, float]] = []
    play = DemoYoutubePlayer.play_media

    def note(self: DemoYoutubePlayer, *args: str, **more: Any) -> None:  # noqa: ANN401 - as there
        assert self.state != "off"
        found.append((self.entity_id, self.volume_level or 0))
        play(self, *args, **more)

    monkeypatch.setattr(DemoYoutubePlayer, "play_media", note)
    return found


async def voices(hass: HomeAssistant) -> None:
    """Set up speakers and a voice."""
    await demo(hass, Platform.MEDIA_PLAYER)
    assert await async_setup_component(hass, "tts", {})
    await hass.data[DATA_COMPONENT].async_add_entities([Voice()])
    await turns(hass)
    await hass.services.async_call(
        "media_player", "volume_set", {"entity_id": ROOM, "volume_level": 0.2}, blocking=True
    )


@pytest.fixture
async def wearer(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    settle: Settle,
) -> MockConfigEntry:
    steady(dexcom, 100)
    entry = add_wearer(dexcom_source(dexcom))
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    await voices(hass)
    return entry


@pytest.fixture
def said(hass: HomeAssistant) -> list[str]:
    found: list[str] = []

    @callback
    def note(event: Event) -> None:
        if (event.data["domain"], event.data["service"]) == ("tts", "speak"):
            found.append(event.data["service_data"]["message"])

    hass.bus.async_listen("call_service", note)
    return found


async def speak(hass: HomeAssistant, **more: object) -> str:
    inputs: dict[str, Any] = {
        "alarm": EVENT,
        "tts": VOICE,
        "speakers": [ROOM],
        **NEVER_QUIET,
        **more,
    }
    return await automate(hass, NAME, **inputs)


async def test_it_says_what_it_must(hass: HomeAssistant) -> None:
    blueprint = await blueprint_of(hass, NAME)
    assert blueprint.validate() is None
    assert complaints(blueprint, NAME) == []


async def test_it_is_said_aloud_and_the_volume_is_as_before(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    played: list[tuple[str, float]],
    said: list[str],
) -> None:
    await speak(hass)
    await receive(wearer, reading(wearer, 51))
    await let_run(hass, freezer, 3 * SECOND, step=SECOND)
    assert said[0].startswith("Alex: urgent low, 51 mg/dL")
    assert played == [(ROOM, 0.6)]
    assert attribute(hass, ROOM, "volume_level") == 0.6
    await let_run(hass, freezer, 60 * SECOND)
    assert attribute(hass, ROOM, "volume_level") == 0.2
    assert len(said) == 1


async def test_a_speaker_that_was_off_is_off_again_and_as_loud_as_before(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    played: list[tuple[str, float]],
) -> None:
    await hass.services.async_call("media_player", "turn_off", {"entity_id": ROOM}, blocking=True)
    await turns(hass)
    assert value(hass, ROOM) == "off"
    await speak(hass, speakers=[ROOM, BED, "media_player.never_was"])
    await receive(wearer, reading(wearer, 51))
    await let_run(hass, freezer, 3 * SECOND, step=SECOND)
    assert sorted(played) == [(BED, 0.6), (ROOM, 0.6)]
    await let_run(hass, freezer, 60 * SECOND)
    assert value(hass, ROOM) == "off"
    assert attribute(hass, BED, "volume_level") == 1.0
    await hass.services.async_call("media_player", "turn_on", {"entity_id": ROOM}, blocking=True)
    await turns(hass)
    assert attribute(hass, ROOM, "volume_level") == 0.2


@pytest.mark.parametrize(
    ("mg_dl", "anyway", "heard"),
    [(51, ["urgent_low"], [(ROOM, 0.4)]), (51, ["urgent_high"], []), (320, ["urgent_low"], [])],
)
async def test_in_quiet_hours_only_what_is_chosen_and_softer(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    played: list[tuple[str, float]],
    mg_dl: int,
    anyway: list[str],
    heard: list[tuple[str, float]],
) -> None:
    # Noon in UTC is four in the morning in the test home.
    assert hass.config.time_zone == "US/Pacific"
    await speak(hass, anyway=anyway, quiet_from="22:00:00", quiet_until="07:00:00")
    await receive(wearer, reading(wearer, mg_dl))
    await let_run(hass, freezer, 3 * SECOND, step=SECOND)
    assert played == heard


async def test_outside_of_quiet_hours_all_is_said(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    played: list[tuple[str, float]],
) -> None:
    await speak(hass, quiet_from="12:00:00", quiet_until="13:00:00")
    await receive(wearer, reading(wearer, 320))
    await let_run(hass, freezer, 3 * SECOND, step=SECOND)
    assert played == [(ROOM, 0.6)]


async def test_a_test_is_said_and_what_is_covered_seen_or_old_is_not(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    said: list[str],
) -> None:
    await speak(hass, kinds=["urgent_low", "low"])
    await running(wearer).alarms.async_test(AlarmKind.URGENT_LOW)
    await let_run(hass, freezer, 60 * SECOND)
    assert said == ["Alex: test of the alarm urgent low, nothing is wrong."]
    await receive(wearer, reading(wearer, 51))
    await running(wearer).alarms.async_silence()
    await let_run(hass, freezer, 60 * SECOND)
    assert await hass.config_entries.async_reload(wearer.entry_id)
    await let_run(hass, freezer, 60 * SECOND)
    assert len(said) == 1


async def test_after_a_restart_in_mid_alarm_it_is_not_said_again_until_it_repeats(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    played: list[tuple[str, float]],
) -> None:
    await speak(hass)
    await receive(wearer, reading(wearer, 51))
    await let_run(hass, freezer, 60 * SECOND)
    played.clear()
    async with restarted(hass, wearer, before=voices) as again:
        await let_run(again, freezer, 20 * SECOND)
        assert played == []
        await let_run(again, freezer, 300 * SECOND)
        assert played
