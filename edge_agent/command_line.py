"""The table of commands: their words, their options, and what is said of them."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from . import __version__
from .command import PROGRAM
from .settings import CONFIG_VARIABLE, DEFAULT_CONFIG

_WAIT_SECONDS = 60.0


def command_line() -> argparse.ArgumentParser:
    """Return what reads the program's words; what it finds are command.Arguments."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Gathers glucose readings and delivers every one of them to Home Assistant.",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    parser.add_argument(
        "--config",
        type=Path,
        default=_configured(),
        metavar="FILE",
        help=f"the settings ({CONFIG_VARIABLE}, else {DEFAULT_CONFIG})",
    )
    parser.set_defaults(simulated=False, dry_run=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, about: str) -> _Command:
        added = commands.add_parser(name, help=about, description=about)
        added.set_defaults(command=name)
        return _Command(added)

    command("run", "Gather and deliver until told to stop.").simulated().dry_run()
    once = command("once", "Ask each source once, deliver, and end.")
    once.simulated().dry_run().parser.add_argument(
        "--wait",
        type=float,
        default=_WAIT_SECONDS,
        metavar="SECONDS",
        help="how long to wait for Home Assistant to acknowledge (60)",
    )
    doctor = command("doctor", "Look at everything, and say what to do where it is red.")
    doctor.simulated().parser.add_argument(
        "--names", action="store_true", help="show whom the accounts see, with ids"
    )
    command("test-call", "Make a test call, as while Home Assistant is away.").dry_run()
    simulate = command("simulate", "As run, with a simulated wearer as the only source.")
    simulate.dry_run().parser.set_defaults(simulated=True)
    command("export", "Write all readings of the outbox as CSV.").parser.add_argument(
        "--output", type=Path, metavar="FILE", help="a new file, instead of standard output"
    )
    command("pair", "Make or show the pairing key.").parser.add_argument(
        "--new", action="store_true", help="replace the key that is there"
    )
    service = command("install-service", "Install the agent as a service.")
    service.dry_run().parser.add_argument(
        "--root", type=Path, default=Path("/"), metavar="FOLDER", help="install below FOLDER"
    )
    return parser


class _Command:
    """One command's parser, with the options that several have."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser

    def simulated(self) -> _Command:
        self.parser.add_argument(
            "--simulated", action="store_true", help="a simulated wearer as the only source"
        )
        return self

    def dry_run(self) -> _Command:
        self.parser.add_argument(
            "--dry-run", action="store_true", help="keep, send and change nothing; only show"
        )
        return self


def _configured() -> Path | None:
    given = os.environ.get(CONFIG_VARIABLE)
    return Path(given) if given else None
