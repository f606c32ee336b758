"""The demo's configuration folder: as a home looks after onboarding, bound to loopback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

USER: Final = "demo"
# The home listens on loopback only and is made anew at each start: this opens nothing else.
PASSWORD: Final = "glucose"  # noqa: S105 - printed on purpose, see above

_CONFIGURATION = """\
homeassistant:
  name: Demo
  country: GB
  unit_system: metric
  time_zone: {zone}
frontend:
history:
logbook:
conversation:
system_health:
recorder:
  commit_interval: 1
lovelace:
  dashboards:
    glucose-demo:
      mode: yaml
      title: Glucose
      icon: mdi:water
      filename: glucose.yaml
logger:
  default: warning
  logs:
    custom_components.cgm: info
automation ui: !include automations.yaml
script ui: !include scripts.yaml
"""
# Where the editors save; without them what somebody clicks together in the demo never runs.
_EDITED = {"automations.yaml": "[]\n", "scripts.yaml": "{}\n"}
# Without an `http:` key: it is deprecated in YAML and only tried for five minutes; stored
# settings are what a home has that was set up in the UI.
_MADE = "2026-01-01T00:00:00+00:00"


def make_folder(folder: Path, integration: Path, *, port: int, zone: str, source: str) -> None:
    """Write the folder anew; the dashboard names the wearer's `source`."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "custom_components").mkdir(parents=True)
    (folder / "custom_components" / "cgm").symlink_to(integration)
    (folder / "configuration.yaml").write_text(_CONFIGURATION.format(zone=zone))
    for name, nothing in _EDITED.items():
        (folder / name).write_text(nothing)
    dashboard = (Path(__file__).parent / "glucose.yaml").read_text()
    (folder / "glucose.yaml").write_text(dashboard.replace("SOURCE", source))
    _store(folder, "onboarding", 4, 1, {"done": ["core_config", "analytics", "integration"]})
    _store(folder, "frontend.system_data", 1, 1, {"core": {"default_panel": "glucose-demo"}})
    _store(
        folder,
        "http",
        2,
        2,
        {
            "stable": {
                "server_host": ["127.0.0.1"],
                "server_port": port,
                "cors_allowed_origins": [],
                "login_attempts_threshold": -1,
                "ip_ban_enabled": True,
                "ssl_profile": "modern",
                "use_x_frame_options": True,
                "created_at": _MADE,
                "error": None,
                "error_message": None,
            },
            "pending": None,
            "yaml_migration_done": True,
        },
    )


def _store(folder: Path, key: str, version: int, minor: int, data: object) -> None:
    """Write one of Home Assistant's storage files."""
    storage = folder / ".storage"
    storage.mkdir(exist_ok=True)
    content = {"version": version, "minor_version": minor, "key": key, "data": data}
    (storage / key).write_text(json.dumps(content))
