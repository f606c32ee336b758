"""Makes the key that signs what agent and Home Assistant say to each other, and shows it."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex

from .secret_files import write_secret

DEFAULT_FILE = Path("secrets/pairing-key")
_BYTES = 16
_GROUP = 4


def new_key() -> str:
    """Return a new key: 128 random bits as 32 hexadecimal digits in groups of four."""
    digits = token_hex(_BYTES)
    return "-".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))


def make_key(path: Path) -> str:
    """Write a new key to a new file of its owner's only; raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = new_key()
    write_secret(path, key)
    return key


def how_to_enter(key: str) -> str:
    """Return what to do with a key."""
    return (
        f"The pairing key is\n\n    {key}\n\n"
        "In Home Assistant, open Settings, Devices & services, and the discovered agent of CGM;\n"
        "enter the key where it is asked for, with its hyphens. From then on both refuse what\n"
        "is not signed with it. Whoever has the key can pretend to be the agent: keep it to\n"
        "yourself.\n"
    )
