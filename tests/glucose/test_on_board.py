"""Insulin and carbs on board: LoopKit's and oref0's figures, the curves' laws, and what counts.

The figures are read from ../shared/data/onboard; none of them is kept here.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from glucose.forecast.carbs_on_board import Absorption, CarbModel, carbs_on_board
from glucose.forecast.insulin_on_board import (
    INSULIN_MODELS,
    InsulinModel,
    insulin_activity,
    insulin_on_board,
)
from glucose.treatment import Treatment, TreatmentKind

ONBOARD = Path(__file__).parents[3] / "shared/data/onboard"
NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
ADULT = INSULIN_MODELS["adult"]

published = pytest.mark.skipif(not ONBOARD.is_dir(), reason=f"needs the data in {ONBOARD}")


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def document(name: str) -> Any:  # noqa: ANN401 - JSON of others
    return json.loads((ONBOARD / name).read_text())


def utc(text: str) -> datetime:
    """Read a time of LoopKit's (no offset: all of one clock) or oref0's."""
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def dose(
    amount: float | None,
    time: datetime = NOW,
    kind: TreatmentKind = TreatmentKind.INSULIN_RAPID,
) -> Treatment:
    return Treatment(time=time, kind=kind, source="own", id=f"{time} {kind}", amount=amount)


@published
def test_insulin_agrees_with_loopkit() -> None:
    doses = [dose(each["amount"], utc(each["start_at"])) for each in document("bolus_dose.json")]
    expected = document("iob_from_bolus_exponential_output.json")

    found = [insulin_on_board(doses, ADULT, utc(each["date"])) for each in expected]

    assert len(found) > 50
    assert found == pytest.approx([each["value"] for each in expected], abs=1e-9)


@published
def test_carbs_agree_with_loopkit() -> None:
    """The published curve is of six meals, only one of which (44 g) is in the published list.

    The others follow from the curve: each jump is a meal, and what is gone of it ten minutes
    later tells its second. That all 75 values agree is what is tested.
    """
    day = "2015-10-15T"
    (meal,) = [each for each in document("carb_entry_input.json") if each["amount"] == 44]
    eaten = [
        dose(grams, utc(day + time), TreatmentKind.CARBS)
        for grams, time in (
            *((30, "18:43:56"), (30, "18:52:32"), (20, "18:58:10")),
            *((30, "20:05:10"), (35, "20:55:28")),
        )
    ]
    eaten.append(dose(meal["amount"], utc(meal["start_at"]), TreatmentKind.CARBS))
    expected = document("carbs_on_board_output.json")

    found = [carbs_on_board(eaten, CarbModel(), utc(each["date"])) for each in expected]

    assert len(found) == 75
    assert found == pytest.approx([each["amount"] for each in expected], abs=1e-9)


@published
def test_a_bolus_agrees_with_oref0() -> None:
    """To the three decimals that oref0 prints; its curve has no delay."""
    (bolus,) = [each for each in document("oref0_pumphistory.json") if each["_type"] == "Bolus"]
    profile = document("oref0_profile.json")
    model = InsulinModel(
        duration=timedelta(hours=profile["dia"]),
        peak=minutes(profile["insulinPeakTime"]),
        delay=timedelta(0),
    )
    taken = [dose(bolus["amount"], utc(bolus["timestamp"]))]
    expected = document("oref0_iob.json")

    found = [insulin_on_board(taken, model, utc(each["time"])) for each in expected]

    assert len(found) == 48
    assert found == pytest.approx([each["bolusiob"] for each in expected], abs=0.001)


def test_the_adult_curve_has_the_figures_of_its_formula() -> None:
    model = InsulinModel(delay=timedelta(0))

    found = [round(model.left(timedelta(hours=hours)), 4) for hours in range(1, 6)]

    assert found == [0.7793, 0.4498, 0.2082, 0.0727, 0.0139]


@pytest.mark.parametrize("name", sorted(INSULIN_MODELS))
def test_a_dose_peaks_at_its_peak_and_is_gone_at_its_end(name: str) -> None:
    model = INSULIN_MODELS[name]
    whole = range(400)
    strongest = max(whole, key=lambda t: model.activity(model.delay + minutes(t)))

    assert strongest == model.peak // minutes(1)
    assert model.left(model.delay) == 1.0
    assert model.left(model.delay + model.duration) == 0.0
    assert model.left(model.delay + model.duration - minutes(0.001)) == pytest.approx(0, abs=1e-6)
    assert model.activity(model.delay + model.duration) == 0.0


models = st.builds(
    lambda hours, share, delay: InsulinModel(
        duration=timedelta(hours=hours),
        peak=timedelta(hours=hours) * share,
        delay=minutes(delay),
    ),
    st.floats(2, 12),
    st.floats(0.05, 0.48),
    st.integers(0, 60),
)


@given(model=models, age=st.floats(-60, 800))
def test_what_is_left_falls_as_the_activity_says(model: InsulinModel, age: float) -> None:
    """The slow twin: activity is the slope of what is left."""
    before, after = model.left(minutes(age - 0.01)), model.left(minutes(age + 0.01))

    assert -1e-9 <= after <= before <= 1 + 1e-9
    assert (before - after) / 0.02 == pytest.approx(model.activity(minutes(age)), abs=2e-4)


@pytest.mark.parametrize(
    "given_",
    [
        {"duration": minutes(119)},
        {"duration": minutes(721)},
        {"peak": minutes(180)},
        {"peak": minutes(0)},
        {"delay": minutes(-1)},
        {"delay": minutes(61)},
    ],
)
def test_an_insulin_that_the_formula_cannot_answer_is_refused(
    given_: dict[str, timedelta],
) -> None:
    with pytest.raises(ValueError, match=r"insulin|delay"):
        InsulinModel(**given_)


@pytest.mark.parametrize(
    "given_",
    [{"duration": minutes(29)}, {"duration": minutes(601)}, {"delay": minutes(61)}],
)
def test_a_meal_that_is_none_is_refused(given_: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"meal|delay"):
        CarbModel(**given_)


def test_only_rapid_insulin_that_was_taken_counts() -> None:
    taken = dose(2.0, NOW - minutes(60))
    others = [
        dose(20.0, NOW - minutes(60), TreatmentKind.INSULIN_LONG),
        dose(40.0, NOW - minutes(60), TreatmentKind.CARBS),
        dose(None, NOW - minutes(30)),
        dose(5.0, NOW + minutes(1)),
    ]

    assert insulin_on_board([taken, *others], ADULT, NOW) == 2.0 * ADULT.left(minutes(60))
    assert insulin_activity([taken, *others], ADULT, NOW) == 2.0 * ADULT.activity(minutes(60))
    assert insulin_on_board(others, ADULT, NOW) == 0.0


def test_only_carbs_that_were_eaten_count() -> None:
    eaten = dose(40.0, NOW - minutes(60), TreatmentKind.CARBS)
    others = [
        dose(2.0, NOW - minutes(60)),
        dose(None, NOW - minutes(30), TreatmentKind.CARBS),
        dose(50.0, NOW + minutes(1), TreatmentKind.CARBS),
    ]

    left = 40.0 * (1 - CarbModel().absorbed(minutes(60)))
    assert carbs_on_board([eaten, *others], CarbModel(), NOW) == left
    assert 0 < left < 40


@pytest.mark.parametrize(
    ("absorption", "rate"),
    [
        (Absorption.LINEAR, lambda _: 1.0),
        (Absorption.PARABOLIC, lambda x: 4 * x if x < 0.5 else 4 * (1 - x)),
        (
            Absorption.PIECEWISE,
            lambda x: 2 / 1.35 * (x / 0.15 if x < 0.15 else 1.0 if x < 0.5 else 2 * (1 - x)),
        ),
    ],
)
def test_a_meal_is_absorbed_at_its_rate(absorption: Absorption, rate: Any) -> None:  # noqa: ANN401 - a function of the share
    """The slow twin: the share absorbed is the sum of the rate over small steps."""
    model = CarbModel(absorption=absorption)
    steps = 20_000
    total = 0.0
    for step in range(steps):
        x = step / steps
        assert model.absorbed(model.delay + model.duration * x) == pytest.approx(total, abs=1e-4)
        total += rate((step + 0.5) / steps) / steps
    assert math.isclose(total, 1.0, abs_tol=1e-9)
    assert model.absorbed(model.delay) == 0.0
    assert model.absorbed(model.delay + model.duration) == 1.0
