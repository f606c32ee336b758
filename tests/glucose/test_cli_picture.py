"""`glucose picture`: what it draws, for whose eyes, and how it refuses what it cannot."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from glucose.cli.__main__ import main
from glucose.pictures.look import DARK, LIGHT, Size

SHARED = Path(__file__).parents[2] / "custom_components" / "cgm" / "shared"
DATA = Path(__file__).parents[2].resolve().parent / "shared" / "data"
WHAT = pytest.mark.parametrize("what", ["agp", "day"])


def fortnight(*, every: int = 5, days: int = 14, unit: str = "mg_dl") -> Iterator[str]:
    """Yield a plain CSV of whole UTC days, a wave from 80 to 160 mg/dL each day."""
    yield f"time,glucose_{unit}\n"
    for day in range(days):
        for minute in range(0, 1440, every):
            mg_dl = 80 + abs(minute - 720) // 9
            value = f"{mg_dl / 18.016:.1f}" if unit == "mmol_l" else str(mg_dl)
            yield f"2026-03-{day + 1:02d}T{minute // 60:02d}:{minute % 60:02d}:00Z,{value}\n"


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "export.csv"
    path.write_text("".join(fortnight()), encoding="utf-8")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.png"


def picture(*words: str | Path) -> int:
    try:
        return main(["picture", *map(str, words)])
    except SystemExit as ended:
        return int(ended.code or 0)


def drawn(out: Path, *words: str | Path) -> Image.Image:
    """Return the picture that was written."""
    assert picture(*words, "-o", out) == 0
    assert out.stat().st_size < 60_000
    with Image.open(out) as found:
        assert found.format == "PNG"
        return found.convert("RGB")


def said_no(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """Return the one line of a refusal."""
    assert picture(*words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "Traceback" not in printed.err
    return printed.err


@WHAT
def test_it_is_a_png_for_its_owner_alone_and_replaces_what_was_there(
    export: Path, out: Path, what: str
) -> None:
    out.write_bytes(b"old")
    out.chmod(0o644)
    image = drawn(out, what, export)
    assert image.size == Size.LARGE.value
    assert image.getpixel((2, 2)) == LIGHT.paper
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [one.name for one in out.parent.iterdir() if one.name.startswith(".")] == []


@WHAT
def test_small_dark_and_german_are_chosen(export: Path, out: Path, what: str) -> None:
    plain = drawn(out, what, export)
    image = drawn(out, what, export, "--small", "--dark", "--language", "de", "--unit", "mmol")
    assert image.size == Size.SMALL.value
    assert image.getpixel((2, 2)) == DARK.paper
    german = drawn(out, what, export, "--language", "de")
    mmol = drawn(out, what, export, "--unit", "mmol")
    assert len({one.tobytes() for one in (plain, german, mmol)}) == 3


def test_a_file_in_mmol_l_is_drawn_in_mmol_l(tmp_path: Path, out: Path) -> None:
    path = tmp_path / "mmol.csv"
    path.write_text("".join(fortnight(unit="mmol_l")), encoding="utf-8")
    own = drawn(out, "day", path)
    assert own.tobytes() == drawn(out, "day", path, "--unit", "mmol").tobytes()
    assert own.tobytes() != drawn(out, "day", path, "--unit", "mg").tobytes()


def test_the_day_is_the_last_in_the_file_unless_it_is_named(export: Path, out: Path) -> None:
    last = drawn(out, "day", export)
    assert last.tobytes() == drawn(out, "day", export, "--date", "2026-03-14").tobytes()
    assert last.tobytes() != drawn(out, "day", export, "--date", "2026-03-13").tobytes()


@pytest.mark.parametrize(("days", "enough"), [(14, True), (10, True), (9, False)])
def test_below_70_percent_the_profile_says_so_instead(
    tmp_path: Path, out: Path, days: int, enough: bool
) -> None:
    path = tmp_path / "some.csv"
    path.write_text("".join(fortnight(days=days)), encoding="utf-8")
    image = drawn(out, "agp", path)
    colours = {colour for _, colour in image.getcolors(1_000_000) or ()}
    assert (LIGHT.insulin in colours) is enough


@WHAT
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(300), "export.csv"),
        (b"time,glucose_mg_dl\n", "without any row below its header"),
        (b"time,glucose_mg_dl\n2026-03-01T00:00:00Z,nan\n", "no reading in it"),
        (b"time,glucose_mg_dl\n9999-99-99T00:00:00Z,100\n", "no reading in it"),
    ],
    ids=["empty", "binary", "header", "nan", "date"],
)
def test_a_file_it_cannot_read_is_refused_in_one_line(
    export: Path,
    out: Path,
    capsys: pytest.CaptureFixture[str],
    what: str,
    content: bytes,
    says: str,
) -> None:
    export.write_bytes(content)
    assert says in said_no(capsys, what, export, "-o", out)
    assert not out.exists()


def test_a_file_that_is_not_there_a_zone_and_a_day_that_are_none(
    export: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "cannot read" in said_no(capsys, "day", export.with_name("gone.csv"), "-o", out)
    assert "is no time zone" in said_no(capsys, "day", export, "--tz", "Mars/Base", "-o", out)
    assert picture("day", export, "--date", "2026-02-30", "-o", out) == 2
    assert "--date" in capsys.readouterr().err
    assert picture("week", export, "-o", out) == 2
    assert not out.exists()


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@WHAT
def test_a_day_at_the_end_of_time_is_refused_or_empty(
    export: Path, out: Path, capsys: pytest.CaptureFixture[str], what: str, day: str
) -> None:
    for zone in ("UTC", "Pacific/Kiritimati", "America/New_York"):
        status = picture(what, export, "--date", day, "--tz", zone, "-o", out)
        assert status in {0, 2}
        assert out.exists() is (status == 0)
        out.unlink(missing_ok=True)
    assert "Traceback" not in capsys.readouterr().err


def test_the_file_that_is_read_is_never_overwritten(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = export.read_bytes()
    link = tmp_path / "link.png"
    link.symlink_to(export)
    for place in (export, link):
        assert "is the file that is read" in said_no(capsys, "day", export, "-o", place)
    assert export.read_bytes() == before


def test_nothing_is_written_where_home_assistant_serves_to_anybody(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    www = tmp_path / "www"
    www.mkdir()
    assert "below www" in said_no(capsys, "day", export, "-o", www / "day.png")
    assert list(www.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_takes_no_files_is_said(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o500)
    assert "cannot write" in said_no(capsys, "day", export, "-o", shut / "day.png")


def test_finger_sticks_alone_make_no_picture(
    export: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export.write_text(
        '[{"type":"mbg","mbg":100,"date":1772323200000,"device":"meter"}]', encoding="utf-8"
    )
    assert "finger-sticks only" in said_no(capsys, "day", export, "-o", out)


@pytest.mark.parametrize("package", ["numpy", "PIL"])
def test_what_is_not_installed_is_said_plainly(export: Path, out: Path, package: str) -> None:
    # A fresh interpreter in which that package cannot be found.
    program = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from glucose.cli.__main__ import main\n"
        f"sys.exit(main(['picture', 'day', {str(export)!r}, '-o', {str(out)!r}]))"
    )
    ended = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(SHARED)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert "pictures need numpy and Pillow" in ended.stderr
    assert not out.exists()


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this checkout")
@WHAT
@pytest.mark.parametrize(
    ("file", "zone"),
    [
        ("exports/clarity_g6_en.csv", "America/New_York"),
        ("exports/libreview_uk_mmol.csv", "Europe/London"),
        ("cgm/hall_1636-69-001.csv", "UTC"),
        ("cgm/hall_2133-004.csv", "UTC"),
    ],
)
def test_real_files_become_pictures(out: Path, what: str, file: str, zone: str) -> None:
    image = drawn(out, what, DATA / file, "--tz", zone)
    colours = {colour for _, colour in image.getcolors(1_000_000) or ()}
    shown = LIGHT.in_range if what == "day" else LIGHT.ink
    assert shown in colours
