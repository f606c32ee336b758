"""Gathers a site's treatments page by page, and tells where in time a row stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from ..errors import InvalidReadingError, InvalidRecordError
from ..nightscout_entry import time_of_text
from ..nightscout_treatment import finger_stick_of, treatments_of
from ..reading import Reading
from ..treatment import Treatment
from .source import TreatmentAnswer

_EPOCH = datetime.fromtimestamp(0, UTC)
_MS = timedelta(milliseconds=1)


class Treatments:
    """Takes rows in any order and gives a TreatmentAnswer, every id once."""

    def __init__(self, source: str, since: datetime) -> None:
        """Make treatments with the id `source`, from `since` (aware UTC) on."""
        self._source = source
        self._since = since
        self._treatments: dict[str, Treatment] = {}
        self._finger_sticks: dict[datetime, Reading] = {}
        self._refused = 0

    def take(self, rows: Iterable[object]) -> None:
        """Read rows; what cannot be a treatment or a finger-stick is counted.

        A treatment with a meter's value that cannot be one is kept, and counted as refused.
        """
        for row in rows:
            try:
                for treatment in treatments_of(row, self._source):
                    if treatment.time >= self._since:
                        self._treatments[treatment.id] = treatment
                stick = finger_stick_of(row, self._source)
            except InvalidRecordError:
                self._refused += 1
                continue
            if stick is not None and stick.time >= self._since:
                self._finger_sticks[stick.time] = stick

    def answer(self) -> TreatmentAnswer:
        """Return what was taken so far."""
        return TreatmentAnswer(
            treatments=tuple(
                sorted(self._treatments.values(), key=lambda each: (each.time, each.id))
            ),
            finger_sticks=tuple(stick for _, stick in sorted(self._finger_sticks.items())),
            refused=self._refused,
        )


def created_ms(row: object) -> float | None:
    """Return a row's `created_at` in epoch ms, None where it is no time."""
    try:
        told = time_of_text(row.get("created_at") if isinstance(row, Mapping) else None)
    except InvalidReadingError:
        return None
    return (told - _EPOCH) / _MS


def created_text(ms: int) -> str:
    """Write epoch ms as Nightscout writes `created_at`, which it compares as text."""
    text = (_EPOCH + ms * _MS).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
