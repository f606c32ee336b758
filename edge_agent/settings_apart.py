"""Reads the settings in a process of its own, whose memory ends with it."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, cast

from .settings import Settings


def load_apart(
    config: Path | None, environment: Mapping[str, str], *, simulated: bool = False
) -> Settings:
    """Do what settings_file.load() does; raises SettingsError.

    What checks settings is 1.5 MB of memory, which an agent that runs for months needs only once.
    To be called while the process has one thread and no event loop.
    """

    def load() -> Settings:
        from .settings_file import load as read  # noqa: PLC0415 - this is what stays apart

        return read(config, environment, simulated=simulated)

    found = _of_child(load)
    # Whatever the other process met is met here again, and says itself what is wrong.
    return load() if found is None else found


def _of_child(load: Callable[[], Settings]) -> Settings | None:
    """Return what `load` returns in a process of its own, None where it fails."""
    reading, writing = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        return None
    if child == 0:
        try:
            # A pipe: secrets must not touch the disk.
            with os.fdopen(writing, "wb") as pipe:
                tell(pipe, load)
        finally:
            # Not sys.exit(): what the other process has begun is that one's to end.
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return cast("Settings", pickle.loads(said)) if said else None  # noqa: S301 - our own words


def tell(pipe: BinaryIO, load: Callable[[], Settings]) -> None:
    """Write what `load` returns, nothing where it fails."""
    try:
        pipe.write(pickle.dumps(load()))
    except Exception:  # noqa: BLE001 - who asked finds out by itself what it is
        return
