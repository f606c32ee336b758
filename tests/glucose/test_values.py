"""The values that cannot be wrong once built."""

from __future__ import annotations

import copy
import pickle
from contextlib import suppress
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from fakes.rows import START, row
from glucose import errors
from glucose.errors import GlucoseError, InvalidReadingError
from glucose.reading import (
    Bound,
    Reading,
    utc_of_epoch_ms,
    whole_mg_dl,
    whole_mg_dl_of_mmol_l,
)
from glucose.targets import Status, Targets, status_of
from glucose.trend import Trend, trend_of_rate
from glucose.units import Unit, mmol_l, shown, threshold_mg_dl


@pytest.mark.parametrize(
    ("said", "mg_dl"),
    [
        (100, 100),
        (100.4, 100),
        (100.5, 100),
        (101.5, 102),
        ("100", 100),
        (" 100.6 ", 101),
        ("1e2", 100),
        ("+99.", 99),
        (".5e2", 50),
        (10, 10),
        (9.5, 10),
        (600, 600),
        (600.5, 600),
        (420, 420),
    ],
)
def test_a_vendors_number_is_rounded_once(said: object, mg_dl: int) -> None:
    assert whole_mg_dl(said) == mg_dl


@pytest.mark.parametrize(
    "said",
    [
        None,
        True,
        False,
        "",
        "high",
        "NaN",
        "inf",
        "1,5",
        "1_00",
        "\u0661\u0660\u0660",
        "0x64",
        "100 mg/dL",
        float("nan"),
        float("inf"),
        float("-inf"),
        "1e999",
        10**400,
        [100],
        {"value": 100},
        b"100",
        Decimal(100),
        1j,
        9.4,
        600.6,
        0,
        -100,
    ],
)
def test_what_is_no_glucose_is_refused(said: object) -> None:
    with pytest.raises(InvalidReadingError):
        whole_mg_dl(said)


@given(st.text() | st.floats() | st.integers() | st.booleans() | st.none())
def test_any_answer_becomes_a_whole_number_in_range_or_is_refused(said: object) -> None:
    with suppress(InvalidReadingError):
        mg_dl = whole_mg_dl(said)
        assert type(mg_dl) is int
        assert 10 <= mg_dl <= 600


@pytest.mark.parametrize(("said", "mg_dl"), [(5.5, 99), ("3.9", 70), (10, 180), (33.3, 600)])
def test_mmol_is_converted_and_rounded_once(said: object, mg_dl: int) -> None:
    assert whole_mg_dl_of_mmol_l(said) == mg_dl


@pytest.mark.parametrize("said", [True, "LO", 0.5, 34, float("nan")])
def test_what_is_no_glucose_in_mmol_is_refused(said: object) -> None:
    with pytest.raises(InvalidReadingError):
        whole_mg_dl_of_mmol_l(said)


def test_epoch_milliseconds_become_aware_utc() -> None:
    assert utc_of_epoch_ms(1745081013817) == datetime(2025, 4, 19, 16, 43, 33, 817000, UTC)
    assert utc_of_epoch_ms("1745081013817").tzinfo is UTC
    assert utc_of_epoch_ms(0) == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("said", [None, True, "now", float("nan"), 1e300, -1e300, 10**400])
def test_what_is_no_time_is_refused(said: object) -> None:
    with pytest.raises(InvalidReadingError):
        utc_of_epoch_ms(said)


@pytest.mark.parametrize(
    "time",
    [
        datetime(2026, 1, 1, 12),  # noqa: DTZ001 - what must be refused
        datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=1))),
        datetime(2026, 1, 1, 12, tzinfo=ZoneInfo("Europe/Berlin")),
        # No offset in January, an hour in July: its arithmetic is that of a wall clock.
        datetime(2026, 1, 1, 12, tzinfo=ZoneInfo("Europe/London")),
    ],
)
def test_a_time_that_is_not_aware_utc_is_refused(time: datetime) -> None:
    with pytest.raises(InvalidReadingError):
        Reading(time=time, mg_dl=100, source="a", series="live")


@pytest.mark.parametrize("mg_dl", [9, 601, 100.0, "100", True, None])
def test_a_reading_of_anything_but_whole_mg_dl_is_refused(mg_dl: int) -> None:
    with pytest.raises(InvalidReadingError):
        Reading(time=START, mg_dl=mg_dl, source="a", series="live")


@pytest.mark.parametrize(("source", "series"), [("", "live"), ("a", "")])
def test_a_reading_from_nowhere_is_refused(source: str, series: str) -> None:
    with pytest.raises(InvalidReadingError):
        Reading(time=START, mg_dl=100, source=source, series=series)


def test_a_reading_stays_as_it_is() -> None:
    reading = row(0)
    with pytest.raises(FrozenInstanceError):
        reading.mg_dl = 80  # type: ignore[misc]  # what must fail


def test_a_reading_survives_copies_and_pickles() -> None:
    reading = row(0, trend=Trend.UP, bound=Bound.HIGH)
    assert copy.deepcopy(reading) == reading
    assert pickle.loads(pickle.dumps(reading)) == reading  # noqa: S301 - our own bytes


def test_identity_is_source_kind_series_and_time() -> None:
    reading = row(0, 100, trend=Trend.UP)
    assert reading.identity == row(0, 180, bound=Bound.HIGH).identity
    others = [row(1), row(0, source="b"), row(0, series="graph")]
    assert reading.identity not in [other.identity for other in others]


@pytest.mark.parametrize(("mg_dl", "expected"), [(100, 5.6), (70, 3.9), (180, 10.0), (54, 3.0)])
def test_mmol_is_shown_with_one_decimal(mg_dl: int, expected: float) -> None:
    assert mmol_l(mg_dl) == expected


def test_numbers_are_shown_as_people_read_them() -> None:
    assert shown(180, Unit.MG_DL) == "180"
    assert shown(180, Unit.MMOL_L) == "10.0"


_TYPED = st.integers(10, 333).map(lambda tenths: tenths / 10)


@given(_TYPED)
def test_a_lower_threshold_in_mmol_spares_what_is_shown_as_that_number(typed: float) -> None:
    threshold = threshold_mg_dl(typed, Unit.MMOL_L)
    assert mmol_l(threshold) == typed
    assert mmol_l(threshold - 1) < typed


@given(_TYPED)
def test_an_upper_threshold_in_mmol_spares_what_is_shown_as_that_number(typed: float) -> None:
    threshold = threshold_mg_dl(typed, Unit.MMOL_L, upper=True)
    assert mmol_l(threshold) == typed
    assert mmol_l(threshold + 1) > typed


@pytest.mark.parametrize("upper", [False, True])
def test_a_threshold_in_mg_dl_stays_as_it_is(upper: bool) -> None:
    assert threshold_mg_dl(180, Unit.MG_DL, upper=upper) == 180


@pytest.mark.parametrize(
    ("rate", "trend"),
    [
        (0, Trend.FLAT),
        (1, Trend.FLAT),
        (1.01, Trend.SLIGHT_UP),
        (2, Trend.UP),
        (2.99, Trend.UP),
        (3, Trend.DOUBLE_UP),
        (-1, Trend.FLAT),
        (-1.01, Trend.SLIGHT_DOWN),
        (-2, Trend.DOWN),
        (-3, Trend.DOUBLE_DOWN),
    ],
)
def test_a_rate_has_an_arrow(rate: float, trend: Trend) -> None:
    assert trend_of_rate(rate) is trend


@pytest.mark.parametrize(
    ("mg_dl", "status"),
    [
        (10, Status.URGENT_LOW),
        (53, Status.URGENT_LOW),
        (54, Status.LOW),
        (69, Status.LOW),
        (70, Status.IN_RANGE),
        (180, Status.IN_RANGE),
        (181, Status.HIGH),
        (250, Status.HIGH),
        (251, Status.URGENT_HIGH),
        (600, Status.URGENT_HIGH),
    ],
)
def test_a_reading_has_a_status(mg_dl: int, status: Status) -> None:
    assert status_of(row(0, mg_dl), Targets()) is status


def test_a_bound_is_urgent_whatever_the_number_and_the_targets() -> None:
    far_off = Targets(urgent_low_mg_dl=20, urgent_high_mg_dl=600)
    assert status_of(row(0, 39, bound=Bound.LOW), far_off) is Status.URGENT_LOW
    assert status_of(row(0, 401, bound=Bound.HIGH), far_off) is Status.URGENT_HIGH


def test_no_reading_has_an_unknown_status() -> None:
    assert status_of(None, Targets()) is Status.UNKNOWN


@pytest.mark.parametrize(
    "thresholds",
    [
        {"urgent_low_mg_dl": 70},
        {"low_mg_dl": 180},
        {"high_mg_dl": 250},
        {"urgent_high_mg_dl": 180},
        {"urgent_low_mg_dl": 9},
        {"urgent_high_mg_dl": 601},
        {"low_mg_dl": 70.5},
        {"low_mg_dl": True},
    ],
)
def test_targets_that_do_not_rise_or_are_no_glucose_are_refused(
    thresholds: dict[str, int],
) -> None:
    with pytest.raises(ValueError, match="targets must"):
        Targets(**thresholds)


def test_every_error_has_one_parent() -> None:
    ours = [
        error
        for error in vars(errors).values()
        if isinstance(error, type) and error.__module__ == errors.__name__
    ]
    assert len(ours) > 10
    assert all(issubclass(error, GlucoseError) for error in ours)


def test_errors_carry_what_the_user_has_to_wait_for() -> None:
    unreachable = errors.SourceUnreachable("busy", retry_after=timedelta(minutes=5), banned=True)
    assert (unreachable.retry_after, unreachable.banned) == (timedelta(minutes=5), True)
    assert errors.AccountLocked("locked", until=START).until == START
    assert not errors.CredentialsRejected("no").confirmed
