"""Every message of the edge contract comes back as it was said, signed or not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from fakes.messages import HEALTHS, KEYS, acks, announces, rows
from fakes.rows import START, row
from glucose.reading import Bound, Kind
from glucose.trend import Trend
from glucose.wire import (
    MOST_BYTES,
    MOST_ROWS,
    Ack,
    Announce,
    Health,
    Row,
    Rows,
    Topics,
    WireError,
    decode_ack,
    decode_announce,
    decode_health,
    decode_rows,
    is_signed,
    node_of,
    sealed,
)

TOPICS = Topics("pi")
FEW = settings(max_examples=60)


@FEW
@given(said=rows(), key=KEYS)
def test_rows_come_back_as_they_were_said(said: Rows, key: bytes | None) -> None:
    heard = decode_rows(TOPICS.backfill, said.encode(TOPICS.backfill, key), key)
    assert (heard.epoch, heard.done, heard.after) == (said.epoch, said.done, said.after)
    assert (heard.rows, heard.last, heard.rejected) == (said.rows, said.last, ())


@FEW
@given(said=acks(), key=KEYS)
def test_an_acknowledgement_comes_back_as_it_was_said(said: Ack, key: bytes | None) -> None:
    assert decode_ack(TOPICS.ack, said.encode(TOPICS.ack, key), key) == said


@FEW
@given(said=announces("pi"), key=KEYS)
def test_an_announcement_comes_back_as_it_was_said(said: Announce, key: bytes | None) -> None:
    assert decode_announce(TOPICS.announce, said.encode(TOPICS.announce, key), key) == said


@FEW
@given(said=HEALTHS, key=KEYS)
def test_health_comes_back_as_it_was_said(said: Health, key: bytes | None) -> None:
    assert decode_health(TOPICS.health, said.encode(TOPICS.health, key), key) == said


def test_more_denied_topics_than_fit_cost_no_word_of_health() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    topics = ("x" * 257, *(f"{number:02}" + "x" * 254 for number in range(17)))
    said = Health(sent_at=noon, clock_synchronised=None, depth=0, denied=topics)
    heard = decode_health(TOPICS.health, said.encode(TOPICS.health))
    assert heard.denied == topics[1:17]


@FEW
@given(said=rows())
def test_who_has_no_key_reads_signed_messages_too(said: Rows) -> None:
    signed = said.encode(TOPICS.backfill, b"key")
    assert decode_rows(TOPICS.backfill, signed).rows == said.rows


def test_the_largest_batch_of_the_longest_names_fits() -> None:
    most = 2**53
    widest = "\N{GRINNING FACE}" * 64
    reading = replace(
        row(0, 600, widest, series=widest, kind=Kind.METER, bound=Bound.HIGH),
        time=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        trend=Trend.DOUBLE_DOWN,
    )
    said = Rows(
        epoch=widest,
        done=most,
        after=most - MOST_ROWS,
        rows=tuple(Row(most - back, reading) for back in reversed(range(MOST_ROWS))),
    )
    payload = said.encode(TOPICS.backfill, b"key")
    assert MOST_BYTES * 0.95 < len(payload) <= MOST_BYTES
    assert decode_rows(TOPICS.backfill, payload, b"key").rows == said.rows


def test_a_time_is_carried_to_the_millisecond() -> None:
    reading = replace(row(0), time=START + timedelta(microseconds=123_999))
    payload = Rows(epoch="e", done=0, after=0, rows=(Row(1, reading),)).encode(TOPICS.reading)
    (heard,) = decode_rows(TOPICS.reading, payload).rows
    assert heard.reading.time == START + timedelta(milliseconds=123)


@pytest.mark.parametrize(
    ("after", "numbers"),
    [(0, []), (0, [1] * 2), (5, [5]), (5, [4]), (0, [2, 1]), (-1, [1]), (0, range(1, 102))],
    ids=["none", "twice", "at after", "below after", "falling", "negative", "too many"],
)
def test_rows_that_would_make_an_acknowledgement_wrong_are_not_built(
    after: int, numbers: list[int]
) -> None:
    with pytest.raises(WireError):
        Rows(epoch="e", done=0, after=after, rows=tuple(Row(seq, row(0)) for seq in numbers))


def test_rows_done_below_nothing_are_not_built() -> None:
    with pytest.raises(WireError):
        Rows(epoch="e", done=-1, after=0, rows=(Row(1, row(0)),))


def test_an_acknowledgement_names_only_rejected_rows_it_covers() -> None:
    said = Ack(store_id="s", epoch="e", seq=7, rejected=(9, 3, 7))
    heard = decode_ack(TOPICS.ack, said.encode(TOPICS.ack))
    assert heard.rejected == (3, 7)


def test_an_acknowledgement_names_the_newest_thousand_rejected_rows() -> None:
    said = Ack(store_id="s", epoch="e", seq=5_000, rejected=tuple(range(1, 2_001)))
    heard = decode_ack(TOPICS.ack, said.encode(TOPICS.ack))
    assert heard.rejected == tuple(range(1_001, 2_001))


@FEW
@given(said=rows(), key=KEYS)
def test_a_message_tells_whether_it_is_signed(said: Rows, key: bytes | None) -> None:
    assert is_signed(said.encode(TOPICS.backfill, key)) is (key is not None)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"], ids=repr)
def test_what_json_cannot_say_is_not_sent(value: object) -> None:
    with pytest.raises(WireError):
        sealed(TOPICS.health, {"value": value}, None)


@pytest.mark.parametrize(
    "node", ["", "Pi", "a/b", "+", "#", "a" * 33, "-a", "_a", "a b", "ä", "a\n", "a\x00"]
)
def test_a_name_that_would_change_a_topics_meaning_is_no_node(node: str) -> None:
    with pytest.raises(WireError):
        Topics(node)


@pytest.mark.parametrize("node", ["a", "0", "pi-4_kitchen", "a" * 32])
def test_every_topic_of_a_node_leads_back_to_it(node: str) -> None:
    topics = Topics(node)
    all_topics = [
        *(topics.announce, topics.availability, topics.reading),
        *(topics.backfill, topics.health, topics.ack),
    ]
    assert {node_of(topic) for topic in all_topics} == {node}
    assert len(set(all_topics)) == 6


@pytest.mark.parametrize("topic", ["", "cgm", "cgm/", "cgm//ack", "other/pi/ack", "cgm/PI/ack"])
def test_a_topic_that_is_none_of_ours_is_refused(topic: str) -> None:
    with pytest.raises(WireError):
        node_of(topic)


@given(topic=st.text())
def test_any_topic_gives_a_node_or_a_refusal(topic: str) -> None:
    try:
        node = node_of(topic)
    except WireError:
        return
    assert topic.startswith(f"cgm/{node}")
