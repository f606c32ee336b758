"""Calls once to try it: says on each way whether a test call got through."""

from __future__ import annotations

from collections.abc import AsyncIterator

from .call_words import trial
from .caller import NTFY, WEBHOOK, Caller, CallFailedError, plain_http
from .finding import Finding, green, red, yellow
from .settings import CallSettings

_SETTINGS = {WEBHOOK: "call.webhook", NTFY: "call.ntfy and call.ntfy_token"}


async def called_for_trial(call: CallSettings, *, dry_run: bool) -> AsyncIterator[Finding]:
    """Yield a finding for each way; where it is a `dry_run` nobody is called."""
    caller = Caller(call)
    for way in sorted(caller.ways):
        if dry_run:
            yield green(way, "would be called")
            continue
        try:
            await caller.say(way, trial(call))
        except CallFailedError as error:
            yield red(way, str(error), f"look at {_SETTINGS[way]} and the network")
        else:
            yield green(way, "took the test call; see that it woke you")


def look_at_call(call: CallSettings) -> Finding:
    """Say whether anybody is called while Home Assistant is away; calls nobody."""
    ways = sorted(Caller(call).ways)
    found = f"by {' and '.join(ways)} after {call.after_minutes} min without Home Assistant"
    if any(plain_http(address) for address in (call.webhook, call.ntfy) if address is not None):
        return yellow(
            "call", f"{found}, without encryption", "use https unless it stays in your network"
        )
    return green("call", f"{found}; `test-call` tries it")
