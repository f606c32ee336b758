"""What `glucose alarms` finds in a file, as JSON and as a table."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from glucose.alarms.kinds import AlarmKind
from glucose.cli.__main__ import main
from glucose.cli.alarms import as_one_series, cadence_of
from glucose.formats import read_export
from glucose.reading import Kind, Reading

START = datetime(2026, 3, 1, 3, tzinfo=UTC)
DATA = Path(__file__).parents[2].resolve().parent / "shared" / "data"
KEYS = ["kind", "start", "end", "fired", "extreme_mg_dl"]


def written(folder: Path, *values: int, every: int = 5) -> Path:
    path = folder / "export.csv"
    rows = (
        f"{START + at * timedelta(minutes=every):%Y-%m-%dT%H:%M:%SZ},{mg_dl}"
        for at, mg_dl in enumerate(values)
    )
    path.write_text("\n".join(["time,glucose_mg_dl", *rows, ""]), encoding="utf-8")
    return path


def found(capsys: pytest.CaptureFixture[str], path: Path, *words: str) -> list[dict[str, Any]]:
    assert main(["alarms", str(path), "--json", *words]) == 0
    shown: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return shown


def shown(capsys: pytest.CaptureFixture[str], path: Path, *words: str) -> str:
    assert main(["alarms", str(path), *words]) == 0
    return capsys.readouterr().out


def test_a_low_is_an_episode_from_its_first_reading_until_it_is_back(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = written(tmp_path, 100, 100, 99, 99, 69, 64, 66, 74, 75, 90)
    lows = [one for one in found(capsys, path) if one["kind"] == "low"]
    assert lows == [
        {
            "kind": "low",
            "start": "2026-03-01T03:20:00+00:00",
            # One reading later: out of a level stretch this may be somebody lying on the sensor.
            "fired": "2026-03-01T03:25:00+00:00",
            "end": "2026-03-01T03:40:00+00:00",
            "extreme_mg_dl": 64,
        }
    ]
    assert list(lows[0]) == KEYS


def test_what_still_runs_at_the_last_reading_has_no_end(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = written(tmp_path, 90, 84, 78, 72, 66, 60, 53, 50)
    episodes = {one["kind"]: one for one in found(capsys, path)}
    assert episodes["low"]["end"] is None
    assert (episodes["urgent_low"]["end"], episodes["urgent_low"]["extreme_mg_dl"]) == (None, 50)
    assert "still on" in shown(capsys, path)


def test_times_are_shown_in_the_zone_that_was_given(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = written(tmp_path, 90, 84, 78, 72, 66, 60)
    low = next(one for one in found(capsys, path, "--tz", "Asia/Kolkata") if one["kind"] == "low")
    assert low["start"] == "2026-03-01T08:50:00+05:30"
    assert "2026-03-01 08:50" in shown(capsys, path, "--tz", "Asia/Kolkata")


def test_a_quiet_day_is_an_empty_list_and_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = written(tmp_path, *[100, 104] * 20)
    assert found(capsys, path) == []
    text = shown(capsys, path)
    assert text.splitlines() == [
        "40 readings from 2026-03-01 03:00 to 2026-03-01 06:15 (UTC)",
        "no alarm",
    ]


def test_the_table_has_a_line_for_each_episode(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = written(tmp_path, 90, 84, 78, 72, 66, 60, 66, 72, 78, 84)
    episodes, lines = found(capsys, path), shown(capsys, path).splitlines()
    assert lines[1].split() == ["alarm", "began", "fired", "ended", "lasted", "worst"]
    assert [line.split()[0] for line in lines[2:-1]] == [one["kind"] for one in episodes]
    assert lines[-1] == "2 episodes: 1 low, 1 predicted_low"


def test_a_gap_is_an_alarm_and_the_end_of_the_file_is_none(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = written(tmp_path, 100, 102, 101)
    assert found(capsys, path) == []
    with path.open("a", encoding="utf-8") as file:
        file.write("2026-03-01T04:10:00Z,105\n")
    assert found(capsys, path) == [
        {
            "kind": "stale",
            "start": "2026-03-01T03:10:00+00:00",
            "fired": "2026-03-01T03:30:00+00:00",
            "end": "2026-03-01T04:10:00+00:00",
            "extreme_mg_dl": 101,
        }
    ]


def test_a_long_high_and_a_flat_line_start_when_they_began_and_fire_two_hours_later(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = written(tmp_path, 150, 165, 185, 210, *[190] * 26, 180, 185)
    rows = {one["kind"]: one for one in found(capsys, path)}
    assert rows == {
        "sustained_high": {
            "kind": "sustained_high",
            "start": "2026-03-01T03:10:00+00:00",
            "fired": "2026-03-01T05:10:00+00:00",
            "end": "2026-03-01T05:30:00+00:00",
            "extreme_mg_dl": 210,
        },
        "sensor_fault_suspected": {
            "kind": "sensor_fault_suspected",
            "start": "2026-03-01T03:20:00+00:00",
            "fired": "2026-03-01T05:20:00+00:00",
            "end": "2026-03-01T05:30:00+00:00",
            "extreme_mg_dl": 190,
        },
        "rising_fast": rows["rising_fast"],
    }


def test_a_high_starts_with_its_first_reading_out(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (high,) = found(capsys, written(tmp_path, 245, 250, 251, 252, 253, 254, 240))
    assert (high["kind"], high["start"], high["fired"], high["end"], high["extreme_mg_dl"]) == (
        *("high", "2026-03-01T03:10:00+00:00", "2026-03-01T03:25:00+00:00"),
        *("2026-03-01T03:30:00+00:00", 254),
    )


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ((75, 70, 75), []),
        ((75, 69, 75), ["low"]),
        ((60, 54, 60, 75), ["low"]),
        ((60, 53, 59, 60, 75), ["low", "urgent_low"]),
        ((240, 250, 250, 250, 250, 250), []),
        ((290, 300, 290), ["high"]),
        ((290, 301, 290), ["high", "urgent_high"]),
    ],
)
def test_a_value_exactly_at_a_threshold_is_not_beyond_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, values: tuple[int, ...], kinds: list[str]
) -> None:
    levels = {"low", "urgent_low", "high", "urgent_high"}
    # Long enough for what waits 15 minutes.
    path = written(tmp_path, *(mg_dl for mg_dl in values for _ in range(2)))
    assert sorted({one["kind"] for one in found(capsys, path)} & levels) == kinds


def test_exactly_180_for_hours_is_no_long_high(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert found(capsys, written(tmp_path, *[180, 179] * 20)) == []


def test_the_words_low_and_high_alarm(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    rows = "".join(
        f"2026-03-01T03:{5 * at:02}:00Z,{word}\n"
        for at, word in enumerate(["100", "LOW", "Low", "80", "HIGH", "high"])
    )
    path.write_text(f"time,glucose_mg_dl\n{rows}", encoding="utf-8")
    spells = {one["kind"]: (one["start"][14:16], one["end"]) for one in found(capsys, path)}
    assert spells["urgent_low"] == ("05", "2026-03-01T03:15:00+00:00")
    assert spells["urgent_high"] == ("20", None)


def test_a_low_over_the_repeated_hour_is_one_episode_of_its_true_length(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "dst.csv"
    clock = ["01:50", "01:55", *[f"02:{at:02}" for at in range(0, 60, 5)] * 2, "03:00"]
    values = [100, 92, 84, 76, *[65, 66] * 11, 80]
    rows = "".join(
        f"2026-10-25T{time}:00,{mg_dl}\n" for time, mg_dl in zip(clock, values, strict=True)
    )
    path.write_text(f"time,glucose_mg_dl\n{rows}", encoding="utf-8")
    (low,) = [one for one in found(capsys, path, "--tz", "Europe/Berlin") if one["kind"] == "low"]
    assert (low["start"], low["end"]) == ("2026-10-25T02:10:00+02:00", "2026-10-25T03:00:00+01:00")


def test_order_and_copies_of_rows_change_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = written(tmp_path, 100, 84, 72, 66, 52, 60, 72, 80, 84)
    expected = found(capsys, path)
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([head, *reversed(rows), *rows, ""]), encoding="utf-8")
    assert found(capsys, path) == expected
    assert {"low", "urgent_low"} <= {one["kind"] for one in expected}


@pytest.mark.parametrize("text", ["", "time,glucose_mg_dl\n", "date,value\n2026-03-01T03:00,60\n"])
def test_a_file_without_readings_ends_with_2_and_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    path = tmp_path / "export.csv"
    path.write_text(text, encoding="utf-8")
    assert main(["alarms", str(path), "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert str(path) in said.err


def _sensor(minute: int, series: str, kind: Kind = Kind.CGM) -> Reading:
    time = START + timedelta(minutes=minute)
    return Reading(time=time, mg_dl=100, source="s", series=series, kind=kind)


def test_scans_do_not_hasten_the_cadence_and_count_as_readings() -> None:
    history = [_sensor(minute, "historic") for minute in range(0, 120, 15)]
    scans = [_sensor(minute, "scan") for minute in range(1, 100, 2)]
    stick = _sensor(7, "strip", Kind.METER)
    assert cadence_of([*history, *scans, stick]) == timedelta(minutes=15)
    assert cadence_of(scans) == timedelta(minutes=2)
    assert cadence_of(history[:1]) == timedelta(minutes=5)
    assert cadence_of([stick]) == timedelta(minutes=5)
    # Of two gaps the usual one.
    assert cadence_of([*history[:2], history[6]]) == timedelta(minutes=15)
    assert Counter(row.series for row in as_one_series([*history, *scans, stick])) == {
        "export": len(history) + len(scans),
        "strip": 1,
    }


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this checkout")
@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("cgm/hall_1636-69-001.csv", "UTC"),
        ("cgm/hall_2133-004.csv", "UTC"),
        ("exports/clarity_g6_en.csv", "Europe/Helsinki"),
        ("exports/libreview_uk_mmol.csv", "Europe/London"),
    ],
)
def test_real_exports_have_an_urgent_low_wherever_the_sensor_was_under_54(
    capsys: pytest.CaptureFixture[str], name: str, zone: str
) -> None:
    path = DATA / name
    rows = found(capsys, path, "--tz", zone)
    assert rows == sorted(rows, key=lambda one: datetime.fromisoformat(one["start"]))
    assert {one["kind"] for one in rows} <= {str(kind) for kind in AlarmKind}
    spells = [
        (datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"]))
        for one in rows
        if one["kind"] == "urgent_low"
    ]
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spells))
    # Independent of the engine: no reading under 54 lies outside an episode, none has none.
    under = [row.time for row in _readings(path, zone) if row.mg_dl < 54]
    assert [time for time in under if not any(s <= time < e for s, e in spells)] == []
    assert [(s, e) for s, e in spells if not any(s <= time < e for time in under)] == []


def _readings(path: Path, zone: str) -> tuple[Reading, ...]:

    return read_export(path, zone=ZoneInfo(zone), source="s").readings
