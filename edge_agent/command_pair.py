"""The command `pair`: make the pairing key or show it, and say where it is entered."""

from __future__ import annotations

from .command import DONE, FAILED, NOT_WRITABLE, Arguments, complain, settings_of
from .pair import DEFAULT_FILE, how_to_enter, make_key
from .settings import DEFAULT_CONFIG


def pair(given: Arguments) -> int:
    """Show the key that the settings name, else make one; with `new`, replace it."""
    config = given.config or DEFAULT_CONFIG
    if not given.new:
        settings = settings_of(given)
        if settings.pairing_key is not None:
            print(how_to_enter(settings.pairing_key.decode()), end="")
            return DONE
    path = config.parent / DEFAULT_FILE
    try:
        if given.new:
            path.unlink(missing_ok=True)
        key = make_key(path)
    except FileExistsError:
        complain(
            f"{path} is there, but the settings do not name it: add\n\n[pairing]\n"
            f'key_file = "{DEFAULT_FILE}"\n'
        )
        return FAILED
    except OSError as error:
        complain(f"{path} cannot be written ({error.strerror}): run it with sudo")
        return NOT_WRITABLE
    print(how_to_enter(key), end="")
    print(
        f"\nIt is in {path}. Unless they are there already, add these lines to {config}, and\n"
        f'restart the agent:\n\n[pairing]\nkey_file = "{DEFAULT_FILE}"'
    )
    return DONE
