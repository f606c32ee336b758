"""What pollers keep over a restart: how late their readings come, and refused logins."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from secrets import token_bytes
from tempfile import NamedTemporaryFile

from glucose.cadence_learning import Learned

_LOGGER = logging.getLogger(__name__)
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}
_FORMAT = 1


class Memory:
    """A small file of its own beside the outbox; losing it costs some early questions, no reading.

    Blocking: call it in a thread.
    """

    def __init__(self, path: Path | None) -> None:
        """Begin with nothing; load() reads the file. Without a path nothing is read or written."""
        self._path = path
        self._learned: dict[str, Learned] = {}
        self._refused: dict[str, str] = {}

    def load(self) -> None:
        """Take up what is in the file; one that is missing or damaged is begun anew."""
        if self._path is None:
            return
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                return
            self._learned = {
                str(name): Learned.from_dict(learned)
                for name, learned in content["learned"].items()
            }
            self._refused = {str(name): str(mark) for name, mark in content["refused"].items()}
        except FileNotFoundError:
            return
        except Exception as error:  # noqa: BLE001 - whatever is in it, the agent starts
            _LOGGER.warning("What was learned cannot be read, beginning anew: %r", type(error))
            self._learned, self._refused = {}, {}

    def learned(self, name: str) -> Learned | None:
        """Return what the cadence of a source had learned."""
        return self._learned.get(name)

    def note_learned(self, name: str, learned: Learned) -> None:
        """Replace what the cadence of a source has learned; save() writes it."""
        self._learned[name] = learned

    def was_refused(self, name: str, account: Mapping[str, object]) -> bool:
        """Tell whether this very login was refused for good before a restart."""
        mark = self._refused.get(name)
        if mark is None:
            return False
        salt, _, _ = mark.partition(":")
        return hmac.compare_digest(mark, _mark(account, bytes.fromhex(salt)))

    def note_refused(self, name: str, account: Mapping[str, object]) -> None:
        """Remember a confirmed refusal of this login, so that a restart does not send it again."""
        if not self.was_refused(name, account):
            self._refused[name] = _mark(account, token_bytes(16))

    def note_accepted(self, name: str) -> bool:
        """Forget a refusal; tells whether there was one."""
        return self._refused.pop(name, None) is not None

    def save(self) -> None:
        """Write the file, its owner's only; a full disk is said and costs nothing more."""
        if self._path is None:
            return
        content = {
            "format": _FORMAT,
            "learned": {name: learned.to_dict() for name, learned in self._learned.items()},
            "refused": self._refused,
        }
        try:
            with NamedTemporaryFile("w", dir=self._path.parent, delete=False) as file:
                json.dump(content, file)
            # A NamedTemporaryFile is its owner's only.
            os.replace(file.name, self._path)  # noqa: PTH105 - Path.replace of the same
        except OSError as error:
            _LOGGER.warning("What was learned cannot be kept: %s", type(error).__name__)


def _mark(account: Mapping[str, object], salt: bytes) -> str:
    """Return a mark of a login that does not give it away: salted and slow to try."""
    text = json.dumps(dict(account), sort_keys=True, default=str).encode()
    digest = hashlib.scrypt(text, salt=salt, **_SCRYPT)
    return f"{salt.hex()}:{digest.hex()}"
