"""An edge agent as Home Assistant sees it: its messages, encoded by the contract's own code."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_mqtt_message

from custom_components.cgm.shared.glucose.reading import Reading
from custom_components.cgm.shared.glucose.wire import (
    Announce,
    Carried,
    Health,
    Row,
    Rows,
    SourceHealth,
    Topics,
)

NODE = "pi"
TOPICS = Topics(NODE)
EPOCH = "first"
FIVE = timedelta(minutes=5)
BASEMENT = Carried(source="basement", wearer="Kim", kind="dexcom", cadence_seconds=300)
ATTIC = Carried(source="attic", wearer="Noa", kind="nightscout", cadence_seconds=60)


def edge_source(
    carried: Carried = BASEMENT, *, node: str = NODE, key: str | None = None
) -> dict[str, object]:
    """Return the data of a subentry for what an agent carries."""
    data: dict[str, object] = {
        "kind": "edge",
        "node": node,
        "carried": carried.source,
        "cadence_seconds": carried.cadence_seconds,
        "wearer": f"{node} {carried.source}",
    }
    return data if key is None else {**data, "pairing_key": key}


def announcement(*carries: Carried, key: bytes | None = None) -> bytes:
    """Return the announcement of an agent; with the basement's source where none is named."""
    announce = Announce(node=NODE, software="test 1", carries=carries or (BASEMENT,))
    return announce.encode(TOPICS.announce, key)


def reading(time: datetime, mg_dl: int = 120, source: str = "basement") -> Reading:
    """Return a reading as the agent has it."""
    return Reading(time=time, mg_dl=mg_dl, source=source, series="share")


def numbered(readings: Iterable[Reading], first: int = 1) -> tuple[Row, ...]:
    """Return readings under numbers of the outbox."""
    return tuple(Row(seq, one) for seq, one in enumerate(readings, first))


def rows(
    *some: Row,
    epoch: str = EPOCH,
    done: int = 0,
    after: int | None = None,
    topic: str = TOPICS.backfill,
    key: bytes | None = None,
) -> bytes:
    """Return a message of rows; they follow on one another unless `after` says otherwise."""
    before = some[0].seq - 1 if after is None else after
    return Rows(epoch=epoch, done=done, after=before, rows=some).encode(topic, key)


def health(
    *,
    depth: int = 0,
    state: str = "ok",
    ahead: timedelta = timedelta(),
    synchronised: bool | None = True,
    denied: tuple[str, ...] = (),
    key: bytes | None = None,
) -> bytes:
    """Return a message of health, sent now by a clock that is `ahead` of ours."""
    return Health(
        sent_at=dt_util.utcnow() + ahead,
        clock_synchronised=synchronised,
        depth=depth,
        sources=(SourceHealth(source="basement", state=state),),
        denied=denied,
    ).encode(TOPICS.health, key)


def say(hass: HomeAssistant, topic: str, payload: bytes, *, retain: bool = False) -> None:
    """Have a message arrive."""
    async_fire_mqtt_message(hass, topic, payload, qos=1, retain=retain)
