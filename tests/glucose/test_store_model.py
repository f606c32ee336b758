"""The history against a plain dictionary, whatever is done to both."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from glucose.reading import Bound, Kind, Reading
from glucose.store import Added, Store
from glucose.trend import Trend

START = datetime(2026, 11, 20, tzinfo=UTC)

wearers = st.sampled_from(["anna", "ben"])
# Few times, so that they meet, some of them not whole milliseconds; and now and then a far one.
times = st.one_of(
    st.integers(0, 12).map(lambda step: START + timedelta(microseconds=500 * step)),
    st.integers(-1000, 1000).map(lambda step: START + timedelta(days=step)),
)
readings = st.builds(
    Reading,
    time=times,
    mg_dl=st.integers(100, 102),
    source=st.sampled_from(["dexcom", "libre"]),
    series=st.sampled_from(["current", "graph"]),
    kind=st.sampled_from(Kind),
    bound=st.sampled_from([None, None, Bound.LOW, Bound.HIGH]),
    trend=st.sampled_from([None, Trend.FLAT, Trend.NONE]),
)


class Model:
    """One wearer's history as one would first write it: a dictionary by identity."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, Kind, str, datetime], Reading] = {}
        self.replaced = 0

    def add(self, batch: list[Reading]) -> Added:
        new, replaced, changed = 0, 0, []
        for given in batch:
            cut = given.time.microsecond % 1000
            reading = replace(given, time=given.time - timedelta(microseconds=cut))
            before = self.kept.get(reading.identity)
            if before is None:
                new += 1
            elif before in {reading, replace(reading, trend=reading.trend or before.trend)}:
                continue
            else:
                replaced += 1
            changed.append(reading.time)
            self.kept[reading.identity] = reading
        self.replaced += replaced
        unchanged = len(batch) - new - replaced
        return Added(new, replaced, unchanged, min(changed, default=None))

    def between(self, start: datetime | None, end: datetime | None) -> list[Reading]:
        found = [
            reading
            for reading in self.kept.values()
            if (start is None or reading.time >= start) and (end is None or reading.time < end)
        ]
        return sorted(found, key=lambda r: (r.time, r.source, r.kind, r.series))

    def newest(self, sources: set[str]) -> datetime | None:
        return max((r.time for r in self.kept.values() if r.source in sources), default=None)


class StoreAgainstModel(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name) / "cgm.db", clock=lambda: START)
        self.store_id = self.store.open().store_id
        self.models = {"anna": Model(), "ben": Model()}
        self.notes: dict[tuple[str, str], str] = {}

    @rule(wearer=wearers, batch=st.lists(readings, max_size=12))
    def add(self, wearer: str, batch: list[Reading]) -> None:
        assert self.store.add(wearer, batch) == self.models[wearer].add(batch)

    @rule(wearer=wearers, start=st.none() | times, end=st.none() | times)
    def read(self, wearer: str, start: datetime | None, end: datetime | None) -> None:
        assert self.store.readings(wearer, start, end) == self.models[wearer].between(start, end)

    @rule(wearer=wearers)
    def forget(self, wearer: str) -> None:
        assert self.store.forget_wearer(wearer) == len(self.models[wearer].kept)
        self.models[wearer] = Model()
        self.notes = {key: value for key, value in self.notes.items() if key[0] != wearer}

    @rule(wearer=wearers, key=st.sampled_from(["delay", "refusals"]), value=st.text(max_size=5))
    def note(self, wearer: str, key: str, value: str) -> None:
        self.store.note(wearer, key, value)
        self.notes[wearer, key] = value

    @rule(wearer=wearers, key=st.sampled_from(["delay", "refusals"]))
    def recall(self, wearer: str, key: str) -> None:
        assert self.store.recall(wearer, key) == self.notes.get((wearer, key))

    @rule()
    def reopen(self) -> None:
        self.store.close()
        opened = self.store.open()
        assert opened.store_id == self.store_id
        assert opened.set_aside is None

    @invariant()
    def agrees(self) -> None:
        for wearer, model in self.models.items():
            assert self.store.count(wearer) == len(model.kept)
            assert self.store.newest(wearer) == model.newest({"dexcom", "libre"})
            assert self.store.newest_of_source(wearer, "libre") == model.newest({"libre"})
        health = self.store.health()
        assert health.rows == sum(len(model.kept) for model in self.models.values())
        assert health.replaced == sum(model.replaced for model in self.models.values())

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestStoreAgainstModel = StoreAgainstModel.TestCase
TestStoreAgainstModel.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
