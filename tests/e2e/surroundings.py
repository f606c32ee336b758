"""What an agent's process may find on a Pi: a clock that is wrong, a disk that is really full."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

# The C library's clock calls, answered otherwise; only processes that ask for it are meant.
_FAKETIME: Final = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
_BLOCK: Final = b"\0" * 4096

_WITH_VARIABLES: Final = """\
import os, sys
os.environ.update({variables!r})
os.execv(sys.executable, [sys.executable, "-m", "edge_agent", *sys.argv[1:]])
"""

# A file system in memory of a few pages, in namespaces of its own: no right of an administrator
# is needed, and it goes with the process that made it.
_KEEPER: Final = """\
import ctypes, os, sys
NEW_USER, NEW_MOUNTS, PRIVATE_TREE = 0x10000000, 0x00020000, 0x00044000
system = ctypes.CDLL(None, use_errno=True)
def must(answer):
    if answer:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
user, group = os.getuid(), os.getgid()
must(system.unshare(NEW_USER | NEW_MOUNTS))
for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"),
                   ("gid_map", f"{group} {group} 1")):
    with open(f"/proc/self/{name}", "w") as file:
        file.write(text)
must(system.mount(b"none", b"/", None, PRIVATE_TREE, None))
size = f"size={sys.argv[2]},mode=0700".encode()
must(system.mount(b"tmpfs", sys.argv[1].encode(), b"tmpfs", 0, size))
print("ready", flush=True)
sys.stdin.read()
"""
_ENTERING: Final = """\
import ctypes, os, sys
system = ctypes.CDLL(None, use_errno=True)
here = os.getcwd()
for name in ("user", "mnt"):
    space = os.open(f"/proc/{keeper}/ns/{{name}}", os.O_RDONLY)
    if system.setns(space, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    os.close(space)
os.chdir(here)
os.execv(sys.executable, [sys.executable, "-m", "edge_agent", *sys.argv[1:]])
"""


class OwnClock:
    """A clock for one process, which may be set while it runs; elapsed time goes on as it does."""

    def __init__(self, file: Path, off: timedelta) -> None:
        """Begin as far off as said."""
        self._file = file
        self.set(off)

    @staticmethod
    def can_be() -> bool:
        """Tell whether libfaketime is installed."""
        return bool(_FAKETIME)

    def set(self, off: timedelta) -> None:
        """Have the clock so far ahead of the true one from a second later on."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{off.total_seconds():+.0f}\n")
        new.replace(self._file)

    @property
    def command(self) -> Sequence[str]:
        """What Python is to run for an agent under this clock."""
        variables = {
            "LD_PRELOAD": str(_FAKETIME[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        return ("-c", _WITH_VARIABLES.format(variables=variables))


class SmallDisk:
    """A file system of its own at a folder, seen by the processes that enter it."""

    def __init__(self, folder: Path, keeper: int) -> None:
        """Take the folder it lies at and the process that keeps it."""
        self._keeper = keeper
        self._filler = Path(f"/proc/{keeper}/root{folder}") / "filler"

    @property
    def command(self) -> Sequence[str]:
        """What Python is to run for an agent whose folder lies on this disk."""
        return ("-c", _ENTERING.format(keeper=self._keeper))

    def fill(self) -> None:
        """Write until nothing more can be written."""
        with self._filler.open("ab", buffering=0) as file:
            while True:
                try:
                    file.write(_BLOCK)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    return

    def free(self) -> None:
        """Give the space back."""
        self._filler.unlink()


class NoSmallDisk(Exception):  # noqa: N818 - what this machine says
    """The kernel, or the container around it, forbids namespaces of one's own."""


@contextmanager
def small_disk(folder: Path, size: str = "1m") -> Iterator[SmallDisk]:
    """Make a disk at an empty folder. Raises NoSmallDisk."""
    folder.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(  # noqa: S603 - this Python, a program of ours
        [sys.executable, "-c", _KEEPER, str(folder), size],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as keeper:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        assert keeper.stderr is not None
        if keeper.stdout.readline() != "ready\n":
            raise NoSmallDisk(keeper.stderr.read()[-300:])
        try:
            yield SmallDisk(folder, keeper.pid)
        finally:
            keeper.stdin.close()
            keeper.wait(10)
