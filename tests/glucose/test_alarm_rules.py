"""Which settings can be meant, which contradict, and which hold at what hour."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from fakes.watch import Watch
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
        ({"predicted_low": Rule(threshold=53)}, Contradiction.PREDICTED_LOW_BELOW_URGENT_LOW),
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
        AlarmRules(zone=UTC, **{part.value: wrong})  # type: ignore[arg-type]
    assert (caught.value.reason, caught.value.part) == (reason, part)
    assert str(caught.value) == f"{reason} ({part})"


@pytest.mark.parametrize(
    "rules",
    [
        {"low": Rule(threshold=55)},
        {"sustained_high": Rule(threshold=250)},
        {"predicted_low": Rule(threshold=54)},
        {"stale": Rule(delay=11 * MINUTE)},
        {"falling_fast": Rule(threshold=1)},
        {"rising_fast": Rule(threshold=6)},
    ],
)
def test_what_is_just_not_contradictory_is_taken(rules: Mapping[str, Rule]) -> None:
    AlarmRules(zone=UTC, day={AlarmKind(kind): rule for kind, rule in rules.items()})


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
