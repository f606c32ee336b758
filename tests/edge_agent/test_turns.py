"""First answers come one at a time, and nobody waits for ever."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.turns import Turns


async def visit(turns: Turns, said: list[str], name: str, seconds: float = 0.01) -> None:
    async with turns.mine():
        said.append(f"{name} in")
        await asyncio.sleep(seconds)
        said.append(f"{name} out")


async def test_one_at_a_time() -> None:
    turns, said = Turns(), list[str]()
    await asyncio.gather(*(visit(turns, said, name) for name in "abc"))
    assert said == ["a in", "a out", "b in", "b out", "c in", "c out"]


async def test_who_hangs_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.turns.PATIENCE", 0.02)
    turns, said = Turns(), list[str]()
    hanging = asyncio.create_task(visit(turns, said, "hangs", 60))
    await asyncio.sleep(0)
    await asyncio.gather(visit(turns, said, "b"), visit(turns, said, "c"))
    assert said[0] == "hangs in"
    assert {"b out", "c out"} <= set(said)
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    # Its turn was given back, once.
    monkeypatch.setattr("edge_agent.turns.PATIENCE", 20.0)
    said.clear()
    await asyncio.gather(*(visit(turns, said, name) for name in "de"))
    assert said == ["d in", "d out", "e in", "e out"]
