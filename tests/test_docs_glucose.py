"""What the pages show of the `glucose` command runs as it stands there, and its keys are told."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from glucose.cli.__main__ import COMMANDS, main

REPOSITORY = Path(__file__).parents[1]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
HISTORY = (REPOSITORY / "docs" / "history.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What stands for the reader's own in an example.
OWN = {"FILE": "clarity.csv", "ZONE": "Europe/Berlin"}


def examples() -> Iterator[str]:
    """Yield every call of the command in a page's code, and each command's own example."""
    for page in PAGES:
        for block in FENCED.findall(page.read_text(encoding="utf-8")):
            for line in block.splitlines():
                if line.startswith("scripts/glucose "):
                    yield line.partition("#")[0].removeprefix("scripts/").strip()
    yield from (command.example for command in COMMANDS)


EXAMPLES = sorted(set(examples()))


@pytest.fixture
def clarity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write 15 days of Clarity where the command is run."""
    start = datetime(2026, 5, 1, tzinfo=UTC)
    rows = (
        f",{start + timedelta(minutes=5 * at):%Y-%m-%dT%H:%M:%S},EGV,{60 + at * 7 % 200}"
        for at in range(15 * 288)
    )
    header = "Index,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Glucose Value (mg/dL)"
    path = tmp_path / "clarity.csv"
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return path


def test_every_command_is_shown_on_the_page() -> None:
    shown = {shlex.split(example)[1] for example in EXAMPLES}
    assert shown == {command.name for command in COMMANDS}
    assert len(EXAMPLES) >= 8


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs_as_it_stands_there(
    example: str, clarity: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, *words = (OWN.get(word, word) for word in shlex.split(example))
    assert main(words) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out
    for option, written in pairwise(words):
        if option == "-o":
            assert (clarity.parent / written).stat().st_size


def test_the_page_tells_every_key_of_the_statistics_in_their_order(
    clarity: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stats", str(clarity), "--tz", "UTC", "--json"]) == 0
    told: dict[str, object] = json.loads(capsys.readouterr().out)
    told_of = HISTORY.partition("leave undefined, and the keys")[2].partition("(`hypo_1`")[0]
    assert re.findall(r"`(\w+)`", told_of) == list(told)
