"""The demo's Home Assistant as a process, and as an API to talk to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Callable, Collection
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

UP_WITHIN_SECONDS = 180
STOPPED_WITHIN_SECONDS = 60
_ANSWER_WITHIN_SECONDS = 30
_ANSWER = aiohttp.ClientWSTimeout(ws_receive=_ANSWER_WITHIN_SECONDS)


class HomeFailed(Exception):  # noqa: N818 - what happened, in the demo's own words
    """Home Assistant did not do what the demo needs of it."""


class Home:
    """One Home Assistant on a loopback port."""

    def __init__(self, folder: Path, port: int) -> None:
        """Start nothing yet."""
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._token = ""

    @property
    def pid(self) -> int:
        """The process's id. Raises HomeFailed before the start."""
        if self._process is None:
            raise HomeFailed("Home Assistant was not started")
        return self._process.pid

    @property
    def token(self) -> str:
        """What the owner shows to be let in; empty before log_in."""
        return self._token

    def start(self) -> None:
        """Start the process and wait until it answers. Raises HomeFailed."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self._port))
            except OSError:
                raise HomeFailed(
                    f"port {self._port} is taken; choose another with --port"
                ) from None
        with (self._folder / "output.log").open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and folder
                [sys.executable, "-m", "homeassistant", "-c", str(self._folder), "--skip-pip"],
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches the demo alone, which then stops its home in order.
                start_new_session=True,
            )
        give_up = time.monotonic() + UP_WITHIN_SECONDS
        while time.monotonic() < give_up:
            if self._process.poll() is not None:
                raise HomeFailed(f"Home Assistant ended with status {self._process.returncode}")
            try:
                self._request("GET", "/api/onboarding")
            except urllib.error.HTTPError:
                # It answers: somebody was onboarded before, and then there is nothing to say.
                return
            except OSError:
                time.sleep(0.3)
            else:
                return
        raise HomeFailed(f"Home Assistant does not answer after {UP_WITHIN_SECONDS} s")

    def pause(self) -> None:
        """Freeze the process: its connections stay open, and it answers nobody."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop the process in order; kill it if it does not end."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOPPED_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def wait(self) -> None:
        """Block until the process ends by itself. Raises HomeFailed then."""
        if self._process is not None:
            raise HomeFailed(f"Home Assistant ended, status {self._process.wait()}")

    def log(self) -> str:
        """Return the end of what Home Assistant printed."""
        lines = (self._folder / "output.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-80:])

    def log_in(self, user: str, password: str) -> None:
        """Make the owner and take a token."""
        client = f"{self.url}/"
        made = self.post(
            "/api/onboarding/users",
            {
                "client_id": client,
                "name": "Demo",
                "username": user,
                "password": password,
                "language": "en",
            },
        )
        form = urllib.parse.urlencode(
            {"grant_type": "authorization_code", "code": made["auth_code"], "client_id": client}
        )
        self._token = self._request(
            "POST", "/auth/token", form.encode(), "application/x-www-form-urlencoded"
        )["access_token"]

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON, by path
        """Return what the API has at `path`, None where it has nothing."""
        try:
            return self._request("GET", path)
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return None
            raise HomeFailed(f"GET {path}: {error}") from error

    def status_of(self, path: str, *, logged_in: bool) -> tuple[int, bytes]:
        """Return how the server answers at `path`, and the body, as to the owner or a stranger."""
        who = {"Authorization": f"Bearer {self._token}"} if logged_in else {}
        request = urllib.request.Request(self.url + path, headers=who)  # noqa: S310 - our own address
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_WITHIN_SECONDS) as answer:  # noqa: S310 - our own address
                return int(answer.status), bytes(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def post(self, path: str, data: object) -> Any:  # noqa: ANN401 - JSON, by path
        """Send JSON and return the answer. Raises HomeFailed."""
        try:
            return self._request("POST", path, json.dumps(data).encode())
        except urllib.error.HTTPError as error:
            raise HomeFailed(f"POST {path}: {error}: {error.read()[:500]!r}") from error

    def states(self) -> list[dict[str, Any]]:
        """Return all states."""
        return list(self.get("/api/states"))

    def offers_of(self, integration: str) -> list[dict[str, Any]]:
        """Return the flows that an integration began by itself and that wait for the user."""
        flows = asyncio.run(self._asked({"type": "config_entries/flow/progress"}))
        return [flow for flow in flows if flow["handler"] == integration]

    def entry_id(self, title: str) -> str:
        """Return the id of the config entry with that title. Raises HomeFailed."""
        for entry in self.get("/api/config/config_entries/entry"):
            if entry["title"] == title:
                return str(entry["entry_id"])
        raise HomeFailed(f"there is no entry {title}")

    def entities_of(self, integration: str) -> set[str]:
        """Return the entity ids of an integration, by Home Assistant's own template engine."""
        text = self.post(
            "/api/template",
            {"template": f"{{{{ integration_entities('{integration}') | tojson }}}}"},
        )
        return set(text)

    async def states_of(
        self, entities: Collection[str], begin: Callable[[], object]
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield every state that one of the entities takes on from now on, for ever.

        `begin` is called (in a thread) once nothing can be missed any more.
        """
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{self.url}/api/websocket") as socket_,
        ):
            await self._let_in(socket_)
            await socket_.send_json(
                {"id": 1, "type": "subscribe_events", "event_type": "state_changed"}
            )
            await socket_.receive_json()
            beginning = asyncio.create_task(asyncio.to_thread(begin))
            while True:
                about = (await socket_.receive_json())["event"]["data"]
                if beginning.done():
                    await beginning
                if about["entity_id"] in entities and about["new_state"] is not None:
                    yield about["new_state"]

    async def _let_in(self, socket_: aiohttp.ClientWebSocketResponse) -> None:
        await socket_.receive_json()
        await socket_.send_json({"type": "auth", "access_token": self._token})
        await socket_.receive_json()

    async def _asked(self, question: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON, by question
        """Return the answer to one question that the API answers only by WebSocket."""
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{self.url}/api/websocket", timeout=_ANSWER) as socket_,
        ):
            await self._let_in(socket_)
            await socket_.send_json({"id": 1, **question})
            answer = await socket_.receive_json()
        if not answer.get("success"):
            raise HomeFailed(f"{question['type']}: {answer.get('error')}")
        return answer["result"]

    def _request(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json"
    ) -> Any:  # noqa: ANN401 - JSON, by path
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            f"{self.url}{path}", data=body, method=method, headers={"Content-Type": kind}
        )
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        with urllib.request.urlopen(request, timeout=_ANSWER_WITHIN_SECONDS) as answer:  # noqa: S310 - as above
            return json.loads(answer.read())
