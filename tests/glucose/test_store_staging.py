"""Readings laid aside: nobody's until they are taken in, all of them at once, as `add` would."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from glucose.errors import StoreUnavailable
from glucose.reading import Reading
from glucose.store import Store
from glucose.store.answers import Added
from glucose.trend import Trend

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WHO = "anna"


def reading(minute: int, mg_dl: int, trend: Trend | None = None, series: str = "egv") -> Reading:
    time = NOON + timedelta(minutes=minute)
    return Reading(time=time, mg_dl=mg_dl, source="clarity", series=series, trend=trend)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "cgm.db", clock=lambda: NOON)
    store.open()
    yield store
    store.close()


def rows(store: Store) -> int:
    """Return how many rows the file holds, whoever's they are."""
    return store.health().rows


def emptied(store: Store) -> None:
    while store.erase_aside(WHO):
        pass


def test_what_is_laid_aside_is_nobodys_until_it_is_taken_in(store: Store) -> None:
    day = [reading(minute, 100) for minute in range(288)]
    assert store.lay_aside(WHO, day[:100]) == Added(new=100, earliest_change=NOON)
    store.lay_aside(WHO, day[100:])
    assert (store.readings(WHO), store.count(WHO), store.newest(WHO)) == ([], 0, None)
    store.take_in(WHO)
    assert store.readings(WHO) == day
    emptied(store)
    assert (store.readings(WHO), rows(store)) == (day, 288)


def test_into_a_series_there_is_they_go_row_by_row_and_the_rest_is_erased(store: Store) -> None:
    store.add(WHO, [reading(0, 100), reading(5, 110, Trend.UP), reading(10, 120)])
    come = [reading(0, 101), reading(5, 110), reading(15, 130)]
    assert store.lay_aside(WHO, come) == Added(new=1, replaced=1, unchanged=1, earliest_change=NOON)
    assert [one.mg_dl for one in store.readings(WHO)] == [100, 110, 120]
    store.take_in(WHO)
    expected = [reading(0, 101), reading(5, 110, Trend.UP), reading(10, 120), reading(15, 130)]
    assert store.readings(WHO) == expected
    emptied(store)
    assert (store.readings(WHO), rows(store)) == (expected, 4)
    assert store.health().replaced == 1


def test_they_are_taken_in_with_other_work_or_not_at_all(store: Store) -> None:
    store.lay_aside(WHO, [reading(0, 100)])

    def fails(store: Store) -> None:
        with store.writing():
            store.take_in(WHO)
            raise RuntimeError("in the same transaction")

    with pytest.raises(RuntimeError):
        fails(store)
    assert store.readings(WHO) == []
    store.take_in(WHO)
    assert store.readings(WHO) == [reading(0, 100)]


def test_an_interrupted_import_is_gone_when_the_history_is_opened(tmp_path: Path) -> None:
    store = Store(tmp_path / "cgm.db", clock=lambda: NOON)
    store.open()
    store.add(WHO, [reading(-5, 90)])
    store.lay_aside(WHO, [reading(minute, 100) for minute in range(12_000)])
    store.close()
    store.open()
    assert (rows(store), store.readings(WHO)) == (1, [reading(-5, 90)])
    store.take_in(WHO)
    assert store.readings(WHO) == [reading(-5, 90)]
    store.close()


def test_a_history_that_cannot_erase_what_lies_aside_opens_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "cgm.db", clock=lambda: NOON)
    store.open()
    store.lay_aside(WHO, [reading(0, 100)])
    store.close()

    def full(_self: Store, _key: str) -> bool:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as while_full:
        while_full.setattr(Store, "_erase_piece", full)
        store.open()
        assert store.readings(WHO) == []
        store.close()
    store.open()
    assert rows(store) == 0
    store.close()


def test_a_wearer_who_is_forgotten_has_nothing_aside(store: Store) -> None:
    store.lay_aside(WHO, [reading(0, 100)])
    store.forget_wearer(WHO)
    store.take_in(WHO)
    assert (store.readings(WHO), rows(store)) == ([], 0)


readings_come = st.lists(
    st.builds(
        reading,
        st.integers(0, 6),
        st.integers(100, 102),
        st.sampled_from([None, Trend.UP]),
        st.sampled_from(["egv", "scan"]),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(readings_come, st.lists(readings_come, max_size=4))
def test_in_pieces_it_is_what_one_add_makes_of_it(
    tmp_path_factory: pytest.TempPathFactory, known: list[Reading], pieces: list[list[Reading]]
) -> None:
    folder = tmp_path_factory.mktemp("twins")
    one, other = (Store(folder / f"{name}.db", clock=lambda: NOON) for name in ("one", "other"))
    one.open()
    other.open()
    one.add(WHO, known)
    other.add(WHO, known)
    whole = one.add(WHO, [each for piece in pieces for each in piece])
    added = [other.lay_aside(WHO, piece) for piece in pieces]
    other.take_in(WHO)
    emptied(other)
    assert other.readings(WHO) == one.readings(WHO)
    assert (
        sum(each.new for each in added),
        sum(each.replaced for each in added),
        sum(each.unchanged for each in added),
    ) == (whole.new, whole.replaced, whole.unchanged)
    assert other.health().replaced == one.health().replaced
    one.close()
    other.close()
