"""The demo's wearer: simulated, through the forms a user fills in; or replayed, put in storage."""

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
    """Add the wearer and, straight on, a simulated source. Raises HomeFailed."""
    begun = home.post(FLOWS, {"handler": "cgm"})
    wearer = {"name": NAME, "unit": "mg/dL", "time_zone": zone}
    made = fill(home, FLOWS, begun["flow_id"], wearer, "create_entry")
    _kind, flow = made["next_flow"]
    fill(home, _SOURCE_FLOWS, flow, {"next_step_id": "simulated"}, "form")
    fill(home, _SOURCE_FLOWS, flow, {"cadence_minutes": "5"}, "create_entry")


def store_replayed_wearer(folder: Path, file: Path, zone: str, speed: float) -> None:
    """Put a wearer whose source plays an export into the folder of a home not yet started.

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
        "subentry_id": "01KDEMOSOURCE0000000000000",
        "subentry_type": "source",
        "title": "Replay",
        "unique_id": "replay replay",
    }
    entry = {
        "created_at": now,
        "data": {},
        "disabled_by": None,
        "discovery_keys": {},
        "domain": "cgm",
        "entry_id": "01KDEMOWEARER0000000000000",
        "minor_version": 1,
        "modified_at": now,
        "options": {"unit": "mg/dL", "time_zone": zone},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "subentries": [source],
        "title": NAME,
        "unique_id": None,
        "version": 1,
    }
    content = {
        "version": 1,
        "minor_version": 5,
        "key": "core.config_entries",
        "data": {"entries": [entry]},
    }
    (folder / ".storage" / "core.config_entries").write_text(json.dumps(content))


def fill(home: Home, flows: str, flow: str, answer: dict[str, Any], then: str) -> dict[str, Any]:
    """Answer one step and insist on what comes next."""
    result: dict[str, Any] = home.post(f"{flows}/{flow}", answer)
    if result["type"] != then:
        raise HomeFailed(f"the flow answers {result['type']}: {result.get('errors') or result}")
    return result
