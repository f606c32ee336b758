"""Reads the settings from TOML and environment, checks them together, and makes values of them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import voluptuous as vol

from glucose.sources.nightscout_settings import Api, NightscoutSettings
from glucose.wire.announce import MOST_CARRIED

from .broker import BrokerSettings
from .secret_files import SecretFileError, SecretFiles, readable_by_everybody
from .setting_checks import Check, call_address, ntfy_topic
from .settings import DEFAULT_CONFIG, CallSettings, Settings, SettingsError, SourceSettings
from .settings_check import SettingsCheck, Values, wrong_value
from .settings_environment import (
    Overrides,
    default_state,
    in_variable,
    source_table_of,
    table_of,
)
from .settings_table import EVERY_SOURCE, GENERAL, KIND, KINDS, TABLES

# What `simulate` takes where nothing else is said.
SIMULATED_NODE, SIMULATED_HOST = "simulated", "localhost"
_ADDRESSES: Mapping[str, tuple[Check, str]] = {
    "webhook": (call_address, "an address with http:// or https://, without user name"),
    "ntfy": (ntfy_topic, "a topic's address, such as https://ntfy.sh/a-long-secret-word"),
}


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
    secrets = SecretFiles(folder, environment)
    return SettingsReader(path, raw, environment, secrets).settings()


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


class SettingsReader:
    """Turns one TOML document and the environment into Settings, or names every problem."""

    def __init__(
        self, path: Path | None, raw: Values, environment: Mapping[str, str], secrets: SecretFiles
    ) -> None:
        """Hold what is to be read; `path` is that of the document, None without one."""
        self._path = path
        self._raw = raw
        self._secrets = secrets
        self._environment = environment
        self._overrides = Overrides(environment)
        self._check = SettingsCheck(self._overrides, secrets)

    def settings(self) -> Settings:
        """Return the settings; raises SettingsError."""
        raw = dict(self._raw)
        tables = {name: raw.pop(name, {}) for name in TABLES}
        listed = raw.pop("sources", [])
        general = self._check.table("", raw, GENERAL, table_of(""), others=(*TABLES, "sources"))
        checked = {
            name: self._check.table(f"{name}.", tables[name], table, table_of(name))
            for name, table in TABLES.items()
        }
        sources = self._sources(listed)
        self._check_broker(checked["broker"])
        self._check_call(checked["call"])
        self._check_inline_secrets()
        self._check.problems += [
            f"{variable}: the environment has no such setting" for variable in self._overrides.left
        ]
        if self._check.problems:
            raise SettingsError(self._check.problems)
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
            call=_call(tables["call"]),
            sources=tuple(sources),
        )

    def _sources(self, listed: object) -> list[SourceSettings]:
        if not isinstance(listed, list) or not 0 < len(listed) <= MOST_CARRIED:
            self._check.problems.append(
                f"sources: where readings come from; allowed: 1 to {MOST_CARRIED} of [[sources]]"
            )
            return []
        found: list[SourceSettings] = []
        for number, raw in enumerate(listed, 1):
            source = self._source(number, raw)
            if source is not None:
                found.append(source)
        # Environment variables know neither small letters nor hyphens.
        names = [in_variable(source.name) for source in found]
        for source in found:
            if names.count(in_variable(source.name)) > 1:
                self._check.problems.append(
                    f"sources[{source.number}].name: another is called alike"
                )
        return found

    def _source(self, number: int, raw: object) -> SourceSettings | None:
        where = f"sources[{number}]."
        kind = str(raw.get("kind")) if isinstance(raw, dict) else ""
        if not isinstance(raw, dict) or kind not in KINDS:
            self._check.problems.append(wrong_value(f"{where}kind", KIND))
            return None
        rest = {key: value for key, value in raw.items() if key != "kind"}
        variables = source_table_of(str(raw.get("name", number)))
        values = self._check.table(where, rest, {**EVERY_SOURCE, **KINDS[kind]}, variables)
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

    def _check_broker(self, broker: Values) -> None:
        if (broker["cert_file"] is None) != (broker["key_file"] is None):
            self._check.problems.append(
                "broker.cert_file and broker.key_file: give both or neither"
            )
        for key in ("ca_file", "cert_file", "key_file"):
            path = broker[key]
            if not isinstance(path, Path):
                continue
            if not broker["tls"]:
                self._check.problems.append(
                    f"broker.{key}: has no meaning without broker.tls = true"
                )
            try:
                broker[key] = self._secrets.place(path, private=key == "key_file")
            except SecretFileError as error:
                self._check.problems.append(f"broker.{key}: {error}")
        if broker["password"] is not None and broker["username"] is None:
            self._check.problems.append("broker.username is missing: there is a password for it")

    def _check_call(self, call: Values) -> None:
        # Only here, where a secret has come out of its file.
        for key, (check, allowed) in _ADDRESSES.items():
            if call[key] is None:
                continue
            try:
                call[key] = check(call[key])
            except vol.Invalid:
                self._check.problems.append(f"call.{key}: allowed: {allowed}")
        nobody = call["webhook"] is None and call["ntfy"] is None
        if call["ntfy_token"] is not None and call["ntfy"] is None:
            self._check.problems.append("call.ntfy is missing: there is a token for it")
        elif self._raw.get("call") and nobody and not self._check.problems:
            self._check.problems.append("call: give webhook or ntfy, or leave out all of it")

    def _check_site(self, where: str, account: Mapping[str, object]) -> None:
        try:
            NightscoutSettings(
                url=str(account["url"]),
                secret=str(account.get("secret", "")),
                api=Api(str(account["api"])),
            )
        except ValueError:
            self._check.problems.append(
                f"{where}secret: v3 needs an access token, name-0123456789abcdef"
            )

    def _check_inline_secrets(self) -> None:
        if self._path is None or not self._check.inline_secrets:
            return
        if readable_by_everybody(self._path):
            names = ", ".join(self._check.inline_secrets)
            self._check.problems.append(
                f"{self._path} holds secrets ({names}) and can be read by everybody: chmod 600 it"
            )


def _call(call: Values) -> CallSettings | None:
    if call["webhook"] is None and call["ntfy"] is None:
        return None
    return CallSettings(
        webhook=cast("str | None", call["webhook"]),
        ntfy=cast("str | None", call["ntfy"]),
        ntfy_token=cast("str | None", call["ntfy_token"]),
        after_minutes=cast("int", call["after_minutes"]),
        most_calls=cast("int", call["most_calls"]),
        urgent_low_mg_dl=cast("int", call["urgent_low_mg_dl"]),
        names=bool(call["names"]),
        unit=str(call["unit"]),
        language=str(call["language"]),
    )
