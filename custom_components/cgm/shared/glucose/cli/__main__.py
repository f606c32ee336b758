"""The table of the commands of `glucose`, and what becomes of their answers and failures."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from io import TextIOWrapper
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
            _print(answer.text)
            for note in answer.notes:
                _say(command, note)
        except CannotDo as error:
            _say(command, str(error))
            return CANNOT
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE


def _say(command: Command, what: str) -> None:
    """Write one line to stderr: a file's name may have line breaks and worse in it."""
    line = "".join(letter if letter.isprintable() else "?" for letter in what)
    # Whoever closed it wants to hear nothing.
    if sys.stderr is not None:
        with suppress(OSError):
            sys.stderr.write(f"{PROGRAM} {command.name}: {line}\n")


def _print(text: str) -> None:
    """Write the answer; raises CannotDo. Who closes the pipe has read enough, which is no fault."""
    if sys.stdout is None:
        raise CannotDo("cannot write the answer: the output is closed")
    if isinstance(sys.stdout, TextIOWrapper):
        # An old terminal has no ≤; a name in the answer may be no text at all.
        sys.stdout.reconfigure(errors="replace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # Python writes what is left once more when it ends, and must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise CannotDo(f"cannot write the answer: {error.strerror}") from error


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
