"""The long way into a home: a broker, Home Assistant's MQTT, and an agent that is discovered."""

from __future__ import annotations

import time
from typing import Any, Final

from demo_home.broker import HOME_ASSISTANT, Broker
from demo_home.home import Home, HomeFailed
from demo_home.wearer import FLOWS, fill

NODE: Final = "demo"
DISCOVERED_WITHIN_SECONDS = 30.0


def add_mqtt(home: Home, broker: Broker, password: str) -> None:
    """Set up Home Assistant's own MQTT, through the form a user fills in. Raises HomeFailed."""
    begun = home.post(FLOWS, {"handler": "mqtt"})
    answer = {
        "broker": broker.host,
        "port": broker.port,
        "username": HOME_ASSISTANT,
        "password": password,
        "protocol": "5",
        "other_settings": {"set_client_cert": False, "set_ca_cert": "off"},
    }
    fill(home, FLOWS, begun["flow_id"], answer, "create_entry")


def adopt(home: Home, node: str, name: str, zone: str, key: str | None = None) -> dict[str, Any]:
    """Wait until the agent `node` is offered, and say that its readings are a new wearer's.

    Returns what the flow ended with. Raises HomeFailed.
    """
    flow = _offered(home, node)
    step: dict[str, Any] = home.get(f"{FLOWS}/{flow}")
    if step["type"] == "form" and step["step_id"] == "pairing_key":
        step = home.post(f"{FLOWS}/{flow}", {"pairing_key": key})
    if step["type"] == "menu":
        fill(home, FLOWS, flow, {"next_step_id": "new_wearer"}, "form")
    wearer = {"name": name, "unit": "mg/dL", "time_zone": zone}
    return fill(home, FLOWS, flow, wearer, "create_entry")


def _offered(home: Home, node: str) -> str:
    """Return the flow that discovery began for a node."""
    give_up = time.monotonic() + DISCOVERED_WITHIN_SECONDS
    while time.monotonic() < give_up:
        for offer in home.offers_of("cgm"):
            if offer["context"].get("title_placeholders", {}).get("node") == node:
                return str(offer["flow_id"])
        time.sleep(0.2)
    raise HomeFailed(f"the agent was not discovered within {DISCOVERED_WITHIN_SECONDS:g} s")
