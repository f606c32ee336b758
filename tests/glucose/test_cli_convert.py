"""`glucose convert`: what it writes, where it writes nothing, and how it refuses what it cannot."""

from __future__ import annotations

import csv
import errno
import gzip
import io
import os
import pty
import random
import resource
import stat
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from glucose.cli.__main__ import main

SHARED = Path(__file__).parents[2] / "custom_components" / "cgm" / "shared"
DATA = Path(__file__).parents[2].resolve().parent / "shared" / "data"
CLARITY = (
    "\ufeffIndex,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Event Subtype,Patient Info,Device Info,"
    "Source Device ID,Glucose Value (mg/dL),Insulin Value (u),Carb Value (grams),"
    "Duration (hh:mm:ss),Glucose Rate of Change (mg/dL/min),Transmitter Time (Long Integer),"
    "Transmitter ID\n"
    "1,,FirstName,,Anna,,,,,,,,,\n"
    "2,2024-05-01T10:05:00,EGV,,,,G6,Low,,,,,300,8X\n"
    "3,2024-05-01T10:00:00,EGV,,,,G6,123,,,,,0,8X\n"
    "4,2024-05-01T10:10:00,EGV,,,,G6,High,,,,,600,8X\n"
    "5,2024-05-01T10:02:00,Calibration,,,,G6,119,,,,,,8X\n"
    "6,2024-05-01T10:03:00,Insulin,Fast-Acting,,,G6,,4.50,,,,,\n"
    "7,2024-05-01T10:04:00,Insulin,Long-Acting,,,G6,,21.00,,,,,\n"
    "8,2024-05-01T10:05:00,Carbs,,,,G6,,,30,,,,\n"
    "9,2024-05-01T10:06:00,Exercise,Heavy,,,G6,,,,00:45:00,,,\n"
    '10,2024-05-01T10:07:00,Notes,"=HYPERLINK(""http://evil"")",,,G6,,,,,,,\n'
    "11,2024-05-01T10:08:00,Insulin,Magic,,,G6,,4.50,,,,,\n"
)
READINGS = """time,glucose_mg_dl,bound,trend,kind,source
2024-05-01T08:00:00Z,123,,,cgm,clarity/egv
2024-05-01T08:02:00Z,119,,,meter,clarity/calibration
2024-05-01T08:05:00Z,40,low,,cgm,clarity/egv
2024-05-01T08:10:00Z,400,high,,cgm,clarity/egv
"""
TREATMENTS = """time,kind,amount,unit,note
2024-05-01T08:03:00Z,insulin_rapid,4.5,U,
2024-05-01T08:04:00Z,insulin_long,21,U,
2024-05-01T08:05:00Z,carbs,30,g,
2024-05-01T08:06:00Z,exercise,45,min,vigorous
2024-05-01T08:07:00Z,note,,,"'=HYPERLINK(""http://evil"")"
"""
HOURS = "time,glucose_mg_dl\n2024-05-01T08:00:00Z,100\n"


@pytest.fixture
def clarity(tmp_path: Path) -> Path:
    path = tmp_path / "clarity.csv"
    path.write_text(CLARITY, encoding="utf-8")
    return path


def convert(*words: str | Path) -> int:
    try:
        return main(["convert", *map(str, words)])
    except SystemExit as ended:
        return int(ended.code or 0)


def said_no(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """Return the one line of a refusal."""
    assert convert(*words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


def test_readings_are_written_by_the_contract(
    clarity: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    assert convert(clarity, "--tz", "Europe/Berlin", "-o", out) == 0
    assert out.read_bytes().decode() == READINGS
    assert "4 readings written" in capsys.readouterr().out


def test_treatments_are_written_by_the_contract_and_cannot_be_run(
    clarity: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    assert convert(clarity, "--tz", "Europe/Berlin", "--what", "treatments", "-o", out) == 0
    assert out.read_bytes().decode() == TREATMENTS
    assert "line 12: insulin that is neither said" in capsys.readouterr().err


@pytest.mark.parametrize(("what", "text"), [("readings", READINGS), ("treatments", TREATMENTS)])
def test_what_was_written_converts_to_itself(what: str, text: str, tmp_path: Path) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text(text, encoding="utf-8")
    assert convert(path, "--tz", "Asia/Tokyo", "--what", what, "-o", out) == 0
    assert out.read_text(encoding="utf-8") == text


def test_a_file_without_treatments_gives_an_empty_table(tmp_path: Path) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text(HOURS, encoding="utf-8")
    assert convert(path, "--what", "treatments", "-o", out) == 0
    assert out.read_text(encoding="utf-8") == "time,kind,amount,unit,note\n"


def test_fractions_of_a_second_are_kept_to_the_millisecond(tmp_path: Path) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text(HOURS.replace("00Z", "00.2509Z"), encoding="utf-8")
    assert convert(path, "-o", out) == 0
    assert "\n2024-05-01T08:00:00.250Z,100," in out.read_text(encoding="utf-8")


def test_the_file_is_for_its_owner_and_replaces_what_was_there(
    clarity: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    out.write_text("old", encoding="utf-8")
    out.chmod(0o644)
    assert convert(clarity, "--tz", "UTC", "-o", out) == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_text(encoding="utf-8").startswith("time,")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clarity.csv", "out.csv"]


def test_the_input_is_never_overwritten(
    clarity: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(clarity)
    hard = tmp_path / "hard.csv"
    hard.hardlink_to(clarity)
    for out in (clarity, link, hard, tmp_path / "." / "clarity.csv"):
        assert "is the file that is read" in said_no(capsys, clarity, "--tz", "UTC", "-o", out)
    assert clarity.read_text(encoding="utf-8") == CLARITY


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("no/such/folder/out.csv", "No such file"),
        (".", "no file that"),
        ("www/x.csv", "www"),
    ],
)
def test_where_nothing_can_be_written_it_is_said(
    clarity: Path, tmp_path: Path, out: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "www").mkdir()
    assert said in said_no(capsys, clarity, "--tz", "UTC", "-o", tmp_path / out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clarity.csv", "www"]
    assert list((tmp_path / "www").iterdir()) == []


def test_a_disk_that_is_full_leaves_nothing_behind_and_the_old_file_whole(
    clarity: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    out.write_text("old", encoding="utf-8")
    done = process(clarity, "--tz", "UTC", "-o", out, largest_file=100)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("glucose convert: cannot write")
    assert done.stderr.count("\n") == 1
    assert out.read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clarity.csv", "out.csv"]


def test_a_disk_that_fills_up_at_the_end_leaves_nothing_behind_either(
    clarity: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    assert "No space left" in said_no(capsys, clarity, "--tz", "UTC", "-o", tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["clarity.csv"]


def test_without_a_file_to_write_nothing_happens(clarity: Path) -> None:
    assert convert(clarity) == 2


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("export.csv", HOURS)
    return file.getvalue()


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file is empty"),
    "blank": (b" \n\n", "the file is empty"),
    "binary": (random.Random(5).randbytes(5000), "expected a Dexcom Clarity"),
    "zeros": (b"\0" * 5000, "expected a Dexcom Clarity"),
    "header only": (HOURS.splitlines()[0].encode(), "without any row"),
    "cut off within the header": (CLARITY[:100].encode(), "expected a Dexcom Clarity"),
    "a zip named .csv": (zipped(), "zip archive"),
    "gzip": (gzip.compress(HOURS.encode()), "gzip"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
    "UTF-16 of nothing": ("\ufeff".encode("utf-16-le"), "the file is empty"),
    "JSON cut off": (b'[{"sgv": 100, "date": 17145', "JSON"),
    "a web page": (b"<!doctype html><html>", "expected a Dexcom Clarity"),
    "only year 1": (b"time,gl\n0001-01-01 00:00,100\n", "line 2: no such date"),
    "only year 9999": (b"time,gl\n9999-12-31 23:59,100\n", "line 2: no such date"),
    "only NaN": (b"time,gl\n2024-05-01 00:00,NaN\n", "line 2: not a number"),
    "only negative": (b"time,gl\n2024-05-01 00:00,-100\n", "line 2: glucose outside"),
    "only formulas": (b"time,gl\n=NOW(),=1+1\n2024-05-01 00:00,@A1\n", "line 2: not a time"),
    "two units": (b"time,gl\n2024-05-01 00:00,100\n2024-05-01 00:05,5.5\n", "line 3 has a value"),
    "German LibreView": (
        "Gerät,Gerätezeitstempel,Aufzeichnungstyp,Glukosewert-Verlauf mg/dL\n".encode(),
        "LibreView export in German",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_with_one_clear_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, said = BAD[name]
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_bytes(content)
    line = said_no(capsys, path, "--tz", "UTC", "-o", out)
    assert said in line
    assert str(path) in line
    assert not out.exists()


def test_a_missing_file_and_a_folder_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    assert "No such file" in said_no(capsys, tmp_path / "none.csv", "-o", out)
    assert "directory" in said_no(capsys, tmp_path, "-o", out)


def test_a_file_one_may_not_read_is_said(
    clarity: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Root may read everything, so that the refusal is the kernel's in words only."""

    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refused)
    assert "Permission denied" in said_no(capsys, clarity, "-o", tmp_path / "out.csv")


def test_utf_16_is_read(tmp_path: Path) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_bytes(CLARITY.removeprefix("\ufeff").encode("utf-16"))
    assert convert(path, "--tz", "Europe/Berlin", "-o", out) == 0
    assert out.read_text(encoding="utf-8") == READINGS


def test_a_truncated_file_is_read_up_to_where_it_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text(HOURS + "2024-05-01T08:05:00Z,99\n2024-05-01T08:1", encoding="utf-8")
    assert convert(path, "-o", out) == 0
    assert len(out.read_text(encoding="utf-8").splitlines()) == 3
    assert "1 row was left out, the first in line 4" in capsys.readouterr().err


def process(
    *words: str | Path,
    largest_file: int | None = None,
    stderr: int = subprocess.PIPE,
    peak: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the command as scripts/glucose does; `peak` is told how much memory it took, in kB."""
    # Not getrusage: its peak is the parent's too, from before the program was put in its place.
    program = (
        "import re, sys; from pathlib import Path; from glucose.cli.__main__ import main\n"
        "status = main(sys.argv[2:])\n"
        "known = Path('/proc/self/status').read_text()\n"
        "peak = re.search(r'VmHWM:\\s*(\\d+)', known)[1]\n"
        "_ = sys.argv[1] and Path(sys.argv[1]).write_text(peak)\n"
        "sys.exit(status)"
    )

    def limited() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.run(  # noqa: S603 - our own interpreter and words
        [sys.executable, "-P", "-c", program, str(peak or ""), "convert", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(SHARED)},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        check=False,
        preexec_fn=limited,
        timeout=120,
    )


FIFTY_MB = 50_000_000


def in_one_line(beginning: bytes, repeated: bytes) -> Iterator[bytes]:
    yield beginning
    piece = repeated * (1_000_000 // len(repeated))
    yield from (piece for _ in range(50))


@pytest.mark.parametrize(
    ("beginning", "repeated"),
    [
        (b"", b"x"),
        (b"", b"1,"),
        (b"", b'"'),
        (b"", b" "),
        (b"\xff\xfe", b"x\0"),
        (b"time,glucose_mg_dl\n2024-05-01 08:00,100\n", b"1,"),
        (b"time,kind,amount,unit,note\n2024-05-01 08:00,note,,,", b"\xc3\xa4"),
        (b"", b"["),
        (b'[{"sgv":"', b"x"),
        (b'[{"sgv":100,"date":1714550400000},', b" "),
    ],
)
def test_fifty_megabytes_in_one_line_take_little_memory(
    beginning: bytes, repeated: bytes, tmp_path: Path
) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    with path.open("wb") as file:
        file.writelines(in_one_line(beginning, repeated))
    assert path.stat().st_size >= FIFTY_MB
    peak = tmp_path / "peak"
    done = process(path, "--tz", "UTC", "-o", out, peak=peak)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert int(peak.read_text(encoding="utf-8")) < 100_000  # kB
    assert not out.exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_is_shown_is_gone_when_it_went_wrong_too(
    clarity: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words, shown in (([clarity], 2), ([tmp_path / "none.csv"], 1)):
        terminal = Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        convert(*words, "--tz", "UTC", "-o", tmp_path / "out.csv")
        assert terminal.getvalue().count("…") == shown
        assert terminal.getvalue().count("…\r\x1b[2K") == shown


def test_a_terminal_sees_what_is_going_on_and_a_file_does_not(
    clarity: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    assert process(clarity, "--tz", "UTC", "-o", out).stderr.count("\n") == 1  # the row left out
    terminal, there = pty.openpty()
    try:
        assert process(clarity, "--tz", "UTC", "-o", out, stderr=there).returncode == 0
        os.close(there)
        seen = os.read(terminal, 10_000).decode()
    finally:
        os.close(terminal)
    assert f"reading {clarity} …" in seen
    assert f"writing {out} …" in seen
    # Whatever was shown is gone again before the next thing is.
    assert seen.count("…") == 2
    assert seen.count("\r\x1b[2K") == 4


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this checkout")
@pytest.mark.parametrize(
    ("name", "zone", "rows"),
    [
        ("cgm/hall_1636-69-001.csv", "UTC", 1846),
        ("cgm/hall_2133-004.csv", "UTC", 1776),
        ("exports/clarity_g6_en.csv", "Europe/Helsinki", 3922),
        ("exports/libreview_uk_mmol.csv", "Europe/London", 3109),
    ],
)
def test_real_files_keep_every_reading_in_order_of_time(
    name: str, zone: str, rows: int, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    assert convert(DATA / name, "--tz", zone, "-o", out) == 0
    with out.open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == rows
    times = [datetime.fromisoformat(row["time"]) for row in read]
    assert times == sorted(times)
    assert {time.tzinfo for time in times} == {UTC}
    assert Counter(row["bound"] for row in read).keys() <= {"", "low", "high"}


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this checkout")
def test_a_real_mmol_l_export_is_converted_value_by_value(tmp_path: Path) -> None:
    path, out = DATA / "exports/libreview_uk_mmol.csv", tmp_path / "out.csv"
    assert convert(path, "--tz", "Europe/London", "-o", out) == 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = [row for row in csv.reader(file) if len(row) > 5 and row[3] in {"0", "1"}]
    expected = Counter(round(float(row[4] or row[5]) * 18.016) for row in cells)
    with out.open(encoding="utf-8", newline="") as file:
        assert Counter(int(row["glucose_mg_dl"]) for row in csv.DictReader(file)) == expected
