"""Writes a wearer's history into private files of a folder, each there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util, slugify

from .const import DOMAIN
from .shared.glucose.errors import StoreError
from .shared.glucose.formats import measurements_csv, readings_csv, treatments_csv, whole_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from homeassistant.core import HomeAssistant

    from .shared.glucose.measurement import Measurement
    from .shared.glucose.reading import Reading
    from .shared.glucose.store import Store
    from .shared.glucose.treatment import Treatment
    from .wearer import Wearer

# Home Assistant serves this folder to anybody, without a login.
_SERVED = "www"
# Two wearers may be called alike, and their files then want the same name at the same second.
_ONE_AT_A_TIME = Lock()
# Nobody writes at a file for so long.
_ABANDONED_AFTER = timedelta(days=1)


class FileKind(StrEnum):
    """What an export can be written as."""

    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The files that were written, and how much of each sort is in them."""

    paths: tuple[Path, ...]
    readings: int
    treatments: int
    measurements: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the history holds of one wearer in a stretch of time, at one moment."""

    readings: list[Reading]
    treatments: list[Treatment]
    measurements: list[Measurement]


async def async_export(
    wearer: Wearer,
    folder: str,
    kinds: Collection[FileKind] = tuple(FileKind),
    start: datetime | None = None,
    end: datetime | None = None,
) -> Exported:
    """Write what is kept in [start, end) into `folder`, made if its parent is there.

    As CSV three tables, as JSON one file; both can be imported again. Raises
    ServiceValidationError for a folder that may not be written to, and HomeAssistantError where
    the history cannot be read or a file not be written; then none is left.
    """
    hass, key = wearer.hass, wearer.id
    place = await async_allowed_folder(hass, folder)

    def look(store: Store) -> _Kept:
        return _Kept(
            store.readings(key, start, end),
            store.treatments.between(key, start, end),
            store.measurements.between(key, start, end),
        )

    # What has just come may still wait for the disk.
    await wearer.async_look_again()
    name = f"cgm-{slugify(wearer.entry.title)}-{dt_util.utcnow():%Y%m%dT%H%M%SZ}"
    try:
        kept = await wearer.history.async_do(look)
        paths = await hass.async_add_executor_job(_write, place, name, kept, tuple(kinds))
    except StoreError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="history_not_read"
        ) from error
    except OSError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="export_not_written",
            translation_placeholders={"reason": error.strerror or type(error).__name__},
        ) from error
    return Exported(
        paths=paths,
        readings=len(kept.readings),
        treatments=len(kept.treatments),
        measurements=len(kept.measurements),
    )


async def async_allowed_folder(hass: HomeAssistant, folder: str) -> Path:
    """Return the folder where files may be written. Raises ServiceValidationError."""
    place, is_served = await hass.async_add_executor_job(_resolved, hass, folder)
    if place is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="folder_not_allowed",
            translation_placeholders={"folder": folder},
        )
    if is_served:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="folder_is_served")
    return place


def _resolved(hass: HomeAssistant, folder: str) -> tuple[Path | None, bool]:
    """Return where it really lies, None where Home Assistant may not write or no folder can be.

    And whether that is served to anybody, by its name or because www is a link to it.
    """
    try:
        named = Path(folder)
        place = named.resolve()
        # Asked of where it lies: of what is not there, Home Assistant looks at the parent alone,
        # and a link to nowhere, or `..` behind a folder that is not there, would lead out.
        if not named.is_absolute() or not hass.config.is_allowed_path(str(place)):
            return None, False
        served = Path(hass.config.path(_SERVED)).resolve()
    except OSError, RuntimeError, ValueError:  # a circle of links, a NUL in the name
        return None, False
    if place.exists() and not place.is_dir():
        return None, False
    named_so = any(part.lower() == _SERVED for part in place.parts)
    return place, named_so or place.is_relative_to(served)


def _write(place: Path, name: str, kept: _Kept, kinds: Iterable[FileKind]) -> tuple[Path, ...]:
    """Write all files beside their places first, then move them there. Raises OSError."""
    with _ONE_AT_A_TIME:
        place.mkdir(mode=0o700, exist_ok=True)
        _sweep(place)
        return _moved(place, _wanted(_unused(place, name), kept, kinds))


def _sweep(place: Path) -> None:
    """Remove what an end in the middle of writing left behind: hidden, and nobody else would."""
    long_ago = (dt_util.utcnow() - _ABANDONED_AFTER).timestamp()
    for left in [one for kind in FileKind for one in place.glob(f".cgm-*.{kind}.*")]:
        with suppress(OSError):
            if left.stat().st_mtime < long_ago:
                left.unlink()


def _wanted(name: str, kept: _Kept, kinds: Iterable[FileKind]) -> Mapping[str, Iterable[str]]:
    """Return what to write under which names."""
    wanted: dict[str, Iterable[str]] = {}
    if FileKind.CSV in kinds:
        wanted |= {
            f"{name}-readings.csv": readings_csv(kept.readings),
            f"{name}-treatments.csv": [treatments_csv(kept.treatments, named=True)],
            f"{name}-measurements.csv": [measurements_csv(kept.measurements)],
        }
    if FileKind.JSON in kinds:
        wanted[f"{name}.json"] = whole_json(kept.readings, kept.treatments, kept.measurements)
    return wanted


def _unused(place: Path, name: str) -> str:
    """Return a name that no file begins with: two wearers may be called alike."""
    taken = {path.name for path in place.iterdir() if path.name.startswith(name)}
    number, found = 1, name
    while any(one.startswith((f"{found}-", f"{found}.")) for one in taken):
        number += 1
        found = f"{name}_{number}"
    return found


def _moved(place: Path, wanted: Mapping[str, Iterable[str]]) -> tuple[Path, ...]:
    written: dict[Path, Path] = {}
    moved: list[Path] = []
    try:
        for name, pieces in wanted.items():
            # Readable for its owner alone (0600), from the first byte on.
            handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=place)
            written[Path(temporary)] = place / name
            with os.fdopen(handle, "wb") as file:
                file.writelines(piece.encode() for piece in pieces)
                file.flush()
                os.fsync(file.fileno())
        for temporary_path, path in written.items():
            temporary_path.replace(path)
            moved.append(path)
    except BaseException:
        for left in (*written, *moved):
            with suppress(OSError):
                left.unlink(missing_ok=True)
        raise
    return tuple(moved)
