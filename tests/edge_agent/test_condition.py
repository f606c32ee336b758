"""How the agent stands: what counts as alive, and what /healthz makes of it."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.clock import is_synchronised
from edge_agent.condition import Condition
from edge_agent.healthz import serving
from edge_agent.machine import disk_free_mb, temperature_c
from fakes.broker import free_port
from glucose.wire import Health, SourceHealth

WELL = Condition(
    health=Health(
        sent_at=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
        clock_synchronised=True,
        depth=3,
        sources=(SourceHealth(source="a", state="ok"), SourceHealth(source="b", state="retrying")),
    ),
    clock_offset=timedelta(seconds=90),
    connected=True,
    delivering=True,
    late=(),
    waiting=0,
)


def test_an_outage_of_others_is_no_fault_of_the_agent() -> None:
    assert replace(WELL, connected=False).alive


@pytest.mark.parametrize(
    "hanging",
    [replace(WELL, late=("source 1 (dexcom)",)), replace(WELL, delivering=False)],
    ids=["polling", "delivery"],
)
def test_an_agent_that_hangs_is_not_alive(hanging: Condition) -> None:
    assert not hanging.alive


def test_it_is_told_in_a_line() -> None:
    assert WELL.line == ("1 of 2 sources well, 3 readings not yet acknowledged, broker connected")


async def asked(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        writer.write(request)
        return await asyncio.wait_for(reader.read(), 15)


async def well() -> Condition:
    return WELL


async def test_healthz_tells_everything() -> None:
    async with serving(free_port(), well) as port:
        assert port is not None
        head, _, body = (await asked(port, b"GET /healthz HTTP/1.0\r\n\r\n")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    found = json.loads(body)
    assert found["depth"] == 3
    assert found["clock_offset_seconds"] == 90
    assert found["sources"][1] == {"source": "b", "state": "retrying", "newest": None}


async def test_healthz_answers_503_for_an_agent_that_hangs() -> None:
    async def hanging() -> Condition:
        return replace(WELL, delivering=False)

    async with serving(free_port(), hanging) as port:
        assert port is not None
        answer = await asked(port, b"GET /healthz?x HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    ("request_bytes", "answer"),
    [
        (b"POST /healthz HTTP/1.1\r\n\r\n", b"HTTP/1.1 405 "),
        (b"GET /secret HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 "),
        (b"\x16\x03\x01\r\n\r\n", b"HTTP/1.1 404 "),
        (b"x" * 20_000, b""),
    ],
    ids=["post", "elsewhere", "garbage", "endless"],
)
async def test_healthz_survives_what_is_none_of_its_requests(
    request_bytes: bytes, answer: bytes
) -> None:
    async with serving(free_port(), well) as port:
        assert port is not None
        assert (await asked(port, request_bytes)).startswith(answer)
        assert (await asked(port, b"GET /healthz HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200")


async def test_a_port_that_is_taken_costs_healthz_alone() -> None:
    async with serving(free_port(), well) as first:
        assert first is not None
        async with serving(first, well) as second:
            assert second is None
        assert (await asked(first, b"GET /healthz HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200")


async def test_healthz_can_be_switched_off() -> None:
    async with serving(0, well) as port:
        assert port is None


def test_timesyncd_says_that_the_clock_is_set(tmp_path: Path) -> None:
    marker = tmp_path / "synchronized"
    marker.touch()
    assert is_synchronised(marker) is True


def test_without_timesyncd_the_kernel_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_synchronised(tmp_path / "none") in {True, False, None}
    for answer in (True, False, None):
        monkeypatch.setattr("edge_agent.kernel_clock.kernel_says", lambda said=answer: said)
        assert is_synchronised(tmp_path / "none") is answer


def zone(folder: Path, number: int, kind: str, temperature: str) -> None:
    path = folder / f"thermal_zone{number}"
    path.mkdir()
    (path / "type").write_text(f"{kind}\n", encoding="ascii")
    (path / "temp").write_text(f"{temperature}\n", encoding="ascii")


def test_the_processors_temperature_is_told(tmp_path: Path) -> None:
    zone(tmp_path, 0, "acpitz", "21000")
    zone(tmp_path, 1, "cpu-thermal", "48312")
    assert temperature_c(tmp_path) == 48.3


@pytest.mark.parametrize("broken", ["", "hot", "999999", "-274000"])
def test_a_thermometer_that_is_broken_tells_nothing(tmp_path: Path, broken: str) -> None:
    zone(tmp_path, 0, "cpu-thermal", broken)
    assert temperature_c(tmp_path) is None
    assert temperature_c(tmp_path / "none") is None


def test_a_disk_that_is_not_there_has_no_room_to_tell(tmp_path: Path) -> None:
    assert disk_free_mb(tmp_path / "none") is None
    assert (disk_free_mb(tmp_path) or 0) > 0
