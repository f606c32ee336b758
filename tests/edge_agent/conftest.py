"""Lets fakes serve on loopback although Home Assistant's test plugin forbids sockets."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def loopback(request: pytest.FixtureRequest) -> None:
    """Ask for the plugin's own permission; on Python 3.11 there is no plugin and none is needed."""
    if request.config.pluginmanager.has_plugin("socket"):
        request.getfixturevalue("socket_enabled")
