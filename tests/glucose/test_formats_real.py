"""Real exports, read where the shared data lies beside the checkout; counts taken with awk."""

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from glucose.formats import read_export
from glucose.reading import Bound, Kind
from glucose.treatment import Intensity, TreatmentKind
from glucose.units import Unit

EXPORTS = Path(__file__).parents[2].parent / "shared" / "data" / "exports"
pytestmark = pytest.mark.skipif(
    not EXPORTS.is_dir(), reason="the shared data is not beside this checkout"
)
# The file repeats 03:00 to 04:00 on 27 October 2019: Eastern European time.
CLARITY_ZONE = ZoneInfo("Europe/Helsinki")


def test_clarity_has_every_row() -> None:
    export = read_export(EXPORTS / "clarity_g6_en.csv", zone=CLARITY_ZONE, source="s")
    assert export.rows == 4012
    assert export.refused == ()
    assert export.others == {"settings": 10}
    assert Counter((one.kind, one.unit, one.intensity) for one in export.treatments) == {
        (TreatmentKind.INSULIN_RAPID, "U", None): 49,
        (TreatmentKind.INSULIN_LONG, "U", None): 24,
        (TreatmentKind.CARBS, "g", None): 4,
        (TreatmentKind.EXERCISE, "min", Intensity.LIGHT): 3,
    }
    assert {one.amount for one in export.treatments if one.unit == "min"} == {45.0}
    assert Counter((r.series, r.kind, r.bound) for r in export.readings) == {
        ("egv", Kind.CGM, None): 3898,
        ("egv", Kind.CGM, Bound.LOW): 2,
        ("egv", Kind.CGM, Bound.HIGH): 13,
        ("calibration", Kind.METER, None): 9,
    }
    assert (export.format, export.unit) == ("Dexcom Clarity", Unit.MG_DL)
    assert export.readings[0].time == datetime(2019, 10, 14, 13, 42, 37, tzinfo=UTC)
    assert export.readings[-1].time == datetime(2019, 10, 28, 21, 57, 11, tzinfo=UTC)


def test_clarity_times_are_those_of_the_transmitters_clock() -> None:
    """Independent of our reader: UTC minus the transmitter's seconds is constant, to a minute."""
    path = EXPORTS / "clarity_g6_en.csv"
    export = read_export(path, zone=CLARITY_ZONE, source="s")
    rows = [line.split(",") for line in path.read_text(encoding="utf-8-sig").splitlines()]
    clocks = sorted(int(row[12]) for row in rows if row[2] == "EGV")
    times = [r.time.timestamp() for r in export.readings if r.kind is Kind.CGM]
    origins = [time - clock for time, clock in zip(times, clocks, strict=True)]
    assert max(origins) - min(origins) < 60
    assert all(earlier < later for earlier, later in pairwise(times))


def test_libreview_has_every_row() -> None:
    export = read_export(
        EXPORTS / "libreview_uk_mmol.csv", zone=ZoneInfo("Europe/London"), source="s"
    )
    assert export.rows == 3615
    assert export.refused == ()
    assert export.others == {"note": 270}
    assert Counter((one.kind, one.amount is None) for one in export.treatments) == {
        (TreatmentKind.INSULIN_RAPID, False): 95,
        (TreatmentKind.INSULIN_RAPID, True): 1,
        (TreatmentKind.INSULIN_LONG, False): 52,
        (TreatmentKind.CARBS, False): 88,
    }
    assert Counter(r.series for r in export.readings) == {"historic": 2349, "scan": 760}
    assert {r.kind for r in export.readings} == {Kind.CGM}
    assert (export.format, export.unit) == ("LibreView", Unit.MMOL_L)
    # 4.3 mmol/L on 1 September 2025 at 21:58 summer time; 22.1 is the file's highest.
    assert export.readings[0].time == datetime(2025, 9, 1, 20, 58, tzinfo=UTC)
    assert export.readings[0].mg_dl == 77
    assert max(r.mg_dl for r in export.readings) == 398
