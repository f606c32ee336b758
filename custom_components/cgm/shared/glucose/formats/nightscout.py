"""Nightscout's JSON: what its API answers for entries and treatments, kept in a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import UnrecognisedExport
from ..nightscout_entry import entry_id, entry_reading
from ..nightscout_treatment import finger_stick_of, treatments_of
from ..units import Unit
from .json_objects import objects_of
from .measured import Gathering

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from ..reading import Reading
    from .export import Export

FORMAT = "Nightscout JSON"
SOURCE = "nightscout"

_ENTRIES = ("sgv", "mbg")
# A treatment without an event type has one of these; so has no entry.
_TREATMENTS = ("eventType", "created_at", "carbs", "insulin")
# As many objects are looked at before a file is said to be of something else.
_LOOKED_AT = 100


def read_nightscout(pieces: Iterator[str], *, zone: ZoneInfo, source: str | None) -> Export:
    """Read a file of entries, treatments or both: an array, or an object with arrays in it.

    Every time has its offset, so that `zone` is not needed. Where two uploaders wrote the same
    moment the row with the higher id counts, as it does when a site is asked. Lines are numbers
    of objects, from 1. Raises UnrecognisedExport.
    """
    documents = _Documents(Gathering(zone=zone, source=source or SOURCE))
    rows = known = 0
    for name, row in objects_of(pieces):
        rows += 1
        known += documents.take(rows, name, row)
        if not known and rows >= _LOOKED_AT:
            break
    if not known:
        raise UnrecognisedExport(
            "a JSON file without an entry or a treatment of Nightscout"
            if rows
            else "a JSON file with nothing in it"
        )
    return documents.export(rows)


class _Documents:
    """Takes a file's objects; of several readings of one moment the one with the highest id."""

    def __init__(self, gathering: Gathering) -> None:
        self._gathering = gathering
        self._kept: dict[tuple[str, datetime], tuple[str, Reading]] = {}

    def take(self, number: int, name: str, row: object) -> bool:
        """Take one object out of the array `name`; say whether it is one of Nightscout's."""
        if not isinstance(row, Mapping):
            self._gathering.others["other"] += 1
            return False
        entry = any(one in row for one in _ENTRIES)
        if name == "treatments" or (not entry and any(one in row for one in _TREATMENTS)):
            self._gathering.attempt(number, self._treatment, row)
            return True
        self._gathering.attempt(number, self._entry, row)
        return entry or name == "entries"

    def export(self, rows: int) -> Export:
        """Return all that was taken."""
        measured = self._gathering.measured
        for _, reading in self._kept.values():
            measured.times.append(reading.time)
            measured.likes.append(reading)
        return self._gathering.export(format=FORMAT, unit=Unit.MG_DL, rows=rows)

    def _treatment(self, number: int, row: Mapping[str, object]) -> str | None:
        source = self._gathering.source
        treatments, reading = treatments_of(row, source), finger_stick_of(row, source)
        for one in treatments:
            self._gathering.keep(number, one)
        if reading is not None:
            self._keep(row, reading)
        return None if treatments or reading is not None else "other"

    def _entry(self, _number: int, row: Mapping[str, object]) -> str | None:
        reading = entry_reading(row, self._gathering.source)
        if reading is None:
            return "other"
        return None if self._keep(row, reading) else "again"

    def _keep(self, row: Mapping[str, object], reading: Reading) -> bool:
        """Keep a reading; say whether its moment is new."""
        moment, id_ = (reading.kind.value, reading.time), entry_id(row)
        held = self._kept.get(moment)
        if held is None or held[0] <= id_:
            self._kept[moment] = id_, reading
        return held is None
