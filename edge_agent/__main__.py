"""The command cgm-edge-agent: hands over to the command that is given, and ends with its status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from glucose.errors import StoreError

from . import speech
from .authorities import read_when_met
from .command import BAD_SETTINGS, DONE, FAULT, NOT_WRITABLE, Arguments, complain
from .command_line import command_line
from .settings import SettingsError


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the program's exit status."""
    # Before anything imports aiohttp, which makes a TLS context of its own then.
    read_when_met(os.environ)
    found: Arguments = command_line().parse_args(arguments)
    speech.set_up("info", sys.stdout, os.environ)
    try:
        return _work_of(found.command)(found)
    except SettingsError as error:
        for problem in error.problems:
            complain(f"settings: {problem}")
        return BAD_SETTINGS
    except StoreError as error:
        complain(str(error))
        return NOT_WRITABLE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Who read our output has seen enough; Python must not complain when it closes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:  # noqa: BLE001 - its words or its traceback might carry secrets
        complain(f"the agent failed in itself, please report: {speech.where(error)}")
        return FAULT


def _work_of(command: str) -> Callable[[Arguments], int]:
    """Return what does the work; the agent that goes on running pays no memory for the others."""
    # ruff: noqa: PLC0415 - see above
    match command:
        case "once":
            from .command_once import once as work
        case "doctor":
            from .command_findings import doctor as work
        case "test-call":
            from .command_findings import test_call as work
        case "export":
            from .command_export import export as work
        case "pair":
            from .command_pair import pair as work
        case "install-service":
            from .command_service import install_service as work
        case _:
            from .command_run import run as work
    return work


if __name__ == "__main__":
    sys.exit(main())
