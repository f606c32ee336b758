"""What has happened to the publisher: counted, and said in the log once, not each time."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from glucose.errors import GlucoseError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublisherCounters:
    """What has happened since the publisher was started."""

    connections: int = 0
    failures: int = 0
    acks: int = 0
    foreign_acks: int = 0
    unreadable: int = 0
    refused: int = 0
    resends: int = 0
    faults: int = 0


class Record:
    """Counters, and a memory of what was said already; written by one thread, read by any."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self.counters = PublisherCounters()

    def count(self, **more: int) -> None:
        """Add to counters by their names."""
        counts = {name: getattr(self.counters, name) + count for name, count in more.items()}
        self.counters = replace(self.counters, **counts)

    def say(self, once: str, message: str, *values: object) -> None:
        """Log a warning, unless the same was said since forget()."""
        if once not in self._said:
            self._said.add(once)
            _LOG.warning(message, *values)

    def forget(self) -> None:
        """Say again what was said before: all went well meanwhile."""
        self._said.clear()

    def fault(self, where: str, error: Exception) -> None:
        """Count and say a fault of ours."""
        self.count(faults=1)
        # A traceback may carry what must not be in a log.
        told = str(error) if isinstance(error, GlucoseError) else ""
        self.say(f"{where} {type(error)}", "A fault in the %s: %s %s", where, type(error), told)
