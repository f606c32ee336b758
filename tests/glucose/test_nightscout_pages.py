"""The walk through pages: every row once, whatever the page size, in a bounded number of steps."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from glucose.errors import UnexpectedAnswer
from glucose.sources.nightscout_pages import MOST_PAGES, pages


class Listing:
    """The obvious server: sorts all rows, cuts by date, gives the first `count`."""

    def __init__(self, dates: list[float], *, backwards: bool) -> None:
        self.rows = [{"_id": f"{n:x}", "date": date} for n, date in enumerate(dates)]
        self.rows.sort(key=lambda row: float(str(row["date"])), reverse=backwards)
        self.backwards = backwards
        self.asked: list[tuple[int | None, int]] = []

    async def fetch(self, bound: int | None, count: int) -> Sequence[object]:
        self.asked.append((bound, count))
        return [row for row in self.rows if self._is_inside(row, bound)][:count]

    def _is_inside(self, row: dict[str, object], bound: int | None) -> bool:
        date = float(str(row["date"]))
        return bound is None or (date <= bound if self.backwards else date >= bound)


async def walk(listing: Listing, size: int, *, largest: int = 64) -> list[object]:
    walked = pages(listing.fetch, start=0, size=size, largest=largest, backwards=listing.backwards)
    return [row async for page in walked for row in page]


# Few distinct moments, so that page borders fall within one again and again; halves of a
# millisecond because nothing forbids them.
DATES = st.lists(st.integers(0, 25) | st.integers(0, 60).map(lambda n: n / 2), max_size=60)


@given(dates=DATES, size=st.integers(1, 20), backwards=st.booleans())
async def test_every_row_comes_once_and_the_walk_is_bounded(
    dates: list[float], size: int, backwards: bool
) -> None:
    listing = Listing(dates, backwards=backwards)
    found = await walk(listing, size)
    ids = Counter(str(row["_id"]) for row in found if isinstance(row, dict))
    assert ids == Counter(str(row["_id"]) for row in listing.rows)
    # A step for each moment at most, and one for each of the seven doublings up to the largest.
    assert len(listing.asked) <= len(set(dates)) + 7 + 1


@pytest.mark.parametrize("backwards", [True, False])
async def test_fraction_of_a_millisecond_at_the_border_loses_no_row(backwards: bool) -> None:
    listing = Listing([12.5, 12.5, 12.5, 13, 12], backwards=backwards)
    assert len(await walk(listing, 2)) == 5


@given(count=st.integers(0, 300), size=st.integers(2, 50), backwards=st.booleans())
async def test_rows_of_different_moments_cost_what_their_number_needs(
    count: int, size: int, backwards: bool
) -> None:
    listing = Listing(list(range(count)), backwards=backwards)
    assert len(await walk(listing, size)) == count
    # Each page but the first repeats one row, the border's.
    assert len(listing.asked) <= math.ceil(count / (size - 1)) + 1
    bounds = [bound for bound, _ in listing.asked if bound is not None]
    assert all((after < before) is backwards for before, after in pairwise(bounds))


@pytest.mark.parametrize("backwards", [True, False])
async def test_server_that_repeats_its_page_for_ever_is_left(backwards: bool) -> None:
    asked: list[int] = []

    async def fetch(bound: int | None, count: int) -> list[object]:
        asked.append(count)
        return [{"_id": f"{n}", "date": 7} for n in range(count)]

    with pytest.raises(UnexpectedAnswer):
        async for _ in pages(fetch, start=0, size=2, largest=64, backwards=backwards):
            pass
    assert asked == [2, 2, 4, 8, 16, 32, 64]


async def test_server_deaf_to_dates_is_left_where_its_rows_pass_the_start() -> None:
    asked: list[int] = []

    async def fetch(bound: int | None, count: int) -> list[object]:
        asked.append(count)
        return [{"_id": f"{n}", "date": 100 - n} for n in range(count)]

    walked = pages(fetch, start=70, size=8, largest=1024, backwards=True)
    found = [row async for page in walked for row in page]
    assert asked == [8, 8, 16, 16, 32]
    assert len(found) == 32


async def test_server_that_invents_rows_for_ever_is_left() -> None:
    asked: list[int] = []

    async def fetch(bound: int | None, count: int) -> list[object]:
        asked.append(count)
        return [{"_id": f"{len(asked)}", "date": 10**9 - len(asked)}]

    with pytest.raises(UnexpectedAnswer):
        async for _ in pages(fetch, start=0, size=1, largest=1, backwards=True):
            pass
    assert len(asked) == MOST_PAGES


@pytest.mark.parametrize("date", [None, "soon", True, float("nan"), float("inf")])
async def test_page_without_a_date_grows_until_it_ends(date: object) -> None:
    rows: list[object] = [{"date": date, "n": n} for n in range(5)]

    async def fetch(bound: int | None, count: int) -> list[object]:
        return rows[:count]

    found = [
        row
        async for page in pages(fetch, start=0, size=2, largest=64, backwards=True)
        for row in page
    ]
    assert found == rows


async def test_rows_that_are_no_objects_come_once_too() -> None:
    rows: list[object] = ["x", None, 3, "x"]

    async def fetch(bound: int | None, count: int) -> list[object]:
        return rows[:count]

    found = [
        row
        async for page in pages(fetch, start=0, size=2, largest=8, backwards=True)
        for row in page
    ]
    assert found == ["x", None, 3]
