"""What the environment says of the settings: variables that override, and where state is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from .settings import CONFIG_VARIABLE, PREFIX
from .settings_table import GENERAL, TABLES, with_files

SERVICE_STATE = Path("/var/lib/cgm-edge-agent")


class Overrides:
    """The variables that override settings, until each is taken."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take up those that begin with PREFIX."""
        self._left = {
            key: value
            for key, value in environment.items()
            if key.startswith(PREFIX) and key != CONFIG_VARIABLE
        }

    @property
    def left(self) -> list[str]:
        """The names of those that nothing has asked for: mistakes."""
        return list(self._left)

    def take(self, table: str, key: str) -> str | None:
        """Return what a variable says of a table's key, None where it is not set."""
        return self._left.pop(f"{PREFIX}{table}{key.upper()}", None)


def table_of(name: str) -> str:
    """Return what stands before the keys of a table; for settings in no table, nothing."""
    return f"{name.upper()}_" if name else ""


def source_table_of(name: str) -> str:
    """Return what stands before the keys of the source of this name."""
    return f"SOURCE_{in_variable(name)}_"


def in_variable(name: str) -> str:
    """Return a name as variables have it: they know neither small letters nor hyphens."""
    return name.upper().replace("-", "_")


def variables() -> Iterator[str]:
    """Yield every variable but those of sources, which bear the sources' names."""
    for name, table in {"": GENERAL, **TABLES}.items():
        for key in with_files(table):
            yield f"{PREFIX}{table_of(name)}{key.upper()}"


def default_state(environment: Mapping[str, str]) -> Path:
    """Return where the outbox is unless set: the service's folder for the service and for root."""
    given = environment.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    if os.geteuid() == 0:
        return SERVICE_STATE
    base = environment.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / SERVICE_STATE.name
