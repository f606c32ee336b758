"""What many tests here ask for: fakes on loopback, an HTTP session, a hand on elapsed time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from fakes.hand_clock import Elapsed


@pytest.fixture(autouse=True)
def loopback(request: pytest.FixtureRequest) -> None:
    """Ask Home Assistant's test plugin, which forbids sockets; on Python 3.11 there is none."""
    if request.config.pluginmanager.has_plugin("socket"):
        request.getfixturevalue("socket_enabled")


@pytest.fixture
def elapsed() -> Elapsed:
    return Elapsed()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened
