"""What the agent was told to do: read from TOML and environment, checked, and made into a value."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import voluptuous as vol

from glucose.sources.nightscout_settings import Api, NightscoutSettings
from glucose.wire.announce import MOST_CARRIED

from .broker import BrokerSettings
from .secret_files import SecretFileError, SecretFiles, readable_by_everybody
from .settings_table import (
    EVERY_SOURCE,
    GENERAL,
    IN_FILE,
    KIND,
    KINDS,
    TABLES,
    Setting,
    with_files,
)

PREFIX = "CGM_EDGE_"
CONFIG_VARIABLE = PREFIX + "CONFIG"
DEFAULT_CONFIG = Path("/etc/cgm-edge-agent/config.toml")
SERVICE_STATE = Path("/var/lib/cgm-edge-agent")
# What `simulate` takes where nothing else is said.
SIMULATED_NODE, SIMULATED_HOST = "simulated", "localhost"
# A name that was meant to be another is at least this much like it.
_ALIKE = 0.6

Values = dict[str, object]


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
    sources: tuple[SourceSettings, ...]


def load(
    config: Path | None, environment: Mapping[str, str], *, simulated: bool = False
) -> Settings:
    """Read and check all settings; raises SettingsError naming every problem at once.

    `config` None looks for the default file, which may be absent where `simulated`: then one
    simulated wearer takes the place of the sources, and node and broker have defaults.
    """
    path, raw = _read(config, may_be_absent=simulated)
    if simulated:
        raw["sources"] = [{"name": "simulated", "wearer": "Simulated wearer", "kind": "simulated"}]
        raw.setdefault("node", SIMULATED_NODE)
        broker = raw.setdefault("broker", {})
        if isinstance(broker, dict):
            broker.setdefault("host", SIMULATED_HOST)
    folder = Path() if path is None else path.parent
    return _Reader(path, raw, environment, SecretFiles(folder, environment)).settings()


def _read(config: Path | None, *, may_be_absent: bool) -> tuple[Path | None, Values]:
    path = config or DEFAULT_CONFIG
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if may_be_absent and config is None:
            return None, {}
        raise SettingsError([f"{path} is missing: copy the example and fill it in"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{path} cannot be read: {type(error).__name__}"]) from None
    try:
        return path, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Its words are about syntax and place, never about content.
        raise SettingsError([f"{path} is not TOML: {error}"]) from None


class _Reader:
    """Turns one TOML document and the environment into Settings, collecting all problems."""

    def __init__(
        self,
        path: Path | None,
        raw: Values,
        environment: Mapping[str, str],
        secrets: SecretFiles,
    ) -> None:
        self._path = path
        self._raw = raw
        self._secrets = secrets
        self._environment = environment
        self._variables = {
            key: value
            for key, value in environment.items()
            if key.startswith(PREFIX) and key != CONFIG_VARIABLE
        }
        self._problems: list[str] = []
        self._inline_secrets: list[str] = []

    def settings(self) -> Settings:
        raw = dict(self._raw)
        tables = {name: raw.pop(name, {}) for name in TABLES}
        listed = raw.pop("sources", [])
        general = self._table("", raw, GENERAL, PREFIX, others=(*TABLES, "sources"))
        checked = {
            name: self._table(f"{name}.", tables[name], table, f"{PREFIX}{name.upper()}_")
            for name, table in TABLES.items()
        }
        sources = self._sources(listed)
        self._check_broker(checked["broker"])
        self._check_inline_secrets()
        for variable in self._variables:
            self._problems.append(f"{variable}: the environment has no such setting")
        if self._problems:
            raise SettingsError(self._problems)
        return self._made(general, checked, sources)

    def _made(
        self, general: Values, tables: dict[str, Values], sources: list[SourceSettings]
    ) -> Settings:
        broker, discovery = tables["broker"], tables["home_discovery"]
        key = cast("str | None", tables["pairing"]["key"])
        return Settings(
            config=self._path,
            node=str(general["node"]),
            state_dir=cast("Path | None", general["state_dir"]) or default_state(self._environment),
            log_level=str(general["log_level"]),
            broker=BrokerSettings(
                host=str(broker["host"]),
                port=cast("int", broker["port"] or (8883 if broker["tls"] else 1883)),
                username=cast("str | None", broker["username"]),
                password=cast("str | None", broker["password"]),
                tls=bool(broker["tls"]),
                ca_file=cast("Path | None", broker["ca_file"]),
                cert_file=cast("Path | None", broker["cert_file"]),
                key_file=cast("Path | None", broker["key_file"]),
                keepalive_seconds=cast("int", broker["keepalive_seconds"]),
            ),
            pairing_key=None if key is None else key.strip().encode(),
            most_mb=cast("int", tables["outbox"]["most_mb"]),
            health_port=cast("int", tables["health"]["port"]),
            discovery_prefix=str(discovery["prefix"]) if discovery["enabled"] else None,
            sources=tuple(sources),
        )

    def _sources(self, listed: object) -> list[SourceSettings]:
        if not isinstance(listed, list) or not 0 < len(listed) <= MOST_CARRIED:
            self._problems.append(
                f"sources: where readings come from; allowed: 1 to {MOST_CARRIED} of [[sources]]"
            )
            return []
        found: list[SourceSettings] = []
        for number, raw in enumerate(listed, 1):
            source = self._source(number, raw)
            if source is not None:
                found.append(source)
        # Environment variables know neither small letters nor hyphens.
        names = [_variable_of(source.name) for source in found]
        for source in found:
            if names.count(_variable_of(source.name)) > 1:
                self._problems.append(f"sources[{source.number}].name: another is called alike")
        return found

    def _source(self, number: int, raw: object) -> SourceSettings | None:
        where = f"sources[{number}]."
        kind = str(raw.get("kind")) if isinstance(raw, dict) else ""
        if not isinstance(raw, dict) or kind not in KINDS:
            self._problems.append(_wrong(f"{where}kind", KIND))
            return None
        rest = {key: value for key, value in raw.items() if key != "kind"}
        variable = f"{PREFIX}SOURCE_{_variable_of(str(raw.get('name', number)))}_"
        values = self._table(where, rest, {**EVERY_SOURCE, **KINDS[kind]}, variable)
        account: dict[str, object] = {"kind": kind}
        for key in KINDS[kind]:
            if values.get(key) is not None:
                account[key] = values[key]
        if any(values.get(key) is None for key, one in EVERY_SOURCE.items() if one.required):
            return None
        if kind == "nightscout" and {"url", "api"} <= account.keys():
            self._check_site(where, account)
        return SourceSettings(
            number=number,
            name=str(values["name"]),
            wearer=str(values["wearer"]),
            kind=kind,
            patient=cast("str | None", values["patient"]),
            account=account,
        )

    def _table(
        self,
        where: str,
        raw: object,
        table: Mapping[str, Setting],
        variable: str,
        others: tuple[str, ...] = (),
    ) -> Values:
        """Check one table; what is wrong becomes a problem and None."""
        known = with_files(table)
        if not isinstance(raw, dict):
            self._problems.append(f"{where.rstrip('.')}: must be a table of settings")
            raw = {}
        given = dict(raw)
        self._inline_secrets += [
            where + key for key, one in table.items() if one.secret and key in given
        ]
        self._override(given, known, variable)
        values: Values = {key: setting.default for key, setting in known.items()}
        wrong: set[str] = set()
        try:
            given = vol.Schema({key: setting.check for key, setting in known.items()})(given)
        except vol.MultipleInvalid as failed:
            for error in failed.errors:
                key = str(error.path[0]) if error.path else ""
                wrong.add(key)
                self._problems.append(
                    _wrong(where + key, known[key])
                    if key in known
                    else _unknown(where, key, known, others)
                )
        values |= {key: value for key, value in given.items() if key not in wrong}
        for key, setting in table.items():
            if setting.secret:
                values[key] = self._secret(where + key, values, key, wrong)
            if setting.required and values[key] is None and not {key, key + IN_FILE} & wrong:
                self._problems.append(f"{where}{key} is missing: {_about(setting)}")
        return values

    def _override(self, given: Values, known: Mapping[str, Setting], variable: str) -> None:
        """Let the environment's variables take the place of what the file says."""
        for key, setting in known.items():
            text = self._variables.pop(variable + key.upper(), None)
            if text is None:
                continue
            given.pop(key.removesuffix(IN_FILE) if key.endswith(IN_FILE) else key + IN_FILE, None)
            given[key] = setting.of_text(text)

    def _secret(self, name: str, values: Values, key: str, wrong: set[str]) -> object:
        path = values.pop(key + IN_FILE)
        if path is None or key in wrong:
            return values[key]
        if values[key] is not None:
            self._problems.append(f"{name}: give it or {name}{IN_FILE}, not both")
            return None
        try:
            return self._secrets.read(cast("Path", path))
        except SecretFileError as error:
            self._problems.append(f"{name}{IN_FILE}: {error}")
            # So that it is not said to be missing as well.
            wrong.add(key)
            return None

    def _check_broker(self, broker: Values) -> None:
        if (broker["cert_file"] is None) != (broker["key_file"] is None):
            self._problems.append("broker.cert_file and broker.key_file: give both or neither")
        for key in ("ca_file", "cert_file", "key_file"):
            path = broker[key]
            if not isinstance(path, Path):
                continue
            if not broker["tls"]:
                self._problems.append(f"broker.{key}: has no meaning without broker.tls = true")
            try:
                broker[key] = self._secrets.place(path, private=key == "key_file")
            except SecretFileError as error:
                self._problems.append(f"broker.{key}: {error}")
        if broker["password"] is not None and broker["username"] is None:
            self._problems.append("broker.username is missing: there is a password for it")

    def _check_site(self, where: str, account: Mapping[str, object]) -> None:
        try:
            NightscoutSettings(
                url=str(account["url"]),
                secret=str(account.get("secret", "")),
                api=Api(str(account["api"])),
            )
        except ValueError:
            self._problems.append(f"{where}secret: v3 needs an access token, name-0123456789abcdef")

    def _check_inline_secrets(self) -> None:
        if self._path is None or not self._inline_secrets:
            return
        if readable_by_everybody(self._path):
            names = ", ".join(self._inline_secrets)
            self._problems.append(
                f"{self._path} holds secrets ({names}) and can be read by everybody: chmod 600 it"
            )


def default_state(environment: Mapping[str, str]) -> Path:
    """Return where the outbox is unless set: the service's folder for the service and for root."""
    given = environment.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    if os.geteuid() == 0:
        return SERVICE_STATE
    base = environment.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / SERVICE_STATE.name


def variables() -> Iterator[str]:
    """Yield every environment variable but those of sources, which bear the sources' names."""
    for key in with_files(GENERAL):
        yield PREFIX + key.upper()
    for name, table in TABLES.items():
        for key in with_files(table):
            yield f"{PREFIX}{name.upper()}_{key.upper()}"


def _variable_of(name: str) -> str:
    return name.upper().replace("-", "_")


def _about(setting: Setting) -> str:
    return f"{setting.meaning}; allowed: {setting.allowed}"


def _wrong(name: str, setting: Setting) -> str:
    return f"{name}: {_about(setting)}"


def _unknown(where: str, key: str, known: Mapping[str, Setting], others: tuple[str, ...]) -> str:
    # A key is shown, its value never: it may be a secret in the wrong place.
    shown = key[:40]
    # Only somebody who made a mistake pays for it.
    from difflib import get_close_matches  # noqa: PLC0415 - see above

    near = get_close_matches(key, known, n=1, cutoff=_ALIKE)
    meant = f" Did you mean {where}{near[0]} ({_about(known[near[0]])})?" if near else ""
    return f"{where}{shown}: there is no such setting.{meant} Known: {', '.join((*known, *others))}"
