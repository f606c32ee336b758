"""The commands `run` and `simulate`: gather and deliver until told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from . import speech
from .command import DONE, Arguments
from .settings import Settings
from .settings_apart import load_apart

_SWITCH_SECONDS = 0.0005


def run(given: Arguments) -> int:
    """Run until SIGTERM or SIGINT; with `dry_run`, nothing is kept and nothing sent."""
    settings = load_apart(given.config, os.environ, simulated=given.simulated)
    speech.set_level(settings.log_level)
    return asyncio.run(_until_told(settings, dry_run=given.dry_run))


async def _until_told(settings: Settings, *, dry_run: bool) -> int:
    from .assembly import assembled  # noqa: PLC0415 - the settings are read by a process without it
    from .notifier import Notifier  # noqa: PLC0415 - as above

    # The publisher's thread has what is new before the poller goes on: by Python's 5 ms it waits.
    sys.setswitchinterval(_SWITCH_SECONDS)
    with _told_to_stop() as stop:
        if dry_run:
            from .rehearsal import rehearse  # noqa: PLC0415 - not for an agent that delivers

            await rehearse(settings, stop)
            return DONE
        async with assembled(settings) as agent:
            await agent.run(Notifier(os.environ), stop)
    return DONE


@contextmanager
def _told_to_stop() -> Iterator[asyncio.Event]:
    """Give an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
