"""The glucose command as a process: what it answers, what it refuses, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from glucose.cli.__main__ import COMMANDS, main
from glucose.cli.command import Answer

SHARED = Path(__file__).parents[2] / "custom_components" / "cgm" / "shared"
LIBRE_NOTES = (
    b"Device,Serial Number,Device Timestamp,Record Type,Historic Glucose mg/dL\n"
    b"a,b,28-04-2025 10:00,6,\n"
)
LOW_NIGHT = "time,glucose_mg_dl\n" + "".join(
    f"2026-03-01 03:{minute:02}:00,{mg_dl}\n"
    for minute, mg_dl in zip(
        range(0, 60, 5), [90, 84, 78, 72, 66, 61, 62, 68, 76, 84, 90, 95], strict=True
    )
)


@dataclass(frozen=True)
class Done:
    """How the command ended and what it printed."""

    returncode: int
    stdout: str
    stderr: str


Glucose = Callable[..., Done]


@pytest.fixture
def glucose(capsys: pytest.CaptureFixture[str]) -> Glucose:
    """Run the command in this process."""

    def run(*words: str | Path) -> Done:
        try:
            status = main(list(map(str, words)))
        except SystemExit as ended:
            status = int(ended.code or 0)
        printed = capsys.readouterr()
        return Done(status, printed.out, printed.err)

    return run


def process(
    *words: str | Path, python: tuple[str, ...] = ("-P",), folder: Path | None = None
) -> subprocess.Popen[bytes]:
    """Run the command as scripts/glucose does."""
    return subprocess.Popen(  # noqa: S603 - our own interpreter and file
        [sys.executable, *python, "-m", "glucose.cli", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(SHARED)},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def refused(done: Done) -> str:
    """Return the one line that says why; nothing else may have been printed."""
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.fixture
def low_night(tmp_path: Path) -> Path:
    path = tmp_path / "night.csv"
    path.write_text(LOW_NIGHT, encoding="utf-8")
    return path


def test_help_names_every_command_and_each_has_its_own(glucose: Glucose) -> None:
    shown = glucose("--help")
    assert shown.returncode == 0
    assert all(command.name in shown.stdout for command in COMMANDS)
    for command in COMMANDS:
        own = glucose(command.name, "--help")
        assert own.returncode == 0
        assert "usage: glucose" in own.stdout


def test_help_needs_nothing_but_the_standard_library() -> None:
    """scripts/glucose shows it before anything is set up: -S hides what is installed."""
    with process("alarms", "--help", python=("-P", "-S")) as running:
        shown, complaints = running.communicate(timeout=30)
    assert (running.returncode, complaints) == (0, b"")
    assert b"usage: glucose alarms" in shown


@pytest.mark.parametrize("words", [(), ("dream",), ("alarms",), ("alarms", "a", "--loud")])
def test_words_that_are_no_command_end_with_2(words: tuple[str, ...], glucose: Glucose) -> None:
    done = glucose(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "usage: glucose" in done.stderr


def test_a_missing_file_and_a_folder_are_said(tmp_path: Path, glucose: Glucose) -> None:
    assert "No such file" in refused(glucose("alarms", tmp_path / "none.csv"))
    assert "directory" in refused(glucose("alarms", tmp_path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf \r\n\t\r\n", "the file is empty"),
        (b"\x00\x01\xff" * 100, "expected a Dexcom Clarity"),
        (b"PK\x03\x04 a zip that is called .csv", "zip archive"),
        (b"time,gl\n", "without any row"),
        (LIBRE_NOTES, "without any glucose reading"),
        (b"time,gl\n2026-03-01 03:00,NA\n", "line 2: not a number"),
        (b"time,gl,kind\n2026-03-01 03:00,90,meter\n", "finger-sticks only"),
        (b"id,time,gl\na,2026-03-01 03:00,90\nb,2026-03-01 03:05,90\n", "2 wearers"),
    ],
)
def test_a_file_without_a_sensors_readings_is_refused(
    tmp_path: Path, content: bytes, said: str, glucose: Glucose
) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    assert said in refused(glucose("alarms", path, "--tz", "UTC", "--json"))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Europe", "a\x07b"])
def test_an_unknown_zone_is_refused(low_night: Path, zone: str, glucose: Glucose) -> None:
    assert "is no time zone" in refused(glucose("alarms", low_night, "--tz", zone))


def test_dates_that_fit_both_ways_are_asked_after_and_can_be_answered(
    tmp_path: Path, glucose: Glucose
) -> None:
    path = tmp_path / "libre.csv"
    path.write_text(
        "Glucose Data\nDevice,Serial Number,Device Timestamp,Record Type,Historic Glucose mg/dL\n"
        "a,b,03-04-2025 10:00,0,100\na,b,03-04-2025 10:15,0,60\n",
        encoding="utf-8",
    )
    assert "--day-first or --month-first" in refused(glucose("alarms", path, "--json"))
    starts = {
        order: json.loads(glucose("alarms", path, "--json", order).stdout)[0]["start"]
        for order in ("--day-first", "--month-first")
    }
    assert starts["--day-first"].startswith("2025-04-03T10:15")
    assert starts["--month-first"].startswith("2025-03-04T10:15")


def test_a_missing_zone_is_said_beside_the_answer(low_night: Path, glucose: Glucose) -> None:
    done = glucose("alarms", low_night, "--json")
    assert done.returncode == 0
    assert "taken as UTC" in done.stderr
    assert json.loads(done.stdout)[-1]["start"] == "2026-03-01T03:20:00+00:00"
    assert glucose("alarms", low_night, "--json", "--tz", "UTC").stderr == ""


def test_a_file_that_says_its_zone_needs_none(tmp_path: Path, glucose: Glucose) -> None:
    path = tmp_path / "night.csv"
    path.write_text(LOW_NIGHT.replace(":00,", ":00+01:00,"), encoding="utf-8")
    done = glucose("alarms", path, "--json")
    assert done.stderr == ""
    assert json.loads(done.stdout)[-1]["start"] == "2026-03-01T02:20:00+00:00"


def test_rows_left_out_are_said_beside_the_answer(low_night: Path, glucose: Glucose) -> None:
    low_night.write_text(LOW_NIGHT + "2026-03-01 04:00,NA\nnever,90\n", encoding="utf-8")
    done = glucose("alarms", low_night, "--tz", "UTC")
    assert done.returncode == 0
    assert "2 rows were left out, the first in line 14: not a number" in done.stderr


def test_who_has_read_enough_may_close_the_pipe(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    wave = (90 if minute % 60 < 30 else 50 for minute in range(0, 60 * 24 * 28, 5))
    path.write_text(
        "time,gl\n"
        + "".join(
            f"2026-03-{1 + at // 288:02} {at % 288 // 12:02}:{at % 12 * 5:02},{mg_dl}\n"
            for at, mg_dl in enumerate(wave)
        ),
        encoding="utf-8",
    )
    with process("alarms", path, "--tz", "UTC", "--json") as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == b"[\n"
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(30) == 0


def test_a_closed_pipe_is_left_such_that_python_closes_it_in_peace(
    low_night: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as closed:
        monkeypatch.setattr("sys.stdout", closed)
        assert main(["alarms", str(low_night), "--tz", "UTC"]) == 0


def test_an_answer_that_finds_no_room_is_said_in_one_line(
    low_night: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert main(["alarms", str(low_night), "--tz", "UTC"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == "glucose alarms: cannot write the answer: No space left on device"


def test_a_folder_of_the_same_name_where_one_stands_changes_nothing(
    low_night: Path, tmp_path: Path
) -> None:
    (tmp_path / "glucose").mkdir()
    (tmp_path / "glucose" / "__init__.py").write_text("raise SystemExit(9)\n", encoding="utf-8")
    with process("alarms", low_night, "--tz", "UTC", folder=tmp_path) as running:
        shown, complaints = running.communicate(timeout=30)
    assert (running.returncode, complaints) == (0, b"")
    assert b"1 low" in shown


def test_a_full_disk_behind_the_output_is_said_and_no_traceback(low_night: Path) -> None:
    """Also none when Python writes what is left once more at its end."""
    words = [sys.executable, "-P", "-m", "glucose.cli", "alarms", str(low_night)]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(  # noqa: S603 - our own interpreter and file
            words,
            env={**os.environ, "PYTHONPATH": str(SHARED)},
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == b"glucose alarms: cannot write the answer: No space left on device\n"


def test_a_closed_output_is_said_and_a_closed_stderr_is_borne(
    low_night: Path, glucose: Glucose, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", None)
        assert "the output is closed" in refused(glucose("alarms", low_night, "--tz", "UTC"))
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", None)
        assert glucose("alarms", low_night).returncode == 0
        assert glucose("alarms", low_night.with_name("none")).returncode == 2


def test_an_output_that_has_no_such_letter_gets_another_one(low_night: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter and file
        [sys.executable, "-P", "-m", "glucose.cli", "stats", str(low_night), "--tz", "UTC"],
        env={**os.environ, "PYTHONPATH": str(SHARED), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0
    assert b"? 36 %" in done.stdout


def test_a_name_with_a_line_break_is_told_in_one_line(tmp_path: Path, glucose: Glucose) -> None:
    said = refused(glucose("alarms", tmp_path / "a\nb\x1b[2Jc\udcff.csv"))
    assert "a?b?[2Jc?.csv: No such file" in said


@pytest.mark.parametrize("day", ["today", "0001-01-01", "9999-12-31", "2026-02-30"])
def test_a_day_that_no_file_has_is_refused(
    low_night: Path, day: str, tmp_path: Path, glucose: Glucose
) -> None:
    done = glucose("picture", "agp", low_night, "--date", day, "-o", tmp_path / "p.png")
    assert done.returncode == 2
    assert f"{day!r} is no day: give one such as 2026-05-01" in done.stderr


@pytest.mark.parametrize(
    "words", [("stats",), ("alarms",), ("convert", "-o", "o.csv"), ("picture", "day", "-o", "p")]
)
def test_a_terminal_is_told_what_is_done_and_then_cleared(
    words: tuple[str, ...], low_night: Path, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        done = subprocess.run(  # noqa: S603 - our own interpreter and file
            [sys.executable, "-P", "-m", "glucose.cli", *words, str(low_night), "--tz", "UTC"],
            env={**os.environ, "PYTHONPATH": str(SHARED)},
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            timeout=30,
            check=False,
        )
        os.close(theirs)
        shown = terminal.read(4096)
    assert done.returncode == 0
    assert shown.startswith(b"\r\x1b[2Kreading ")
    assert b"\r\x1b[2K" in shown[8:]


def test_ctrl_c_ends_it_without_a_word(
    low_night: Path, glucose: Glucose, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Namespace) -> Answer:
        raise KeyboardInterrupt

    monkeypatch.setattr("glucose.cli.__main__.COMMANDS", (replace(COMMANDS[0], run=interrupted),))
    assert glucose("alarms", low_night) == Done(130, "", "")
