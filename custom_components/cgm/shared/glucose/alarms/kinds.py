"""The alarms there are, and of each what nobody can set: how it clears, repeats and is silenced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class AlarmKind(StrEnum):
    """What an alarm is about."""

    URGENT_LOW = "urgent_low"
    LOW = "low"
    PREDICTED_LOW = "predicted_low"
    FALLING_FAST = "falling_fast"
    URGENT_HIGH = "urgent_high"
    HIGH = "high"
    SUSTAINED_HIGH = "sustained_high"
    RISING_FAST = "rising_fast"
    STALE = "stale"
    SENSOR_FAULT_SUSPECTED = "sensor_fault_suspected"


class Side(StrEnum):
    """Which way glucose is out; an alarm of one side breaks a silence of the other."""

    LOW = "low"
    HIGH = "high"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is fixed of one alarm.

    `severity` orders the alarms of one side: a worse one breaks a milder one's silence and
    speaks for it. `clears_by` is how far glucose must be back behind the threshold in mg/dL; of
    falling and rising fast it is the rate itself in mg/dL per minute. `repeats` is None where
    it speaks once an episode. A silence takes `silence` unless told otherwise, and never more
    than `longest_silence`.
    """

    side: Side
    severity: int
    clears_by: float
    repeats: timedelta | None
    silence: timedelta
    longest_silence: timedelta

    def over_at(self, threshold: float) -> float:
        """Return the mg/dL at which a level alarm is over: behind its threshold by its margin."""
        low = self.side is Side.LOW
        return threshold + self.clears_by if low else threshold - self.clears_by


def _standing(  # noqa: PLR0913, PLR0917 - a row of the table below
    side: Side,
    severity: int,
    clears_by: float,
    repeats: int | None,
    silence: int,
    longest_silence: int,
) -> Standing:
    return Standing(
        side=side,
        severity=severity,
        clears_by=clears_by,
        repeats=None if repeats is None else timedelta(minutes=repeats),
        silence=timedelta(minutes=silence),
        longest_silence=timedelta(minutes=longest_silence),
    )


# Side, severity, mg/dL back (or mg/dL per minute), then minutes: repeats, silence, longest.
STANDING: Mapping[AlarmKind, Standing] = MappingProxyType(
    {
        AlarmKind.URGENT_LOW: _standing(Side.LOW, 3, 6, 5, 15, 30),
        AlarmKind.LOW: _standing(Side.LOW, 2, 5, 15, 30, 60),
        AlarmKind.PREDICTED_LOW: _standing(Side.LOW, 1, 5, None, 30, 60),
        AlarmKind.FALLING_FAST: _standing(Side.LOW, 1, 1.5, None, 30, 60),
        AlarmKind.URGENT_HIGH: _standing(Side.HIGH, 3, 10, 30, 60, 120),
        AlarmKind.HIGH: _standing(Side.HIGH, 2, 10, 60, 60, 240),
        AlarmKind.SUSTAINED_HIGH: _standing(Side.HIGH, 1, 0, 60, 120, 240),
        AlarmKind.RISING_FAST: _standing(Side.HIGH, 1, 1.5, None, 30, 60),
        AlarmKind.STALE: _standing(Side.NEITHER, 1, 0, 30, 60, 120),
        AlarmKind.SENSOR_FAULT_SUSPECTED: _standing(Side.NEITHER, 1, 0, None, 60, 120),
    }
)
