"""Secrets in files: found among systemd's credentials or beside the settings, never open to all."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

_MOST_BYTES = 4096
_EVERYBODY = stat.S_IROTH | stat.S_IWOTH


class SecretFileError(ValueError):
    """A file of secrets cannot be used; says what to do."""


class SecretFiles:
    """Resolves the paths that settings give.

    A relative one is looked for among systemd's credentials first, under the name that systemd
    gives to a file of a folder (secrets/password becomes secrets_password), then beside the
    settings: so one file of settings serves the service and a person who tries it by hand.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Look beside `folder`'s settings, and where CREDENTIALS_DIRECTORY says."""
        given = environment.get("CREDENTIALS_DIRECTORY")
        self._credentials = Path(given) if given else None
        self._folder = folder

    def place(self, path: Path, *, private: bool) -> Path:
        """Return where the file is; raises SecretFileError, also if `private` and open to all."""
        found = self._found(path)
        try:
            found.open("rb").close()
            mode = found.stat().st_mode
        except OSError as error:
            raise SecretFileError(_unreadable(found, error)) from None
        if private and mode & _EVERYBODY:
            raise SecretFileError(f"{found} can be read by everybody: chmod 600 {found}")
        return found

    def read(self, path: Path) -> str:
        """Return the secret in a file, without the end of its line; raises SecretFileError."""
        found = self.place(path, private=True)
        try:
            with found.open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
            secret = content.decode().rstrip("\r\n")
        except OSError as error:
            raise SecretFileError(_unreadable(found, error)) from None
        except UnicodeDecodeError:
            raise SecretFileError(f"{found} does not hold text") from None
        if not secret or len(content) > _MOST_BYTES:
            raise SecretFileError(f"{found} must hold the secret, and nothing else, on one line")
        return secret

    def _found(self, path: Path) -> Path:
        if path.is_absolute():
            return path
        if self._credentials is not None:
            credential = self._credentials / "_".join(path.parts)
            if credential.exists():
                return credential
        return self._folder / path


def readable_by_everybody(path: Path) -> bool:
    """Tell whether any user of this machine may read or change the file."""
    return bool(path.stat().st_mode & _EVERYBODY)


def write_secret(path: Path, secret: str) -> None:
    """Write a new file that only its owner may read; raises FileExistsError, OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secret + "\n")


def _unreadable(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path} is missing: make it, readable by its owner only"
    return f"{path} cannot be read ({type(error).__name__}): look at its owner and rights"
