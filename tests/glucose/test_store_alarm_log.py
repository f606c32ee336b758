"""What the history keeps of alarms: where they stand, and what happened, for two years at least."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from glucose.errors import StoreDamaged, StoreUnavailable
from glucose.reading import Reading
from glucose.store import LoggedAlarm, Store
from glucose.store.alarm_log import KEPT_AT_LEAST
from glucose.store.migrations import MIGRATIONS

NOW = datetime(2026, 11, 21, 3, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TWO_YEARS = timedelta(days=730)
FIRED = LoggedAlarm(at=NOW, kind="low", what="fired", about={"mg_dl": 66, "marks": ["meter"]})


def at(row: LoggedAlarm) -> datetime:
    return row.at


def cleared(after: timedelta = 20 * MINUTE) -> LoggedAlarm:
    return LoggedAlarm(at=NOW + after, kind="low", what="cleared")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cgm.db"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(path: Path, clock: Clock) -> Iterator[Store]:
    store = Store(path, clock=clock)
    store.open()
    yield store
    store.close()


def test_states_and_log_survive_closing(store: Store) -> None:
    assert store.alarm_states("anna") is None
    store.keep_alarms("anna", "where they stand", [FIRED, cleared()])
    store.close()
    store.open()
    assert store.alarm_states("anna") == "where they stand"
    assert store.alarm_log("anna") == [FIRED, cleared()]


def test_the_newest_states_stand_and_the_log_grows(store: Store) -> None:
    store.keep_alarms("anna", "one", [FIRED])
    store.keep_alarms("anna", "two", [])
    assert store.alarm_states("anna") == "two"
    store.keep_alarms("anna", "three", [cleared()])
    assert store.alarm_log("anna") == [FIRED, cleared()]


def test_it_is_read_by_time_oldest_first_and_as_written_where_times_are_equal(store: Store) -> None:
    again = LoggedAlarm(at=NOW, kind="high", what="fired")
    store.keep_alarms("anna", "", [cleared(), FIRED, again])
    assert store.alarm_log("anna") == [FIRED, again, cleared()]
    assert store.alarm_log("anna", NOW, NOW + 20 * MINUTE) == [FIRED, again]
    assert store.alarm_log("anna", NOW + MINUTE) == [cleared()]
    assert store.alarm_log("anna", end=NOW) == []


def test_each_wearer_has_their_own(store: Store) -> None:
    store.keep_alarms("anna", "hers", [FIRED])
    store.keep_alarms("ben", "his", [cleared()])
    assert (store.alarm_states("anna"), store.alarm_log("anna")) == ("hers", [FIRED])
    assert (store.alarm_states("ben"), store.alarm_log("ben")) == ("his", [cleared()])


def test_a_wearer_who_is_forgotten_leaves_no_alarm(store: Store) -> None:
    store.add("anna", [Reading(time=NOW, mg_dl=66, source="a", series="live")])
    store.keep_alarms("anna", "hers", [FIRED])
    store.keep_alarms("ben", "his", [FIRED])
    store.forget_wearer("anna")
    assert (store.alarm_states("anna"), store.alarm_log("anna")) == (None, [])
    assert (store.alarm_states("ben"), store.alarm_log("ben")) == ("his", [FIRED])


def many(start: datetime, number: int = KEPT_AT_LEAST) -> list[LoggedAlarm]:
    """So many rows, a minute apart."""
    return [LoggedAlarm(at=start + i * MINUTE, kind="low", what="repeated") for i in range(number)]


def test_two_years_are_kept_by_wearer(store: Store, clock: Clock) -> None:
    store.keep_alarms("anna", "", [FIRED])
    store.keep_alarms("ben", "", [FIRED])
    clock.now = NOW + TWO_YEARS
    newer = many(clock.now - timedelta(days=30))
    store.keep_alarms("anna", "", newer)
    assert store.alarm_log("anna") == [FIRED, *newer]
    clock.now += MINUTE
    store.keep_alarms("anna", "", [])
    assert store.alarm_log("anna") == [FIRED, *newer]
    store.keep_alarms("anna", "", [cleared(TWO_YEARS)])
    assert store.alarm_log("anna", end=NOW + TWO_YEARS) == newer
    assert store.alarm_log("ben") == [FIRED]


def test_what_was_written_last_is_kept_whatever_its_age(store: Store, clock: Clock) -> None:
    store.keep_alarms("anna", "", [FIRED, cleared()])
    clock.now = NOW + 5 * TWO_YEARS
    last = many(clock.now, KEPT_AT_LEAST - 1)
    store.keep_alarms("anna", "", last)
    assert store.alarm_log("anna") == [cleared(), *last]


@pytest.mark.parametrize("off", [30 * TWO_YEARS, -30 * TWO_YEARS], ids=["ahead", "behind"])
def test_a_clock_set_far_off_and_back_deletes_no_row_of_before(
    store: Store, clock: Clock, off: timedelta
) -> None:
    before = many(NOW, 50)
    store.keep_alarms("anna", "", before)
    clock.now = NOW + off
    wrong = cleared(off)
    store.keep_alarms("anna", "", [wrong])
    clock.now = NOW + 60 * MINUTE
    after = cleared(60 * MINUTE)
    store.keep_alarms("anna", "", [after])
    assert store.alarm_log("anna") == sorted([*before, wrong, after], key=lambda one: one.at)
    # And the row of the wrong day does not stay for ever.
    store.keep_alarms("anna", "", many(clock.now))
    kept = store.alarm_log("anna")
    assert wrong not in kept
    assert {*map(at, before), after.at} <= {*map(at, kept)}


def test_one_row_dated_years_ahead_deletes_no_other(store: Store) -> None:
    before = many(NOW - timedelta(days=300), 2 * KEPT_AT_LEAST)
    store.keep_alarms("anna", "", before)
    ahead = cleared(4 * TWO_YEARS)
    store.keep_alarms("anna", "", [ahead])
    assert store.alarm_log("anna") == [*before, ahead]


def test_what_cannot_be_written_changes_neither_states_nor_log(store: Store) -> None:
    store.keep_alarms("anna", "before", [FIRED])
    broken = LoggedAlarm(at=NOW, kind="low", what="fired", about={"mg_dl": object()})
    with pytest.raises(TypeError):
        store.keep_alarms("anna", "after", [cleared(), broken])
    assert (store.alarm_states("anna"), store.alarm_log("anna")) == ("before", [FIRED])


@pytest.mark.parametrize("text", ["{", "[]", "7"])
def test_a_row_that_was_not_written_so_is_damage(store: Store, path: Path, text: str) -> None:
    store.keep_alarms("anna", "", [FIRED])
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alarm_log SET about = ?", (text,))
    connection.commit()
    connection.close()
    with pytest.raises(StoreDamaged):
        store.alarm_log("anna")


def test_a_closed_store_keeps_nothing(store: Store) -> None:
    store.close()
    with pytest.raises(StoreUnavailable):
        store.keep_alarms("anna", "", [])
    with pytest.raises(StoreUnavailable):
        store.alarm_log("anna")


def test_a_history_of_the_release_before_gets_its_log(path: Path) -> None:
    before = Store(path, clock=lambda: NOW, migrations=MIGRATIONS[:3])
    before.open()
    before.note("anna", "delay", "7")
    before.close()
    store = Store(path, clock=lambda: NOW)
    store.open()
    assert store.alarm_log("anna") == []
    store.keep_alarms("anna", "now", [FIRED])
    assert store.alarm_log("anna") == [FIRED]
    assert store.recall("anna", "delay") == "7"
    store.close()
