"""The command cgm-edge-agent: reads its words, and hands over to the file that does the work."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from glucose.errors import StoreError

from . import __version__, speech
from .authorities import read_when_met
from .settings import CONFIG_VARIABLE, DEFAULT_CONFIG, CallSettings, Settings, SettingsError

# What the program ends with; the numbers from 64 on are those of sysexits.h.
DONE, FAILED, NOT_DELIVERED, NOT_WRITABLE, FAULT, BAD_SETTINGS = 0, 1, 75, 73, 70, 78
_PROGRAM = "cgm-edge-agent"
_WAIT_SECONDS = 60.0
_SWITCH_SECONDS = 0.0005


class _Arguments(Protocol):
    """What argparse found."""

    command: Callable[[_Arguments], int]
    config: Path | None
    simulated: bool
    dry_run: bool
    wait: float
    names: bool
    output: Path | None
    new: bool
    root: Path


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the program's exit status."""
    # Before anything imports aiohttp, which makes a TLS context of its own then.
    read_when_met(os.environ)
    found: _Arguments = _parser().parse_args(arguments)
    speech.set_up("info", sys.stdout, os.environ)
    try:
        return found.command(found)
    except SettingsError as error:
        for problem in error.problems:
            _complain(f"settings: {problem}")
        return BAD_SETTINGS
    except StoreError as error:
        _complain(str(error))
        return NOT_WRITABLE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Who read our output has seen enough; Python must not complain when it closes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:  # noqa: BLE001 - its words or its traceback might carry secrets
        _complain(f"the agent failed in itself, please report: {speech.where(error)}")
        return FAULT


def _run(given: _Arguments) -> int:
    from .settings_apart import load_apart  # noqa: PLC0415 - for an agent that goes on running

    settings = load_apart(given.config, os.environ, simulated=given.simulated)
    speech.set_level(settings.log_level)
    return asyncio.run(_until_told(settings, dry_run=given.dry_run))


def _simulate(given: _Arguments) -> int:
    given.simulated = True
    return _run(given)


async def _until_told(settings: Settings, *, dry_run: bool) -> int:
    from .agent import assembled, told_to_stop  # noqa: PLC0415 - not for `--version` and `pair`
    from .notifier import Notifier  # noqa: PLC0415 - as above

    # The publisher's thread has what is new before the poller goes on: by Python's 5 ms it waits.
    sys.setswitchinterval(_SWITCH_SECONDS)
    with told_to_stop() as stop:
        if dry_run:
            from .rehearsal import rehearse  # noqa: PLC0415 - as above

            await rehearse(settings, stop)
            return DONE
        async with assembled(settings) as agent:
            await agent.run(Notifier(os.environ), stop)
    return DONE


def _once(given: _Arguments) -> int:
    settings = _settings(given)
    return asyncio.run(_one_ask(settings, given))


async def _one_ask(settings: Settings, given: _Arguments) -> int:
    from .agent import assembled  # noqa: PLC0415 - as above
    from .rehearsal import rehearse  # noqa: PLC0415 - as above

    count = len(settings.sources)
    if given.dry_run:
        answered = await rehearse(settings, None)
        print(f"{answered} of {count} sources answered; nothing was kept or sent")
        return DONE if answered == count else FAILED
    async with assembled(settings) as agent:
        answered, left = await agent.once(given.wait)
    print(f"{answered} of {count} sources answered; {left} readings are not yet acknowledged")
    if left:
        return NOT_DELIVERED
    return DONE if answered == count else FAILED


def _doctor(given: _Arguments) -> int:
    from .finding import Colour  # noqa: PLC0415 - as above

    settings = _settings(given)
    return asyncio.run(_examined(settings, names=given.names, red=Colour.RED))


async def _examined(settings: Settings, *, names: bool, red: object) -> int:
    from .doctor import examine  # noqa: PLC0415 - as above

    # What libraries and sources log meanwhile would stand between the lines.
    speech.set_up("error", sys.stderr, os.environ)
    print("ok   settings: can be used")
    status = DONE
    async for finding in examine(settings, names=names):
        print(finding.line, flush=True)
        if finding.colour is red:
            status = FAILED
    return status


def _test_call(given: _Arguments) -> int:
    from .finding import Colour  # noqa: PLC0415 - as above

    settings = _settings(given)
    speech.set_up("error", sys.stderr, os.environ)
    if settings.call is None:
        _complain("nobody is to be called: the settings have no call.webhook and no call.ntfy")
        return FAILED
    return asyncio.run(_called(settings.call, dry_run=given.dry_run, red=Colour.RED))


async def _called(call: CallSettings, *, dry_run: bool, red: object) -> int:
    from .trial_call import called_for_trial  # noqa: PLC0415 - as above

    status = DONE
    async for finding in called_for_trial(call, dry_run=dry_run):
        print(finding.line, flush=True)
        if finding.colour is red:
            status = FAILED
    return status


def _export(given: _Arguments) -> int:
    from .agent import OUTBOX_FILE  # noqa: PLC0415 - as above
    from .clock import utc_now  # noqa: PLC0415 - as above
    from .export import new_private_file, write_csv  # noqa: PLC0415 - as above
    from .outbox import Outbox  # noqa: PLC0415 - as above

    speech.set_up("error", sys.stderr, os.environ)
    settings = _settings(given)
    rows = Outbox(settings.state_dir / OUTBOX_FILE, clock=utc_now).export()
    if given.output is None:
        write_csv(rows, sys.stdout)
        sys.stdout.flush()
        return DONE
    try:
        with new_private_file(given.output) as file:
            count = write_csv(rows, file)
    except OSError as error:
        _complain(f"{given.output} cannot be written: {error.strerror}")
        return NOT_WRITABLE
    print(f"{count} readings are in {given.output}, which only you may read")
    return DONE


def _pair(given: _Arguments) -> int:
    from .pair import DEFAULT_FILE, how_to_enter, make_key  # noqa: PLC0415 - as above

    config = given.config or DEFAULT_CONFIG
    if not given.new:
        settings = _settings(given)
        if settings.pairing_key is not None:
            print(how_to_enter(settings.pairing_key.decode()), end="")
            return DONE
    path = config.parent / DEFAULT_FILE
    try:
        if given.new:
            path.unlink(missing_ok=True)
        key = make_key(path)
    except FileExistsError:
        _complain(
            f"{path} is there, but the settings do not name it: add\n\n[pairing]\n"
            f'key_file = "{DEFAULT_FILE}"\n'
        )
        return FAILED
    except OSError as error:
        _complain(f"{path} cannot be written ({error.strerror}): run it with sudo")
        return NOT_WRITABLE
    print(how_to_enter(key), end="")
    print(
        f"\nIt is in {path}. Unless they are there already, add these lines to {config}, and\n"
        f'restart the agent:\n\n[pairing]\nkey_file = "{DEFAULT_FILE}"'
    )
    return DONE


def _install_service(given: _Arguments) -> int:
    from .service import (  # noqa: PLC0415 - as above
        ServiceError,
        command_of,
        install,
        reload,
        unit_text,
    )

    try:
        command = command_of(sys.argv[0] if Path(sys.argv[0]).name == _PROGRAM else _PROGRAM)
        if given.dry_run:
            print(unit_text(command), end="")
            return DONE
        installed = install(command, given.root)
        for path in installed.written:
            print(f"written: {path}")
        for path in installed.kept:
            print(f"left as it is: {path}")
        if given.root == Path("/"):
            reload()
    except ServiceError as error:
        _complain(str(error))
        return FAILED
    print(
        f"Next: fill in {given.root / 'etc/cgm-edge-agent/config.toml'}, put the secrets into "
        "files beside it, then\n"
        f"  sudo {command} doctor\n"
        "  sudo systemctl enable --now cgm-edge-agent"
    )
    return DONE


def _settings(given: _Arguments) -> Settings:
    from .settings_file import load  # noqa: PLC0415 - with the sources it imports aiohttp: see main

    settings = load(given.config, os.environ, simulated=given.simulated)
    speech.set_level(settings.log_level)
    return settings


def _complain(text: str) -> None:
    print(f"{_PROGRAM}: {text}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="Gathers glucose readings and delivers every one of them to Home Assistant.",
    )
    parser.add_argument("--version", action="version", version=f"{_PROGRAM} {__version__}")
    parser.add_argument(
        "--config",
        type=Path,
        default=_configured(),
        metavar="FILE",
        help=f"the settings ({CONFIG_VARIABLE}, else {DEFAULT_CONFIG})",
    )
    parser.set_defaults(simulated=False, dry_run=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, work: Callable[[_Arguments], int], about: str) -> _Command:
        added = commands.add_parser(name, help=about, description=about)
        added.set_defaults(command=work)
        return _Command(added)

    command("run", _run, "Gather and deliver until told to stop.").simulated().dry_run()
    once = command("once", _once, "Ask each source once, deliver, and end.")
    once.simulated().dry_run().parser.add_argument(
        "--wait",
        type=float,
        default=_WAIT_SECONDS,
        metavar="SECONDS",
        help="how long to wait for Home Assistant to acknowledge (60)",
    )
    doctor = command("doctor", _doctor, "Look at everything, and say what to do where it is red.")
    doctor.simulated().parser.add_argument(
        "--names", action="store_true", help="show whom the accounts see, with ids"
    )
    command("test-call", _test_call, "Make a test call, as while Home Assistant is away.").dry_run()
    command("simulate", _simulate, "As run, with a simulated wearer as the only source.").dry_run()
    command("export", _export, "Write all readings of the outbox as CSV.").parser.add_argument(
        "--output", type=Path, metavar="FILE", help="a new file, instead of standard output"
    )
    command("pair", _pair, "Make or show the pairing key.").parser.add_argument(
        "--new", action="store_true", help="replace the key that is there"
    )
    service = command("install-service", _install_service, "Install the agent as a service.")
    service.dry_run().parser.add_argument(
        "--root", type=Path, default=Path("/"), metavar="FOLDER", help="install below FOLDER"
    )
    return parser


class _Command:
    """One command's parser, with the options that several have."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser

    def simulated(self) -> _Command:
        self.parser.add_argument(
            "--simulated", action="store_true", help="a simulated wearer as the only source"
        )
        return self

    def dry_run(self) -> _Command:
        self.parser.add_argument(
            "--dry-run", action="store_true", help="keep, send and change nothing; only show"
        )
        return self


def _configured() -> Path | None:
    given = os.environ.get(CONFIG_VARIABLE)
    return Path(given) if given else None


if __name__ == "__main__":
    sys.exit(main())
