"""How late readings are shown, one after another, and what asking for them costs the agent."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
from aiohttp import web

from e2e.chain import Chain, Source
from edge_chain import FIVE, Work, adopted, delivered, serving, working
from fakes.nightscout import entry
from fakes.serving import Handler

READINGS = 250
ASK_EVERY = 0.1
ROWS_IN_LIFE = 4


@dataclass(frozen=True)
class Latencies:
    """Milliseconds from the source's answer until the state changed, and the WebSocket told it."""

    changed: list[float]
    told: list[float]
    work: Work


def latency(chain: Chain, node: str) -> Latencies:
    """Have one reading after another become available, each when the one before was shown."""
    source = Source()
    answered: dict[int, float] = {}

    async def stamped(request: web.Request, handler: Handler) -> web.StreamResponse:
        whole = await handler(request)
        if not isinstance(whole, web.Response) or not isinstance(whole.body, bytes):
            raise TypeError(whole)
        # Readings come closer here than in life, where a question brings the last 15 minutes.
        rows = sorted(json.loads(whole.body), key=lambda row: int(row["date"]), reverse=True)
        answer = web.json_response(rows[:ROWS_IN_LIFE])
        now = time.time()
        for row in rows[:ROWS_IN_LIFE]:
            answered.setdefault(int(row["sgv"]), now)
        return answer

    start = datetime.now(UTC) - timedelta(days=1)
    for number in range(280):
        source.site.put(entry(start + number * FIVE, 100 + number % 7))
    source.site.fail(stamped, path="/entries")
    with (
        serving(source),
        adopted(chain, node, source, {"every": ASK_EVERY}) as agent,
    ):
        delivered(agent)
        entity = f"sensor.{node}_glucose"

        def put(mg_dl: int) -> None:
            answered.pop(mg_dl, None)
            source.site.put(entry(datetime.now(UTC), mg_dl))

        work = working(agent, source)
        changed, told = asyncio.run(_watched(chain, entity, put, answered))
        return Latencies(changed, told, work())


def questions(chain: Chain, node: str, seconds: float) -> Work:
    """Have an agent ask for readings of which none is new."""
    source = Source()
    source.produce(ROWS_IN_LIFE)
    with serving(source), adopted(chain, node, source, {"every": ASK_EVERY}) as agent:
        delivered(agent)
        work = working(agent, source)
        time.sleep(seconds)
        return work()


async def _watched(
    chain: Chain, entity: str, put: Callable[[int], None], answered: dict[int, float]
) -> tuple[list[float], list[float]]:
    """Follow the entity's state over the WebSocket while readings come; milliseconds."""
    changed: list[float] = []
    told: list[float] = []
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{chain.home.url}/api/websocket") as heard,
    ):
        await heard.receive_json()
        await heard.send_json({"type": "auth", "access_token": chain.home.token})
        await heard.receive_json()
        await heard.send_json({"id": 1, "type": "subscribe_events", "event_type": "state_changed"})
        await heard.receive_json()
        for number in range(READINGS):
            mg_dl = 60 + number
            put(mg_dl)
            async with asyncio.timeout(30):
                while True:
                    event = (await heard.receive_json())["event"]
                    now = time.time()
                    state = event["data"]["new_state"]
                    if event["data"]["entity_id"] == entity and state["state"] == str(mg_dl):
                        break
            at = datetime.fromisoformat(state["last_changed"]).timestamp()
            changed.append(1000 * (at - answered[mg_dl]))
            told.append(1000 * (now - answered[mg_dl]))
            # So that the next one meets the agent at another moment between two questions.
            await asyncio.sleep(random.uniform(0.05, 0.25))
    return changed, told
