"""`glucose stats` over files: the object that scripts rely on, and the table that people read."""

from __future__ import annotations

import csv
import json
import math
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from glucose.cli.__main__ import main

DATA = Path(__file__).parents[2].parent / "shared" / "data"
KEYS = [
    "readings",
    "first",
    "last",
    "ndays",
    "active_percent",
    "mean",
    "median",
    "sd",
    "cv",
    "gmi",
    "ea1c",
    "iqr",
    "mad",
    "j_index",
    "m_value",
    "lbgi",
    "hbgi",
    "adrr",
    "gri",
    "grade",
    "mage",
    "modd",
    "conga_1",
    "conga_4",
    "conga_24",
    "mag",
    "gvp",
    "sd_roc",
    "below_54",
    "below_70",
    "in_range_70_180",
    "in_range_70_140",
    "in_range_63_140",
    "above_140",
    "above_180",
    "above_250",
    "episodes",
]
EPISODES = ["hypo_1", "hypo_2", "hypo_extended", "hyper_1", "hyper_2"]
PARTS = ["count", "per_day", "mean_minutes", "mean_mg_dl"]
START = datetime(2026, 3, 1, 3, 2)  # noqa: DTZ001 - a file's local clock


def written(folder: Path, values: list[float], name: str = "glucose_mg_dl") -> Path:
    path = folder / "readings.csv"
    lines = [
        f"{START + timedelta(minutes=5 * at):%Y-%m-%d %H:%M:%S},{value}"
        for at, value in enumerate(values)
    ]
    path.write_text("\n".join([f"time,{name}", *lines, ""]), encoding="utf-8")
    return path


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[str, str]:
    assert main(["stats", *map(str, words)]) == 0
    printed = capsys.readouterr()
    return printed.out, printed.err


def found(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, object]:
    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is no JSON")

    answer: dict[str, object] = json.loads(said(capsys, *words, "--json")[0], parse_constant=refuse)
    return answer


def waves(count: int) -> list[float]:
    return [round(140 + 90 * math.sin(at / 14)) for at in range(count)]


def test_the_object_has_exactly_the_names_that_scripts_know(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    answer = found(capsys, written(tmp_path, waves(900)), "--tz", "Europe/Berlin")
    assert list(answer) == KEYS
    episodes = answer["episodes"]
    assert isinstance(episodes, dict)
    assert list(episodes) == EPISODES
    assert all(list(part) == PARTS for part in episodes.values())
    assert (answer["readings"], answer["ndays"]) == (900, 3.1)
    assert answer["first"] == "2026-03-01T03:02:00+01:00"
    assert answer["last"] == "2026-03-04T05:57:00+01:00"


@pytest.mark.parametrize("values", [[100.0], [100.0, 104.0], [110.0] * 400])
def test_what_is_not_defined_is_null(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, values: list[float]
) -> None:
    answer = found(capsys, written(tmp_path, values))
    assert list(answer) == KEYS
    assert answer["mage"] is None
    assert answer["mean"] == pytest.approx(sum(values) / len(values))


def test_one_reading_says_what_it_can(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = written(tmp_path, [100.0])
    answer = found(capsys, path)
    assert (answer["readings"], answer["sd"], answer["active_percent"]) == (1, None, None)
    assert answer["episodes"] == {kind: dict.fromkeys(PARTS) for kind in EPISODES}
    text, notes = said(capsys, path)
    assert text.startswith("1 reading from 2026-03-01 03:02")
    assert "not known" in text
    assert "0 of 14 days; needs 70 %" in notes


def test_an_episode_is_counted_with_its_minutes_and_mean(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    answer = found(capsys, written(tmp_path, [*[100.0] * 30, *[60.0] * 30, *[100.0] * 30]))
    episodes = answer["episodes"]
    assert isinstance(episodes, dict)
    assert episodes["hypo_1"]["count"] == episodes["hypo_extended"]["count"] == 1
    assert episodes["hypo_1"]["mean_minutes"] == pytest.approx(150, abs=5)
    assert episodes["hypo_2"] == {"count": 0, "per_day": 0, "mean_minutes": 0, "mean_mg_dl": None}


def test_the_table_shows_the_files_own_unit_or_the_one_asked_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mg = written(tmp_path, waves(900))
    assert "70 to 180" in said(capsys, mg)[0]
    assert "3.9 to 10.0" in said(capsys, mg, "--unit", "mmol")[0]
    mmol = written(tmp_path, [6.0, 7.0, 8.0] * 300, "glucose_mmol_l")
    text, _ = said(capsys, mmol)
    assert "readings in range (mmol/L)" in text
    assert "  mean                                6.99" in text
    assert "readings in range (mg/dL)" in said(capsys, mmol, "--unit", "mg")[0]
    # JSON is in mg/dL whatever the file is in.
    assert found(capsys, mmol)["median"] == 126


@pytest.mark.parametrize(
    ("group", "range_", "aim"),
    [
        ("adult", "70 to 180", "> 70 %"),
        ("older", "70 to 180", "> 50 %"),
        ("pregnancy", "63 to 140", "> 70 %"),
    ],
)
def test_targets_stand_beside_the_ranges_that_they_are_of(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, group: str, range_: str, aim: str
) -> None:
    lines = said(capsys, written(tmp_path, waves(900)), "--targets", group)[0].splitlines()
    aimed = [line for line in lines if "> " in line]
    assert len(aimed) == 1
    assert aimed[0].strip().startswith(range_)
    assert aimed[0].endswith(aim)


def test_lows_and_highs_are_counted_and_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "bounds.csv"
    rows = ["2026-03-01 03:00,39,low", "2026-03-01 03:05,100,", "2026-03-01 03:10,401,high"]
    path.write_text("\n".join(["time,glucose_mg_dl,bound", *rows, ""]), encoding="utf-8")
    assert found(capsys, path)["mean"] == 180
    assert "1 LOW and 1 HIGH among the readings" in said(capsys, path)[1]


@pytest.mark.parametrize("text", ["", "time,glucose_mg_dl\n", "a,b\n1,2\n"])
def test_a_file_without_readings_ends_with_2_and_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    assert main(["stats", str(path), "--json"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "Traceback" not in printed.err


def test_finger_sticks_alone_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "sticks.csv"
    path.write_text("time,glucose_mg_dl,kind\n2026-03-01 03:00,100,meter\n", encoding="utf-8")
    assert main(["stats", str(path)]) == 2
    assert "finger-sticks only" in capsys.readouterr().err


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this checkout")
@pytest.mark.parametrize("subject", ["1636-69-001", "2133-004"])
def test_real_weeks_have_iglus_numbers(capsys: pytest.CaptureFixture[str], subject: str) -> None:
    names = {
        "mage": "mage.MAGE",
        "gri": "gri.GRI",
        "modd": "modd.MODD",
        "adrr": "adrr.ADRR",
        "mean": "mean.mean",
        "ndays": "active.ndays",
        "active_percent": "active.active_percent",
        "above_180": "above.above_180",
        "gvp": "gvp.GVP",
        "sd_roc": "sdroc.sd_roc",
    }
    with (DATA / "cgm" / "iglu_reference_metrics.csv").open(encoding="utf-8") as file:
        theirs = {
            row["metric"]: row["value"] for row in csv.DictReader(file) if row["id"] == subject
        }
    answer = found(capsys, DATA / "cgm" / f"hall_{subject}.csv")
    assert {name: answer[name] for name in names} == {
        name: pytest.approx(float(theirs[metric]), rel=1e-9) for name, metric in names.items()
    }


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this checkout")
def test_libres_scans_and_history_count_alike_and_by_time_is_said_beside(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = DATA / "exports" / "libreview_uk_mmol.csv"
    assert found(capsys, path, "--tz", "Europe/London")["readings"] == 3109
    text, notes = said(capsys, path, "--tz", "Europe/London")
    assert "weighed by time the mean is" in notes
    assert "mmol/L" in text
