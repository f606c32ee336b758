"""Checks one table of settings after another, and names every problem, never a value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import voluptuous as vol

from .secret_files import SecretFileError, SecretFiles
from .settings_environment import Overrides
from .settings_table import IN_FILE, Setting, with_files

Values = dict[str, object]

# A name that was meant to be another is at least this much like it.
_ALIKE = 0.6


class SettingsCheck:
    """Collects `problems`, a line each; `inline_secrets` are the keys of secrets not in files."""

    def __init__(self, overrides: Overrides, secrets: SecretFiles) -> None:
        """Hold where values come from beside the tables."""
        self._overrides = overrides
        self._secrets = secrets
        self.problems: list[str] = []
        self.inline_secrets: list[str] = []

    def table(
        self,
        where: str,
        raw: object,
        table: Mapping[str, Setting],
        variables: str,
        others: tuple[str, ...] = (),
    ) -> Values:
        """Return the values of one table; what is wrong becomes a problem and None.

        `where` stands before its keys in problems, `variables` in the environment; `others` are
        known keys that are no settings.
        """
        known = with_files(table)
        if not isinstance(raw, dict):
            self.problems.append(f"{where.rstrip('.')}: must be a table of settings")
            raw = {}
        given = dict(raw)
        self.inline_secrets += [
            where + key for key, one in table.items() if one.secret and key in given
        ]
        self._override(given, known, variables)
        values: Values = {key: setting.default for key, setting in known.items()}
        wrong: set[str] = set()
        try:
            given = vol.Schema({key: setting.check for key, setting in known.items()})(given)
        except vol.MultipleInvalid as failed:
            for error in failed.errors:
                key = str(error.path[0]) if error.path else ""
                wrong.add(key)
                self.problems.append(
                    wrong_value(where + key, known[key])
                    if key in known
                    else _unknown(where, key, known, others)
                )
        values |= {key: value for key, value in given.items() if key not in wrong}
        for key, setting in table.items():
            if setting.secret:
                values[key] = self._secret(where + key, values, key, wrong)
            if setting.required and values[key] is None and not {key, key + IN_FILE} & wrong:
                self.problems.append(f"{where}{key} is missing: {_about(setting)}")
        return values

    def _override(self, given: Values, known: Mapping[str, Setting], variables: str) -> None:
        """Let the environment's variables take the place of what the file says."""
        for key, setting in known.items():
            text = self._overrides.take(variables, key)
            if text is None:
                continue
            given.pop(key.removesuffix(IN_FILE) if key.endswith(IN_FILE) else key + IN_FILE, None)
            given[key] = setting.of_text(text)

    def _secret(self, name: str, values: Values, key: str, wrong: set[str]) -> object:
        path = values.pop(key + IN_FILE)
        if path is None or key in wrong:
            return values[key]
        if values[key] is not None:
            self.problems.append(f"{name}: give it or {name}{IN_FILE}, not both")
            return None
        try:
            return self._secrets.read(cast("Path", path))
        except SecretFileError as error:
            self.problems.append(f"{name}{IN_FILE}: {error}")
            # So that it is not said to be missing as well.
            wrong.add(key)
            return None


def wrong_value(name: str, setting: Setting) -> str:
    """Return what is said of a value that may not be."""
    return f"{name}: {_about(setting)}"


def _about(setting: Setting) -> str:
    return f"{setting.meaning}; allowed: {setting.allowed}"


def _unknown(where: str, key: str, known: Mapping[str, Setting], others: tuple[str, ...]) -> str:
    # A key is shown, its value never: it may be a secret in the wrong place.
    shown = key[:40]
    # Only somebody who made a mistake pays for it.
    from difflib import get_close_matches  # noqa: PLC0415 - see above

    near = get_close_matches(key, known, n=1, cutoff=_ALIKE)
    meant = f" Did you mean {where}{near[0]} ({_about(known[near[0]])})?" if near else ""
    return f"{where}{shown}: there is no such setting.{meant} Known: {', '.join((*known, *others))}"
