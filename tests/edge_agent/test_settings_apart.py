"""Settings read in a process of their own are the settings, and nothing of the reading stays."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.settings import SettingsError
from edge_agent.settings_apart import load_apart, tell
from edge_agent.settings_file import load
from fakes.agent_program import environment

SECRET = "correct horse battery staple"
WHOLE = f"""\
node = "pi"
log_level = "debug"
[broker]
host = "broker"
username = "pi"
password = "{SECRET}"
[pairing]
key = "{SECRET}"
[call]
webhook = "http://127.0.0.1:9/lamp"
[[sources]]
name = "site"
wearer = "Anna"
kind = "nightscout"
url = "http://127.0.0.1:1337"
[[sources]]
name = "sim"
wearer = "Anna"
kind = "simulated"
started_at = 2026-11-20T08:00:00+01:00
"""
# A process of its own: this one has threads, and has read all that the agent's must not.
PROGRAM = """\
import json, os, sys
from pathlib import Path
from edge_agent.settings import SettingsError
from edge_agent.settings_apart import load_apart
{before}
told, problems = None, []
try:
    told = load_apart(Path(sys.argv[1]), os.environ)
except SettingsError as error:
    problems = error.problems
heavy = sorted({{"voluptuous", "tomllib", "edge_agent.settings_file"}} & set(sys.modules))
same = None
if told is not None:
    from edge_agent.settings_file import load
    same = told == load(Path(sys.argv[1]), os.environ)
try:
    os.waitpid(-1, 0)
    left = True
except ChildProcessError:
    left = False
print(json.dumps([heavy, same, problems, left, len(os.listdir("/proc/self/fd"))]))
"""


def config(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def read(path: Path, before: str = "") -> list[object]:
    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-W", "error", "-c", PROGRAM.format(before=before), path],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    found: list[object] = json.loads(done.stdout)
    return found


def test_they_are_the_same_and_nothing_of_the_reading_stays(tmp_path: Path) -> None:
    heavy, same, problems, child_is_left, _ = read(config(tmp_path, WHOLE))
    assert (heavy, same, problems, child_is_left) == ([], True, [], False)


def test_problems_are_named_as_ever(tmp_path: Path) -> None:
    path = config(tmp_path, WHOLE.replace("debug", "loud"))
    _, same, problems, child_is_left, _ = read(path)
    with pytest.raises(SettingsError) as error:
        load(path, {})
    assert (same, problems, child_is_left) == (None, error.value.problems, False)


def test_where_no_process_can_be_had_they_are_read_here(tmp_path: Path) -> None:
    refused = "def fork():\n    raise OSError\nos.fork = fork\n"
    path = config(tmp_path, WHOLE)
    heavy, same, problems, _, files = read(path, refused)
    assert heavy
    assert (same, problems) == (True, [])
    assert files == read(path)[-1]


def test_what_is_told_is_all_there_is(tmp_path: Path) -> None:
    path = config(tmp_path, WHOLE)
    pipe = io.BytesIO()
    tell(pipe, lambda: load(path, {}))
    assert pickle.loads(pipe.getvalue()) == load(path, {})  # noqa: S301 - our own words


def test_a_failure_tells_nothing(tmp_path: Path) -> None:
    pipe = io.BytesIO()
    tell(pipe, lambda: load(tmp_path / "none.toml", {}))
    assert not pipe.getvalue()


def test_a_file_that_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise OSError

    # Here are threads, beside which nobody should fork.
    monkeypatch.setattr("edge_agent.settings_apart.os.fork", refuse)
    with pytest.raises(SettingsError, match="is missing"):
        load_apart(tmp_path / "none.toml", {})
