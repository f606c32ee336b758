"""Treatments and measurements in the history: kept, edited, deleted for good, erased, copied."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from glucose.errors import StoreDamaged, StoreUnavailable
from glucose.measurement import Measurement, MeasurementKind
from glucose.reading import Reading
from glucose.store import Added, Erased, LoggedAlarm, Store, file as store_file
from glucose.treatment import Intensity, Treatment, TreatmentKind

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
BOLUS = Treatment(
    time=NOW, kind=TreatmentKind.INSULIN_RAPID, amount=4.5, source="nightscout", id="a1"
)
RUN = Treatment(
    time=NOW + HOUR,
    kind=TreatmentKind.EXERCISE,
    amount=30,
    intensity=Intensity.VIGOROUS,
    source="own",
    id="run",
    note="up the hill",
)
PRESSURE = Measurement(
    time=NOW,
    kind=MeasurementKind.BLOOD_PRESSURE,
    value=121,
    diastolic=79,
    source="own",
    id="p1",
    note="left arm",
)
SLEEP = Measurement(
    time=NOW - HOUR, kind=MeasurementKind.SLEEP, value=431, quality=4, source="own", id="s1"
)
READING = Reading(time=NOW, mg_dl=104, source="dexcom", series="share")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cgm" / "cgm.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(path, clock=lambda: NOW)
    store.open()
    yield store
    store.close()


def everything(store: Store, wearer: str = "anna") -> tuple[list[object], ...]:
    """Give all that is kept of a wearer."""
    return (
        list(store.readings(wearer)),
        list(store.treatments.between(wearer)),
        list(store.measurements.between(wearer)),
        list(store.alarm_log(wearer)),
    )


def test_what_is_added_is_found_as_it_was_even_after_a_restart(store: Store) -> None:
    assert store.treatments.add("anna", [RUN, BOLUS]) == Added(new=2, earliest_change=NOW)
    assert store.measurements.add("anna", [PRESSURE, SLEEP]).new == 2
    store.close()
    store.open()

    assert store.treatments.between("anna") == [BOLUS, RUN]
    assert store.measurements.between("anna") == [SLEEP, PRESSURE]
    assert store.treatments.between("ben") == []


def test_nothing_added_is_nothing(store: Store) -> None:
    assert store.treatments.add("anna", []) == Added()


def test_a_period_begins_with_its_start_and_ends_before_its_end(store: Store) -> None:
    store.treatments.add("anna", [BOLUS, RUN])

    assert store.treatments.between("anna", NOW, NOW + HOUR) == [BOLUS]
    assert store.treatments.between("anna", NOW + timedelta(milliseconds=1)) == [RUN]


def test_kinds_are_chosen(store: Store) -> None:
    store.treatments.add("anna", [BOLUS, RUN])

    assert store.treatments.between("anna", kinds={TreatmentKind.EXERCISE}) == [RUN]
    assert store.treatments.between("anna", kinds=[]) == []
    assert store.treatments.between("anna", kinds=list(TreatmentKind)) == [BOLUS, RUN]


def test_the_same_again_changes_nothing_and_another_value_replaces_and_is_counted(
    store: Store,
) -> None:
    later = replace(BOLUS, amount=5, time=NOW - HOUR)
    store.treatments.add("anna", [BOLUS, RUN])

    assert store.treatments.add("anna", [BOLUS, RUN]) == Added(unchanged=2)
    assert store.treatments.add("anna", [later, RUN]) == Added(
        replaced=1, unchanged=1, earliest_change=NOW - HOUR
    )
    assert store.treatments.between("anna") == [later, RUN]
    assert store.health().replaced == 1
    assert store.health().records == 2


def test_a_change_reaches_back_to_where_the_record_was_before(store: Store) -> None:
    store.treatments.add("anna", [BOLUS])

    moved = store.treatments.add("anna", [replace(BOLUS, time=NOW + HOUR)])

    assert moved.earliest_change == NOW


def test_a_time_is_cut_to_milliseconds_and_stays_the_same_record(store: Store) -> None:
    fine = replace(BOLUS, time=NOW + timedelta(microseconds=1999))
    store.treatments.add("anna", [fine])

    assert store.treatments.add("anna", [fine]) == Added(unchanged=1)
    assert store.treatments.between("anna") == [
        replace(BOLUS, time=NOW + timedelta(milliseconds=1))
    ]


def test_an_edit_outlives_what_the_vendor_tells_again(store: Store) -> None:
    store.treatments.add("anna", [BOLUS])
    mine = replace(BOLUS, amount=4.0, note="half of it ran out")

    assert store.treatments.edit("anna", mine)
    assert store.treatments.add("anna", [BOLUS]) == Added(unchanged=1)
    assert store.treatments.between("anna") == [mine]
    assert store.treatments.edit("anna", BOLUS)
    assert store.treatments.get("anna", "nightscout", "a1") == BOLUS


def test_what_is_deleted_does_not_come_back_with_the_next_poll(store: Store) -> None:
    store.treatments.add("anna", [BOLUS, RUN])

    assert store.treatments.delete("anna", "nightscout", "a1")
    assert store.treatments.add("anna", [BOLUS]) == Added(unchanged=1)
    assert store.treatments.add("ben", [BOLUS]).new == 1
    assert store.treatments.between("anna") == [RUN]
    assert store.treatments.get("anna", "nightscout", "a1") is None


def test_what_is_not_there_is_neither_edited_nor_deleted(store: Store) -> None:
    assert not store.treatments.edit("anna", BOLUS)
    assert not store.treatments.delete("anna", "nightscout", "a1")
    assert store.treatments.add("anna", [BOLUS]).new == 1


def test_a_treatment_and_a_measurement_may_share_an_id(store: Store) -> None:
    weight = Measurement(
        time=NOW, kind=MeasurementKind.WEIGHT, value=81.4, source="nightscout", id="a1"
    )
    store.treatments.add("anna", [BOLUS])
    store.treatments.delete("anna", "nightscout", "a1")

    assert store.measurements.add("anna", [weight]).new == 1
    assert store.measurements.get("anna", "nightscout", "a1") == weight


def test_the_latest_of_a_kind_is_the_newest_that_is_not_ahead(store: Store) -> None:
    changes = [
        Treatment(
            time=NOW + hours * HOUR, kind=TreatmentKind.SITE_CHANGE, source="own", id=f"{hours}"
        )
        for hours in (-72, -2, 3)
    ]
    store.treatments.add("anna", [*changes, RUN])

    assert store.treatments.latest("anna", TreatmentKind.SITE_CHANGE, NOW) == changes[1]
    assert store.treatments.latest("anna", TreatmentKind.SITE_CHANGE, NOW - 2 * HOUR) == changes[1]
    assert store.treatments.latest("anna", TreatmentKind.SENSOR_CHANGE, NOW) is None


def test_all_or_none_is_written(store: Store) -> None:
    taken = BOLUS, replace(BOLUS, id="a2")
    object.__setattr__(taken[1], "amount", "4.5 of them")  # what no value can be

    with pytest.raises(sqlite3.IntegrityError):
        store.treatments.add("anna", taken)
    assert store.treatments.between("anna") == []
    assert store.treatments.add("anna", [BOLUS]).new == 1


def test_a_period_is_erased_and_the_rest_stays(store: Store) -> None:
    for wearer in ("anna", "ben"):
        store.add(wearer, [READING, replace(READING, time=NOW + HOUR)])
        store.treatments.add(wearer, [BOLUS, RUN])
        store.measurements.add(wearer, [PRESSURE, SLEEP])
        store.keep_alarms(wearer, "{}", [LoggedAlarm(at=NOW, kind="low", what="raised")])
    untouched = everything(store, "ben")

    erased = store.erase("anna", NOW, NOW + HOUR)

    assert erased == Erased(readings=1, treatments=1, measurements=1)
    assert everything(store) == ([replace(READING, time=NOW + HOUR)], [RUN], [SLEEP], [])
    assert everything(store, "ben") == untouched
    assert store.alarm_states("anna") == "{}"


def test_everything_of_a_wearer_is_erased_and_what_was_deleted_stays_away(store: Store) -> None:
    store.add("anna", [READING])
    store.treatments.add("anna", [BOLUS, RUN])
    store.treatments.delete("anna", "nightscout", "a1")
    store.note("anna", "cadence", "5 min")

    assert store.erase("anna") == Erased(readings=1, treatments=1)
    assert everything(store) == ([], [], [], [])
    assert store.recall("anna", "cadence") == "5 min"
    assert store.treatments.add("anna", [BOLUS, RUN]) == Added(
        new=1, unchanged=1, earliest_change=RUN.time
    )
    assert store.add("anna", [READING]).new == 1


def test_a_forgotten_wearer_leaves_nothing_in_the_file(store: Store, path: Path) -> None:
    store.treatments.add("anna", [RUN])
    store.measurements.add("anna", [PRESSURE])
    store.treatments.delete("anna", "own", "run")
    store.treatments.add("anna", [replace(RUN, id="secret id")])
    store.checkpoint()
    assert b"up the hill" in path.read_bytes()

    store.forget_wearer("anna")

    left = b"".join(part.read_bytes() for part in path.parent.iterdir())
    assert not [word for word in (b"anna", b"up the hill", b"left arm", b"secret") if word in left]
    assert store.treatments.add("anna", [RUN]).new == 1


def test_a_forgotten_wearer_brings_nothing_back_that_another_deleted(store: Store) -> None:
    for wearer in ("anna", "ben"):
        store.treatments.add(wearer, [RUN, BOLUS])
        store.treatments.delete(wearer, "own", "run")

    store.forget_wearer("anna")

    assert store.treatments.add("ben", [RUN]) == Added(unchanged=1)
    assert store.treatments.between("ben") == [BOLUS]


@pytest.mark.parametrize("wrong", ["amount = -1", "kind = 'juggling'"])
def test_a_row_that_cannot_be_a_record_is_damage(store: Store, path: Path, wrong: str) -> None:
    store.treatments.add("anna", [BOLUS])
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE treatments SET {wrong}")  # noqa: S608 - ours
    connection.close()

    with pytest.raises(StoreDamaged, match="cannot be a record"):
        store.treatments.between("anna")


@pytest.mark.parametrize("shelf", ["treatments", "measurements"])
@pytest.mark.parametrize(
    ("where", "key"),
    [
        ("wearer = 'a' AND time_ms >= 1 AND time_ms < 2", "by_time"),
        ("wearer = 'a' AND kind = 'carbs' AND time_ms <= 2 ORDER BY time_ms DESC", "by_kind"),
        ("(wearer, source, id) = ('a', 'b', 'c')", "PRIMARY KEY"),
    ],
)
def test_every_question_goes_by_a_key(
    store: Store, path: Path, shelf: str, where: str, key: str
) -> None:
    with sqlite3.connect(path) as connection:
        plan = str(
            connection.execute(
                f"EXPLAIN QUERY PLAN SELECT * FROM {shelf} WHERE {where}"  # noqa: S608 - ours
            ).fetchall()
        )
    connection.close()

    assert f"SEARCH {shelf} USING" in plan
    assert key in plan
    assert "TEMP B-TREE" not in plan


def test_writes_within_one_transaction_are_kept_together_or_not_at_all(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.writing():  # noqa: PT012 - the second is the point
        store.add("anna", [READING])
        store.treatments.add("anna", [BOLUS])
        assert store.count("anna") == 1
        raise ZeroDivisionError
    assert (store.count("anna"), store.treatments.between("anna")) == (0, [])
    with store.writing():
        store.add("anna", [READING])
        store.treatments.add("anna", [BOLUS])
    assert (store.count("anna"), store.treatments.between("anna")) == (1, [BOLUS])


def test_what_is_erased_is_in_no_byte_on_disk(store: Store, path: Path) -> None:
    store.treatments.add("anna", [replace(RUN, note="words to be gone")])
    store.erase("anna", start=RUN.time, end=RUN.time + HOUR)
    left = b"".join(part.read_bytes() for part in path.parent.iterdir())
    assert b"words to be gone" not in left


def test_what_is_erased_in_a_readers_way_is_gone_and_its_bytes_follow(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_file, "BUSY_SECONDS", 0.05)
    store.open()
    store.treatments.add("anna", [replace(RUN, note="words to be gone")])
    store.treatments.add("ben", [replace(RUN, note="and these")])
    store.checkpoint()
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM treatments").fetchone()
    assert store.erase("anna") == Erased(treatments=1)
    store.forget_wearer("ben")
    assert store.treatments.between("anna") == store.treatments.between("ben") == []
    assert b"words to be gone" in path.read_bytes()
    reader.close()
    store.close()
    assert b"words to be gone" not in path.read_bytes()
    assert b"and these" not in path.read_bytes()


# --- the copy for a backup ---


def test_a_copy_holds_what_was_committed_and_is_a_store_of_its_own(
    store: Store, path: Path, tmp_path: Path
) -> None:
    store.add("anna", [READING])
    store.treatments.add("anna", [BOLUS, RUN])
    store.measurements.add("anna", [PRESSURE])
    store.keep_alarms("anna", "{}", [LoggedAlarm(at=NOW, kind="low", what="raised")])
    held = everything(store)
    copy = tmp_path / "backup" / "cgm.db"

    store.copy_to(copy)
    store.add("anna", [replace(READING, time=NOW + HOUR)])

    restored = Store(copy, clock=lambda: NOW)
    opened = restored.open()
    assert (opened.set_aside, opened.begun_anew) == (None, False)
    assert everything(restored) == held
    restored.close()
    assert store.open().store_id == opened.store_id
    assert store.count("anna") == 2


def test_a_copy_is_private_complete_in_one_file_and_replaces_an_earlier_one(
    store: Store, tmp_path: Path
) -> None:
    copy = tmp_path / "backup" / "cgm.db"
    store.copy_to(copy)
    store.treatments.add("anna", [BOLUS])
    copy.with_name("cgm.db.new").write_bytes(b"half of one")
    store.copy_to(copy)

    assert [part.name for part in copy.parent.iterdir()] == ["cgm.db"]
    assert copy.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM treatments").fetchone() == (1,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_no_copy_is_served_without_login_and_none_is_left_half_made(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreUnavailable, match="www"):
        store.copy_to(tmp_path / "www" / "cgm.db")
    assert not (tmp_path / "www").exists()

    copy = tmp_path / "backup" / "cgm.db"
    store.copy_to(copy)
    before = copy.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", _full)
        with pytest.raises(StoreUnavailable, match="No space"):
            store.copy_to(copy)
    assert [part.name for part in copy.parent.iterdir()] == ["cgm.db"]
    assert copy.read_bytes() == before
    store.copy_to(copy)


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_closed_history_is_not_copied(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="not open"):
        Store(path, clock=lambda: NOW).copy_to(tmp_path / "copy.db")
