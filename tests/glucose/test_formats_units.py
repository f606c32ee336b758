"""Values are in the unit that the file says, each number rounded once, or the file is refused."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

import pytest

from glucose.errors import UnrecognisedExport
from glucose.formats import Export, read_export
from glucose.formats.table import glucose_of
from glucose.units import Unit


def read(text: str) -> Export:
    return read_export(text, zone=ZoneInfo("UTC"), source="s")


def test_every_mmol_l_of_one_or_two_decimals_becomes_the_nearest_mg_dl() -> None:
    """In exact decimals: none of them lies half-way, so "nearest" leaves no choice."""
    for hundredths in range(60, 3331):
        value = Decimal(hundredths) / 100
        exact = value * Decimal("18.016")
        assert exact % 1 != Decimal("0.5")
        nearest = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
        texts = {f"{value:.2f}"} | ({f"{value:.1f}"} if hundredths % 10 == 0 else set())
        for text in texts:
            assert glucose_of(text, Unit.MMOL_L) == nearest
            assert glucose_of(text.replace(".", ","), Unit.MMOL_L) == nearest


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("time,glucose_mg_dl", ["100", "101", "5.6", "110"]),
        ("time,glucose_mg_dl", ["100", "12,4", "110"]),
        ("time,glucose_mmol_l", ["5.6", "101", "6.1"]),
    ],
)
def test_a_value_that_is_plainly_in_the_other_unit_spoils_the_file(
    header: str, rows: list[str]
) -> None:
    lines = [f'2024-05-01 10:{at:02},"{value}"' for at, value in enumerate(rows)]
    with pytest.raises(UnrecognisedExport, match=r"line \d .*two units"):
        read("\n".join([header, *lines]))


def test_whole_mmol_l_in_a_column_of_mg_dl_are_seen_in_the_whole() -> None:
    lines = [f"2024-05-01 10:{at:02},{value}" for at, value in enumerate([11, 12, 14, 10, 100])]
    with pytest.raises(UnrecognisedExport, match="too low for mg/dL"):
        read("\n".join(["time,glucose_mg_dl", *lines]))


def test_a_few_very_low_values_do_not_spoil_a_file() -> None:
    lines = [f"2024-05-01 10:{at:02},{value}" for at, value in enumerate([100, 20, 101, 102])]
    assert [one.mg_dl for one in read("\n".join(["time,gl", *lines])).readings] == [
        *(100, 20, 101, 102)
    ]


@pytest.mark.parametrize("value", ["NaN", "nan", "inf", "-5", "-5.5", "=1+1", "@SUM(1)", "1e999"])
def test_what_is_no_glucose_is_refused_by_its_row(value: str) -> None:
    for header, good in (("time,glucose_mg_dl", "100"), ("time,glucose_mmol_l", "5.5")):
        export = read(f"{header}\n2024-05-01 10:00,{value}\n2024-05-01 10:05,{good}\n")
        assert [one.line for one in export.refused] == [2]
        assert len(export.readings) == 1
