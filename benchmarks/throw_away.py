"""An environment for a peer that is no part of this project, made for one run and thrown away."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def environment(folder: Path, *packages: str) -> Path:
    """Install `packages` into `folder`; return its Python. Raises CalledProcessError, OSError."""
    uv = REPOSITORY / ".cache" / "uv" / "bin" / "uv"
    program = str(uv) if uv.is_file() else shutil.which("uv")
    python = folder / "bin" / "python"
    if program is None:
        commands = [
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "--quiet", *packages],
        ]
    else:
        commands = [
            [program, "venv", "--quiet", "--python", sys.executable, str(folder)],
            [program, "pip", "install", "--quiet", "--python", str(python), *packages],
        ]
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    return python
