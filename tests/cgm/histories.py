"""Wearers' histories for tests: export files made up here, and everything that is kept."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from custom_components.cgm.history import async_history
from custom_components.cgm.shared.glucose.measurement import Measurement, MeasurementKind
from custom_components.cgm.shared.glucose.reading import Bound, Kind, Reading
from custom_components.cgm.shared.glucose.treatment import Intensity, Treatment, TreatmentKind
from custom_components.cgm.shared.glucose.trend import Trend

type Everything = tuple[list[Reading], list[Treatment], list[Measurement]]

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIVE = timedelta(minutes=5)
# What spreadsheets run, what CSV quotes, what looks like ours, and what is no ASCII.
ODD_NOTES = (
    "=HYPERLINK(1)",
    "+1",
    "@x",
    "'=1",
    ' "quoted", with; commas',
    "two\nlines",
    "light: no run",
    "\u2028 Ä 🍎",
    "  blanks ",
)


def readings() -> list[Reading]:
    """Return a day of readings of two series, with bounds, trends and a meter's."""
    found = [
        Reading(time=NOON - place * FIVE, mg_dl=100 + place % 50, source="01ABC", series="egv")
        for place in range(288)
    ]
    found += [
        Reading(
            time=NOON - timedelta(days=3, milliseconds=1),
            mg_dl=39,
            source="01ABC",
            series="egv",
            bound=Bound.LOW,
            trend=Trend.DOUBLE_DOWN,
        ),
        Reading(
            time=NOON - timedelta(days=3),
            mg_dl=401,
            source="=1+1",
            series="graph",
            bound=Bound.HIGH,
        ),
        Reading(
            time=NOON - timedelta(days=3), mg_dl=88, source="01ABC", series="egv", kind=Kind.METER
        ),
    ]
    return sorted(found, key=lambda one: (one.time, one.source, one.kind, one.series))


def treatments() -> list[Treatment]:
    """Return one of every kind, with odd notes."""
    found = [
        Treatment(
            time=NOON - timedelta(hours=place),
            source="logged",
            id=f"-{place}",
            kind=kind,
            amount={"U": 1.25, "g": 40.0, "min": 30.0}.get(Treatment.unit.fget(_of(kind)) or ""),  # type: ignore[attr-defined]  # a property's getter
            intensity=Intensity.LIGHT if kind is TreatmentKind.EXERCISE else None,
            note=ODD_NOTES[place % len(ODD_NOTES)],
        )
        for place, kind in enumerate(TreatmentKind)
    ]
    return sorted(found, key=lambda one: (one.time, one.source, one.id))


def measurements() -> list[Measurement]:
    """Return one of every kind."""
    return [
        Measurement(
            time=NOON - timedelta(hours=3),
            source="logged",
            id="a",
            kind=MeasurementKind.BLOOD_PRESSURE,
            value=121.5,
            diastolic=80.0,
        ),
        Measurement(
            time=NOON - timedelta(hours=2),
            source="logged",
            id="b",
            kind=MeasurementKind.SLEEP,
            value=420.0,
            quality=4,
            note="=1",
        ),
        Measurement(
            time=NOON - timedelta(hours=1),
            source="logged",
            id="c",
            kind=MeasurementKind.HBA1C,
            value=6.87,
        ),
    ]


def _of(kind: TreatmentKind) -> Treatment:
    return Treatment(time=NOON, source="a", id="a", kind=kind, note="a")


async def keep_everything(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Put all of the above into a wearer's history."""
    history = async_history(hass)
    key = entry.entry_id
    await history.async_do(lambda store: store.add(key, readings()))
    await history.async_do(lambda store: store.treatments.add(key, treatments()))
    await history.async_do(lambda store: store.measurements.add(key, measurements()))


async def everything(hass: HomeAssistant, entry: ConfigEntry) -> Everything:
    """Return everything that a wearer's history keeps."""
    key = entry.entry_id
    return await async_history(hass).async_do(
        lambda store: (
            store.readings(key),
            store.treatments.between(key),
            store.measurements.between(key),
        )
    )


def table(rows: Iterable[tuple[datetime, int]]) -> str:
    """Return a plain table of times and values."""
    lines = [f"{time:%Y-%m-%dT%H:%M:%SZ},{mg_dl}" for time, mg_dl in rows]
    return "\n".join(["time,glucose_mg_dl", *lines, ""])


def allowed(hass: HomeAssistant, *names: str) -> Path:
    """Make a folder that Home Assistant may use."""
    folder = Path(hass.config.config_dir, *(names or ("media",)))
    folder.mkdir(parents=True, exist_ok=True)
    hass.config.allowlist_external_dirs.add(str(folder))
    return folder
