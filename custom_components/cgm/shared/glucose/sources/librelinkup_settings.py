"""Who logs in at LibreLinkUp, and to which hosts the credentials may go."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..errors import UnexpectedAnswer
from .librelinkup_refusals import OLDEST_ACCEPTED_VERSION

_VERSION = re.compile(r"\d{1,4}(\.\d{1,4}){0,3}", re.ASCII)
# One label of a host's name, without a dot: with it, every address stays the vendor's own.
_REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,56}[a-z0-9])?", re.ASCII)

_OWN_HOSTS = {"ru": "https://api.libreview.ru", "cn": "https://api-cn.myfreestyle.cn"}


def vendor_address(region: str | None) -> str:
    """Return the vendor's base address for a region as it names them, None for the global one.

    Raises ValueError for what cannot be a region.
    """
    if region is None:
        return "https://api.libreview.io"
    if _REGION.fullmatch(region) is None:
        raise ValueError("not a region")
    return _OWN_HOSTS.get(region, f"https://api-{region}.libreview.io")


@dataclass(frozen=True, slots=True, kw_only=True)
class LibreLinkUpSettings:
    """A follower's login. `region` as the vendor names it (eu2), None to be told by redirect.

    Raises ValueError for an impossible region or version.
    """

    email: str = field(repr=False)
    password: str = field(repr=False)
    region: str | None = None
    client_version: str = OLDEST_ACCEPTED_VERSION

    def __post_init__(self) -> None:
        """Refuse what would become a wrong address or header."""
        if self.region is not None and _REGION.fullmatch(self.region) is None:
            raise ValueError("not a region")
        if _VERSION.fullmatch(self.client_version) is None:
            raise ValueError("not a client version")


def redirected_region(value: object) -> str:
    """Read the region of a redirect; raises UnexpectedAnswer for what might lead elsewhere."""
    region = value.lower() if isinstance(value, str) else ""
    if _REGION.fullmatch(region) is None:
        raise UnexpectedAnswer("the source redirects to what is no region")
    return region
