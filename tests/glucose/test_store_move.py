"""Readings of one source become another's: all of them, once, or none."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from glucose.errors import StoreUnavailable
from glucose.reading import Kind, Reading
from glucose.store import Store
from glucose.trend import Trend

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open an empty history."""
    opened = Store(tmp_path / "cgm.db", clock=lambda: NOON)
    opened.open()
    yield opened
    opened.close()


def at(minute: int, mg_dl: int = 100, *, source: str = "basement", **more: object) -> Reading:
    """Return a reading some minutes after noon."""
    fields = {"series": "share", **more}
    return Reading(time=NOON + minute * MINUTE, mg_dl=mg_dl, source=source, **fields)  # type: ignore[arg-type]  # what more there is fits


def test_a_moved_source_is_the_new_wearers_and_nobody_elses(store: Store) -> None:
    store.add("edge pi", [at(0), at(5, 110), at(0, 90, source="attic")])
    moved = store.move("edge pi", "basement", to_wearer="alex", to_source="new")
    assert (moved.new, moved.replaced, moved.unchanged) == (2, 0, 0)
    assert moved.earliest_change == NOON
    assert store.readings("alex") == [at(0, source="new"), at(5, 110, source="new")]
    assert store.readings("edge pi") == [at(0, 90, source="attic")]


def test_of_several_series_the_earliest_change_is_told_and_the_last_moment_moves(
    store: Store,
) -> None:
    last = datetime.max.replace(tzinfo=UTC, microsecond=999_000)
    end_of_time = Reading(time=last, mg_dl=100, source="basement", series="graph")
    added = store.add("edge pi", [end_of_time, at(5), at(0, series="other")])
    moved = store.move("edge pi", "basement", to_wearer="alex", to_source="new")
    assert added.earliest_change == moved.earliest_change == NOON
    assert [reading.time for reading in store.readings("alex")][2:] == [last]


def test_kinds_and_series_stay_apart(store: Store) -> None:
    readings = [at(0), at(0, 105, series="graph"), at(0, 98, kind=Kind.METER)]
    store.add("edge pi", readings)
    store.move("edge pi", "basement", to_wearer="alex", to_source="new")
    kept = store.readings("alex")
    assert {(r.kind, r.series, r.mg_dl) for r in kept} == {
        (Kind.CGM, "share", 100),
        (Kind.CGM, "graph", 105),
        (Kind.METER, "share", 98),
    }


def test_what_both_have_folds_by_identity_and_a_different_value_is_counted(store: Store) -> None:
    store.add("alex", [at(0, source="new"), at(5, 110, source="new", trend=Trend.FLAT)])
    store.add("edge pi", [at(0), at(5, 111), at(10)])
    moved = store.move("edge pi", "basement", to_wearer="alex", to_source="new")
    assert (moved.new, moved.replaced, moved.unchanged) == (1, 1, 1)
    assert moved.earliest_change == NOON + 5 * MINUTE
    assert [r.mg_dl for r in store.readings("alex")] == [100, 111, 100]
    assert store.count("edge pi") == 0


def test_what_was_replaced_before_the_move_stays_counted(store: Store) -> None:
    store.add("edge pi", [at(0)])
    store.add("edge pi", [at(0, 101)])
    store.move("edge pi", "basement", to_wearer="alex", to_source="new")
    assert store.health().replaced == 1


def test_moving_what_is_not_there_changes_nothing(store: Store) -> None:
    store.add("alex", [at(0, source="new")])
    moved = store.move("edge pi", "basement", to_wearer="alex", to_source="new")
    assert moved.earliest_change is None
    assert store.count("alex") == 1


def test_moving_a_source_to_itself_keeps_it(store: Store) -> None:
    store.add("alex", [at(0)])
    store.move("alex", "basement", to_wearer="alex", to_source="basement")
    assert store.readings("alex") == [at(0)]


def test_notes_stay_where_they_are(store: Store) -> None:
    store.note("edge pi", "ack", "numbers")
    store.add("edge pi", [at(0)])
    store.move("edge pi", "basement", to_wearer="alex", to_source="new")
    assert store.recall("edge pi", "ack") == "numbers"
    assert store.recall("alex", "ack") is None


def test_a_move_that_fails_half_way_moves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add("edge pi", [at(0), at(0, 105, series="graph")])
    first = store.readings("edge pi")
    from glucose.store import readings  # noqa: PLC0415 - to break the second of two series

    whole, broken = readings._keep, iter([False, True])  # noqa: SLF001 - the step that writes

    def full_at_the_second(*given: object) -> object:
        keep = {False: whole, True: None}[next(broken)]
        return keep(*given)  # type: ignore[arg-type,misc]  # None cannot be called: that is it

    monkeypatch.setattr(readings, "_keep", full_at_the_second)
    with pytest.raises(TypeError):
        store.move("edge pi", "basement", to_wearer="alex", to_source="new")
    monkeypatch.undo()
    assert store.readings("edge pi") == first
    assert store.count("alex") == 0


def test_a_closed_history_says_so(tmp_path: Path) -> None:
    closed = Store(tmp_path / "cgm.db", clock=lambda: NOON)
    with pytest.raises(StoreUnavailable):
        closed.move("edge pi", "basement", to_wearer="alex", to_source="new")


MINUTES = st.dictionaries(st.integers(0, 30), st.integers(40, 400), max_size=12)


@given(left=MINUTES, there=MINUTES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_move_is_as_if_the_readings_had_come_later(
    store: Store, left: dict[int, int], there: dict[int, int]
) -> None:
    store.forget_wearer("alex")
    store.add("alex", [at(minute, mg_dl, source="new") for minute, mg_dl in there.items()])
    store.add("edge pi", [at(minute, mg_dl) for minute, mg_dl in left.items()])
    store.move("edge pi", "basement", to_wearer="alex", to_source="new")
    expected = {**there, **left}
    assert [(r.time, r.mg_dl) for r in store.readings("alex")] == [
        (NOON + minute * MINUTE, expected[minute]) for minute in sorted(expected)
    ]
    assert store.count("edge pi") == 0
