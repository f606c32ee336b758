"""Every row of an outbox for a person to see, with how it stands; disturbs no agent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from enum import StrEnum
from pathlib import Path

from glucose.wire import Row

from .outbox_file import ROWS, read_only, stored, told
from .outbox_note import noted


class State(StrEnum):
    """How a row stands; `done` may lag by the acknowledgements not yet noted."""

    DONE = "done"
    WAITING = "waiting"
    REJECTED = "rejected"


def listed(path: Path) -> Iterator[tuple[Row, State]]:
    """Yield every sound row in order with its state. Raises StoreError."""
    with told(), closing(read_only(path)) as file:
        done = noted(file).done
        refused = {seq for (seq,) in file.execute("SELECT seq FROM rejected")}
        for columns in file.execute(f"{ROWS} ORDER BY seq"):
            seq, reading = stored(columns)
            if reading is not None:
                waiting = State.DONE if seq <= done else State.WAITING
                yield Row(seq, reading), State.REJECTED if seq in refused else waiting
