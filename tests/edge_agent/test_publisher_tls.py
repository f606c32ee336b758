"""The publisher over TLS with a certificate of its own, against a real broker that asks for it."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.broker import BrokerSettings
from edge_agent.outbox import Outbox
from edge_agent.publisher import Publisher
from fakes.broker import free_port, needs_mosquitto
from glucose.wire import Announce, Topics

OPENSSL = shutil.which("openssl")
pytestmark = [
    needs_mosquitto,
    pytest.mark.skipif(OPENSSL is None, reason="openssl makes the certificates: install it"),
]


def openssl(*words: str) -> None:
    assert OPENSSL is not None
    subprocess.run([OPENSSL, *words], check=True, capture_output=True)  # noqa: S603 - as found


def make_authority(folder: Path, name: str) -> None:
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")),
    )


def make_certificate(folder: Path, name: str, authority: str) -> None:
    request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
    extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl(
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
        *("-keyout", str(folder / f"{name}.key"), "-out", str(request)),
    )
    openssl(
        *("x509", "-req", "-days", "2", "-in", str(request), "-extfile", str(extensions)),
        *("-CA", str(folder / f"{authority}.crt"), "-CAkey", str(folder / f"{authority}.key")),
        *("-CAcreateserial", "-out", str(folder / f"{name}.crt")),
    )


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("papers")
    make_authority(folder, "home")
    make_authority(folder, "stranger")
    make_certificate(folder, "server", "home")
    make_certificate(folder, "pi", "home")
    return folder


@pytest.fixture
def port(tmp_path: Path, papers: Path) -> Iterator[int]:
    found = free_port()
    configuration = tmp_path / "tls.conf"
    configuration.write_text(
        f"listener {found} 127.0.0.1\nuser {getpass.getuser()}\n"
        f"cafile {papers}/home.crt\ncertfile {papers}/server.crt\nkeyfile {papers}/server.key\n"
        "require_certificate true\nuse_identity_as_username true\n"
    )
    broker = subprocess.Popen(  # noqa: S603 - a fixed path, our own configuration
        ["/usr/sbin/mosquitto", "-c", str(configuration)], stderr=subprocess.DEVNULL
    )
    until(lambda: listens(found))
    yield found
    broker.terminate()
    broker.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(true: Callable[[], object], seconds: float = 15.0) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, "did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def publisher_of(tmp_path: Path) -> Iterator[Callable[[BrokerSettings], Publisher]]:
    outbox = Outbox(tmp_path / "outbox.db", clock=lambda: datetime.now(UTC))
    outbox.open()
    started: list[Publisher] = []

    def start(settings: BrokerSettings) -> Publisher:
        announce = Announce(node="pi", software="edge 1", carries=())
        publisher = Publisher(settings, Topics("pi"), outbox, announce=announce)
        publisher.start()
        started.append(publisher)
        return publisher

    yield start
    for publisher in started:
        publisher.stop()
    outbox.close()


StartPublisher = Callable[[BrokerSettings], Publisher]


def test_a_certificate_lets_the_agent_in(
    port: int, papers: Path, publisher_of: StartPublisher
) -> None:
    publisher = publisher_of(
        BrokerSettings(
            host="localhost",
            port=port,
            tls=True,
            ca_file=papers / "home.crt",
            cert_file=papers / "pi.crt",
            key_file=papers / "pi.key",
        )
    )
    until(lambda: publisher.connected)


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broker_of_another_authority_is_not_spoken_to(
    port: int, papers: Path, publisher_of: StartPublisher
) -> None:
    publisher = publisher_of(
        BrokerSettings(host="localhost", port=port, tls=True, ca_file=papers / "stranger.crt")
    )
    until(lambda: publisher.problem)
    assert publisher.problem is not None
    assert publisher.problem.startswith("the broker's certificate is refused")


def test_an_agent_without_its_certificate_stays_out(
    port: int, papers: Path, publisher_of: StartPublisher
) -> None:
    publisher = publisher_of(
        BrokerSettings(host="localhost", port=port, tls=True, ca_file=papers / "home.crt")
    )
    until(lambda: publisher.counters.failures >= 2)
    assert not publisher.connected


def test_a_missing_certificate_file_is_named_and_tried_again(
    port: int, papers: Path, publisher_of: StartPublisher
) -> None:
    publisher = publisher_of(
        BrokerSettings(host="localhost", port=port, tls=True, ca_file=papers / "nowhere.crt")
    )
    until(lambda: publisher.counters.failures >= 2)
    assert publisher.problem == "the broker cannot be reached: No such file or directory"


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": ""},
        {"port": 0},
        {"port": 65_536},
        {"keepalive_seconds": 0},
        {"ca_file": Path("a")},
        {"tls": True, "key_file": Path("a")},
        {"password": "word"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        BrokerSettings(**{"host": "broker", **wrong})  # type: ignore[arg-type]  # wrong on purpose


def test_the_password_is_in_no_repr() -> None:
    assert "word" not in repr(BrokerSettings(host="h", username="pi", password="word"))
