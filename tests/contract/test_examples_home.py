"""Home Assistant's side of the examples: it understands these bytes, and says the ack's exactly."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from custom_components.cgm.shared.glucose.reading import Bound, Kind
from custom_components.cgm.shared.glucose.trend import Trend
from custom_components.cgm.shared.glucose.wire import (
    OFFLINE,
    ONLINE,
    Ack,
    Topics,
    WireError,
    decode_announce,
    decode_health,
    decode_rows,
)

EXAMPLES: Final = Path(__file__).parent / "examples"
TOPICS: Final = Topics("pi-kitchen")
KEY: Final = b"correct horse battery staple"
EPOCH: Final = "b6d3f0a94c1e4f7c"
ACK: Final = Ack(store_id="5f0c6a1e9b7d", epoch=EPOCH, seq=45, rejected=(43,))


def example(name: str) -> bytes:
    return (EXAMPLES / name).read_bytes()


def noon(minute: int, second: int = 0, millisecond: int = 0) -> datetime:
    return datetime(2026, 11, 20, 12, minute, second, millisecond * 1000, tzinfo=UTC)


@pytest.mark.parametrize(("name", "key"), [("announce.json", None), ("announce_signed.txt", KEY)])
def test_the_home_learns_who_the_agent_is(name: str, key: bytes | None) -> None:
    heard = decode_announce(TOPICS.announce, example(name), key)
    assert (heard.node, heard.software) == ("pi-kitchen", "cgm-edge-agent 1.0.0")
    assert [(one.source, one.wearer, one.kind, one.cadence_seconds) for one in heard.carries] == [
        ("dexcom", "Alex", "dexcom", 300),
        ("libre-zoë", "Zoë", "librelinkup", 60),
    ]


@pytest.mark.parametrize(("name", "key"), [("reading.json", None), ("reading_signed.txt", KEY)])
def test_the_home_reads_the_newest_row(name: str, key: bytes | None) -> None:
    heard = decode_rows(TOPICS.reading, example(name), key)
    assert (heard.epoch, heard.done, heard.after, heard.last) == (EPOCH, 41, 44, 45)
    assert heard.rejected == ()
    (row,) = heard.rows
    reading = row.reading
    assert (row.seq, reading.time, reading.mg_dl) == (45, noon(25, 7, 250), 112)
    assert (reading.source, reading.series, reading.kind) == ("dexcom", "share", Kind.CGM)
    assert (reading.bound, reading.trend) == (None, Trend.SLIGHT_DOWN)


def test_the_home_reads_the_backlog() -> None:
    heard = decode_rows(TOPICS.backfill, example("backfill.json"))
    assert (heard.epoch, heard.done, heard.after, heard.last) == (EPOCH, 41, 41, 44)
    assert [
        (row.seq, r.time, r.mg_dl, r.source, r.series, r.kind, r.bound, r.trend)
        for row in heard.rows
        for r in [row.reading]
    ] == [
        (42, noon(10), 401, "dexcom", "share", Kind.CGM, Bound.HIGH, None),
        (43, noon(11), 387, "libre-zoë", "current", Kind.CGM, None, Trend.NONE),
        (44, noon(12), 96, "nightscout", "mbg", Kind.METER, None, None),
    ]


def test_the_home_rejects_a_bad_reading_by_number_and_keeps_the_others() -> None:
    heard = decode_rows(TOPICS.backfill, example("backfill_one_bad.json"))
    assert heard.rejected == (43,)
    assert [(row.seq, row.reading.mg_dl) for row in heard.rows] == [(42, 401), (44, 96)]
    assert heard.last == 44


def test_the_home_passes_over_fields_it_does_not_know() -> None:
    heard = decode_rows(TOPICS.reading, example("reading_with_more.json"))
    plain = decode_rows(TOPICS.reading, example("reading.json"))
    assert heard == plain


def test_the_home_hears_how_the_agent_stands() -> None:
    heard = decode_health(TOPICS.health, example("health.json"))
    assert (heard.sent_at, heard.clock_synchronised) == (noon(26), True)
    assert (heard.depth, heard.oldest, heard.refused) == (4, noon(10), 1)
    assert [(one.source, one.state, one.newest) for one in heard.sources] == [
        ("dexcom", "ok", noon(25, 7, 250)),
        ("libre-zoë", "credentials_rejected", None),
    ]
    assert (heard.disk_free_mb, heard.temperature_c) == (10240.5, 47.2)


def test_the_home_hears_what_the_broker_keeps_from_the_agent() -> None:
    heard = decode_health(TOPICS.health, example("health_of_denials.json"))
    assert heard.denied == ("cgm/pi-kitchen/ack", "cgm/pi-kitchen/backfill")
    assert (heard.depth, heard.refused) == (4, 2)
    # What was said before there was this word is understood as it was.
    assert decode_health(TOPICS.health, example("health.json")).denied == ()


def test_the_home_hears_an_agent_that_knows_little_of_itself() -> None:
    heard = decode_health(TOPICS.health, example("health_of_little.json"))
    assert (heard.sent_at, heard.clock_synchronised, heard.depth) == (noon(26), None, 0)
    assert (heard.oldest, heard.sources) == (None, ())
    assert (heard.disk_free_mb, heard.temperature_c) == (None, None)


@pytest.mark.parametrize(
    ("name", "word"), [("availability_online.txt", ONLINE), ("availability_offline.txt", OFFLINE)]
)
def test_the_home_knows_the_words_of_availability(name: str, word: bytes) -> None:
    assert example(name) == word


@pytest.mark.parametrize(("name", "key"), [("ack.json", None), ("ack_signed.txt", KEY)])
def test_the_home_says_these_bytes(name: str, key: bytes | None) -> None:
    assert ACK.encode(TOPICS.ack, key) == example(name)


@pytest.mark.parametrize(
    "name", ["refused_contract_2.json", "refused_numbers.json", "refused_nan.json"]
)
def test_the_home_refuses_what_is_not_of_the_contract(name: str) -> None:
    with pytest.raises(WireError):
        decode_rows(TOPICS.reading, example(name))


@pytest.mark.parametrize("name", ["reading.json", "refused_wrong_key.txt"])
def test_the_home_with_a_key_refuses_what_is_not_signed_with_it(name: str) -> None:
    with pytest.raises(WireError):
        decode_rows(TOPICS.reading, example(name), KEY)


def test_the_home_refuses_an_announcement_on_another_nodes_topic() -> None:
    with pytest.raises(WireError):
        decode_announce(Topics("pi-cellar").announce, example("announce.json"))
