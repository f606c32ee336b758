"""What every command is given, how it speaks, and what it ends with."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Protocol

from . import speech
from .settings import Settings

PROGRAM = "cgm-edge-agent"
# What the program ends with; the numbers from 64 on are those of sysexits.h.
DONE, FAILED, NOT_DELIVERED, NOT_WRITABLE, FAULT, BAD_SETTINGS = 0, 1, 75, 73, 70, 78


class Arguments(Protocol):
    """What argparse found."""

    command: str
    config: Path | None
    simulated: bool
    dry_run: bool
    wait: float
    names: bool
    output: Path | None
    new: bool
    root: Path


def settings_of(given: Arguments) -> Settings:
    """Return the settings, and speak at their level from now on; raises SettingsError."""
    from .settings_file import load  # noqa: PLC0415 - it imports aiohttp: see __main__.main

    settings = load(given.config, os.environ, simulated=given.simulated)
    speech.set_level(settings.log_level)
    return settings


def complain(text: str) -> None:
    """Say what is wrong, beside what the command answers."""
    print(f"{PROGRAM}: {text}", file=sys.stderr)
