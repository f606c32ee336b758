"""The history's treatments against a plain dictionary, whatever is done to both."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from glucose.store import Added, Store
from glucose.treatment import LARGEST_AMOUNT, LEAST_AMOUNT, UNITS, Treatment, TreatmentKind

START = datetime(2026, 11, 20, tzinfo=UTC)
Key = tuple[str, str]

wearers = st.sampled_from(["anna", "ben"])
keys = st.tuples(st.sampled_from(["own", "site"]), st.sampled_from(["1", "2", "ä 3"]))
times = st.integers(0, 12).map(lambda step: START + timedelta(microseconds=500 * step))
far_times = st.integers(-1000, 1000).map(lambda step: START + timedelta(days=step))


@st.composite
def treatments(draw: st.DrawFn) -> Treatment:
    """Draw any treatment, few of whose ids differ."""
    kind = draw(st.sampled_from(TreatmentKind))
    unit = UNITS.get(kind)
    amounts = st.none() if unit is None else st.floats(LEAST_AMOUNT, LARGEST_AMOUNT[unit])
    source, id_ = draw(keys)
    return Treatment(
        time=draw(st.one_of(times, far_times)),
        kind=kind,
        amount=draw(st.sampled_from([1, 2.5]) if unit and draw(st.booleans()) else amounts),
        note=draw(st.sampled_from(["a", "b\nc", "🍏"])),
        source=source,
        id=id_,
    )


def cut(treatment: Treatment) -> Treatment:
    spare = timedelta(microseconds=treatment.time.microsecond % 1000)
    return replace(treatment, time=treatment.time - spare)


class Model:
    """One wearer's treatments as one would first write it."""

    def __init__(self) -> None:
        self.kept: dict[Key, Treatment] = {}
        self.edited: set[Key] = set()
        self.deleted: set[Key] = set()

    def add(self, batch: list[Treatment]) -> Added:
        given = {(each.source, each.id): cut(each) for each in batch}
        new, replaced, touched = 0, 0, []
        for key, treatment in given.items():
            before = self.kept.get(key)
            if key in self.edited | self.deleted or before == treatment:
                continue
            if before is None:
                new += 1
            else:
                replaced += 1
                touched.append(before.time)
            touched.append(treatment.time)
            self.kept[key] = treatment
        return Added(new, replaced, len(given) - new - replaced, min(touched, default=None))

    def edit(self, treatment: Treatment) -> bool:
        key = treatment.source, treatment.id
        if key not in self.kept:
            return False
        self.kept[key] = cut(treatment)
        self.edited.add(key)
        return True

    def delete(self, key: Key) -> bool:
        if self.kept.pop(key, None) is None:
            return False
        self.edited.discard(key)
        self.deleted.add(key)
        return True

    def between(
        self, start: datetime | None, end: datetime | None, kinds: set[TreatmentKind] | None
    ) -> list[Treatment]:
        found = [
            each
            for each in self.kept.values()
            if (start is None or each.time >= start)
            and (end is None or each.time < end)
            and (kinds is None or each.kind in kinds)
        ]
        return sorted(found, key=lambda each: (each.time, each.source, each.id))

    def erase(self, start: datetime | None, end: datetime | None) -> int:
        gone = self.between(start, end, None)
        for each in gone:
            del self.kept[each.source, each.id]
            self.edited.discard((each.source, each.id))
        return len(gone)


class RecordsAgainstModel(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "cgm.db"
        self.store = Store(self.path, clock=lambda: START)
        self.store.open()
        self.models = {"anna": Model(), "ben": Model()}

    @rule(wearer=wearers, batch=st.lists(treatments(), max_size=8))
    def add(self, wearer: str, batch: list[Treatment]) -> None:
        assert self.store.treatments.add(wearer, batch) == self.models[wearer].add(batch)

    @rule(wearer=wearers, treatment=treatments())
    def edit(self, wearer: str, treatment: Treatment) -> None:
        assert self.store.treatments.edit(wearer, treatment) == self.models[wearer].edit(treatment)

    @rule(wearer=wearers, key=keys)
    def delete(self, wearer: str, key: Key) -> None:
        assert self.store.treatments.delete(wearer, *key) == self.models[wearer].delete(key)

    @rule(wearer=wearers, start=st.none() | times, end=st.none() | times | far_times)
    def erase(self, wearer: str, start: datetime | None, end: datetime | None) -> None:
        erased = self.store.erase(wearer, start, end)
        assert erased.treatments == self.models[wearer].erase(start, end)

    @rule(wearer=wearers)
    def forget(self, wearer: str) -> None:
        self.store.forget_wearer(wearer)
        self.models[wearer] = Model()

    @rule()
    def reopen(self) -> None:
        self.store.close()
        assert self.store.open().set_aside is None

    @rule()
    def restore(self) -> None:
        self.store.copy_to(self.path.with_name("copy.db"))
        self.store.close()
        self.path.with_name("copy.db").replace(self.path)
        assert not self.store.open().begun_anew

    @rule(
        wearer=wearers,
        start=st.none() | times,
        end=st.none() | times,
        kinds=st.none() | st.sets(st.sampled_from(TreatmentKind)),
    )
    def read(
        self,
        wearer: str,
        start: datetime | None,
        end: datetime | None,
        kinds: set[TreatmentKind] | None,
    ) -> None:
        found = self.store.treatments.between(wearer, start, end, kinds=kinds)
        assert found == self.models[wearer].between(start, end, kinds)

    @rule(wearer=wearers, kind=st.sampled_from(TreatmentKind), until=times)
    def latest(self, wearer: str, kind: TreatmentKind, until: datetime) -> None:
        held = [
            each for each in self.models[wearer].between(None, None, {kind}) if each.time <= until
        ]
        newest = max((each.time for each in held), default=None)
        found = self.store.treatments.latest(wearer, kind, until)
        assert found == next((each for each in held if each.time == newest), None)

    @invariant()
    def agrees(self) -> None:
        for wearer, model in self.models.items():
            assert self.store.treatments.between(wearer) == model.between(None, None, None)
            for key in model.deleted:
                assert self.store.treatments.get(wearer, *key) is None
        kept = sum(len(model.kept) for model in self.models.values())
        assert self.store.health().records == kept

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestRecordsAgainstModel = RecordsAgainstModel.TestCase
TestRecordsAgainstModel.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
