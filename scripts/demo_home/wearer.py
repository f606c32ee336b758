"""The demo's wearers: simulated, through the forms a user fills in; or replayed, put in storage."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from demo_home.home import Home, HomeFailed

NAME: Final = "Alex"
FLOWS = "/api/config/config_entries/flow"
_SOURCE_FLOWS = "/api/config/config_entries/subentries/flow"


def add_simulated_wearer(home: Home, zone: str) -> None:
    """Add the wearer and, straight on, a simulated source with a low tonight. Raises HomeFailed."""
    begun = home.post(FLOWS, {"handler": "cgm"})
    wearer = {"name": NAME, "unit": "mg/dL", "time_zone": zone}
    made = fill(home, FLOWS, begun["flow_id"], wearer, "create_entry")
    _kind, flow = made["next_flow"]
    fill(home, _SOURCE_FLOWS, flow, {"next_step_id": "simulated"}, "form")
    answer = {"cadence_minutes": "5", "low_first_night": True}
    fill(home, _SOURCE_FLOWS, flow, answer, "create_entry")


def store_replayed_wearer(
    folder: Path, file: Path, zone: str, speed: float, *, name: str = NAME
) -> None:
    """Put a wearer whose source plays an export into the folder of a home not yet started.

    It plays from now on. Wearers who were put there before stay.
    No form offers this: it reads a file of this machine, for demonstrations only.
    """
    now = datetime.now(UTC).isoformat()
    source = {
        "data": {
            "kind": "replay",
            "file": str(file),
            "time_zone": zone,
            "speed": speed,
            "started_at": now,
            "wearer": "replay",
            "rank": 0.0,
        },
        "subentry_id": f"01KDEMOSOURCE{_number(name)}",
        "subentry_type": "source",
        "title": "Replay",
        "unique_id": f"replay {name}",
    }
    entry = {
        "created_at": now,
        "data": {},
        "disabled_by": None,
        "discovery_keys": {},
        "domain": "cgm",
        "entry_id": entry_id(name),
        "minor_version": 1,
        "modified_at": now,
        "options": {"unit": "mg/dL", "time_zone": zone},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "subentries": [source],
        "title": name,
        "unique_id": None,
        "version": 1,
    }
    stored = folder / ".storage" / "core.config_entries"
    others = json.loads(stored.read_text())["data"]["entries"] if stored.is_file() else []
    content = {
        "version": 1,
        "minor_version": 5,
        "key": "core.config_entries",
        "data": {"entries": [*others, entry]},
    }
    stored.write_text(json.dumps(content))


def entry_id(name: str) -> str:
    """Return the id of a wearer who was put in storage."""
    return f"01KDEMOWEARER{_number(name)}"


def _number(name: str) -> str:
    return f"{name.upper():0>13}"


def fill(home: Home, flows: str, flow: str, answer: dict[str, Any], then: str) -> dict[str, Any]:
    """Answer one step and insist on what comes next."""
    result: dict[str, Any] = home.post(f"{flows}/{flow}", answer)
    if result["type"] != then:
        raise HomeFailed(f"the flow answers {result['type']}: {result.get('errors') or result}")
    return result
