"""What the agent was told to do, as values that were checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .broker import BrokerSettings

DEFAULT_CONFIG = Path("/etc/cgm-edge-agent/config.toml")
# Of all variables.
PREFIX = "CGM_EDGE_"
CONFIG_VARIABLE = PREFIX + "CONFIG"


class SettingsError(ValueError):
    """Settings that cannot be used; `problems` say what to change, one line each."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the lines; none of them holds a value that was given."""
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """One wearer of one account. `number` counts from 1: logs say it, since names are private.

    `account` is what glucose.sources.catalogue.build_account takes.
    """

    number: int
    name: str = field(repr=False)
    wearer: str = field(repr=False)
    kind: str
    patient: str | None = field(default=None, repr=False)
    account: Mapping[str, object] = field(repr=False)

    @property
    def title(self) -> str:
        """What a log line calls it."""
        return f"source {self.number} ({self.kind})"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSettings:
    """Whom to call where Home Assistant is away, and when; at least one of webhook and ntfy.

    `ntfy` is the whole address of a topic. `language` and `unit` are those of what is said, and
    the wearer is named only with `names`.
    """

    webhook: str | None = field(default=None, repr=False)
    ntfy: str | None = field(default=None, repr=False)
    ntfy_token: str | None = field(default=None, repr=False)
    after_minutes: int = 5
    most_calls: int = 12
    urgent_low_mg_dl: int = 54
    names: bool = False
    unit: str = "mg/dL"
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the agent was told; `config` is the file it came from, None without one."""

    config: Path | None
    node: str
    state_dir: Path
    log_level: str
    broker: BrokerSettings
    pairing_key: bytes | None = field(repr=False)
    most_mb: int
    health_port: int
    discovery_prefix: str | None
    call: CallSettings | None
    sources: tuple[SourceSettings, ...]
