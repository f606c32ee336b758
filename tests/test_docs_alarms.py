"""The page on alarms and the alarms themselves: their numbers cannot drift apart."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import takewhile
from pathlib import Path

import pytest

from glucose.alarms.kinds import STANDING, AlarmKind
from glucose.alarms.rules import DEFAULTS
from glucose.alarms.state import Mark, What
from glucose.alarms.verdicts import (
    FALLING_BELOW_MG_DL,
    RISING_ABOVE_MG_DL,
    STALE_NEAR_LOW,
    STALE_NEAR_LOW_MG_DL,
)
from glucose.alarms.view import (
    METER_COUNTS_FOR,
    RECOVERING_STEP_MG_DL,
    STEEP_MG_DL_PER_MINUTE,
)
from glucose.units import MG_DL_PER_MMOL_L

PAGE = (Path(__file__).parents[1] / "docs" / "alarms.md").read_text(encoding="utf-8")
# As one line, whatever the lines are broken at.
TEXT = " ".join(PAGE.split())
HEAD = ["Alarm", "Key", "Speaks when glucose is", "After", "Is over when glucose is"]
HEAD += ["Again", "Seen", "At most"]
RATES = {AlarmKind.FALLING_FAST: "falling", AlarmKind.RISING_FAST: "rising"}
ABOVE = {AlarmKind.URGENT_HIGH, AlarmKind.HIGH, AlarmKind.SUSTAINED_HIGH}


def table(*head: str) -> list[list[str]]:
    """Return the cells of the table with these columns."""
    lines = PAGE.splitlines()
    start = lines.index(f"| {' | '.join(head)} |") + 2
    rows = takewhile(lambda line: line.startswith("|"), lines[start:])
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


ROWS = {row[1].strip("`"): dict(zip(HEAD, row, strict=True)) for row in table(*HEAD)}


def level(mg_dl: float) -> str:
    return f"{mg_dl:g} mg/dL ({mg_dl / MG_DL_PER_MMOL_L:.1f} mmol/L)"


def pace(mg_dl: float) -> str:
    return f"{mg_dl:g} mg/dL ({mg_dl / MG_DL_PER_MMOL_L:.2f} mmol/L) a minute"


def minutes(length: timedelta) -> str:
    return f"{length // timedelta(minutes=1)} min"


def speaks(kind: AlarmKind) -> str:
    """Return how the cell on when it speaks has to begin."""
    threshold = DEFAULTS[kind].threshold
    if threshold is None:
        return ""
    if kind in RATES:
        return f"{RATES[kind]} by {pace(threshold)} or more"
    if kind is AlarmKind.PREDICTED_LOW:
        return f"expected below {level(threshold)} in 30 minutes"
    return f"{'above' if kind in ABOVE else 'below'} {level(threshold)}"


def over(kind: AlarmKind) -> str:
    """Return how the cell on when it is over has to begin."""
    threshold, by = DEFAULTS[kind].threshold, STANDING[kind].clears_by
    if threshold is None:
        return ""
    if kind in RATES:
        return f"{RATES[kind]} by {pace(by)} or less"
    if kind in ABOVE:
        return f"at {level(threshold - by)} or below"
    expected = "expected " if kind is AlarmKind.PREDICTED_LOW else ""
    return f"{expected}at {level(threshold + by)} or above"


def test_the_table_has_every_alarm_once_and_no_other() -> None:
    assert [row[1].strip("`") for row in table(*HEAD)] == [str(kind) for kind in ROWS]
    assert sorted(ROWS) == sorted(str(kind) for kind in AlarmKind)


@pytest.mark.parametrize("kind", AlarmKind)
def test_a_row_tells_what_the_alarm_is_set_to(kind: AlarmKind) -> None:
    row, rule, standing = ROWS[kind], DEFAULTS[kind], STANDING[kind]
    assert row["Speaks when glucose is"].startswith(speaks(kind))
    assert row["Is over when glucose is"].startswith(over(kind))
    assert row["After"] == (minutes(rule.delay) if rule.delay else "at once")
    assert row["Again"] == (minutes(standing.repeats) if standing.repeats else "never")
    assert row["Seen"] == minutes(standing.silence)
    assert row["At most"] == minutes(standing.longest_silence)


def test_all_alarms_are_on_as_the_page_says() -> None:
    assert all(rule.on for rule in DEFAULTS.values())
    assert "All ten are on from the start" in TEXT
    assert len(DEFAULTS) == 10


@pytest.mark.parametrize(
    "said",
    [
        f"and below {level(FALLING_BELOW_MG_DL)}",
        f"and above {level(RISING_ABOVE_MG_DL)}",
        f"already at {minutes(STALE_NEAR_LOW)}utes if",
        f"if the last one was below {level(STALE_NEAR_LOW_MG_DL)}",
        f"two rises in a row of {RECOVERING_STEP_MG_DL} mg/dL or more",
        f"({STEEP_MG_DL_PER_MINUTE:g} mg/dL or more a minute)",
        f"not older than {minutes(METER_COUNTS_FOR)}utes",
    ],
)
def test_the_page_tells_the_constants_that_nobody_can_set(said: str) -> None:
    assert said in TEXT


def test_every_happening_and_every_mark_of_the_log_is_explained() -> None:
    happenings = {row[0].strip("`") for row in table("`what`", "Meaning")}
    marks = {row[0].strip("`") for row in table("Mark", "Meaning")}
    # Written by the home, which knows what an automation did.
    assert happenings - {"told"} == {str(what) for what in What}
    assert marks == {str(mark) for mark in Mark}


def test_the_page_begins_with_the_vendors_alarms() -> None:
    first = PAGE.split("\n\n")[1]
    assert first.startswith("> [!IMPORTANT]\n> **Keep the alarms of the vendor's own app")
    assert "it calls nobody" in first
    assert "never advises a dose" in " ".join(first.replace("\n> ", " ").split())


def test_the_contents_are_the_sections() -> None:
    sections = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    assert re.findall(r"^- \[(.+)\]\(#", PAGE, re.MULTILINE) == sections
