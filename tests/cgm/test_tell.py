"""One person is told, and nothing that goes wrong with it stops what comes next."""

import pytest
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from probatio import MultipleInvalid
from pytest_homeassistant_custom_component.common import async_mock_service


@pytest.fixture(autouse=True)
async def actions(hass: HomeAssistant) -> None:
    """Have the integration's actions without any wearer."""
    assert await async_setup_component(hass, "cgm", {})


async def tell(hass: HomeAssistant, action: str, **words: object) -> None:
    said = {"action": action, "message": "Alex: low", **words}
    await hass.services.async_call("cgm", "tell", said, blocking=True)


async def test_what_is_said_arrives_as_it_is(hass: HomeAssistant) -> None:
    calls = async_mock_service(hass, "notify", "mobile_app_anna")
    await tell(hass, "notify.mobile_app_anna", title="Low", data={"tag": "cgm"})
    assert [call.data for call in calls] == [
        {"message": "Alex: low", "title": "Low", "data": {"tag": "cgm"}}
    ]


async def test_an_action_that_is_not_there_is_logged(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    await tell(hass, "notify.mobile_app_gone")
    assert "there is no action notify.mobile_app_gone any more" in caplog.text


async def test_an_action_that_fails_is_logged_without_its_words(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(_: ServiceCall) -> None:
        raise HomeAssistantError("token-in-the-address")

    hass.services.async_register("notify", "mobile_app_anna", fails)
    await tell(hass, "notify.mobile_app_anna")
    assert "Somebody was not told by notify.mobile_app_anna: HomeAssistantError" in caplog.text
    assert "token-in-the-address" not in caplog.text


@pytest.mark.parametrize("action", ["light.turn_on", "notify", "notify."])
async def test_it_calls_actions_of_notify_only(hass: HomeAssistant, action: str) -> None:
    with pytest.raises(MultipleInvalid):
        await tell(hass, action)
