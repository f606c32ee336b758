"""One line of the doctor: what was looked at, how it is, what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Colour(Enum):
    """How a finding is: RED needs somebody, YELLOW may."""

    GREEN = "ok"
    YELLOW = "look"
    RED = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: what was looked at, how it is, and what to do next."""

    what: str
    colour: Colour
    found: str
    next: str = ""

    @property
    def line(self) -> str:
        """The line as it is printed."""
        step = f". Next: {self.next}" if self.next else ""
        return f"{self.colour.value:5}{self.what}: {self.found}{step}"


def green(what: str, found: str) -> Finding:
    """Say that all is well."""
    return Finding(what=what, colour=Colour.GREEN, found=found)


def yellow(what: str, found: str, step: str) -> Finding:
    """Say what may need somebody, and what to do."""
    return Finding(what=what, colour=Colour.YELLOW, found=found, next=step)


def red(what: str, found: str, step: str) -> Finding:
    """Say what needs somebody, and what to do."""
    return Finding(what=what, colour=Colour.RED, found=found, next=step)
