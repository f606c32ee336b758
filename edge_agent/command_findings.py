"""The commands `doctor` and `test-call`: show what is found, one line each, and fail on red."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator

from . import speech
from .command import DONE, FAILED, Arguments, complain, settings_of
from .finding import Colour, Finding


def doctor(given: Arguments) -> int:
    """Look at everything; with `names`, show whom the accounts see."""
    from .doctor import examine  # noqa: PLC0415 - not for a test call

    settings = settings_of(given)
    _say_nothing_else()
    print("ok   settings: can be used")
    return asyncio.run(_shown(examine(settings, names=given.names)))


def test_call(given: Arguments) -> int:
    """Call as while Home Assistant is away; with `dry_run`, only say who would be called."""
    from .trial_call import called_for_trial  # noqa: PLC0415 - not for the doctor

    settings = settings_of(given)
    _say_nothing_else()
    if settings.call is None:
        complain("nobody is to be called: the settings have no call.webhook and no call.ntfy")
        return FAILED
    return asyncio.run(_shown(called_for_trial(settings.call, dry_run=given.dry_run)))


def _say_nothing_else() -> None:
    # What libraries and sources log meanwhile would stand between the lines.
    speech.set_up("error", sys.stderr, os.environ)


async def _shown(findings: AsyncIterator[Finding]) -> int:
    status = DONE
    async for finding in findings:
        print(finding.line, flush=True)
        if finding.colour is Colour.RED:
            status = FAILED
    return status
