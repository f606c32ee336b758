"""One treatment told by several sources counts once; two doses count twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from glucose.fold_treatments import FOLD_WITHIN, fold_treatments, folded
from glucose.treatment import Treatment, TreatmentKind

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def carbs(
    source: str,
    minute: float = 0,
    amount: float | None = 45,
    kind: TreatmentKind = TreatmentKind.CARBS,
    note: str | None = None,
) -> Treatment:
    return Treatment(
        time=NOW + minute * MINUTE,
        kind=kind,
        amount=amount,
        note=note,
        source=source,
        id=f"{source} {minute} {kind}",
    )


def test_what_two_sources_tell_is_one_and_the_earliest_stays() -> None:
    site, clarity = carbs("site", 0), carbs("clarity", 3, note="lunch")

    assert fold_treatments([clarity, site]) == [site]


def test_each_is_known_with_all_that_was_told_of_it() -> None:
    told = [carbs("a", 0), carbs("b", 1), carbs("a", 2), carbs("b", 3, 30)]

    assert folded(reversed(told)) == [told[:2], told[2:3], told[3:]]


def test_of_one_source_two_alike_are_two() -> None:
    twice = [carbs("site", 0), carbs("site", 1)]

    assert fold_treatments(twice) == twice


def test_two_doses_told_by_two_sources_are_two() -> None:
    told = [carbs("a", 0), carbs("b", 0.5), carbs("a", 2), carbs("b", 2.5)]

    assert fold_treatments(told) == [told[0], told[2]]


def test_three_sources_fold_into_one() -> None:
    told = [carbs("a", 0), carbs("b", 1), carbs("c", 5)]

    assert fold_treatments(told) == told[:1]


@pytest.mark.parametrize(
    "other",
    [
        carbs("b", FOLD_WITHIN / MINUTE + 0.1),
        carbs("b", 0, 44),
        carbs("b", 0, None),
        carbs("b", 0, kind=TreatmentKind.EXERCISE),
    ],
)
def test_what_differs_does_not_fold(other: Treatment) -> None:
    assert len(fold_treatments([carbs("a"), other])) == 2


@pytest.mark.parametrize("kind", [TreatmentKind.NOTE, TreatmentKind.MEDICATION])
def test_notes_fold_by_their_text_and_changes_without_any(kind: TreatmentKind) -> None:
    def note(source: str, text: str) -> Treatment:
        return carbs(source, 0, None, kind, text)

    assert len(fold_treatments([note("a", "tea"), note("b", "cake")])) == 2
    assert len(fold_treatments([note("a", "tea"), note("b", "tea")])) == 1
    changes = [carbs(each, 0, None, TreatmentKind.SITE_CHANGE) for each in "ab"]
    assert len(fold_treatments(changes)) == 1


told = st.lists(
    st.builds(
        carbs,
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 20),
        st.sampled_from([10.0, 20.0]),
    ),
    max_size=12,
    unique_by=lambda each: (each.source, each.time, each.amount),
)


def counted(treatments: list[Treatment]) -> list[Treatment]:
    """The slow twin: each looks through all that were kept before it."""
    kept: list[tuple[Treatment, set[str]]] = []
    for each in sorted(treatments, key=lambda one: (one.time, one.source, one.id)):
        for first, sources in kept:
            if (
                first.amount == each.amount
                and each.time - first.time <= timedelta(minutes=5)
                and each.source not in sources
            ):
                sources.add(each.source)
                break
        else:
            kept.append((each, {each.source}))
    return [first for first, _ in kept]


@given(told)
def test_folding_counts_as_the_slow_twin(treatments: list[Treatment]) -> None:
    found = fold_treatments(treatments)

    assert found == counted(treatments)
    # However many sources there are, no source's own count is ever exceeded by folding.
    for source in "abc":
        own = [each for each in treatments if each.source == source]
        assert fold_treatments(own) == counted(own)
        assert len(own) <= len(found)


def test_folding_treatments_of_years_takes_a_moment() -> None:
    many = [carbs(source, step * 30) for step in range(20_000) for source in "ab"]

    assert len(fold_treatments(many)) == 20_000
