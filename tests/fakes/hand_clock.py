"""Clocks that a test moves by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass
class HandClock:
    """Wall time and elapsed time, both moved by `go`; `set_wrong` moves the wall alone."""

    now: datetime
    seconds: float = 1000.0

    def __call__(self) -> datetime:
        return self.now

    def elapsed(self) -> float:
        return self.seconds

    def go(self, by: timedelta) -> None:
        self.now += by
        self.seconds += by.total_seconds()

    def set_wrong(self, by: timedelta) -> None:
        self.now += by


@dataclass
class Elapsed:
    """Monotonic seconds alone; a process seldom starts at zero."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def pass_by(self, span: timedelta) -> None:
        self.seconds += span.total_seconds()
