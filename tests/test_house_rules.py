"""The rooms of the house and who may import what, run over every source file."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
CGM = "custom_components/cgm/"
GLUCOSE = "custom_components/cgm/shared/glucose/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Files that keep the same rules.

    `files` are patterns from the repository's root; the first room that matches has the file.
    `may` names the other rooms it may import from, `packages` what beside the standard
    library. `pure` forbids clocks and I/O. In a room that is `apart`, no file imports another.
    """

    files: tuple[str, ...]
    may: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    pure: bool = False
    apart: bool = False


def _in_glucose(*names: str) -> tuple[str, ...]:
    return tuple(GLUCOSE + name for name in names)


def _in_cgm(*names: str) -> tuple[str, ...]:
    return tuple(f"{CGM}{name}.py" for name in names)


_GROUND = ("values", "merge", "slope")
_VENDOR = ("values", "source")
_VENDORS = ("dexcom", "librelinkup", "nightscout", "simulated", "replay")
_ANALYSES = ("metrics", "forecast", "alarms", "patterns", "lifestyle")
_ALL_OF_GLUCOSE = (
    *(*_GROUND, "present", "cadence", "wire", "store", "source", *_VENDORS, "catalogue"),
    *("formats", *_ANALYSES, "pictures"),
)
_HOME_ASSISTANT = ("homeassistant", "probatio", "voluptuous")
_WHAT_DOORS_SEE = (
    *("const", "wearer", "entity", "status", "values", "present", "alarms"),
    "metrics",
)

ROOMS = {
    # shared/glucose: with or without Home Assistant.
    "values": Room(
        files=_in_glucose(
            *("__init__.py", "errors.py", "trend.py", "units.py", "reading.py", "targets.py"),
            *("record.py", "treatment.py", "measurement.py", "nightscout_entry.py"),
            *("nightscout_treatment.py", "fold_treatments.py"),
            *("reading_columns.py", "disk_codes.py"),
            *("insight.py", "findings.py"),
        ),
        pure=True,
    ),
    "merge": Room(files=_in_glucose("merge.py"), may=("values",), pure=True),
    "slope": Room(
        files=_in_glucose("slope.py", "disagreement.py"), may=("values", "merge"), pure=True
    ),
    "present": Room(files=_in_glucose("present.py"), may=_GROUND, pure=True),
    "cadence": Room(
        files=_in_glucose("cadence.py", "cadence_*.py", "clock_offset.py"),
        may=("values",),
        pure=True,
    ),
    "source": Room(
        files=_in_glucose(*(f"sources/{n}.py" for n in ("__init__", "source", "login", "http"))),
        may=("values",),
        packages=("aiohttp",),
    ),
    "dexcom": Room(
        files=_in_glucose("sources/dexcom*.py"),
        may=_VENDOR,
        # The two are what pydexcom itself sends with: a timeout can be set nowhere else.
        packages=("pydexcom", "requests", "urllib3"),
    ),
    "librelinkup": Room(
        files=_in_glucose("sources/librelinkup*.py"), may=_VENDOR, packages=("aiohttp",)
    ),
    "nightscout": Room(
        files=_in_glucose("sources/nightscout*.py"), may=_VENDOR, packages=("aiohttp",)
    ),
    "simulated": Room(files=_in_glucose("sources/simulated*.py"), may=_VENDOR),
    "replay": Room(files=_in_glucose("sources/replay*.py", "sources/recorded*.py"), may=_VENDOR),
    # Builds any source; a replay's from the export it plays.
    "catalogue": Room(
        files=_in_glucose("sources/catalogue.py"),
        may=(*_VENDOR, *_VENDORS, "formats"),
        packages=("aiohttp",),
    ),
    "formats": Room(files=_in_glucose("formats/*.py"), may=("values",)),
    "wire": Room(files=_in_glucose("wire.py", "wire/*.py"), may=("values",)),
    "store": Room(
        files=_in_glucose("store.py", "store/*.py"), may=("values",), packages=("sqlite_utils",)
    ),
    "metrics": Room(files=_in_glucose("metrics/*.py"), may=_GROUND, packages=("numpy",), pure=True),
    "forecast": Room(
        files=_in_glucose("forecast/*.py"),
        may=(*_GROUND, *_ANALYSES[:1]),
        packages=("numpy",),
        pure=True,
    ),
    "alarms": Room(files=_in_glucose("alarms/*.py"), may=(*_GROUND, *_ANALYSES[:2]), pure=True),
    "patterns": Room(
        files=_in_glucose("patterns/*.py"),
        may=(*_GROUND, *_ANALYSES[:3]),
        packages=("numpy", "stumpy"),
        pure=True,
    ),
    "lifestyle": Room(
        files=_in_glucose("lifestyle/*.py"),
        may=(*_GROUND, *_ANALYSES[:4]),
        packages=("numpy", "tigramite"),
        pure=True,
    ),
    "pictures": Room(
        files=_in_glucose("pictures/*.py"), may=("values", "metrics"), packages=("PIL",)
    ),
    "cli": Room(files=_in_glucose("cli/*.py"), may=_ALL_OF_GLUCOSE, packages=("aiohttp",)),
    # The integration.
    "const": Room(files=_in_cgm("const"), packages=_HOME_ASSISTANT),
    # A value that the core makes and the doors show.
    "status": Room(files=_in_cgm("feed_status", "diary_entry"), may=("values", "source")),
    # Values made of what somebody typed.
    "logged": Room(
        files=_in_cgm("logged_records", "finger_sticks"),
        may=("const", "values"),
        packages=_HOME_ASSISTANT,
    ),
    "wearer": Room(
        files=_in_cgm("wearer", "chosen", "feeds", "listeners"),
        may=("const", "status", "core", *_ALL_OF_GLUCOSE),
        packages=_HOME_ASSISTANT,
    ),
    "core": Room(
        files=_in_cgm(
            *("config_flow", "*_flow", "login", "source_forms", "source_order"),
            *("feed", "feed_memory", "edge_*"),
            *("accounts", "history", "statistics", "issues", "devices", "logins", "writing"),
            *("alarm_watch", "alarm_settings", "alarm_log", "alarm_told", "alarm_keeping"),
            "alarm_silencing",
            *("wearer_history", "measures"),
            *("importing", "import_keeping", "import_reasons"),
            *("exporting", "scheduled_export", "erasing", "history_services"),
            *("wearer_pictures", "alarm_spans"),
            *("about_fields", "target_forms", "number_boxes"),
            *("alarm_forms", "alarm_audience", "alarm_listeners", "alarm_report", "heartbeat"),
            *("records", "feed_treatments", "alarm_quiet"),
            *("on_board", "diary", "diary_words"),
        ),
        may=("const", "status", "wearer", "logged", *_ALL_OF_GLUCOSE),
        packages=(*_HOME_ASSISTANT, "aiohttp"),
    ),
    # The one that opens the house: it also registers the doors that Home Assistant does not
    # look for by name.
    "entry": Room(
        files=_in_cgm("__init__"),
        may=("const", "status", "wearer", "core", "door", *_ALL_OF_GLUCOSE),
        packages=_HOME_ASSISTANT,
    ),
    "entity": Room(
        files=_in_cgm("entity"), may=_WHAT_DOORS_SEE, packages=_HOME_ASSISTANT, apart=True
    ),
    # Tables of what a platform shows.
    "shown": Room(
        files=_in_cgm("*_sensors"), may=_WHAT_DOORS_SEE, packages=_HOME_ASSISTANT, apart=True
    ),
    "platform": Room(
        files=_in_cgm(
            *("sensor", "binary_sensor", "event", "image", "button", "calendar"),
            *("diagnostics", "repairs", "system_health", "backup"),
        ),
        may=(*_WHAT_DOORS_SEE, "shown"),
        packages=_HOME_ASSISTANT,
        apart=True,
    ),
    # What automations are offered: two lists, and what is on them.
    "offer": Room(
        files=_in_cgm("trigger", "condition"),
        may=(*_WHAT_DOORS_SEE, "listening"),
        packages=_HOME_ASSISTANT,
        apart=True,
    ),
    "listening": Room(
        files=_in_cgm(
            *("trigger_*", "condition_*", "targeted", "sensed", "reading_age"),
            *("alarms_heard", "alarms_chosen", "listening"),
        ),
        may=_WHAT_DOORS_SEE,
        packages=_HOME_ASSISTANT,
    ),
    # What is lent by the home and given back.
    "lent": Room(
        files=_in_cgm("set_aside", "singles"), may=_WHAT_DOORS_SEE, packages=_HOME_ASSISTANT
    ),
    "door": Room(
        files=_in_cgm(
            *("services", "measure_services", "record_services"),
            *("lamps", "speakers", "tell", "voice", "llm", "websocket_api"),
        ),
        may=(*_WHAT_DOORS_SEE, "lent", "logged"),
        packages=_HOME_ASSISTANT,
        apart=True,
    ),
    # The Pi.
    "edge_agent": Room(
        files=("edge_agent/*.py",),
        may=_ALL_OF_GLUCOSE,
        packages=("aiohttp", "paho", "voluptuous"),
    ),
}

# Where every Python file must have a room.
HOUSES = ("custom_components", "edge_agent")
# Folders whose files all keep the rules on names and first lines.
WRITTEN = (*HOUSES, "tests", "benchmarks", "scripts")
NAMES_THAT_SAY_NOTHING = {"util", "utils", "helper", "helpers", "base", "manager", "managers"}
# Where neither Home Assistant nor the integration is known.
WITHOUT_HOME_ASSISTANT = ("tests/glucose/", "tests/edge_agent/", "tests/fakes/", "tests/naive/")
# One body with two names: only here may one file use both, and pass bytes from one to the other.
BOTH_NAMES = "tests/contract/"
# Must run where numpy is not, all the way down.
WITHOUT_NUMPY = "alarms"

CLOCKS_AND_IO = frozenset(
    "aiohttp asyncio concurrent fileinput ftplib glob http io logging mmap multiprocessing os "  # noqa: SIM905 - else a line a name
    "pathlib sched select selectors shutil signal smtplib socket socketserver sqlite3 ssl "
    "subprocess tempfile threading time urllib".split()
)
CLOCK_CALLS = {"now", "utcnow", "today"}
IO_CALLS = {"open", "print", "input", "breakpoint"}
# Names under which files of this repository are imported, and where they lie.
OWN = {
    "custom_components": "custom_components",
    "glucose": GLUCOSE.rstrip("/"),
    "edge_agent": "edge_agent",
}


@dataclass(frozen=True, slots=True)
class Import:
    """One import: a file of this repository by its path from the root, or else a package."""

    file: str | None
    package: str | None
    relative: bool
    line: int


def violations(root: Path) -> list[str]:
    """Return every breach of the rules under `root`, as "file:line what"."""
    found: list[str] = []
    for file in _files(root, *HOUSES):
        room = _room_of(file)
        if room is None:
            found.append(f"{file} has no room: give it one in tests/test_house_rules.py")
        else:
            found += _breaches_of_room(root, file, room)
    for file in _files(root, *WRITTEN):
        found += _breaches_of_writing(root, file)
        found += _breaches_of_names(root, file)
    found += [f"{circle} import each other in a circle" for circle in _circles(root)]
    found += _numpy_below(root, WITHOUT_NUMPY)
    return found


def _breaches_of_room(root: Path, file: str, name: str) -> Iterator[str]:
    room = ROOMS[name]
    for found in _imports(root, file):
        where = f"{file}:{found.line}"
        shared = file.startswith(GLUCOSE)
        if found.package is not None:
            forbidden = room.pure and found.package in CLOCKS_AND_IO
            known = found.package in sys.stdlib_module_names or found.package in room.packages
            if forbidden or not known:
                yield f"{where} {name} imports {found.package}"
            continue
        assert found.file is not None
        target = _room_of(found.file)
        if shared and not found.relative:
            yield f"{where} {name} imports {found.file} absolutely"
        if target is None or (target != name and target not in room.may):
            yield f"{where} {name} imports {found.file} ({target})"
        if target == name and room.apart and found.file != file:
            yield f"{where} {name} imports its neighbour {found.file}"
    if room.pure:
        yield from _impure_calls(root, file, name)


def _impure_calls(root: Path, file: str, name: str) -> Iterator[str]:
    for node in ast.walk(_parsed(root / file)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Attribute) and called.attr in CLOCK_CALLS:
            yield f"{file}:{node.lineno} {name} asks a clock: {called.attr}()"
        if isinstance(called, ast.Name) and called.id in IO_CALLS:
            yield f"{file}:{node.lineno} {name} does I/O: {called.id}()"


def _breaches_of_writing(root: Path, file: str) -> Iterator[str]:
    docstring = ast.get_docstring(_parsed(root / file), clean=False)
    if docstring is None or not docstring.splitlines()[:1] or not docstring.splitlines()[0].strip():
        yield f"{file}:1 does not say in its first line what only it does"
    for part in Path(file).with_suffix("").parts:
        if part in NAMES_THAT_SAY_NOTHING:
            yield f"{file} is named {part}, which says nothing"


def _breaches_of_names(root: Path, file: str) -> Iterator[str]:
    packages = {found.package for found in _imports(root, file)}
    files = [found.file for found in _imports(root, file) if found.file is not None]
    top = {name.split(".")[0] for name in _absolute_names(_parsed(root / file))}
    if file.startswith(WITHOUT_HOME_ASSISTANT):
        if "homeassistant" in packages:
            yield f"{file} knows homeassistant"
        if any(name.startswith(CGM) and not name.startswith(GLUCOSE) for name in files):
            yield f"{file} knows the integration"
    if {"glucose", "custom_components"} <= top and not file.startswith(BOTH_NAMES):
        yield f"{file} uses both names of the shared package"


def _circles(root: Path) -> Iterator[str]:
    """Yield files of shared/glucose that import each other, be it for typing only."""
    edges = {
        file: {f.file for f in _imports(root, file) if f.file is not None and f.file != file}
        for file in _files(root, GLUCOSE.rstrip("/"))
    }
    for file, direct in edges.items():
        if file in _reached(direct, edges):
            yield file


def _numpy_below(root: Path, name: str) -> Iterator[str]:
    """Yield the files of the room `name` that cannot run without numpy, and why."""
    files = _files(root, GLUCOSE.rstrip("/"))
    edges = {file: {f.file for f in _imports(root, file) if f.file is not None} for file in files}
    with_numpy = {
        file for file in files if any(found.package == "numpy" for found in _imports(root, file))
    }
    for file in files:
        if _room_of(file) == name:
            for below in sorted(_reached(edges[file], edges) & with_numpy):
                yield f"{file} needs {below}, which imports numpy"


def _reached(start: set[str], edges: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = list(start)
    while waiting:
        file = waiting.pop()
        if file not in reached:
            reached.add(file)
            waiting += edges.get(file, ())
    return reached


def _files(root: Path, *folders: str) -> list[str]:
    return sorted(
        path.relative_to(root).as_posix()
        for folder in folders
        for path in (root / folder).rglob("*.py")
        if "__pycache__" not in path.parts
    )


def _room_of(file: str) -> str | None:
    return next(
        (name for name, room in ROOMS.items() if any(fnmatch(file, p) for p in room.files)), None
    )


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _imports(root: Path, file: str) -> Iterator[Import]:
    """Yield every import of a file: at any depth, for typing only, and by name at run time."""
    for node in ast.walk(_parsed(root / file)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _absolute(root, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.level:
            folder = Path(file)
            for _ in range(node.level):
                folder = folder.parent
            target = folder.joinpath(*(node.module or "").split("."))
            for alias in node.names:
                path = _file_of(root, target.as_posix(), alias.name)
                yield Import(path, None, relative=True, line=node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield _absolute(root, node.module, node.lineno, alias.name)
        elif name := _imported_by_call(node):
            yield _absolute(root, name, node.lineno)  # type: ignore[attr-defined]  # a call has one


def _imported_by_call(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)
        value = node.args[0].value
        if name in {"import_module", "__import__", "importorskip"} and isinstance(value, str):
            return value
    return None


def _absolute_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module
        elif name := _imported_by_call(node):
            yield name


def _absolute(root: Path, module: str, line: int, name: str | None = None) -> Import:
    top, *rest = module.split(".")
    if top not in OWN:
        return Import(None, top, relative=False, line=line)
    return Import(
        _file_of(root, "/".join((OWN[top], *rest)), name), None, relative=False, line=line
    )


def _file_of(root: Path, module: str, name: str | None) -> str:
    """Return the file that `from module import name` reads; also where it does not exist."""
    for candidate in (*((f"{module}/{name}",) if name else ()), module):
        for file in (f"{candidate}.py", f"{candidate}/__init__.py"):
            if (root / file).is_file():
                return file
    return f"{module}/{name}.py" if (root / module).is_dir() else f"{module}.py"


def test_every_file_keeps_the_rules_of_the_house() -> None:
    assert violations(REPOSITORY) == []


def test_there_is_a_house_to_check() -> None:
    assert len(_files(REPOSITORY, "custom_components")) > 10


def test_every_room_that_is_allowed_exists() -> None:
    named = {name for room in ROOMS.values() for name in room.may}
    assert named <= ROOMS.keys()


CLEAN = {
    "custom_components/cgm/__init__.py": "from .services import go\nfrom .wearer import Wearer",
    "custom_components/cgm/const.py": "from homeassistant.const import Platform",
    "custom_components/cgm/wearer.py": "from .const import A\nfrom .shared.glucose.store import S",
    "custom_components/cgm/entity.py": "from .wearer import Wearer",
    "custom_components/cgm/services.py": "import voluptuous\nfrom .wearer import Wearer",
    "custom_components/cgm/sensor.py": (
        "from .entity import E\nfrom .shared.glucose.present import present\n"
        "from .shared.glucose import units"
    ),
    "custom_components/cgm/feed.py": "from .shared.glucose.sources import dexcom",
    GLUCOSE + "__init__.py": "",
    GLUCOSE + "errors.py": "import math",
    GLUCOSE + "units.py": "",
    GLUCOSE + "reading.py": "from .errors import A\nfrom datetime import datetime",
    GLUCOSE + "merge.py": "from .reading import Reading",
    GLUCOSE + "slope.py": "from .merge import merged",
    GLUCOSE + "present.py": "from .slope import rate",
    GLUCOSE + "sources/__init__.py": "",
    GLUCOSE + "sources/source.py": "from ..reading import Reading",
    GLUCOSE + "sources/dexcom.py": "import pydexcom\nfrom .source import Source",
    GLUCOSE + "sources/dexcom_rows.py": "from .dexcom import D\nfrom ..errors import A",
    GLUCOSE + "sources/nightscout.py": "import aiohttp",
    GLUCOSE + "sources/catalogue.py": "from . import dexcom, nightscout",
    GLUCOSE + "store/__init__.py": "import sqlite3\nfrom .rows import row",
    GLUCOSE + "store/rows.py": "def f():\n    from sqlite_utils import Database",
    GLUCOSE + "wire.py": "from .reading import Reading",
    GLUCOSE + "metrics/mean.py": "import numpy as np\nfrom ..reading import Reading",
    GLUCOSE + "forecast/line.py": "from ..slope import rate",
    GLUCOSE + "forecast/curve.py": "import numpy",
    GLUCOSE + "alarms/low.py": "from ..forecast.line import line",
    GLUCOSE + "cli/main.py": "from ..store import Store\nfrom ..sources import catalogue",
    "edge_agent/main.py": "import aiohttp\nimport paho.mqtt.client\nfrom glucose.wire import w",
    "tests/glucose/test_a.py": "from glucose.reading import Reading",
    "tests/cgm/test_b.py": "import homeassistant\nfrom custom_components.cgm import wearer",
    "tests/contract/test_c.py": "import glucose.wire\nimport custom_components.cgm.wearer",
}

PLANTED = {
    # shared/glucose knows nothing above it, and itself only relatively.
    "homeassistant in shared": (GLUCOSE + "merge.py", "import homeassistant.core", "homeassistant"),
    "homeassistant for typing": (
        GLUCOSE + "merge.py",
        "if TYPE_CHECKING:\n    from homeassistant.core import HomeAssistant",
        "homeassistant",
    ),
    "homeassistant in a function": (
        GLUCOSE + "store/rows.py",
        "def f():\n    import homeassistant",
        "homeassistant",
    ),
    "homeassistant by name": (
        GLUCOSE + "cli/main.py",
        "importlib.import_module('homeassistant.core')",
        "homeassistant",
    ),
    "an MQTT client in shared": (GLUCOSE + "wire.py", "import paho.mqtt.client", "paho"),
    "an absolute import in shared": (
        GLUCOSE + "merge.py",
        "from glucose.reading import Reading",
        "absolutely",
    ),
    "the other absolute name in shared": (
        GLUCOSE + "merge.py",
        "from custom_components.cgm.shared.glucose.reading import Reading",
        "absolutely",
    ),
    "out of shared by dots": (GLUCOSE + "merge.py", "from ...wearer import Wearer", "(wearer)"),
    # Rooms of shared/glucose.
    "values with I/O": (GLUCOSE + "units.py", "import sqlite3", "sqlite3"),
    "values that import upward": (GLUCOSE + "units.py", "from .merge import fold", "(merge)"),
    "values in a circle": (GLUCOSE + "errors.py", "from .reading import Reading", "circle"),
    "a file that asks a clock": (
        GLUCOSE + "merge.py",
        "from datetime import datetime\ndatetime.now()",
        "asks a clock: now()",
    ),
    "a module of clocks": (GLUCOSE + "slope.py", "from time import monotonic", "imports time"),
    "a file that opens one": (GLUCOSE + "merge.py", "open('x')", "does I/O: open()"),
    "numpy in merge": (GLUCOSE + "merge.py", "import numpy", "imports numpy"),
    "numpy in a real source": (GLUCOSE + "sources/dexcom.py", "import numpy", "imports numpy"),
    "numpy in replay": (GLUCOSE + "sources/replay.py", "import numpy", "imports numpy"),
    "another source": (
        GLUCOSE + "sources/nightscout.py",
        "from .dexcom_rows import row",
        "(dexcom)",
    ),
    "another source as a module": (
        GLUCOSE + "sources/nightscout.py",
        "from . import dexcom",
        "(dexcom)",
    ),
    "another vendor's library": (
        GLUCOSE + "sources/nightscout.py",
        "import pydexcom",
        "imports pydexcom",
    ),
    "a source that stores": (GLUCOSE + "sources/dexcom.py", "from ..store import S", "(store)"),
    "a source that speaks MQTT": (GLUCOSE + "sources/dexcom.py", "from ..wire import w", "(wire)"),
    "common ground that knows a source": (
        GLUCOSE + "sources/source.py",
        "from .nightscout import N",
        "(nightscout)",
    ),
    "a format that stores": (GLUCOSE + "formats/clarity.py", "from ..store import S", "(store)"),
    "a format that asks": (
        GLUCOSE + "formats/clarity.py",
        "from ..sources.dexcom import D",
        "(dexcom)",
    ),
    "a store that speaks MQTT": (GLUCOSE + "store/rows.py", "from ..wire import w", "(wire)"),
    "MQTT that stores": (GLUCOSE + "wire.py", "from .store import S", "(store)"),
    "a metric that reads the store": (GLUCOSE + "metrics/mean.py", "from .. import store", "store"),
    "a metric that looks to its right": (
        GLUCOSE + "metrics/mean.py",
        "from ..alarms.low import low",
        "(alarms)",
    ),
    "numpy in alarms": (GLUCOSE + "alarms/low.py", "import numpy", "imports numpy"),
    "numpy in what alarms need": (
        GLUCOSE + "alarms/low.py",
        "from ..forecast.curve import curve",
        "which imports numpy",
    ),
    "a picture of the store": (GLUCOSE + "pictures/day.py", "from ..store import S", "(store)"),
    "pictures in metrics": (GLUCOSE + "metrics/mean.py", "import PIL", "imports PIL"),
    # The integration.
    "core that imports a platform": (CGM + "feed.py", "from .sensor import S", "(platform)"),
    "the entry that imports a platform": (
        CGM + "__init__.py",
        "from . import sensor",
        "(platform)",
    ),
    "core that imports a door": (CGM + "wearer.py", "from .services import go", "(door)"),
    "a platform that reads the store": (
        CGM + "sensor.py",
        "from .shared.glucose.store import S",
        "(store)",
    ),
    "a platform that asks a source": (
        CGM + "sensor.py",
        "if TYPE_CHECKING:\n    from .shared.glucose.sources.source import Answer",
        "(source)",
    ),
    "a door that speaks MQTT": (
        CGM + "services.py",
        "from custom_components.cgm.shared.glucose.wire import w",
        "(wire)",
    ),
    "a platform that goes round the wearer": (CGM + "sensor.py", "from .feed import F", "(core)"),
    "a platform that uses its neighbour": (
        CGM + "event.py",
        "from .sensor import S",
        "its neighbour",
    ),
    "a package nobody agreed on": (CGM + "feed.py", "import pandas", "imports pandas"),
    # The Pi.
    "homeassistant on the Pi": ("edge_agent/main.py", "import homeassistant", "homeassistant"),
    "the integration on the Pi": (
        "edge_agent/main.py",
        "from custom_components.cgm.wearer import Wearer",
        "(wearer)",
    ),
    # Tests.
    "homeassistant in the library's tests": (
        "tests/glucose/test_a.py",
        "import homeassistant",
        "knows homeassistant",
    ),
    "the integration in the library's tests": (
        "tests/glucose/test_a.py",
        "import custom_components.cgm.wearer",
        "knows the integration",
    ),
    "both names outside the contract": (
        "tests/cgm/test_b.py",
        "import glucose.wire\nimport custom_components.cgm.wearer",
        "both names",
    ),
    # Every file.
    "a file without a room": (CGM + "sundries.py", "", "has no room"),
    "a shared file without a room": (GLUCOSE + "sundries.py", "", "has no room"),
    "a source without a room": (GLUCOSE + "sources/unheard_of.py", "", "has no room"),
    "a name that says nothing": ("tests/fakes/utils.py", "", "says nothing"),
    "a folder that says nothing": (GLUCOSE + "metrics/helpers/mean.py", "", "says nothing"),
}


def _built(root: Path, files: dict[str, str], caption: str) -> Path:
    for name, code in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{caption}\n{code}\n", encoding="utf-8")
    return root


def test_a_clean_house_has_no_violations(tmp_path: Path) -> None:
    assert violations(_built(tmp_path, CLEAN, '"""What only this file does."""')) == []


@pytest.mark.parametrize(("file", "code", "said"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_violation_is_found(tmp_path: Path, file: str, code: str, said: str) -> None:
    files = {**CLEAN, file: code}
    found = violations(_built(tmp_path, files, '"""What only this file does."""'))
    assert [line for line in found if line.startswith(file) and said in line]


@pytest.mark.parametrize("caption", ["", "# a comment", '""""""', '"""\nNot the first line."""'])
def test_a_file_that_does_not_say_what_it_does_is_found(tmp_path: Path, caption: str) -> None:
    found = violations(_built(tmp_path, {GLUCOSE + "units.py": "import math"}, caption))
    assert found == [GLUCOSE + "units.py:1 does not say in its first line what only it does"]
