"""The command `export`: the outbox as CSV, on standard output or in a new file."""

from __future__ import annotations

import os
import sys

from . import speech
from .assembly import OUTBOX_FILE
from .clock import utc_now
from .command import DONE, NOT_WRITABLE, Arguments, complain, settings_of
from .export import new_private_file, write_csv
from .outbox import Outbox


def export(given: Arguments) -> int:
    """Write all readings that are kept; an agent that runs is not disturbed."""
    speech.set_up("error", sys.stderr, os.environ)
    settings = settings_of(given)
    rows = Outbox(settings.state_dir / OUTBOX_FILE, clock=utc_now).export()
    if given.output is None:
        write_csv(rows, sys.stdout)
        sys.stdout.flush()
        return DONE
    try:
        with new_private_file(given.output) as file:
            count = write_csv(rows, file)
    except OSError as error:
        complain(f"{given.output} cannot be written: {error.strerror}")
        return NOT_WRITABLE
    print(f"{count} readings are in {given.output}, which only you may read")
    return DONE
