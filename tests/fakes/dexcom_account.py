"""A DexcomAccount that talks to the fake over HTTP, both on one clock that a test moves by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from glucose.sources.dexcom import DexcomAccount, DexcomSettings, Region
from glucose.sources.source import Answer, Run

from .dexcom_share import FakeDexcomShare, Row
from .hand_clock import HandClock

START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@dataclass
class Room:
    """The fake, where it serves, and the clock."""

    fake: FakeDexcomShare
    base_url: str | None
    clock: HandClock

    def account(
        self,
        *,
        username: str | None = None,
        password: str | None = None,
        region: Region = Region.US,
        refused: bool = False,
        clock: HandClock | None = None,
        run: Run = asyncio.to_thread,
        answer_within: timedelta = timedelta(seconds=5),
    ) -> DexcomAccount:
        """Return an account with the right credentials, or with those given."""
        publisher = self.fake.publisher
        ours = self.clock if clock is None else clock
        return DexcomAccount(
            DexcomSettings(
                username=publisher.name if username is None else username,
                password=publisher.password if password is None else password,
                region=region,
            ),
            run=run,
            clock=ours,
            elapsed=ours.elapsed,
            refused=refused,
            base_url=self.base_url,
            answer_within=answer_within,
        )

    async def read(
        self, account: DexcomAccount, *, hours: float = 24, wearer: str | None = None
    ) -> Answer:
        """Read the last `hours` of the fake's wearer."""
        since = self.clock.now - timedelta(hours=hours)
        whose = self.fake.publisher.id if wearer is None else wearer
        return await account.readings(whose, "dexcom-1", since)


@asynccontextmanager
async def room() -> AsyncIterator[Room]:
    """Serve a fake with three readings, 11, 6 and 1 minutes old."""
    clock = HandClock(START)
    rows = [
        Row(time=START - timedelta(minutes=11), value=104, trend="Flat"),
        Row(time=START - timedelta(minutes=6), value=112, trend="FortyFiveUp"),
        Row(time=START - timedelta(minutes=1), value=121, trend="SingleUp"),
    ]
    fake = FakeDexcomShare(rows=rows, clock=clock)
    async with fake.serving() as url:
        yield Room(fake, fake.base_url(url), clock)
