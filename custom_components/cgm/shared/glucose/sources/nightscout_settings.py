"""What somebody types to reach a Nightscout site or a phone server, brought into one form."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

# xDrip+ and Juggluco listen here for plain HTTP.
PHONE_PORT = 17580

# Nightscout makes tokens of the subject's name (lower case, cut to 10) and 16 digits of a hash.
_ACCESS_TOKEN = re.compile(r"\w{0,10}-[0-9a-f]{16}", re.ASCII)
# What people copy along with the address of a site or of a phone.
_ENDPOINT = re.compile(r"/+(api(/.*)?|sgv\.json)?$")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Api(StrEnum):
    """How a site is spoken to: Nightscout's two ways, or the phone servers' one."""

    V1 = "v1"
    V3 = "v3"
    PHONE = "phone"


@dataclass(frozen=True, slots=True, kw_only=True)
class NightscoutSettings:
    """Where the readings are, and what opens them.

    `url` is the site's address; kept without query, /api/... and slashes at its end. Without a
    scheme it is https, on the phone servers' port http. `secret` is the API secret, an access
    token, or empty for a site that anybody may read. Raises ValueError (whose text holds
    neither) for an address that is none, that carries a user name, password or query, and for
    v3 without an access token, which takes nothing else.
    """

    url: str = field(repr=False)
    secret: str = field(default="", repr=False)
    api: Api = Api.V1

    def __post_init__(self) -> None:
        """Normalise; refuse what cannot be used."""
        object.__setattr__(self, "api", Api(self.api))
        object.__setattr__(self, "url", _normal(_split(self.url)))
        object.__setattr__(self, "secret", self.secret.strip().removeprefix("token="))
        if self.api is Api.V3 and not self.is_access_token:
            msg = "Nightscout v3 needs an access token"
            raise ValueError(msg)

    @property
    def is_access_token(self) -> bool:
        """Whether the secret is a token of one subject, not the site's API secret."""
        return _ACCESS_TOKEN.fullmatch(self.secret) is not None

    @property
    def site_id(self) -> str:
        """A stable id of the site that gives neither its name nor the secret away.

        The scheme is left out: a site that moves to https stays the same site.
        """
        place = self.url.partition("://")[2]
        return hashlib.sha256(place.encode()).hexdigest()[:16]

    @property
    def api_secret(self) -> str | None:
        """The `api-secret` header of v1 and of phones; None where there is nothing to send.

        Nightscout takes an access token there as it is since release 13 (2019); the API
        secret goes as its SHA-1, which every release and both phone servers understand.
        """
        if not self.secret:
            return None
        if self.api is Api.V1 and self.is_access_token:
            return self.secret
        digest = hashlib.sha1(self.secret.encode(), usedforsecurity=False)
        return digest.hexdigest()


def likely_api(url: str) -> Api:
    """Return what to offer first for an address; raises ValueError as the settings do."""
    return Api.PHONE if _split(url).port == PHONE_PORT else Api.V1


def _split(url: str) -> SplitResult:
    """Take an address apart; the port is valid, a host is there."""
    msg = "this is no address of a site"
    text = url.strip()
    # Parsers differ on spaces, controls and backslashes; no site's address has any.
    if re.search(r"[\s\\\x00-\x1f\x7f]", text):
        raise ValueError(msg)
    try:
        if "://" not in text:
            plain = urlsplit(f"//{text}").port == PHONE_PORT
            text = f"{'http' if plain else 'https'}://{text}"
        parts = urlsplit(text)
        valid = parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        # urllib's own words quote the address.
        raise ValueError(msg) from None
    if not valid:
        raise ValueError(msg)
    if "@" in parts.netloc:
        msg = "an address must not carry a user name or password"
        raise ValueError(msg)
    if parts.query:
        msg = "an address must not carry a query; a token has its own field"
        raise ValueError(msg)
    return parts


def _normal(parts: SplitResult) -> str:
    """Write an address in the one form that we keep."""
    host = parts.hostname or ""
    place = f"[{host}]" if ":" in host else host
    if parts.port not in (None, _DEFAULT_PORTS[parts.scheme]):
        place = f"{place}:{parts.port}"
    return f"{parts.scheme}://{place}{_ENDPOINT.sub('', parts.path)}"
