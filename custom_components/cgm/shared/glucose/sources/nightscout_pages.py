"""Walks through a long list page by page, so that every row comes once and the walk ends.

A page border may fall between rows of one moment, so the next page begins at the border's own
moment again (inclusive) and rows already seen are left out. Where a whole page is one moment,
the page grows until it reaches beyond it.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from ..errors import UnexpectedAnswer
from ..nightscout_entry import entry_id

# At the usual 1000 rows a page, a year of one-minute readings; a server past that is broken.
MOST_PAGES = 600

Fetch = Callable[[int | None, int], Awaitable[Sequence[object]]]


def row_ms(row: object) -> float | None:
    """Return a row's `date` in epoch ms, None where it is not a finite number."""
    date = row.get("date") if isinstance(row, Mapping) else None
    if isinstance(date, bool) or not isinstance(date, (int, float)):
        return None
    return date if isinstance(date, int) or math.isfinite(date) else None


async def pages(  # noqa: PLR0913 - what a walk is made of
    fetch: Fetch,
    *,
    start: int,
    size: int,
    largest: int,
    backwards: bool,
    moment: Callable[[object], float | None] = row_ms,
) -> AsyncIterator[list[object]]:
    """Yield the rows not yet seen of each page, from `start` (epoch ms by `moment`) on.

    `fetch(bound, count)` returns at most `count` rows, sorted by date: newest first from
    `bound` (epoch ms, inclusive; None: from the very newest) down to `start` where `backwards`,
    else oldest first from `bound` up. A page shorter than asked for is the last, and so is one
    that went down past `start`: its server is deaf to dates. `size` rows are asked for at a
    time, up to `largest` once that many share a moment. Raises UnexpectedAnswer where the
    walk has no end.
    """
    seen: set[str] = set()
    bound, count = None if backwards else start, size
    for _ in range(MOST_PAGES):
        page = await fetch(bound, count)
        # Only rows of the border's moment come again, and those are all in the page before.
        keyed = {_key(row): row for row in page}
        yield [row for key, row in keyed.items() if key not in seen]
        seen = set(keyed)
        border = _border(page, moment, backwards=backwards)
        if len(page) < count or (backwards and border is not None and border < start):
            return
        if border is not None and _is_further(border, bound, backwards=backwards):
            bound = border
        elif count < largest:
            count = min(count * 2, largest)
        else:
            msg = "the source repeats a page for ever"
            raise UnexpectedAnswer(msg)
    msg = "the source's list has no end"
    raise UnexpectedAnswer(msg)


def _border(
    page: Sequence[object], moment: Callable[[object], float | None], *, backwards: bool
) -> int | None:
    """Return the whole ms where the next page begins, on the near side of a fraction."""
    dates = [date for row in page if (date := moment(row)) is not None]
    if not dates:
        return None
    return math.ceil(min(dates)) if backwards else math.floor(max(dates))


def _is_further(border: int, bound: int | None, *, backwards: bool) -> bool:
    """Tell whether the border moved on from where this page began."""
    if bound is None:
        return True
    return border < bound if backwards else border > bound


def _key(row: object) -> str:
    """Return what tells a row from others: the server's id, else all of it."""
    return entry_id(row) or json.dumps(row, sort_keys=True)
