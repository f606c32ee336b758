"""Optional plain MQTT sensors for a Home Assistant without the CGM integration."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from glucose.reading import Kind, Reading
from glucose.wire import OFFLINE, ONLINE, Announce, Topics

# A reading is withdrawn after this; MQTT sensors know no better rule than a fixed time.
EXPIRE_SECONDS = 900
_REPOSITORY = "https://github.com/cgm-home/cgm-home-assistant"
_EPOCH = datetime.fromtimestamp(0, UTC)

# Home Assistant counts EXPIRE_SECONDS from a message's arrival: an old one that is met retained,
# after a restart, must not look fresh.
_VALUE = (
    "{{ value_json.mg_dl if as_timestamp(now()) - value_json.time / 1000"
    f" < {EXPIRE_SECONDS} else None }}}}"
)


class HomeDiscovery:
    """What is published for one agent: its device once, and each source's newest reading.

    Each source has a topic of its own below the agent's: on the shared topic of the newest
    reading, another source's would keep an old value looking current.
    """

    def __init__(self, prefix: str, announce: Announce, topics: Topics) -> None:
        """Describe what the agent carries; `prefix` is Home Assistant's own for discovery."""
        self._prefix = prefix
        self._announce = announce
        self._topics = topics
        self._told: dict[str, datetime] = {}

    @property
    def status_topic(self) -> str:
        """Where Home Assistant says that it is there."""
        return f"{self._prefix}/status"

    @property
    def topic(self) -> str:
        """Where the device is described; the broker's rules let the agent write there."""
        return f"{self._prefix}/device/cgm_{self._announce.node}/config"

    def description(self) -> bytes:
        """Return the description of one device with a sensor for each source."""
        device = f"cgm_{self._announce.node}"
        components: dict[str, object] = {
            f"{device}_{one.source}": {
                "platform": "sensor",
                "name": f"{one.wearer} glucose",
                "unique_id": f"{device}_{one.source}",
                "device_class": "blood_glucose_concentration",
                "unit_of_measurement": "mg/dL",
                "state_class": "measurement",
                "state_topic": self._value_topic(one.source),
                "value_template": _VALUE,
                "expire_after": EXPIRE_SECONDS,
            }
            for one in self._announce.carries
        }
        content = {
            "device": {"identifiers": [device], "name": f"CGM agent {self._announce.node}"},
            "origin": {"name": "cgm-edge-agent", "url": _REPOSITORY},
            "availability": [
                {
                    "topic": self._topics.availability,
                    "payload_available": ONLINE.decode(),
                    "payload_not_available": OFFLINE.decode(),
                }
            ],
            "components": components,
        }
        return json.dumps(content, separators=(",", ":")).encode()

    def values(self, readings: Iterable[Reading]) -> dict[str, bytes]:
        """Return what to publish where, of sensors' readings newer than all told before."""
        found: dict[str, bytes] = {}
        for reading in sorted(readings, key=lambda reading: reading.time):
            told = self._told.get(reading.source)
            if reading.kind is Kind.CGM and (told is None or reading.time > told):
                self._told[reading.source] = reading.time
                milliseconds = (reading.time - _EPOCH) // timedelta(milliseconds=1)
                content = {"time": milliseconds, "mg_dl": reading.mg_dl}
                found[self._value_topic(reading.source)] = json.dumps(content).encode()
        return found

    def _value_topic(self, source: str) -> str:
        return f"cgm/{self._topics.node}/value/{source}"
