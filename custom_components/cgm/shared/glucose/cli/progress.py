"""What a long command is at, on a terminal only: one line that is gone when the answer comes."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ERASED = "\r\x1b[2K"


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Show `what` while the block runs; nothing where stderr is a file or a pipe."""
    shown = sys.stderr is not None and sys.stderr.isatty()
    if shown:
        sys.stderr.write(f"{_ERASED}{what} …")
        sys.stderr.flush()
    try:
        yield
    finally:
        if shown:
            sys.stderr.write(_ERASED)
            sys.stderr.flush()
