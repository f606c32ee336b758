"""What the calling keeps over a restart: where alarms and calls stand, in a file of its own."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, NamedTuple

from glucose.alarms.keeping import AlarmsDamaged, kept, read_back
from glucose.alarms.state import Alarms

from .call_plan import Plan, Word

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

_LOGGER = logging.getLogger(__name__)
_FORMAT = 1


class Standing(NamedTuple):
    """One wearer's alarms and calls, and how long ago they stood so by the wall clock."""

    alarms: Alarms
    plan: Plan
    ago: timedelta


class CallMemory:
    """Beside the outbox, its owner's only; it holds the newest low readings. Blocking."""

    def __init__(self, path: Path) -> None:
        """Remember where the file is."""
        self._path = path

    def load(self, now: datetime) -> dict[str, Standing]:
        """Return what was kept, by wearer; nothing where it is missing or damaged."""
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                return {}
            return {
                str(wearer): _standing(one["alarms"], one["plan"], now)
                for wearer, one in content["wearers"].items()
            }
        except FileNotFoundError:
            return {}
        except (
            *(AlarmsDamaged, AttributeError, KeyError, OSError, OverflowError),
            *(RecursionError, TypeError, ValueError),
        ) as error:
            _LOGGER.error("Where calls stood cannot be read, beginning anew: %r", type(error))
            return {}

    def save(self, standing: Mapping[str, tuple[Alarms, Plan]], now: datetime) -> None:
        """Write the file; raises OSError."""
        content = {
            "format": _FORMAT,
            "wearers": {
                wearer: {"alarms": kept(alarms, now), "plan": _plain(plan)}
                for wearer, (alarms, plan) in standing.items()
            },
        }
        with NamedTemporaryFile("w", dir=self._path.parent, delete=False) as file:
            json.dump(content, file)
        # A NamedTemporaryFile is its owner's only.
        os.replace(file.name, self._path)  # noqa: PTH105 - Path.replace of the same


def _plain(plan: Plan) -> dict[str, object]:
    return {**asdict(plan), "owed": sorted(plan.owed)}


def _standing(alarms: str, plan: dict[str, object], now: datetime) -> Standing:
    """Build what was kept; raises what its parts' builders raise."""
    found, ago = read_back(alarms, now)
    away, word = plan["away"], plan["word"]
    owed = plan["owed"]
    if not isinstance(owed, list):
        raise TypeError("no list")
    return Standing(
        found,
        Plan(
            away=None if away is None else _seconds(away),
            calls=int(_seconds(plan["calls"])),
            since_call=_seconds(plan["since_call"]),
            told=bool(plan["told"]),
            word=None if word is None else Word(str(word)),
            owed=frozenset(map(str, owed)),
            pending=_seconds(plan["pending"]),
            reached=bool(plan["reached"]),
        ),
        ago,
    )


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise TypeError("no number")
    return float(value)
