"""A file that is there whole or not at all: written beside its place, for its owner's eyes."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .command import CannotDo

if TYPE_CHECKING:
    from collections.abc import Iterable


def write(path: Path, texts: Iterable[str], *, keep: Path) -> None:
    """Write `texts` in UTF-8; as `write_bytes` does."""
    _write(path, (text.encode() for text in texts), keep)


def write_bytes(path: Path, content: bytes, *, keep: Path) -> None:
    """Write `content` to `path`, in place of what lies there, unless that is `keep`.

    Raises CannotDo; then what was there is untouched, and nothing of ours is left.
    """
    _write(path, [content], keep)


def _write(path: Path, pieces: Iterable[bytes], keep: Path) -> None:
    temporary: Path | None = None
    try:
        place = path.resolve()
        _refuse(path, place, keep)
        # Readable for its owner alone, from the first byte on.
        handle, name = tempfile.mkstemp(prefix=f".{place.name[:100]}.", dir=place.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(place)
        temporary = None
    except (OSError, RuntimeError) as error:  # links that lead in a circle, before Python 3.13
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise CannotDo(f"cannot write {path}: {reason}") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def _refuse(path: Path, place: Path, keep: Path) -> None:
    """Raise CannotDo where nothing may be written."""
    if any(folder.name.lower() == "www" for folder in place.parents):
        raise CannotDo(f"{path} lies below www, which is served to anybody: write elsewhere")
    if not place.exists():
        return
    if place.samefile(keep):
        raise CannotDo(f"{path} is the file that is read: write to another")
    if not place.is_file():
        raise CannotDo(f"{path} is no file that could be replaced")
