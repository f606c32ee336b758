"""Whom the edge agent calls: a webhook and an ntfy server, on one real web server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from aiohttp import web

from fakes.serving import FakeServer

TOPIC = "a-secret-topic"
HOOK = "/hook/a-secret-path"


class Callee(FakeServer):
    """Takes what is posted; as ntfy does, publishing is at the root, with the topic inside."""

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Return the webhook's path and ntfy's."""
        return [web.post(HOOK, self._take), web.post("/", self._take)]

    @property
    def called(self) -> list[dict[str, object]]:
        """What the webhook got, oldest first."""
        return [cast("dict[str, object]", one.json()) for one in self.asked(HOOK)]

    @property
    def published(self) -> list[dict[str, object]]:
        """What was published, oldest first."""
        return [cast("dict[str, object]", one.json()) for one in self.log if one.path == "/"]

    @property
    def events(self) -> list[object]:
        """What the webhook's calls were about."""
        return [one["event"] for one in self.called]

    async def _take(self, _request: web.Request) -> web.Response:
        return web.json_response({"id": "x"})
