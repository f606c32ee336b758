"""The demo's command line: boots a home, adds its wearer, and shows or checks it."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path


def main() -> int:
    """Run the demo; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="A real Home Assistant on this machine with the CGM integration, a "
        "simulated wearer who already has 14 days of history and a low tonight, and a second one "
        "who is low whenever you press a button, with a lamp that flashes for it. Ctrl-C stops "
        "everything. "
        "Everything is below .cache/demo and made anew at each start.",
    )
    parser.add_argument(
        "--replay",
        type=Path,
        metavar="FILE",
        help="play a Clarity or LibreView export as if it were live instead of the simulation",
    )
    parser.add_argument(
        "--tz",
        default="UTC",
        metavar="ZONE",
        help="the time zone of the wearer and the export (default: %(default)s)",
    )
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        metavar="N",
        help="play the export N times as fast (default: %(default)g)",
    )
    parser.add_argument(
        "--edge",
        action="store_true",
        help="let the readings come the long way: an edge agent of its own process, a broker "
        "(mosquitto), MQTT and its discovery",
    )
    parser.add_argument(
        "--port", type=int, default=18125, help="loopback port (default: %(default)s)"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="boot, wait until the glucose sensors have values, make the second wearer low and "
        "insist that the lamp flashes and is then as it was, print every entity of the wearers, "
        "stop; exits 1 with the reason and the log where that fails",
    )
    arguments = parser.parse_args()
    if arguments.edge and arguments.replay is not None:
        parser.error("--edge has its own wearer: leave out --replay")
    # Also where the caller ignores Ctrl-C for us, as shells do for what runs in the background.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    # Only now: --help works with any Python, the rest needs the one that scripts/setup made.
    from demo_home.show import run  # noqa: PLC0415 - see above

    try:
        return run(
            replay=arguments.replay,
            zone=arguments.tz,
            speed=arguments.speed,
            port=arguments.port,
            check=arguments.check,
            edge=arguments.edge,
        )
    except KeyboardInterrupt:
        print("demo: stopped")
        return 0


if __name__ == "__main__":
    sys.exit(main())
