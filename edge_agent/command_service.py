"""The command `install-service`: install the agent, and say what is to be done next."""

from __future__ import annotations

import sys
from pathlib import Path

from .command import DONE, FAILED, PROGRAM, Arguments, complain
from .service import ServiceError, command_of, install, reload, unit_text


def install_service(given: Arguments) -> int:
    """Install below the `root` that was given; with `dry_run`, only show the unit."""
    try:
        command = command_of(sys.argv[0] if Path(sys.argv[0]).name == PROGRAM else PROGRAM)
        if given.dry_run:
            print(unit_text(command), end="")
            return DONE
        installed = install(command, given.root)
        for path in installed.written:
            print(f"written: {path}")
        for path in installed.kept:
            print(f"left as it is: {path}")
        if given.root == Path("/"):
            reload()
    except ServiceError as error:
        complain(str(error))
        return FAILED
    print(
        f"Next: fill in {given.root / 'etc/cgm-edge-agent/config.toml'}, put the secrets into "
        "files beside it, then\n"
        f"  sudo {command} doctor\n"
        "  sudo systemctl enable --now cgm-edge-agent"
    )
    return DONE
