"""Keeps the world's certificate authorities out of memory: only those that are met are read."""

from __future__ import annotations

import os
import ssl
from collections.abc import MutableMapping
from pathlib import Path

_VARIABLE = "SSL_CERT_FILE"


def read_when_met(environment: MutableMapping[str, str]) -> bool:
    """Have OpenSSL look authorities up in the system's folder, one by one; tells whether it does.

    By itself it reads the file with all of them, 2 MB of memory, for every TLS context of this
    process. The folder has the same ones under their hashes, where the system keeps it so
    (Debian's ca-certificates does). To be called before aiohttp is imported.
    """
    if environment.get(_VARIABLE):
        return False
    # "None" where there is no folder. Named as c_rehash(1) does, else it serves nobody.
    folder = Path(str(ssl.get_default_verify_paths().capath))
    if not any(folder.glob("[0-9a-f]*.0")):
        return False
    environment[_VARIABLE] = os.devnull
    return True
