"""What the agent says and what it never says: logs on standard output, in its own words alone."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import TextIO

_OURS = ("edge_agent", "glucose")
_LOGGER = logging.getLogger(__name__)


class _Discreet(logging.Formatter):
    """Passes on our own messages without tracebacks, and of libraries' only that there was one.

    A library's message may quote an address, a token, a name or a reading, and a traceback ends
    with such a message.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = logging.LogRecord(
            name=record.name,
            level=record.levelno,
            pathname=record.pathname,
            lineno=record.lineno,
            msg=record.getMessage() if is_ours(record.name) else _withheld(record),
            args=None,
            exc_info=None,
        )
        line.created, line.msecs = record.created, record.msecs
        return super().format(line)


def is_ours(logger: str) -> bool:
    """Tell whether a logger is the agent's or the shared library's."""
    return logger.partition(".")[0] in _OURS


def set_up(level: str, stream: TextIO, environment: Mapping[str, str]) -> None:
    """Send what is logged to `stream`: ours from `level` on, of libraries only warnings."""
    # The journal writes time and level itself.
    journal = "JOURNAL_STREAM" in environment
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        _Discreet("%(message)s" if journal else "%(asctime)s %(levelname)-7s %(message)s")
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    set_level(level)
    sys.excepthook = _unexpected
    threading.excepthook = _unexpected_in_thread


def set_level(level: str) -> None:
    """Log ours from `level` on."""
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())


def where(error: BaseException) -> str:
    """Return an error's kind and the place in our code it came from, never its words."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__", "")
        if is_ours(str(name)) or name == "__main__":
            place = f" at {name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__}{place}"


def _withheld(record: logging.LogRecord) -> str:
    kind = record.exc_info[0] if record.exc_info else None
    about = "" if kind is None else f" ({kind.__name__})"
    return f"{record.name}: a warning of a library, its words are withheld{about}"


def _unexpected(
    _kind: type[BaseException], error: BaseException, _trace: TracebackType | None
) -> None:
    _LOGGER.critical("The agent failed, please report: %s", where(error))


def _unexpected_in_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None:
        _LOGGER.critical("A thread of the agent failed, please report: %s", where(failed.exc_value))
