"""One treatment told by several sources is shown and counted once; the store keeps them all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from .treatment import Treatment, TreatmentKind

# App, pump and site tell one dose by their own clocks, and people round to five minutes.
FOLD_WITHIN = timedelta(minutes=5)


def fold_treatments(treatments: Iterable[Treatment]) -> list[Treatment]:
    """Return the treatments oldest first, those that several sources tell folded into one.

    They agree in kind and amount (a note or a medication in its text) and lie within five
    minutes; the earliest stays as it is. Of one source nothing folds: it may well be two doses,
    and a second source that tells both leaves both. For what the store gives, once.
    """
    return [copies[0] for copies in folded(treatments)]


def folded(treatments: Iterable[Treatment]) -> list[list[Treatment]]:
    """Return the same with all that was told of each, the one that is shown first."""
    told: dict[tuple[TreatmentKind, float | None, str | None], list[list[Treatment]]]
    told = defaultdict(list)
    found: list[list[Treatment]] = []
    for treatment in sorted(treatments, key=lambda each: (each.time, each.source, each.id)):
        alike = told[_what(treatment)]
        while alike and treatment.time - alike[0][0].time > FOLD_WITHIN:
            del alike[0]
        same = next(
            (copies for copies in alike if all(copy.source != treatment.source for copy in copies)),
            None,
        )
        if same is None:
            same = []
            alike.append(same)
            found.append(same)
        same.append(treatment)
    return found


def _what(treatment: Treatment) -> tuple[TreatmentKind, float | None, str | None]:
    worded = treatment.kind in {TreatmentKind.NOTE, TreatmentKind.MEDICATION}
    return treatment.kind, treatment.amount, treatment.note if worded else None
