"""One thing in a wearer's diary: a treatment, or an episode of low or high glucose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DiaryEntry:
    """When it was and what it is called, in the home's language and the wearer's unit.

    Times are aware UTC. `id` is the same whenever it is asked for; of an episode as long as it
    begins at the same time.
    """

    id: str
    start: datetime
    end: datetime
    title: str
    text: str | None = None
