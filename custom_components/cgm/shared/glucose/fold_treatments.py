"""One treatment told by several sources is shown and counted once; the store keeps them all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from .treatment import Treatment, TreatmentKind

# App, pump and site tell one dose by their own clocks, and people round to five minutes.
FOLD_WITHIN = timedelta(minutes=5)


@dataclass(slots=True)
class _Told:
    """The first that told of a treatment, and every source that did."""

    first: Treatment
    sources: set[str] = field(default_factory=set)


def fold_treatments(treatments: Iterable[Treatment]) -> list[Treatment]:
    """Return the treatments oldest first, those that several sources tell folded into one.

    They agree in kind and amount (a note or a medication in its text) and lie within five
    minutes; the earliest stays as it is. Of one source nothing folds: it may well be two doses,
    and a second source that tells both leaves both. For what the store gives, once.
    """
    told: dict[tuple[TreatmentKind, float | None, str | None], list[_Told]] = defaultdict(list)
    kept: list[Treatment] = []
    for treatment in sorted(treatments, key=lambda each: (each.time, each.source, each.id)):
        alike = told[_what(treatment)]
        while alike and treatment.time - alike[0].first.time > FOLD_WITHIN:
            del alike[0]
        same = next((each for each in alike if treatment.source not in each.sources), None)
        if same is None:
            same = _Told(treatment)
            alike.append(same)
            kept.append(treatment)
        same.sources.add(treatment.source)
    return kept


def _what(treatment: Treatment) -> tuple[TreatmentKind, float | None, str | None]:
    worded = treatment.kind in {TreatmentKind.NOTE, TreatmentKind.MEDICATION}
    return treatment.kind, treatment.amount, treatment.note if worded else None
