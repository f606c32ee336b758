"""The edge agent's program as its service runs it, told where the fake vendors are.

    python benchmarks/edge_agent_program.py '{"dexcom": URL, "librelinkup": URL, "every": 0.1}' run

It takes the unit's environment, then runs the real program. With "every" the pollers ask again
after so many seconds, instead of when cadence.py expects a reading: nothing else is changed.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from pathlib import Path

UNIT = Path(__file__).parents[1] / "edge_agent" / "systemd" / "cgm-edge-agent.service"


def unit_environment() -> dict[str, str]:
    """Return what the service's unit sets."""
    prefix = "Environment="
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    pairs = [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]
    return dict(pair.split("=", 1) for pair in pairs)


def main() -> int:
    """Begin anew where the environment lacks something; then run the program."""
    wanted = unit_environment()
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **wanted})  # noqa: S606 - ourselves
    given, *words = sys.argv[1:]
    told: dict[str, str | float] = json.loads(given)
    from edge_agent.__main__ import main as program  # noqa: PLC0415 - not before the beginning anew
    from edge_agent.authorities import read_when_met  # noqa: PLC0415 - as above

    # As the program does, before the sources are imported.
    read_when_met(os.environ)
    from glucose.sources import catalogue  # noqa: PLC0415 - as above

    if "dexcom" in told:
        catalogue.DEXCOM_URL = str(told["dexcom"])
    if "librelinkup" in told:
        catalogue.LIBRELINKUP_ADDRESS = lambda region: f"{told['librelinkup']}/{region or 'global'}"
    if "every" in told:
        from glucose.cadence import Cadence  # noqa: PLC0415 - as above

        pause = timedelta(seconds=float(told["every"]))
        Cadence.wait = lambda self, elapsed: pause  # type: ignore[method-assign]  # noqa: ARG005 - the change
    return program(words)


if __name__ == "__main__":
    sys.exit(main())
