"""What a command of `glucose` is, and how it says that it cannot do what it was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import GlucoseError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable


class CannotDo(GlucoseError):  # noqa: N818 - the message says what to do instead
    """The command cannot do what it was asked: change what the message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command found: `text` is what was asked for, `notes` go beside it, on stderr."""

    text: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command: `says` is its line of help, `about` the rest; `run` raises CannotDo.

    `example` shows every option that it takes as people type it.
    """

    name: str
    says: str
    about: str
    example: str
    describe: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], Answer]
