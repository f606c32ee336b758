"""Installs the agent as a service of systemd: unit, folder of settings, folder of secrets."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

UNIT = "cgm-edge-agent.service"
EXAMPLE = "example.toml"
SETTINGS = Path("etc/cgm-edge-agent")
_UNITS = Path("etc/systemd/system")
# ProtectHome=yes hides these from the service.
_HIDDEN = tuple(f"/{folder}/" for folder in ("home", "root", "run/user"))


class ServiceError(Exception):
    """The service cannot be installed; says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What was written, and what was there already and left as it is."""

    written: tuple[Path, ...]
    kept: tuple[Path, ...]


def unit_text(command: Path) -> str:
    """Return the unit that starts `command`."""
    text = files("edge_agent").joinpath("systemd", UNIT).read_text(encoding="utf-8")
    return text.replace("@COMMAND@", str(command))


def example_text() -> str:
    """Return the example of a settings file."""
    return files("edge_agent").joinpath(EXAMPLE).read_text(encoding="utf-8")


def command_of(program: str) -> Path:
    """Return the whole path of the program as it was called; raises ServiceError.

    One that lies where the service may not look is refused: it would never start.
    """
    found = shutil.which(program)
    if found is None:
        raise ServiceError(f"{program} cannot be found as a program")
    # Not resolved: within a virtual environment the link is what makes it work.
    command = Path(found).absolute()
    if any(str(part).startswith(_HIDDEN) for part in (command, command.resolve())):
        raise ServiceError(
            f"{command} is in somebody's home, where the service cannot reach it: install the "
            "agent in /opt/cgm-edge-agent (docs/edge-agent.md)"
        )
    if any(character in str(command) for character in " \t%$\"'\\"):
        raise ServiceError(f"{command} has a blank or sign that systemd would read otherwise")
    return command


def install(command: Path, root: Path) -> Installed:
    """Write unit and folders below `root` ("/" in earnest); raises ServiceError.

    The unit is replaced, settings and secrets that are there are left alone.
    """
    written: list[Path] = []
    kept: list[Path] = []
    folder = root / SETTINGS
    secrets = folder / "secrets"
    config = folder / "config.toml"
    unit = root / _UNITS / UNIT
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        if secrets.is_dir():
            kept.append(secrets)
        else:
            secrets.mkdir(mode=0o700)
            written.append(secrets)
        if config.exists():
            kept.append(config)
        else:
            config.touch(mode=0o600)
            config.write_text(example_text(), encoding="utf-8")
            written.append(config)
        unit.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        unit.write_text(unit_text(command), encoding="utf-8")
        unit.chmod(0o644)
        written.append(unit)
    except PermissionError:
        raise ServiceError("only root may install a service: run it with sudo") from None
    except OSError as error:
        raise ServiceError(f"the service cannot be installed: {error.strerror}") from None
    return Installed(written=tuple(written), kept=tuple(kept))


def reload() -> None:
    """Have systemd read the unit; raises ServiceError."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        raise ServiceError("there is no systemd here: the unit is written, nothing will start it")
    try:
        subprocess.run([systemctl, "daemon-reload"], check=True, capture_output=True, timeout=60)  # noqa: S603 - found on the path, fixed words
    except (OSError, subprocess.SubprocessError):
        raise ServiceError("systemd did not read the unit: run `systemctl daemon-reload`") from None
