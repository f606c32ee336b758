"""Calls somebody: a webhook (POST of JSON) and a topic of ntfy, each by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .call_words import Saying
    from .settings import CallSettings

WEBHOOK, NTFY = "webhook", "ntfy"
SECONDS = 15.0
_TAGS: Mapping[bool, list[str]] = {True: ["rotating_light"], False: ["white_check_mark"]}
# ntfy's own scale of 1 to 5.
_PRIORITY: Mapping[bool, int] = {True: 5, False: 3}
_GONE_WELL = range(200, 300)


class CallFailedError(Exception):
    """A call got nowhere; says why, and nothing of where it was to go."""


class Caller:
    """Knows where to call; a session of its own for each call, for there are hardly ever any."""

    def __init__(self, call: CallSettings) -> None:
        """Take the addresses; nothing is opened."""
        self._call = call
        given = {WEBHOOK: call.webhook, NTFY: call.ntfy}
        self.ways = frozenset(way for way, address in given.items() if address is not None)

    async def say(self, way: str, saying: Saying) -> None:
        """Say one thing on one way. Raises CallFailedError."""
        if way == WEBHOOK:
            await _post(str(self._call.webhook), saying.content, {})
        else:
            await self._publish(saying)

    async def _publish(self, saying: Saying) -> None:
        # As JSON to the server's root: a header takes no letters beyond Latin-1.
        server, _, topic = str(self._call.ntfy).rpartition("/")
        token = self._call.ntfy_token
        content = {
            "topic": topic,
            "title": saying.title,
            "message": saying.text,
            "priority": _PRIORITY[saying.loud],
            "tags": _TAGS[saying.loud],
        }
        await _post(
            f"{server}/", content, {} if token is None else {"Authorization": f"Bearer {token}"}
        )


def plain_http(address: str) -> bool:
    """Tell whether what is sent there could be read on the way."""
    return urlsplit(address).scheme == "http"


async def _post(address: str, content: Mapping[str, object], headers: Mapping[str, str]) -> None:
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            # A redirected POST arrives as a GET, or elsewhere than was meant.
            session.post(address, json=content, headers=headers, allow_redirects=False) as answer,
        ):
            status = answer.status
    except TimeoutError:
        raise CallFailedError("no answer in time") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # Its words hold the address, which is a secret.
        raise CallFailedError(f"cannot be reached ({type(error).__name__})") from None
    if status not in _GONE_WELL:
        raise CallFailedError(f"answers {status}")
