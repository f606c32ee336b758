"""Every kind of source by name: builds the account that stored settings describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from .dexcom import DexcomAccount, DexcomSettings, Region
from .librelinkup import LibreLinkUpAccount
from .librelinkup_refusals import OLDEST_ACCEPTED_VERSION
from .librelinkup_settings import LibreLinkUpSettings, vendor_address
from .nightscout import PAGE_SIZE, NightscoutAccount
from .nightscout_settings import Api, NightscoutSettings
from .simulated import SimulatedAccount
from .simulated_settings import Planted, PlantedEvent, SimulatedSettings

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    import aiohttp

    from ..reading import Reading
    from .source import Account, Clock, Run

# Where the two vendors that have one address for everybody are reached; None is pydexcom's own
# table by region. Tests put their own servers here.
DEXCOM_URL: str | None = None
LIBRELINKUP_ADDRESS: Callable[[str | None], str] = vendor_address

# A simulated wearer's sensor is past its warm-up when somebody starts to look.
_SENSOR_AGE = timedelta(days=3)
_KEPT_MINUTES = 90
# A low that nobody sleeps through: whatever the sensor's error, it stays below 54 mg/dL, and long
# enough for an alarm to repeat.
_LOW_AT, _LOW_MG_DL, _LOW_MINUTES = time(3), 45, 30
# Glucose is on its way down by then, and nobody knows of what is past.
_LOW_NOT_BEFORE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a source needs of the world: HTTP, threads, the time (aware UTC, monotonic seconds).

    `most_rows` is how many rows one question may bring, where a source can be asked for fewer.
    """

    session: aiohttp.ClientSession
    run: Run
    clock: Clock
    elapsed: Callable[[], float]
    most_rows: int = PAGE_SIZE


def build_account(
    settings: Mapping[str, object], tools: Tools, *, refused: bool = False
) -> Account:
    """Build without I/O the account of settings["kind"].

    The other settings are the fields of that vendor's own settings, as text; unknown ones are
    ignored. `refused` carries a confirmed refusal over a restart. Raises ValueError for settings
    that cannot be, KeyError for a kind nobody knows.
    """
    return _BUILDERS[str(settings["kind"])](settings, tools, refused)


def _dexcom(settings: Mapping[str, object], tools: Tools, refused: bool) -> Account:  # noqa: FBT001 - one signature for all
    return DexcomAccount(
        DexcomSettings(
            username=_text(settings, "username"),
            password=_text(settings, "password"),
            region=Region(_text(settings, "region")),
        ),
        run=tools.run,
        clock=tools.clock,
        elapsed=tools.elapsed,
        refused=refused,
        base_url=DEXCOM_URL,
    )


def _librelinkup(settings: Mapping[str, object], tools: Tools, refused: bool) -> Account:  # noqa: FBT001 - as above
    return LibreLinkUpAccount(
        LibreLinkUpSettings(
            email=_text(settings, "email"),
            password=_text(settings, "password"),
            client_version=_text(settings, "client_version", OLDEST_ACCEPTED_VERSION),
        ),
        tools.session,
        clock=tools.clock,
        elapsed=tools.elapsed,
        refused=refused,
        address_of=LIBRELINKUP_ADDRESS,
    )


def _nightscout(settings: Mapping[str, object], tools: Tools, refused: bool) -> Account:  # noqa: FBT001 - as above
    return NightscoutAccount(
        NightscoutSettings(
            url=_text(settings, "url"),
            secret=_text(settings, "secret"),
            api=Api(_text(settings, "api", Api.V1)),
        ),
        tools.session,
        tools.clock,
        tools.elapsed,
        refused=refused,
        page_size=tools.most_rows,
    )


def _simulated(settings: Mapping[str, object], tools: Tools, _refused: bool) -> Account:  # noqa: FBT001 - as above
    zone = _zone(settings)
    started_at = _text(settings, "started_at")
    return SimulatedAccount(
        SimulatedSettings(
            seed=int(_text(settings, "seed", "1")),
            zone=zone,
            cadence_minutes=int(_text(settings, "cadence_minutes", "5")),
            **(
                _looked_at(
                    datetime.fromisoformat(started_at),
                    zone,
                    low=settings.get("low_first_night") is True,
                )
                if started_at
                else {}
            ),
        ),
        clock=tools.clock,
        elapsed=tools.elapsed,
        run=tools.run,
    )


class _LookedAt(TypedDict, total=False):
    sensor_epoch: datetime
    planted: tuple[PlantedEvent, ...]


def _looked_at(started_at: datetime, zone: ZoneInfo, *, low: bool) -> _LookedAt:
    """Return what keeps the hour around the start free of gaps, and a `low` in the first night."""
    begins = (started_at - timedelta(minutes=30)).astimezone(zone)
    kept = PlantedEvent(
        what=Planted.PRESENT, at=begins.time(), on=begins.date(), minutes=_KEPT_MINUTES
    )
    planted = (kept, _low_after(started_at, zone)) if low else (kept,)
    return _LookedAt(sensor_epoch=started_at - _SENSOR_AGE, planted=planted)


def _low_after(started_at: datetime, zone: ZoneInfo) -> PlantedEvent:
    """Return the low of the first night that is still to come."""
    known = (started_at + _LOW_NOT_BEFORE).astimezone(zone)
    day = known.date() if known.time() < _LOW_AT else known.date() + timedelta(days=1)
    return PlantedEvent(
        what=Planted.HOLD, at=_LOW_AT, on=day, mg_dl=_LOW_MG_DL, minutes=_LOW_MINUTES
    )


def _replay(settings: Mapping[str, object], tools: Tools, _refused: bool) -> Account:  # noqa: FBT001 - as above
    # Only demonstrations replay a file; nobody else pays for reading one.
    from .recorded import RecordedAccount  # noqa: PLC0415 - see above
    from .replay import ReplaySettings  # noqa: PLC0415 - see above

    path = Path(_text(settings, "file"))
    zone = _zone(settings)

    def read() -> Sequence[Reading]:
        from ..formats import read_export  # noqa: PLC0415 - see above

        return read_export(path, zone=zone, source="replay").readings

    return RecordedAccount(
        read,
        ReplaySettings(
            started_at=datetime.fromisoformat(_text(settings, "started_at")),
            speed=float(_text(settings, "speed", "1")),
        ),
        run=tools.run,
        clock=tools.clock,
        elapsed=tools.elapsed,
    )


def _zone(settings: Mapping[str, object]) -> ZoneInfo:
    # Only simulations and replays have one; with what it needs it is 0.3 MB of an agent's memory.
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - see above

    return ZoneInfo(_text(settings, "time_zone", "UTC"))


def _text(settings: Mapping[str, object], key: str, default: str = "") -> str:
    """Return a text field; one left empty is the default."""
    value = settings.get(key)
    return default if value in (None, "") else str(value)


_BUILDERS: dict[str, Callable[[Mapping[str, object], Tools, bool], Account]] = {
    "dexcom": _dexcom,
    "librelinkup": _librelinkup,
    "nightscout": _nightscout,
    "replay": _replay,
    "simulated": _simulated,
}
