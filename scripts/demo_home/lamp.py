"""The demo home's lamp: what makes it flash, and the proof that a low does."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from shutil import copytree
from typing import Any, Final

from demo_home.fast_wearer import NAME
from demo_home.home import Home, HomeFailed
from demo_home.wearer import entry_id

LAMP: Final = "light.lamp"
ALARM: Final = f"event.{NAME.lower()}_alarm"
MAKE_IT_LOW: Final = "make_it_low"
AUTOMATION: Final = f"automation.{NAME.lower()}_is_low_flash_the_lamp"
# A lamp as somebody has it who fell asleep reading.
_EVENING: Final = {"brightness_pct": 40, "hs_color": [30, 45]}
_SEEN_WITHIN_SECONDS: Final = 90
# A colour that nobody sleeps by.
_VIVID: Final = 80


def add_lamp(folder: Path, root: Path) -> None:
    """Put the lamp, its automations and all our blueprints into a home not yet started."""
    copytree(root / "blueprints", folder / "blueprints")
    ours = Path(__file__).parent
    text = (ours / "lamp.yaml").read_text()
    paths = {"PYTHON": Path(sys.executable), "PROGRAM": ours / "fast_wearer.py", "FOLDER": folder}
    text = text.replace("ENTRY", entry_id(NAME))
    for word, path in paths.items():
        text = text.replace(f'"{word}"', f'"{path}"')
    with (folder / "configuration.yaml").open("a") as configuration:
        configuration.write(text)


def light_lamp(home: Home) -> dict[str, Any]:
    """Switch the lamp on as it is of an evening; returns how it then is."""
    home.post("/api/services/light/turn_on", {"entity_id": LAMP, **_EVENING})
    return _look(home.get(f"/api/states/{LAMP}"))


def prove_low(home: Home) -> str:
    """Make it low; return what was seen of it. Raises HomeFailed where the lamp did not flash."""
    before = light_lamp(home)
    automation = home.get(f"/api/states/{AUTOMATION}")
    if automation is None or automation["state"] != "on":
        raise HomeFailed(f"{AUTOMATION} does not run: {automation}")
    seen = _Seen(before)
    try:
        asyncio.run(asyncio.wait_for(_watch(home, seen), _SEEN_WITHIN_SECONDS))
    except TimeoutError:
        raise HomeFailed(
            f"{NAME} was made low, and after {_SEEN_WITHIN_SECONDS} s: {seen.told()}; the lamp was "
            f"{before} and then {seen.looks[-8:]}"
        ) from None
    return f"{NAME} was made low: {seen.told()} and is again exactly as it was"


async def _watch(home: Home, seen: _Seen) -> None:
    """Return once the lamp has flashed for the low and is back."""

    def make_it_low() -> None:
        home.post("/api/services/script/turn_on", {"entity_id": f"script.{MAKE_IT_LOW}"})

    async for state in home.states_of({ALARM, LAMP, AUTOMATION}, make_it_low):
        if seen.add(state):
            return


class _Seen:
    """What was seen of a low: which alarms fired and when, and each look of the lamp."""

    def __init__(self, before: dict[str, Any]) -> None:
        """Begin with how the lamp was."""
        self.looks = [before]
        self._begun = datetime.now(UTC)
        self._fired: dict[str, float] = {}
        self._running = False

    def add(self, state: dict[str, Any]) -> bool:
        """Take a state of alarm, lamp or automation; tell whether it is all over."""
        about = state["attributes"]
        if state["entity_id"] == LAMP:
            self.looks.append(_look(state))
        elif state["entity_id"] == AUTOMATION:
            self._running = about.get("current", 0) > 0
        elif about.get("event_type") == "fired" and state["state"] != "unavailable":
            # An event entity's state is the moment of its last event; a restart says it again.
            after = (datetime.fromisoformat(state["state"]) - self._begun).total_seconds()
            if after >= 0:
                self._fired.setdefault(about["alarm"], after)
        back = self.looks[-1] == self.looks[0]
        return "urgent_low" in self._fired and self._flashes > 0 and back and not self._running

    def told(self) -> str:
        """Say what was seen."""
        fired = ", ".join(f"{alarm} after {after:.0f} s" for alarm, after in self._fired.items())
        return f"fired {fired or 'nothing'}; the lamp flashed {self._flashes} times in colour"

    @property
    def _flashes(self) -> int:
        """How often the lamp came on in a vivid colour."""
        vivid = [
            look["state"] == "on" and (look.get("hs_color") or (0, 0))[1] >= _VIVID
            for look in self.looks
        ]
        return sum(now and not before for before, now in pairwise(vivid))


def _look(state: dict[str, Any]) -> dict[str, Any]:
    return {"state": state["state"], **state["attributes"]}
