"""The agent's side of the examples: it says these bytes exactly, and understands the home's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from glucose.reading import Bound, Kind, Reading
from glucose.trend import Trend
from glucose.wire import (
    CONTRACT,
    OFFLINE,
    ONLINE,
    Ack,
    Announce,
    Carried,
    Health,
    Row,
    Rows,
    SourceHealth,
    Topics,
    WireError,
    decode_ack,
)

EXAMPLES: Final = Path(__file__).parent / "examples"
TOPICS: Final = Topics("pi-kitchen")
KEY: Final = b"correct horse battery staple"
EPOCH: Final = "b6d3f0a94c1e4f7c"
NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)


def example(name: str) -> bytes:
    return (EXAMPLES / name).read_bytes()


def noon(minute: int, second: int = 0, millisecond: int = 0) -> datetime:
    return NOON.replace(minute=minute, second=second, microsecond=millisecond * 1000)


ANNOUNCE = Announce(
    node="pi-kitchen",
    software="cgm-edge-agent 1.0.0",
    carries=(
        Carried(source="dexcom", wearer="Alex", kind="dexcom", cadence_seconds=300),
        Carried(source="libre-zoë", wearer="Zoë", kind="librelinkup", cadence_seconds=60),
    ),
)
LIVE = Rows(
    epoch=EPOCH,
    done=41,
    after=44,
    rows=(
        Row(
            45,
            Reading(
                time=noon(25, 7, 250),
                mg_dl=112,
                source="dexcom",
                series="share",
                trend=Trend.SLIGHT_DOWN,
            ),
        ),
    ),
)
BACKLOG = Rows(
    epoch=EPOCH,
    done=41,
    after=41,
    rows=(
        Row(
            42, Reading(time=noon(10), mg_dl=401, source="dexcom", series="share", bound=Bound.HIGH)
        ),
        Row(
            43,
            Reading(
                time=noon(11), mg_dl=387, source="libre-zoë", series="current", trend=Trend.NONE
            ),
        ),
        Row(
            44,
            Reading(time=noon(12), mg_dl=96, source="nightscout", series="mbg", kind=Kind.METER),
        ),
    ),
)
HEALTH = Health(
    sent_at=noon(26),
    clock_synchronised=True,
    depth=4,
    oldest=noon(10),
    refused=1,
    sources=(
        SourceHealth(source="dexcom", state="ok", newest=noon(25, 7, 250)),
        SourceHealth(source="libre-zoë", state="credentials_rejected"),
    ),
    disk_free_mb=10240.5,
    temperature_c=47.2,
)
HEALTH_OF_DENIALS = Health(
    sent_at=noon(26),
    clock_synchronised=True,
    depth=4,
    oldest=noon(10),
    refused=2,
    sources=(SourceHealth(source="dexcom", state="ok", newest=noon(25, 7, 250)),),
    disk_free_mb=10240.5,
    temperature_c=47.2,
    denied=(TOPICS.ack, TOPICS.backfill),
)
HEALTH_OF_LITTLE = Health(sent_at=noon(26), clock_synchronised=None, depth=0)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("announce.json", ANNOUNCE.encode(TOPICS.announce)),
        ("announce_signed.txt", ANNOUNCE.encode(TOPICS.announce, KEY)),
        ("reading.json", LIVE.encode(TOPICS.reading)),
        ("reading_signed.txt", LIVE.encode(TOPICS.reading, KEY)),
        ("backfill.json", BACKLOG.encode(TOPICS.backfill)),
        ("health.json", HEALTH.encode(TOPICS.health)),
        ("health_of_denials.json", HEALTH_OF_DENIALS.encode(TOPICS.health)),
        ("health_of_little.json", HEALTH_OF_LITTLE.encode(TOPICS.health)),
        ("availability_online.txt", ONLINE),
        ("availability_offline.txt", OFFLINE),
    ],
)
def test_the_agent_says_these_bytes(name: str, said: bytes) -> None:
    assert said == example(name)


def test_the_agent_understands_an_acknowledgement() -> None:
    heard = decode_ack(TOPICS.ack, example("ack.json"))
    assert heard == Ack(store_id="5f0c6a1e9b7d", epoch=EPOCH, seq=45, rejected=(43,))


def test_the_agent_understands_a_signed_acknowledgement() -> None:
    heard = decode_ack(TOPICS.ack, example("ack_signed.txt"), KEY)
    assert heard == Ack(store_id="5f0c6a1e9b7d", epoch=EPOCH, seq=45, rejected=(43,))


def test_the_agent_refuses_the_acknowledgement_of_another_node() -> None:
    with pytest.raises(WireError):
        decode_ack(Topics("pi-cellar").ack, example("ack_signed.txt"), KEY)


def test_the_agent_with_a_key_refuses_an_unsigned_acknowledgement() -> None:
    with pytest.raises(WireError):
        decode_ack(TOPICS.ack, example("ack.json"), KEY)


def test_the_examples_are_of_this_contract() -> None:
    named = {path.name for path in EXAMPLES.glob("[!r]*.json")} | {"reading.json"}
    assert len(named) == 8
    assert all(example(name).startswith(b'{"contract":%d,' % CONTRACT) for name in named)
