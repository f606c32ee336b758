"""Which settings can be meant, which contradict, and which hold at what hour."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from fakes.watch import Watch, by_day
from glucose.alarms.kinds import AlarmKind
from glucose.alarms.rules import (
    DEFAULTS,
    AlarmRules,
    Contradiction,
    ContradictoryRules,
    Part,
    Rule,
)

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)


def test_the_defaults_are_the_issues_table() -> None:
    table = {str(kind): (rule.threshold, rule.delay / MINUTE) for kind, rule in DEFAULTS.items()}
    assert table == {
        "urgent_low": (54, 0),
        "low": (70, 0),
        "high": (250, 15),
        "urgent_high": (300, 0),
        "sustained_high": (180, 120),
        "predicted_low": (70, 0),
        "falling_fast": (3.0, 0),
        "rising_fast": (3.0, 0),
        "stale": (None, 20),
        "sensor_fault_suspected": (None, 120),
    }
    assert all(rule.on for rule in DEFAULTS.values())
    assert AlarmRules(zone=UTC).day == DEFAULTS


@pytest.mark.parametrize("part", Part)
@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({"low": Rule(threshold=54)}, Contradiction.THRESHOLDS_DO_NOT_RISE),
        ({"urgent_low": Rule(threshold=70)}, Contradiction.THRESHOLDS_DO_NOT_RISE),
        ({"high": Rule(threshold=300)}, Contradiction.THRESHOLDS_DO_NOT_RISE),
        ({"low": Rule(threshold=260)}, Contradiction.THRESHOLDS_DO_NOT_RISE),
        ({"sustained_high": Rule(threshold=70)}, Contradiction.SUSTAINED_HIGH_NOT_ABOVE_LOW),
        ({"sustained_high": Rule(threshold=251)}, Contradiction.SUSTAINED_HIGH_ABOVE_HIGH),
        ({"sustained_high": Rule(threshold=74)}, Contradiction.SUSTAINED_HIGH_NOT_ABOVE_LOW),
        ({"high": Rule(threshold=84)}, Contradiction.LOW_AND_HIGH_OVERLAP),
        (
            {"low": Rule(threshold=236), "sustained_high": Rule(threshold=241)},
            Contradiction.LOW_AND_HIGH_OVERLAP,
        ),
        ({"predicted_low": Rule(threshold=53)}, Contradiction.PREDICTED_LOW_BELOW_URGENT_LOW),
        ({"predicted_low": Rule(threshold=176)}, Contradiction.PREDICTED_LOW_REACHES_HIGH),
        ({"predicted_low": Rule(threshold=250)}, Contradiction.PREDICTED_LOW_REACHES_HIGH),
        (
            {"predicted_low": Rule(threshold=236), "sustained_high": Rule(threshold=250)},
            Contradiction.PREDICTED_LOW_REACHES_HIGH,
        ),
        (
            {"predicted_low": Rule(threshold=70, delay=30 * MINUTE)},
            Contradiction.PREDICTED_LOW_TOO_LATE,
        ),
        (
            {"urgent_low": Rule(threshold=54, delay=MINUTE)},
            Contradiction.URGENT_LOW_IS_NEVER_DELAYED,
        ),
        ({"low": Rule()}, Contradiction.OUT_OF_RANGE),
        ({"low": Rule(threshold=70.5)}, Contradiction.OUT_OF_RANGE),
        ({"urgent_low": Rule(threshold=10)}, Contradiction.OUT_OF_RANGE),
        ({"urgent_high": Rule(threshold=600)}, Contradiction.OUT_OF_RANGE),
        ({"falling_fast": Rule(threshold=0.9)}, Contradiction.OUT_OF_RANGE),
        ({"rising_fast": Rule(threshold=6.1)}, Contradiction.OUT_OF_RANGE),
        ({"high": Rule(threshold=250, delay=-MINUTE)}, Contradiction.OUT_OF_RANGE),
        ({"high": Rule(threshold=250, delay=241 * MINUTE)}, Contradiction.OUT_OF_RANGE),
        ({"stale": Rule(delay=121 * MINUTE)}, Contradiction.OUT_OF_RANGE),
        ({"stale": Rule(delay=10 * MINUTE)}, Contradiction.OUT_OF_RANGE),
        ({"stale": Rule(threshold=20, delay=20 * MINUTE)}, Contradiction.OUT_OF_RANGE),
    ],
)
def test_contradictions_are_refused_with_their_reason(
    rules: Mapping[str, Rule], reason: Contradiction, part: Part
) -> None:
    wrong = {AlarmKind(kind): rule for kind, rule in rules.items()}
    with pytest.raises(ContradictoryRules) as caught:
        AlarmRules(zone=UTC, **{part.value: wrong})  # type: ignore[arg-type]  # a part by its name
    assert (caught.value.reason, caught.value.part) == (reason, part)
    assert str(caught.value) == f"{reason} ({part})"


@pytest.mark.parametrize(
    "rules",
    [
        {"low": Rule(threshold=55)},
        {"sustained_high": Rule(threshold=250)},
        {"sustained_high": Rule(threshold=75)},
        {"high": Rule(threshold=85), "sustained_high": Rule(threshold=80)},
        {"predicted_low": Rule(threshold=54)},
        {"predicted_low": Rule(threshold=175)},
        {"predicted_low": Rule(threshold=70, delay=29 * MINUTE)},
        {"stale": Rule(delay=11 * MINUTE)},
        {"falling_fast": Rule(threshold=1)},
        {"rising_fast": Rule(threshold=6)},
    ],
)
def test_what_is_just_not_contradictory_is_taken(rules: Mapping[str, Rule]) -> None:
    AlarmRules(zone=UTC, day={AlarmKind(kind): rule for kind, rule in rules.items()})


LOWS = frozenset({"urgent_low", "low", "predicted_low"})
HIGHS = frozenset({"urgent_high", "high", "sustained_high"})
# As near each other as is taken.
TIGHTEST = (
    {"urgent_low": 69, "low": 70, "high": 85, "urgent_high": 86, "sustained_high": 75},
    {"urgent_low": 54, "low": 70, "high": 85, "urgent_high": 86, "sustained_high": 85},
    {"urgent_low": 54, "low": 70, "high": 95, "urgent_high": 96, "sustained_high": 90},
)


@pytest.mark.parametrize(
    ("levels", "predicted", "nearest"),
    zip(TIGHTEST, (70, 70, 80), ("low", "low", "predicted_low"), strict=True),
    ids=range(3),
)
def test_the_tightest_rules_have_a_value_where_all_is_well_and_none_that_is_low_and_high(
    levels: dict[str, int], predicted: int, nearest: str
) -> None:
    both = levels | {"predicted_low": predicted}
    rules = by_day(**{kind: Rule(threshold=mg_dl) for kind, mg_dl in both.items()})
    well = 0
    for mg_dl in range(60, 110):
        # A level stretch, after a low and after a high.
        after_low, after_high = Watch(rules), Watch(rules)
        after_low.run([40, 40, 40, *[mg_dl] * 5])
        after_high.run([140, 140, 140, *[mg_dl] * 5])
        for watch in (after_low, after_high):
            assert not (watch.on & LOWS and watch.on & HIGHS)
        well += not (after_low.on | after_high.on) & (LOWS | HIGHS)
    assert well
    # One nearer is refused.
    both[nearest] += 1
    with pytest.raises(ContradictoryRules):
        by_day(**{kind: Rule(threshold=mg_dl) for kind, mg_dl in both.items()})


@pytest.mark.parametrize(
    ("start", "end", "clock", "part"),
    [
        (time(22), time(7), "22:00", Part.NIGHT),
        (time(22), time(7), "21:59", Part.DAY),
        (time(22), time(7), "00:00", Part.NIGHT),
        (time(22), time(7), "06:59", Part.NIGHT),
        (time(22), time(7), "07:00", Part.DAY),
        (time(1), time(6), "00:59", Part.DAY),
        (time(1), time(6), "01:00", Part.NIGHT),
        (time(1), time(6), "06:00", Part.DAY),
        (time(22), time(22), "22:00", Part.DAY),
    ],
)
def test_night_is_from_until_on_the_wearers_clock(
    start: time, end: time, clock: str, part: Part
) -> None:
    rules = AlarmRules(zone=BERLIN, night_from=start, night_to=end)
    for day in ("2026-01-15", "2026-07-15", "2026-03-29", "2026-10-25"):
        now = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=BERLIN)
        assert rules.part(now.astimezone(UTC)) is part


def test_the_night_has_rules_of_its_own() -> None:
    rules = AlarmRules(
        zone=UTC,
        night={AlarmKind.LOW: Rule(threshold=80)},
        night_from=time(13),
        night_to=time(14),
    )
    # It begins at noon.
    watch = Watch(rules)
    assert watch.run([75] * 12) == []
    assert watch.come(60, 75) == ["low fired"]
    assert watch.come(115, 82) == ["low repeated"]
    assert watch.come(120, 82) == ["low cleared"]
