"""The real mosquitto for tests: the demo's, with an agent's and Home Assistant's user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo_home.broker import ACCESS, HOME_ASSISTANT, MOSQUITTO, Broker, BrokerFailed, free_port

__all__ = [
    "ACCESS",
    "HOME_ASSISTANT",
    "NODE",
    "PASSWORDS",
    "Broker",
    "BrokerFailed",
    "broker_running",
    "free_port",
    "needs_mosquitto",
]

NODE = "pi"
PASSWORDS = {
    HOME_ASSISTANT: "the home's word",
    NODE: "the agent's word",
    "other": "another agent's word",
    "stranger": "somebody's word",
}

needs_mosquitto = pytest.mark.skipif(
    not MOSQUITTO.is_file(), reason="mosquitto is not installed: run scripts/setup"
)


@contextmanager
def broker_running(
    folder: Path, *, access: str = ACCESS, persistence: bool = True
) -> Iterator[Broker]:
    """Give a running broker with PASSWORDS as users, and stop it afterwards whatever happened."""
    with Broker(folder, PASSWORDS, access=access, persistence=persistence) as broker:
        yield broker
