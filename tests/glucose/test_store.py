"""What the history keeps, finds, replaces, counts and forgets."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from glucose.errors import StoreUnavailable
from glucose.reading import Bound, Kind, Reading
from glucose.store import Added, Store
from glucose.store.queries import AT_TIMES, NEWEST, OLDEST, SERIES_OF_WEARER, STRETCH
from glucose.trend import Trend

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
READING = Reading(time=NOW, mg_dl=104, source="dexcom", series="share", trend=Trend.FLAT)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def day_of(reading: Reading, *, rows: int = 288) -> list[Reading]:
    """Give readings five minutes apart, the first at `reading`'s time."""
    return [replace(reading, time=reading.time + minutes(5 * step)) for step in range(rows)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cgm" / "cgm.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(path, clock=lambda: NOW)
    store.open()
    yield store
    store.close()


def test_building_a_store_touches_nothing(path: Path) -> None:
    Store(path, clock=lambda: NOW)

    assert not path.parent.exists()


def test_importing_the_store_leaves_sqlite_utils_for_later() -> None:
    asked = "import glucose.store, sys; print('sqlite_utils' in sys.modules)"

    found = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", asked],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(Path(sys.modules["glucose"].__path__[0]).parent)},
    )

    assert found.stdout.strip() == "False"


def test_a_first_opening_begins_anew_and_later_ones_know_the_same_history(path: Path) -> None:
    store = Store(path, clock=lambda: NOW)
    first = store.open()
    store.close()
    second = store.open()
    store.close()

    assert first.begun_anew
    assert not second.begun_anew
    assert len(first.store_id) == 32
    assert second.store_id == first.store_id
    assert (first.set_aside, second.set_aside) == (None, None)


def test_two_histories_have_different_ids(tmp_path: Path) -> None:
    stores = [Store(tmp_path / name, clock=lambda: NOW) for name in ("one.db", "two.db")]
    ids = {store.open().store_id for store in stores}
    for store in stores:
        store.close()

    assert len(ids) == 2


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("bound", [None, *Bound])
@pytest.mark.parametrize("trend", [None, *Trend])
def test_every_reading_comes_back_as_it_was(
    store: Store, kind: Kind, bound: Bound | None, trend: Trend | None
) -> None:
    reading = replace(READING, kind=kind, bound=bound, trend=trend)

    store.add("anna", [reading])

    assert store.readings("anna") == [reading]


def test_readings_outlive_a_restart(path: Path) -> None:
    before = Store(path, clock=lambda: NOW)
    before.open()
    before.add("anna", day_of(READING))
    before.close()
    after = Store(path, clock=lambda: NOW)
    after.open()

    assert after.readings("anna") == day_of(READING)
    after.close()


@pytest.mark.parametrize(
    "time",
    [
        datetime.min.replace(tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC, microsecond=999_000),
    ],
)
def test_the_ends_of_the_calendar_are_kept_exactly(store: Store, time: datetime) -> None:
    reading = replace(READING, time=time)

    store.add("anna", [reading])

    assert store.readings("anna") == [reading]
    assert store.newest("anna") == time


def test_a_time_is_cut_to_milliseconds_and_stays_one_reading(store: Store) -> None:
    store.add("anna", [replace(READING, time=NOW + timedelta(microseconds=1_999))])
    again = store.add("anna", [replace(READING, time=NOW + timedelta(microseconds=1_001))])

    assert again == Added(unchanged=1)
    assert store.newest("anna") == NOW + timedelta(milliseconds=1)


def test_an_empty_batch_adds_nothing(store: Store) -> None:
    assert store.add("anna", []) == Added()


def test_adding_counts_new_replaced_unchanged_and_tells_the_earliest_change(store: Store) -> None:
    first, second, third = day_of(READING, rows=3)
    store.add("anna", [first, second])

    added = store.add("anna", [third, first, replace(second, mg_dl=90)])

    assert added == Added(new=1, replaced=1, unchanged=1, earliest_change=second.time)
    assert store.readings("anna") == [first, replace(second, mg_dl=90), third]


def test_the_same_again_changes_nothing(store: Store) -> None:
    store.add("anna", day_of(READING))

    assert store.add("anna", day_of(READING)) == Added(unchanged=288)
    assert store.health().replaced == 0


@pytest.mark.parametrize(
    ("before", "later"),
    [
        (READING, replace(READING, mg_dl=105)),
        (READING, replace(READING, mg_dl=105, trend=None)),
        (READING, replace(READING, trend=Trend.UP)),
        (READING, replace(READING, trend=Trend.NONE)),
        (replace(READING, trend=None), READING),
        (READING, replace(READING, bound=Bound.LOW)),
        (replace(READING, bound=Bound.LOW), READING),
        (replace(READING, bound=Bound.LOW), replace(READING, bound=Bound.HIGH)),
    ],
)
def test_a_later_different_value_replaces_and_is_counted(
    store: Store, path: Path, before: Reading, later: Reading
) -> None:
    store.add("anna", [before])

    assert store.add("anna", [later]) == Added(replaced=1, earliest_change=NOW)
    assert store.readings("anna") == [later]
    store.close()
    store.open()
    assert store.health().replaced == 1


def test_an_answer_without_an_arrow_does_not_erase_a_known_one(store: Store) -> None:
    store.add("anna", [READING])

    assert store.add("anna", [replace(READING, trend=None)]) == Added(unchanged=1)
    assert store.readings("anna") == [READING]


def test_within_one_batch_the_last_of_an_identity_stays(store: Store) -> None:
    values = [replace(READING, mg_dl=value) for value in (100, 110, 110, 120)]

    assert store.add("anna", values) == Added(new=1, replaced=2, unchanged=1, earliest_change=NOW)
    assert store.readings("anna") == [values[-1]]


@pytest.mark.parametrize(
    "other",
    [
        replace(READING, source="libre"),
        replace(READING, series="graph"),
        replace(READING, kind=Kind.METER),
        replace(READING, time=NOW + timedelta(milliseconds=1)),
    ],
)
def test_another_identity_is_another_reading(store: Store, other: Reading) -> None:
    store.add("anna", [READING])

    assert store.add("anna", [other]).new == 1
    assert store.count("anna") == 2


def test_wearers_do_not_see_each_other(store: Store) -> None:
    store.add("anna", [READING])
    store.add("ben", [replace(READING, mg_dl=70)])

    assert store.readings("anna") == [READING]
    assert store.readings("ben") == [replace(READING, mg_dl=70)]
    assert store.readings("cleo") == []
    assert store.newest("cleo") is None
    assert store.oldest("cleo") is None
    assert store.count("cleo") == 0


def test_a_range_holds_its_start_and_not_its_end(store: Store) -> None:
    readings = day_of(READING)
    store.add("anna", reversed(readings))

    assert store.readings("anna", readings[10].time, readings[20].time) == readings[10:20]
    assert store.readings("anna", readings[280].time) == readings[280:]
    assert store.readings("anna", None, readings[3].time) == readings[:3]
    assert store.readings("anna", readings[3].time, readings[3].time) == []


def test_a_range_is_exact_to_the_microsecond(store: Store) -> None:
    store.add("anna", [READING])
    tick = timedelta(microseconds=1)

    assert store.readings("anna", NOW - tick, NOW + tick) == [READING]
    assert store.readings("anna", NOW + tick) == []
    assert store.readings("anna", None, NOW) == []


def test_a_range_may_be_asked_in_another_zone(store: Store) -> None:
    store.add("anna", [READING])
    there = NOW.astimezone(timezone(timedelta(hours=-8)))

    assert store.readings("anna", there) == [READING]


def test_several_series_come_sorted_by_time_then_by_name(store: Store) -> None:
    dexcom = day_of(READING, rows=3)
    graph = [replace(reading, source="libre", series="graph") for reading in dexcom]
    meter = [replace(reading, kind=Kind.METER) for reading in dexcom]
    store.add("anna", [*meter, *graph, *dexcom])

    assert store.readings("anna") == [
        reading for at_one_time in zip(dexcom, meter, graph, strict=True) for reading in at_one_time
    ]


def test_the_newest_is_told_by_source_and_kind(store: Store) -> None:
    libre = replace(READING, source="libre", series="graph", time=NOW + minutes(1))
    strip = replace(READING, kind=Kind.METER, time=NOW + minutes(2))
    store.add("anna", [READING, libre, strip, replace(READING, time=NOW - minutes(60))])

    assert store.newest("anna") == strip.time
    assert store.newest("anna", kind=Kind.CGM) == libre.time
    assert store.newest_of_source("anna", "dexcom") == strip.time
    assert store.newest_of_source("anna", "dexcom", kind=Kind.CGM) == NOW
    assert store.newest_of_source("anna", "nightscout") is None
    assert store.oldest("anna") == NOW - minutes(60)


def test_forgetting_a_wearer_takes_all_of_theirs_and_nothing_else(store: Store) -> None:
    store.add("anna", [*day_of(READING), replace(READING, kind=Kind.METER)])
    store.add("ben", [READING])
    store.note("anna", "delay", "12")
    store.note("ben", "delay", "15")

    assert store.forget_wearer("anna") == 289
    assert store.readings("anna") == []
    assert store.recall("anna", "delay") is None
    assert store.readings("ben") == [READING]
    assert store.recall("ben", "delay") == "15"
    assert store.add("anna", [READING]).new == 1


def test_one_reading_is_removed_and_no_other(store: Store) -> None:
    others = [
        replace(READING, time=NOW + minutes(5)),
        replace(READING, kind=Kind.METER),
        replace(READING, series="graph"),
        replace(READING, source="libre"),
    ]
    store.add("alex", [READING, *others])
    store.add("robin", [READING])

    # Another value of the same identity is the same reading.
    assert store.remove("alex", replace(READING, mg_dl=99))
    assert not store.remove("alex", READING)
    assert not store.remove("nobody", READING)

    assert set(store.readings("alex")) == set(others)
    assert store.readings("robin") == [READING]


def test_what_was_forgotten_is_in_no_byte_on_disk(store: Store, path: Path) -> None:
    store.add("wearer-to-forget", day_of(READING, rows=5_000))
    store.note("wearer-to-forget", "secret", "note-to-forget" * 1_000)
    written = b"".join(part.read_bytes() for part in path.parent.iterdir())

    store.forget_wearer("wearer-to-forget")

    left = b"".join(part.read_bytes() for part in path.parent.iterdir())
    assert b"wearer-to-forget" in written
    assert b"note-to-forget" in written
    assert b"to-forget" not in left


def test_notes_are_kept_changed_and_taken_away(store: Store) -> None:
    store.note("anna", "delay", "12")
    store.note("anna", "delay", "13")
    store.note("anna", "imported", '"2026"')
    store.note("anna", "imported", None)
    store.close()
    store.open()

    assert store.recall("anna", "delay") == "13"
    assert store.recall("anna", "imported") is None


def test_after_a_checkpoint_the_file_alone_is_a_backup(
    store: Store, path: Path, tmp_path: Path
) -> None:
    store.add("anna", day_of(READING))
    store.checkpoint()
    copy = tmp_path / "backup.db"
    copy.write_bytes(path.read_bytes())
    restored = Store(copy, clock=lambda: NOW)
    restored.open()

    assert restored.readings("anna") == day_of(READING)
    restored.close()


def test_closing_leaves_the_file_alone_and_may_be_repeated(store: Store, path: Path) -> None:
    store.add("anna", [READING])
    store.close()
    store.close()

    assert list(path.parent.iterdir()) == [path]


def test_opening_twice_is_opening_again(store: Store) -> None:
    store.add("anna", [READING])

    assert not store.open().begun_anew
    assert store.readings("anna") == [READING]


def test_a_closed_store_says_that_it_cannot_be_used_now(path: Path) -> None:
    store = Store(path, clock=lambda: NOW)

    with pytest.raises(StoreUnavailable, match="not open"):
        store.add("anna", [READING])


def test_health_counts_what_is_there(store: Store, path: Path) -> None:
    store.add("anna", day_of(READING))
    store.add("anna", [replace(READING, mg_dl=60)])
    health = store.health()

    assert (health.rows, health.replaced) == (288, 1)
    assert health.steps == (
        *("store_identity", "readings_by_series", "notes_of_wearers", "alarm_log"),
        "records_of_wearers",
    )
    assert health.file_bytes == sum(part.stat().st_size for part in path.parent.iterdir())


def test_a_row_takes_little_room(store: Store) -> None:
    store.add("anna", day_of(READING, rows=20_000))
    store.checkpoint()

    assert store.health().file_bytes / 20_000 < 25


def plan_of(path: Path, question: str, parameters: tuple[object, ...] | dict[str, object]) -> str:
    connection = sqlite3.connect(path)
    steps = connection.execute(f"EXPLAIN QUERY PLAN {question}", parameters).fetchall()
    connection.close()
    return "\n".join(step[-1] for step in steps)


def test_every_question_on_the_hot_path_goes_by_a_key(store: Store, path: Path) -> None:
    series = plan_of(path, SERIES_OF_WEARER, ("anna",))
    stretch = plan_of(path, STRETCH, (1, 0, 1))
    at_times = plan_of(path, AT_TIMES, ("[1]", 1))
    newest = plan_of(path, NEWEST, {"wearer": "anna", "source": None, "kind": None})
    oldest = plan_of(path, OLDEST, ("anna",))

    assert "SEARCH series USING" in series
    assert "(wearer=?)" in series
    assert "TEMP B-TREE" not in series
    assert stretch == (
        "SEARCH readings USING PRIMARY KEY (series_id=? AND time_ms>? AND time_ms<?)"
    )
    assert "SEARCH r USING PRIMARY KEY (series_id=? AND time_ms=?)" in at_times
    for end in (newest, oldest):
        assert "SEARCH series USING" in end
        assert "SEARCH readings USING PRIMARY KEY (series_id=?)" in end
        assert "SCAN series" not in end


def steps_to_newest(path: Path) -> int:
    """Count the steps of SQLite's virtual machine, which no busy machine can slow down."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection = sqlite3.connect(path)
    asked = {"wearer": "anna", "source": None, "kind": None}
    connection.execute(NEWEST, asked).fetchone()
    connection.set_progress_handler(step, 1)
    connection.execute(NEWEST, asked).fetchone()
    connection.close()
    return steps


def test_the_newest_reading_costs_the_same_in_a_long_history(store: Store, path: Path) -> None:
    store.add("anna", [READING])
    short = steps_to_newest(path)
    store.add("anna", day_of(READING, rows=20_000))

    assert steps_to_newest(path) == short > 0
