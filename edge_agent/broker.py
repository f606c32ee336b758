"""Where the MQTT broker is and how to get in: settings, and a client made of them."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

CONNECT_SECONDS = 10.0
_MOST = 65_535  # of a port, and of a keepalive in seconds

NOT_AUTHORISED, TAKEN_OVER = 135, 142

# MQTT 5, section 3.2.2.2, of the refusals somebody can do something about.
_REFUSALS = {
    132: "the broker does not speak MQTT 5",
    133: "the broker refuses this client identifier",
    134: "wrong user name or password",
    NOT_AUTHORISED: "this user is not authorised",
    136: "the broker is unavailable",
    137: "the broker is busy",
    138: "the broker has banned this client",
    140: "the broker asks for another way to log in",
    TAKEN_OVER: "another program has connected under this node's name",
    149: "the broker refuses messages of this size",
    151: "the broker's quota is used up",
    159: "the broker refuses so many connections",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """One broker. Without `ca_file` TLS trusts the system's authorities; files are PEM.

    Raises ValueError for files without `tls`, a key without its certificate, a password
    without its user, a port or keepalive that cannot be.
    """

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_seconds: int = 30

    def __post_init__(self) -> None:
        """Refuse what paho or the broker would refuse later, in darker words."""
        if not self.host or not 0 < self.port <= _MOST:
            raise ValueError("a broker has a host, and a port in 1..65535")
        if not 0 < self.keepalive_seconds <= _MOST:
            raise ValueError("keepalive_seconds must be in 1..65535")
        if not self.tls and (self.ca_file or self.cert_file or self.key_file):
            raise ValueError("certificate files need tls")
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file needs cert_file")
        if self.password is not None and self.username is None:
            raise ValueError("a password needs its username")


def new_client(settings: BrokerSettings, client_id: str) -> Client:
    """Make a client for one connection; reads the certificate files, connects nowhere.

    Raises OSError (ssl.SSLError is one) for files that cannot be used.
    """
    client = Client(
        callback_api_version=CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTProtocolVersion.MQTTv5,
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_SECONDS
    # What fails in a callback is logged by paho and must not end the thread.
    client.suppress_exceptions = True
    if settings.username is not None:
        client.username_pw_set(settings.username, settings.password)
    if settings.tls:
        client.tls_set_context(tls_context(settings))
    return client


def refusal(code: ReasonCode) -> str:
    """Say what a broker's reason code of 128 and above means, in words and with its number."""
    words = _REFUSALS.get(code.value, str(code))
    return f"{words} ({code.value})"


def why_unreachable(error: BaseException) -> str:  # noqa: PLR0911 - a table of answers
    """Say why no connection came about, without an address in it."""
    match error:
        case ssl.SSLCertVerificationError():
            # What follows the first comma is the name that was asked for.
            return f"the broker's certificate is refused: {error.verify_message.split(',')[0]}"
        case ssl.SSLError():
            return f"TLS failed: {error.reason or 'no reason given'}"
        case socket.gaierror():
            return "the broker's name cannot be resolved"
        case TimeoutError():
            return "the broker did not answer in time"
        case ConnectionRefusedError():
            return "nothing listens at the broker's address"
        case OSError():
            return f"the broker cannot be reached: {error.strerror or type(error).__name__}"
        case _:
            return f"the connection failed: {type(error).__name__}"


def tls_context(settings: BrokerSettings) -> ssl.SSLContext:
    """Return what a TLS connection is made with; raises OSError for files that cannot be used."""
    context = ssl.create_default_context(cafile=settings.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.cert_file is not None:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    return context
