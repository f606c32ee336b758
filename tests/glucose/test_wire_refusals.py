"""What the edge contract refuses: each kind of rubbish, with WireError and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, Protocol

import pytest
from hypothesis import example, given, settings, strategies as st

from fakes.messages import HEALTHS, acks, announces, rows
from glucose.reading import HIGHEST_MG_DL, LOWEST_MG_DL
from glucose.wire import (
    Topics,
    WireError,
    decode_ack,
    decode_announce,
    decode_health,
    decode_rows,
)

KEY: Final = b"the pairing key"
TOPICS: Final = Topics("pi")
# Each message as the smallest good body, its topic and its decoder.
ROW: Final = {
    "seq": 8,
    "time": 1_795_176_000_000,
    "mg_dl": 120,
    "source": "dexcom",
    "series": "share",
    "kind": "cgm",
    "bound": "high",
    "trend": "flat",
}
ROWS: Final = {"contract": 1, "epoch": "e", "done": 0, "after": 7, "rows": [ROW]}
ACK: Final = {"contract": 1, "store_id": "s", "epoch": "e", "seq": 8, "rejected": [8]}
CARRIED: Final = {"source": "a", "wearer": "Alex", "kind": "dexcom", "cadence_seconds": 300}
ANNOUNCE: Final = {"contract": 1, "node": "pi", "software": "x 1", "carries": [CARRIED]}
STATE: Final = {"source": "a", "state": "ok", "newest": 1_795_176_000_000}
HEALTH: Final = {
    "contract": 1,
    "sent_at": 1_795_176_000_000,
    "clock_synchronised": True,
    "depth": 0,
    "oldest": None,
    "refused": 0,
    "sources": [STATE],
    "disk_free_mb": 1.5,
    "temperature_c": 50,
}
DECODERS: Final[dict[str, tuple[str, Callable[[str, bytes, bytes | None], object]]]] = {
    "rows": (TOPICS.backfill, decode_rows),
    "ack": (TOPICS.ack, decode_ack),
    "announce": (TOPICS.announce, decode_announce),
    "health": (TOPICS.health, decode_health),
}
BODIES: Final[dict[str, dict[str, Any]]] = {
    "rows": ROWS,
    "ack": ACK,
    "announce": ANNOUNCE,
    "health": HEALTH,
}
# What stands in no field that asks for a whole number.
NO_WHOLE: Final[list[object]] = [None, True, False, 1.0, 1.5, "1", [], {}, -1, 2**53 + 1, 10**400]
NO_TEXT: Final[list[object]] = [None, True, 1, "", "x" * 65, "a\x00b", "a\nb", "\ud800", [], {}]
NO_LIST: Final[list[object]] = [None, True, 1, "ab", {}, {"0": 1}]
NO_TOPICS: Final[list[object]] = [[None], [1], [""], ["a\nb"], [[]], ["x" * 257], ["a"] * 17]


class Encodes(Protocol):
    """Any message of the contract."""

    def encode(self, topic: str, key: bytes | None = None) -> bytes: ...


def decoded(kind: str, payload: bytes, key: bytes | None = None) -> object:
    topic, decode = DECODERS[kind]
    return decode(topic, payload, key)


def refused(kind: str, payload: bytes, key: bytes | None = None) -> None:
    with pytest.raises(WireError):
        decoded(kind, payload, key)


def refused_body(kind: str, body: object) -> None:
    refused(kind, json.dumps(body).encode())


EVERY_MESSAGE = pytest.mark.parametrize("kind", BODIES)


@EVERY_MESSAGE
def test_the_smallest_good_message_is_taken(kind: str) -> None:
    assert decoded(kind, json.dumps(BODIES[kind]).encode()) is not None


@EVERY_MESSAGE
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"online",
        b"null",
        b"1",
        b"[]",
        b'"text"',
        b"\xff\xfe{}",
        b'{"contract": 1, "epoch": "\xc3"}',
        b'\xef\xbb\xbf{"contract": 1}',
        b"[" * 60_000,
        b'{"contract":1,"a":' + b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"contract":1,"a":' + b"9" * 60_000 + b"}",
        b" " * 10_000_000,
        b'{"contract":1,"a":"' + b"x" * 10_000_000 + b'"}',
        b"hmac-sha256=",
        b"hmac-sha256=" + b"0" * 64,
        b"hmac-sha256=" + b"0" * 64 + b"\n",
    ],
    ids=lambda payload: repr(payload[:20]),
)
def test_rubbish_is_refused(kind: str, payload: bytes) -> None:
    refused(kind, payload)
    refused(kind, payload, KEY)


@EVERY_MESSAGE
@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_json_has_no_word_for_is_refused(kind: str, constant: str) -> None:
    body = json.dumps({**BODIES[kind], "more": 0})
    refused(kind, body.replace('"more": 0', f'"more": {constant}').encode())


@EVERY_MESSAGE
@pytest.mark.parametrize("contract", [0, 2, -1, True, 1.0, "1", None, [1], {}])
def test_another_contract_is_refused(kind: str, contract: object) -> None:
    refused_body(kind, {**BODIES[kind], "contract": contract})


@EVERY_MESSAGE
def test_a_message_without_a_contract_is_refused(kind: str) -> None:
    refused_body(kind, {key: value for key, value in BODIES[kind].items() if key != "contract"})


@EVERY_MESSAGE
def test_fields_nobody_knows_are_passed_over(kind: str) -> None:
    deep: object = []
    for _ in range(100):
        deep = [deep]
    body = {**BODIES[kind], "later": deep}
    plain = json.dumps(BODIES[kind]).encode()
    assert decoded(kind, json.dumps(body).encode()) == decoded(kind, plain)


@pytest.mark.parametrize(
    ("kind", "field", "values"),
    [
        ("rows", "epoch", NO_TEXT),
        ("rows", "done", NO_WHOLE),
        ("rows", "after", NO_WHOLE),
        ("rows", "rows", [*NO_LIST, [], [1], [ROW, None], [ROW] * 101]),
        ("ack", "store_id", NO_TEXT),
        ("ack", "epoch", NO_TEXT),
        ("ack", "seq", NO_WHOLE),
        ("ack", "rejected", [*NO_LIST, [0], [True], [1.0], ["1"], [None], [9], [1] * 1_001]),
        ("announce", "node", [*NO_TEXT, "other", "PI", "p/i"]),
        ("announce", "software", NO_TEXT),
        ("announce", "carries", [*NO_LIST, [1], [CARRIED, CARRIED], [CARRIED] * 17]),
        ("health", "sent_at", [*NO_WHOLE, 253_402_300_800_000]),
        ("health", "clock_synchronised", [0, 1, "yes", [], {}]),
        ("health", "depth", NO_WHOLE),
        ("health", "oldest", [value for value in NO_WHOLE if value is not None]),
        ("health", "refused", NO_WHOLE),
        ("health", "sources", [*NO_LIST, [1], [STATE, STATE], [STATE] * 17]),
        ("health", "disk_free_mb", [True, "1", [], {}, 10**400]),
        ("health", "temperature_c", [False, "1", [], {}, -(10**400)]),
        ("health", "denied", [*(one for one in NO_LIST if one is not None), *NO_TOPICS]),
    ],
)
def test_a_wrong_field_is_refused(kind: str, field: str, values: list[object]) -> None:
    for value in values:
        refused_body(kind, {**BODIES[kind], field: value})


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        *(("rows", field) for field in ("epoch", "done", "after", "rows")),
        *(("ack", field) for field in ("store_id", "epoch", "seq", "rejected")),
        *(("announce", field) for field in ("node", "software", "carries")),
        *(("health", field) for field in ("sent_at", "depth", "refused", "sources")),
    ],
)
def test_a_missing_field_is_refused(kind: str, field: str) -> None:
    refused_body(kind, {key: value for key, value in BODIES[kind].items() if key != field})


@pytest.mark.parametrize("field", ["clock_synchronised", "oldest", "disk_free_mb", "temperature_c"])
def test_what_the_agent_does_not_know_may_be_absent(field: str) -> None:
    body = {key: value for key, value in HEALTH.items() if key != field}
    heard = decode_health(TOPICS.health, json.dumps(body).encode())
    assert getattr(heard, field) is None


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_a_number_too_large_to_be_one_is_refused(number: str) -> None:
    body = json.dumps(HEALTH).replace('"disk_free_mb": 1.5', f'"disk_free_mb": {number}')
    refused("health", body.encode())


@pytest.mark.parametrize(
    ("kind", "within", "field", "values"),
    [
        ("announce", "carries", "source", NO_TEXT),
        ("announce", "carries", "wearer", NO_TEXT),
        ("announce", "carries", "kind", NO_TEXT),
        ("announce", "carries", "cadence_seconds", [*NO_WHOLE, 0, 86_401]),
        ("health", "sources", "source", NO_TEXT),
        ("health", "sources", "state", NO_TEXT),
        ("health", "sources", "newest", [True, 1.5, "1", -1, 253_402_300_800_000]),
        ("rows", "rows", "seq", [*NO_WHOLE, 0, 7]),
    ],
)
def test_a_wrong_field_within_is_refused(
    kind: str, within: str, field: str, values: list[object]
) -> None:
    (one,) = BODIES[kind][within]
    for value in values:
        refused_body(kind, {**BODIES[kind], within: [{**one, field: value}]})


@pytest.mark.parametrize("numbers", [[9, 8], [8, 8], [8, 9, 9], [10, 9, 8], [7], [7, 8]])
def test_rows_that_do_not_rise_from_after_are_refused(numbers: list[int]) -> None:
    refused_body("rows", {**ROWS, "rows": [{**ROW, "seq": seq} for seq in numbers]})


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("time", [*NO_WHOLE, 2**53]),
        ("mg_dl", [*NO_WHOLE, 0, LOWEST_MG_DL - 1, HIGHEST_MG_DL + 1, "120"]),
        ("source", NO_TEXT),
        ("series", NO_TEXT),
        ("kind", [*NO_TEXT, "CGM", "strip"]),
        ("bound", [0, False, "", "HIGH", "middle", []]),
        ("trend", [0, False, "", "sideways", {}]),
    ],
)
def test_a_bad_reading_is_rejected_by_number_and_the_others_stand(
    field: str, values: list[object]
) -> None:
    for value in values:
        bodies = [ROW, {**ROW, "seq": 9, field: value}, {**ROW, "seq": 12}]
        heard = decode_rows(TOPICS.backfill, json.dumps({**ROWS, "rows": bodies}).encode())
        assert heard.rejected == (9,)
        assert [row.seq for row in heard.rows] == [8, 12]
        assert heard.last == 12


@pytest.mark.parametrize("field", ["time", "mg_dl", "source", "series", "kind"])
def test_a_reading_that_lacks_a_field_is_rejected_by_number(field: str) -> None:
    body = {key: value for key, value in ROW.items() if key != field}
    heard = decode_rows(TOPICS.reading, json.dumps({**ROWS, "rows": [body]}).encode())
    assert (heard.rows, heard.rejected, heard.last) == ((), (8,), 8)


@pytest.mark.parametrize("field", ["bound", "trend"])
def test_a_reading_may_lack_bound_and_trend(field: str) -> None:
    bodies = [
        {key: value for key, value in ROW.items() if key != field},
        {**ROW, "seq": 9, field: None},
    ]
    heard = decode_rows(TOPICS.reading, json.dumps({**ROWS, "rows": bodies}).encode())
    assert [getattr(row.reading, field) for row in heard.rows] == [None, None]


SIGNED = pytest.mark.parametrize(
    "kind_and_said",
    [
        ("rows", rows()),
        ("ack", acks()),
        ("announce", announces("pi")),
        ("health", HEALTHS),
    ],
    ids=list(BODIES),
)


@SIGNED
def test_with_a_key_only_what_is_signed_with_it_for_this_topic_is_taken(
    kind_and_said: tuple[str, st.SearchStrategy[Encodes]],
) -> None:
    kind, strategy = kind_and_said
    topic, decode = DECODERS[kind]

    @settings(max_examples=15)
    @given(said=strategy, place=st.integers(0, 10**9))
    def check(said: Encodes, place: int) -> None:
        signed = said.encode(topic, KEY)
        assert decode(topic, signed, KEY) is not None
        changed = bytearray(signed)
        changed[place % len(signed)] ^= 1
        elsewhere = topic.replace("/pi/", "/other/")
        for payload in (
            said.encode(topic),
            said.encode(topic, b"another key"),
            said.encode(elsewhere, KEY),
            said.encode(topic + "x", KEY),
            bytes(changed),
            signed.upper(),
            b"\n" + signed,
            signed.split(b"\n", 1)[1],
        ):
            with pytest.raises(WireError):
                decode(topic, payload, KEY)

    check()


@EVERY_MESSAGE
def test_any_bytes_are_a_message_or_refused(kind: str) -> None:
    topic, decode = DECODERS[kind]

    @settings(max_examples=200)
    @given(payload=st.binary(max_size=200))
    @example(payload=json.dumps(BODIES[kind]).encode())
    def check(payload: bytes) -> None:
        try:
            heard = decode(topic, payload, None)
        except WireError:
            return
        assert heard is not None

    check()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@EVERY_MESSAGE
def test_any_value_in_any_field_is_a_message_or_refused(kind: str) -> None:
    topic, decode = DECODERS[kind]

    @settings(max_examples=200)
    @given(field=st.sampled_from(sorted(BODIES[kind])), value=JSON)
    def check(field: str, value: object) -> None:
        payload = json.dumps({**BODIES[kind], field: value}).encode()
        try:
            heard = decode(topic, payload, None)
        except WireError:
            return
        assert heard is not None

    check()
