"""The built wheel alone: nothing else is installed beside it but what it says it needs.

The wheel is built with hatchling from this environment. Its dependencies are not fetched: what the
wheel's own metadata asks for, and what that asks for in turn, is copied from this environment into
an empty one, file by file as their installers recorded them. So it needs no network, and a
dependency that the wheel does not name is not there.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fakes.agent_program import REPOSITORY, environment

pytest.importorskip("hatchling", reason="only the environment of the agent builds its wheel")


def run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    variables = environment()
    del variables["PYTHONPATH"]
    return subprocess.run(  # noqa: S603 - our own build and program
        words, cwd=cwd, env=variables, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = run(
        sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=REPOSITORY
    )
    assert built.returncode == 0, built.stderr
    (found,) = folder.glob("*.whl")
    return found


def needed(requirements: list[str], seen: set[str]) -> Iterator[str]:
    """Yield the names of distributions that are needed, and what those need."""
    for text in requirements:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if wanted and name not in seen:
            seen.add(name)
            yield name
            yield from needed(distribution(name).requires or [], seen)


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home") / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    (packages,) = home.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
        (metadata,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        asked: list[str] = message_from_bytes(archive.read(metadata)).get_all("Requires-Dist") or []
        (points,) = [name for name in archive.namelist() if name.endswith("/entry_points.txt")]
        commands = dict(re.findall(r"(\S+) = (\S+):main\b", archive.read(points).decode()))
        assert commands == {
            "cgm-edge-agent": "edge_agent.__main__",
            "glucose": "glucose.cli.__main__",
        }
    for name in needed(asked, set()):
        for file in distribution(name).files or []:
            source, target = Path(str(file.locate())), packages / file
            if source.is_file() and target.resolve().is_relative_to(packages.resolve()):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
    # What an installer makes of the entry points.
    for name, module in commands.items():
        command = home / "bin" / name
        command.write_text(
            f"#!{home / 'bin' / 'python'}\nimport sys\nfrom {module} import main\n"
            "sys.exit(main())\n",
            encoding="utf-8",
        )
        command.chmod(0o755)
    return home / "bin" / "cgm-edge-agent"


@pytest.fixture(scope="module")
def glucose(program: Path) -> Path:
    return program.with_name("glucose")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "export.csv"
    rows = (f"2026-03-01T{at // 12:02}:{at % 12 * 5:02}:00Z,{90 + at % 60}\n" for at in range(288))
    path.write_text("time,glucose_mg_dl\n" + "".join(rows), encoding="utf-8")
    return path


def test_the_wheel_holds_the_two_packages_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"edge_agent", "glucose"}
    assert {
        "edge_agent/systemd/cgm-edge-agent.service",
        "edge_agent/example.toml",
        "glucose/wire/rows.py",
    } <= names
    assert not [name for name in names if "__pycache__" in name or "homeassistant" in name]


def test_nothing_but_what_the_wheel_asks_for_is_there(program: Path, tmp_path: Path) -> None:
    python = program.with_name("python")
    found = run(python, "-c", "import pytest", cwd=tmp_path)
    assert "No module named 'pytest'" in found.stderr


def test_it_tells_the_integrations_version(program: Path, tmp_path: Path) -> None:
    manifest = (REPOSITORY / "custom_components/cgm/manifest.json").read_text(encoding="utf-8")
    said = run(program, "--version", cwd=tmp_path).stdout
    assert said.startswith("cgm-edge-agent ")
    assert f'"version": "{said.split()[1]}"' in manifest


@pytest.mark.parametrize(
    "command", ["run", "once", "doctor", "simulate", "export", "pair", "install-service"]
)
def test_every_command_has_help(program: Path, tmp_path: Path, command: str) -> None:
    shown = run(program, command, "--help", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "usage: cgm-edge-agent" in shown.stdout


def test_it_asks_a_simulated_wearer(program: Path, tmp_path: Path) -> None:
    asked = run(program, "once", "--dry-run", "--simulated", cwd=tmp_path)
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert "1 of 1 sources answered" in asked.stdout
    assert not list(tmp_path.iterdir())


def test_every_vendors_source_can_be_built(program: Path, tmp_path: Path) -> None:
    python = program.with_name("python")
    modules = "edge_agent.agent, edge_agent.doctor, edge_agent.rehearsal, pydexcom, numpy"
    found = run(python, "-W", "error", "-c", f"import {modules}", cwd=tmp_path)
    assert found.returncode == 0, found.stderr


def test_the_service_it_installs_starts_itself(program: Path, tmp_path: Path) -> None:
    """The temporary folder is nobody's home, so the program may be started from it."""
    done = run(program, "install-service", "--root", tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    unit = (tmp_path / "etc/systemd/system/cgm-edge-agent.service").read_text(encoding="utf-8")
    assert f"ExecStart={program} --config" in unit
    assert (tmp_path / "etc/cgm-edge-agent/config.toml").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "etc/cgm-edge-agent/secrets").stat().st_mode & 0o777 == 0o700


def test_the_glucose_command_works_out_statistics(glucose: Path, export: Path) -> None:
    found = run(glucose, "stats", export, "--json", cwd=export.parent)
    assert found.returncode == 0, found.stderr
    told = json.loads(found.stdout)
    numbers = [90 + at % 60 for at in range(288)]
    assert (told["readings"], told["mean"]) == (288, pytest.approx(sum(numbers) / 288))
    shown = run(glucose, "stats", export, cwd=export.parent)
    assert shown.stdout.startswith("288 readings from 2026-03-01 00:00")


def test_the_glucose_command_lists_alarms(glucose: Path, export: Path) -> None:
    low = export.read_text(encoding="utf-8").replace(",119\n", ",45\n")
    export.write_text(low, encoding="utf-8")
    found = run(glucose, "alarms", export, "--json", cwd=export.parent)
    assert found.returncode == 0, found.stderr
    assert "urgent_low" in {episode["kind"] for episode in json.loads(found.stdout)}


def test_the_glucose_command_converts(glucose: Path, export: Path, tmp_path: Path) -> None:
    done = run(glucose, "convert", export, "-o", "out.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert written[:2] == [
        "time,glucose_mg_dl,bound,trend,kind,source",
        "2026-03-01T00:00:00Z,90,,,cgm,csv/readings",
    ]
    assert len(written) == 289


@pytest.mark.parametrize("what", ["agp", "day"])
def test_the_glucose_command_draws(glucose: Path, export: Path, tmp_path: Path, what: str) -> None:
    """With the font that is inside the wheel's own dependency."""
    done = run(glucose, "picture", what, export, "-o", "out.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_the_glucose_command_refuses_in_one_line(glucose: Path, tmp_path: Path) -> None:
    done = run(glucose, "stats", "none.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "glucose stats: cannot read none.csv: No such file or directory\n"


ALL_OF_THE_AGENT = """
import edge_agent, importlib, pkgutil
for module in pkgutil.walk_packages(edge_agent.__path__, "edge_agent."):
    importlib.import_module(module.name)
import pydexcom
"""


@pytest.mark.parametrize("asked", ["once --dry-run --simulated", "every module of it"])
def test_the_agent_loads_neither_numpy_nor_pillow(
    program: Path, tmp_path: Path, asked: str
) -> None:
    """They are for the glucose command, and would cost a small computer half its memory."""
    words = [program, *asked.split()] if asked.startswith("once") else ["-c", ALL_OF_THE_AGENT]
    done = run(program.with_name("python"), "-X", "importtime", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert {"edge_agent", "glucose.wire", "aiohttp"} <= loaded
    assert {name.partition(".")[0] for name in loaded}.isdisjoint({"numpy", "PIL"})
