"""Alarms said aloud: on which speakers, how loud, in quiet hours, and how they are afterwards."""

from copy import deepcopy
from datetime import timedelta
from typing import Any, override

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.demo.media_player import DemoYoutubePlayer
from homeassistant.components.tts import TextToSpeechEntity, TtsAudioType
from homeassistant.components.tts.const import DATA_COMPONENT
from homeassistant.const import Platform
from homeassistant.core import CoreState, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind

from .blueprints import automate, demo, let_run, restarted, turns
from .conftest import SetUp
from .test_alarm_home import reading, receive
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
    set_up: SetUp,
) -> MockConfigEntry:
    entry = await set_up()
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
    # What was done to the speaker is no telling of its own.
    rows = await running(wearer).alarms.async_log()
    assert [row.about["action"] for row in rows if row.what == "told"] == ["cgm.speak"]


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


@pytest.mark.parametrize(
    ("kind", "heard"), [(AlarmKind.URGENT_LOW, [(ROOM, 0.4)]), (AlarmKind.URGENT_HIGH, [])]
)
async def test_a_test_in_quiet_hours_is_as_loud_as_the_alarm_that_it_tests(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    played: list[tuple[str, float]],
    kind: AlarmKind,
    heard: list[tuple[str, float]],
) -> None:
    await speak(hass, quiet_from="22:00:00", quiet_until="07:00:00")
    await running(wearer).alarms.async_test(kind)
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
    assert said == ["Alex: this is only a test. A real alarm would say: urgent low."]
    await receive(wearer, reading(wearer, 51))
    await running(wearer).alarms.async_silence()
    await let_run(hass, freezer, 60 * SECOND)
    assert await hass.config_entries.async_reload(wearer.entry_id)
    await let_run(hass, freezer, 60 * SECOND)
    assert len(said) == 1


@pytest.mark.parametrize("over", [False, True])
async def test_what_comes_while_it_speaks_is_said_after_it_and_the_end_only_where_wanted(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    said: list[str],
    over: bool,
) -> None:
    await speak(hass, kinds=["urgent_low", "urgent_high"], over=over)
    alarms = running(wearer).alarms
    await alarms.async_test(AlarmKind.URGENT_LOW)
    await let_run(hass, freezer, SECOND)
    await alarms.async_test(AlarmKind.URGENT_HIGH)
    await let_run(hass, freezer, 60 * SECOND)
    assert [one.rpartition(": ")[2] for one in said] == ["urgent low.", "urgent high."]
    said.clear()
    for mg_dl in (51, 100):
        await receive(wearer, reading(wearer, mg_dl))
        await let_run(hass, freezer, 60 * SECOND)
    assert said[0].startswith("Alex: urgent low, 51 mg/dL")
    assert said[1:] == ["Alex: over: urgent low, 100 mg/dL, lowest 51."] * over


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


async def to(hass: HomeAssistant, action: str, **data: object) -> None:
    whole = {"entity_id": ROOM, **data}
    await hass.services.async_call("media_player", action, whole, blocking=True)
    await turns(hass)


@pytest.mark.parametrize("off", [False, True], ids=["was on", "was off"])
async def test_after_a_restart_while_it_speaks_the_speaker_is_as_before(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    hass_storage: dict[str, Any],
    off: bool,
) -> None:
    if off:
        await to(hass, "turn_off")
    await speak(hass)
    await receive(wearer, reading(wearer, 51))
    await let_run(hass, freezer, 3 * SECOND, step=SECOND)
    assert attribute(hass, ROOM, "volume_level") == 0.6
    on_disk = deepcopy(hass_storage["cgm.speakers"])
    assert on_disk["data"][ROOM]["volume"] == 0.2

    async def left_loud(again: HomeAssistant) -> None:
        # As after a power cut: nothing was made up for.
        hass_storage["cgm.speakers"] = on_disk
        await voices(again)
        await to(again, "volume_set", volume_level=0.6)
        await to(again, "media_pause")

    async with restarted(hass, wearer, before=left_loud) as again:
        await let_run(again, freezer, 2 * SECOND, step=SECOND)
        assert value(again, ROOM) == ("off" if off else "paused")
        if off:
            await to(again, "turn_on")
        assert attribute(again, ROOM, "volume_level") == 0.2
        assert hass_storage["cgm.speakers"]["data"] == {}


@pytest.mark.parametrize(
    ("away", "volume"),
    [(timedelta(hours=11, minutes=59), 0.2), (timedelta(hours=12, minutes=1), 0.6)],
    ids=["within half a day", "later"],
)
async def test_how_loud_a_speaker_was_is_remembered_for_half_a_day(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    hass_storage: dict[str, Any],
    away: timedelta,
    volume: float,
) -> None:
    await speak(hass, kinds=["urgent_high"])
    call = hass.async_create_task(say(hass))
    await let_run(hass, freezer, 3 * SECOND, step=SECOND)
    on_disk = deepcopy(hass_storage["cgm.speakers"])
    assert on_disk["data"][ROOM]["volume"] == 0.2
    call.cancel()

    async def left_loud(again: HomeAssistant) -> None:
        # As after a power cut: nothing was made up for.
        hass_storage["cgm.speakers"] = on_disk
        freezer.tick(away)
        await voices(again)
        await to(again, "volume_set", volume_level=0.6)
        await to(again, "media_pause")

    async with restarted(hass, wearer, before=left_loud) as again:
        await let_run(again, freezer, 2 * SECOND, step=SECOND)
        assert attribute(again, ROOM, "volume_level") == volume


async def test_home_assistant_that_stops_while_it_speaks_sets_the_volume_back_at_once(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, wearer: MockConfigEntry
) -> None:
    call = hass.async_create_task(say(hass))
    await let_run(hass, freezer, 2 * SECOND, step=SECOND)
    assert attribute(hass, ROOM, "volume_level") == 0.6
    hass.set_state(CoreState.stopping)
    hass.bus.async_fire("homeassistant_stop")
    await turns(hass)
    assert attribute(hass, ROOM, "volume_level") == 0.2
    hass.set_state(CoreState.running)
    call.cancel()
    await turns(hass)


async def say(hass: HomeAssistant, message: str = "Low.", **more: object) -> None:
    data = {"entity_id": ROOM, "tts": VOICE, "message": message, **more}
    await hass.services.async_call("cgm", "speak", data, blocking=True)


async def test_an_automation_that_is_stopped_sets_the_volume_back(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, wearer: MockConfigEntry
) -> None:
    automation = await speak(hass)
    await receive(wearer, reading(wearer, 51))
    await let_run(hass, freezer, 3 * SECOND, step=SECOND)
    assert attribute(hass, ROOM, "volume_level") == 0.6
    await hass.services.async_call(
        "automation", "turn_off", {"entity_id": automation}, blocking=True
    )
    await turns(hass)
    assert attribute(hass, ROOM, "volume_level") == 0.2


async def test_a_speaker_that_went_away_is_set_back_when_it_comes(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    call = hass.async_create_task(say(hass))
    await let_run(hass, freezer, 3 * SECOND, step=SECOND)
    loud = hass.states.get(ROOM)
    assert loud is not None
    hass.states.async_set(ROOM, "unavailable")
    await let_run(hass, freezer, 60 * SECOND)
    await call
    assert hass_storage["cgm.speakers"]["data"][ROOM]["volume"] == 0.2
    hass.states.async_set(ROOM, "paused", loud.attributes)
    await turns(hass)
    assert attribute(hass, ROOM, "volume_level") == 0.2
    assert hass_storage["cgm.speakers"]["data"] == {}


async def test_a_speaker_switched_off_meanwhile_is_set_back_when_it_is_on_and_stays_on(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    await to(hass, "turn_off")
    call = hass.async_create_task(say(hass))
    await let_run(hass, freezer, 3 * SECOND, step=SECOND)
    await to(hass, "turn_off")
    await let_run(hass, freezer, 60 * SECOND)
    await call
    assert hass_storage["cgm.speakers"]["data"][ROOM]["volume"] == 0.2
    await to(hass, "turn_on")
    assert value(hass, ROOM) != "off"
    assert attribute(hass, ROOM, "volume_level") == 0.2


async def test_a_speaker_switched_off_meanwhile_is_not_switched_off_when_it_comes_on_idle(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, wearer: MockConfigEntry
) -> None:
    await to(hass, "turn_off")
    call = hass.async_create_task(say(hass))
    await let_run(hass, freezer, 3 * SECOND, step=SECOND)
    loud = hass.states.get(ROOM)
    assert loud is not None
    await to(hass, "turn_off")
    await let_run(hass, freezer, 60 * SECOND)
    await call
    done: list[str] = []

    @callback
    def note(event: Event) -> None:
        done.append(event.data["service"])

    hass.bus.async_listen("call_service", note)
    hass.states.async_set(ROOM, "idle", loud.attributes)
    await turns(hass)
    assert done == ["volume_set"]


async def test_two_sentences_are_said_one_after_the_other_and_the_first_volume_is_the_last(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    played: list[tuple[str, float]],
) -> None:
    calls = [
        hass.async_create_task(say(hass, volume_pct=volume, entity_id=[ROOM, BED]))
        for volume in (50, 70)
    ]
    await let_run(hass, freezer, 2 * SECOND, step=SECOND)
    assert sorted(played) == [(BED, 0.5), (ROOM, 0.5)]
    await let_run(hass, freezer, 60 * SECOND)
    assert sorted(played[2:]) == [(BED, 0.7), (ROOM, 0.7)]
    await let_run(hass, freezer, 60 * SECOND)
    assert all(call.done() for call in calls)
    assert attribute(hass, ROOM, "volume_level") == 0.2
    assert attribute(hass, BED, "volume_level") == 1.0


async def test_a_voice_that_fails_leaves_no_loud_speaker(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise HomeAssistantError("no voice today")

    monkeypatch.setattr(DemoYoutubePlayer, "play_media", broken)
    call = hass.async_create_task(say(hass))
    await let_run(hass, freezer, 60 * SECOND)
    await call
    assert "An alarm was not said on a speaker" in caplog.text
    assert attribute(hass, ROOM, "volume_level") == 0.2


async def test_where_no_speaker_can_be_reached_that_is_said(
    hass: HomeAssistant, wearer: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    await say(hass, entity_id="media_player.never_was")
    assert "None of the speakers that are to speak can be reached" in caplog.text
