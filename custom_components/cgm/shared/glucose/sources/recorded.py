"""An account whose replay is read from a file, off the event loop, when it is first asked."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..errors import GlucoseError, SourceUnreachable
from .login import LoginGuard
from .replay import SHORTEST_CADENCE, ReplayAccount, ReplaySettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..reading import Reading
    from .source import Answer, Clock, Run, VisibleWearer

_CADENCE = timedelta(minutes=5)


class RecordedAccount:
    """A ReplayAccount to be: `read` fetches the recorded readings and may block."""

    def __init__(
        self,
        read: Callable[[], Sequence[Reading]],
        settings: ReplaySettings,
        *,
        run: Run,
        clock: Clock,
        elapsed: Callable[[], float],
    ) -> None:
        """Read nothing yet."""
        self._read = read
        self._settings = settings
        self._run = run
        self._clock = clock
        self._elapsed = elapsed
        self._guard = LoginGuard(elapsed)
        self._turn = asyncio.Lock()
        self._replay: ReplayAccount | None = None

    @property
    def guard(self) -> LoginGuard:
        """A guard that never has reason to refuse."""
        return self._guard

    @property
    def cadence(self) -> timedelta:
        """The file's spacing as it is played; of five minutes while the file is unread."""
        if self._replay is None:
            return max(_CADENCE / self._settings.speed, SHORTEST_CADENCE)
        return self._replay.cadence

    async def wearers(self) -> tuple[VisibleWearer, ...]:
        """Return the file's wearer; raises SourceUnreachable where the file cannot be read."""
        return await (await self._loaded()).wearers()

    async def readings(self, wearer: str, source: str, since: datetime) -> Answer:
        """Return what has been played by now; raises SourceUnreachable as wearers does."""
        return await (await self._loaded()).readings(wearer, source, since)

    def _laid_out(self) -> ReplayAccount:
        return ReplayAccount(self._read(), self._settings, clock=self._clock, elapsed=self._elapsed)

    async def _loaded(self) -> ReplayAccount:
        async with self._turn:
            if self._replay is None:
                try:
                    self._replay = await self._run(self._laid_out)
                except (GlucoseError, OSError, ValueError) as error:
                    # The type alone: a path or a line of the file may name a person.
                    reason = f"the recording cannot be played ({type(error).__name__})"
                    raise SourceUnreachable(reason) from error
            return self._replay
