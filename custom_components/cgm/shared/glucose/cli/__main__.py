"""The table of the commands of `glucose`, and what becomes of their answers and failures."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from .alarms import ALARMS
from .command import CannotDo
from .convert import CONVERT
from .picture import PICTURE
from .stats import STATS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .command import Command

# One file a command.
COMMANDS = (ALARMS, CONVERT, PICTURE, STATS)
# argparse ends with 2 as well.
DONE, CANNOT, INTERRUPTED = 0, 2, 130
PROGRAM = "glucose"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, 2 where it cannot be done, or 130 where it was interrupted."""
    try:
        found = _parser().parse_args(arguments)
        command: Command = found.command
        try:
            answer = command.run(found)
        except CannotDo as error:
            sys.stderr.write(f"{PROGRAM} {command.name}: {error}\n")
            return CANNOT
        for note in answer.notes:
            sys.stderr.write(f"{PROGRAM} {command.name}: {note}\n")
        sys.stdout.write(answer.text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read our output has seen enough; Python must not complain when it closes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Looks at an export of glucose readings. It sends nothing anywhere, writes no "
        "file but the one -o names, and never advises a dose.",
        epilog="For example: " + "; ".join(command.example for command in COMMANDS) + ". "
        "Each command has --help.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        described = commands.add_parser(
            command.name, help=command.says, description=f"{command.says}. {command.about}"
        )
        command.describe(described)
        described.set_defaults(command=command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
