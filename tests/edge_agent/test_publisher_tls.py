"""The publisher over TLS with a certificate of its own, against a real broker that asks for it."""

from __future__ import annotations

import getpass
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage

from edge_agent.broker import BrokerSettings, new_client
from edge_agent.outbox import Outbox
from edge_agent.publisher import Publisher
from fakes.agent_program import Running, ended, write_settings
from fakes.broker import ACCESS, HOME_ASSISTANT, free_port, needs_mosquitto
from glucose.reading import Reading
from glucose.wire import Ack, Announce, Row, Topics, decode_rows

SIMULATED = '[[sources]]\nname = "sim"\nwearer = "Anna"\nkind = "simulated"\n'

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


def make_certificate(
    folder: Path,
    name: str,
    authority: str = "home",
    *,
    subject: str | None = None,
    hosts: str = "IP:127.0.0.1,DNS:localhost",
    expired: bool = False,
) -> None:
    request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
    extensions.write_text(f"subjectAltName={hosts}\n")
    openssl(
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={subject or name}"),
        *("-keyout", str(folder / f"{name}.key"), "-out", str(request)),
    )
    register, rules = folder / f"{name}.register", folder / f"{name}.rules"
    register.touch()
    # Only as an authority does openssl write days that are over.
    rules.write_text(
        f"[ca]\ndefault_ca = one\n[one]\ndatabase = {register}\nnew_certs_dir = {folder}\n"
        "rand_serial = yes\ndefault_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n"
    )
    now = datetime.now(UTC)
    days = (-2, -1) if expired else (-1, 2)
    first, last = (f"{now + timedelta(days=day):%Y%m%d%H%M%SZ}" for day in days)
    openssl(
        *("ca", "-batch", "-notext", "-config", str(rules), "-startdate", first, "-enddate", last),
        *("-in", str(request), "-extfile", str(extensions), "-out", str(folder / f"{name}.crt")),
        *("-cert", str(folder / f"{authority}.crt"), "-keyfile", str(folder / f"{authority}.key")),
    )


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("papers")
    make_authority(folder, "home")
    make_authority(folder, "stranger")
    make_certificate(folder, "server")
    make_certificate(folder, "server-expired", expired=True)
    make_certificate(folder, "server-elsewhere", hosts="DNS:elsewhere.example")
    make_certificate(folder, "server-forged", "stranger")
    make_certificate(folder, HOME_ASSISTANT)
    make_certificate(folder, "pi")
    make_certificate(folder, "pi-expired", subject="pi", expired=True)
    make_certificate(folder, "pi-forged", "stranger", subject="pi")
    make_certificate(folder, "other")
    return folder


@contextmanager
def broker_with(
    folder: Path, papers: Path, server: str = "server", port: int | None = None
) -> Iterator[int]:
    """Give the port of a broker that lets in whom it knows by a certificate, under its name."""
    found = port or free_port()
    configuration, access = folder / "tls.conf", folder / "access"
    access.write_text(ACCESS)
    access.chmod(0o600)
    configuration.write_text(
        f"listener {found} 127.0.0.1\nuser {getpass.getuser()}\nacl_file {access}\n"
        f"cafile {papers}/home.crt\n"
        f"certfile {papers}/{server}.crt\nkeyfile {papers}/{server}.key\n"
        "require_certificate true\nuse_identity_as_username true\n"
    )
    broker = subprocess.Popen(  # noqa: S603 - a fixed path, our own configuration
        ["/usr/sbin/mosquitto", "-c", str(configuration)], stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: listens(found))
        yield found
    finally:
        broker.terminate()
        broker.wait()


@pytest.fixture
def port(tmp_path: Path, papers: Path) -> Iterator[int]:
    with broker_with(tmp_path, papers) as found:
        yield found


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(true: Callable[[], object], seconds: float = 15.0) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, "did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    outbox = Outbox(tmp_path / "outbox.db", clock=lambda: datetime.now(UTC))
    outbox.open()
    yield outbox
    outbox.close()


@pytest.fixture
def publisher_of(outbox: Outbox) -> Iterator[Callable[[BrokerSettings], Publisher]]:
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


StartPublisher = Callable[[BrokerSettings], Publisher]


def as_(name: str, port: int, papers: Path) -> BrokerSettings:
    """Return settings of one who shows the certificate of that name."""
    return BrokerSettings(
        host="localhost",
        port=port,
        tls=True,
        ca_file=papers / "home.crt",
        cert_file=papers / f"{name}.crt",
        key_file=papers / f"{name}.key",
    )


@contextmanager
def home_at(port: int, papers: Path) -> Iterator[list[Row]]:
    """Give what a home hears that acknowledges all it hears, let in by its own certificate."""
    heard: list[Row] = []
    topics = Topics("pi")

    def hear(client: Client, _userdata: object, message: MQTTMessage) -> None:
        rows = decode_rows(message.topic, message.payload)
        heard.extend(rows.rows)
        ack = Ack(store_id="home", epoch=rows.epoch, seq=rows.last)
        client.publish(topics.ack, ack.encode(topics.ack), qos=1, retain=True)

    client = new_client(as_(HOME_ASSISTANT, port, papers), "home")
    client.on_message = hear
    client.connect("localhost", port)
    client.subscribe([(topics.reading, 1), (topics.backfill, 1)])
    client.loop_start()
    yield heard
    client.disconnect()
    client.loop_stop()


def test_a_certificate_is_the_agents_login_and_its_name_there(
    port: int, papers: Path, publisher_of: StartPublisher, outbox: Outbox
) -> None:
    outbox.add([Reading(time=datetime.now(UTC), mg_dl=100, source="site", series="s")])
    with home_at(port, papers) as heard:
        publisher = publisher_of(as_("pi", port, papers))
        until(lambda: publisher.connected)
        until(lambda: outbox.depth() == 0)
    assert [row.reading.mg_dl for row in heard] == [100] * len(heard)
    assert publisher.counters.refused == 0


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


REFUSED = "the broker's certificate is refused: "
OF_THE_AGENT = (
    "FAIL tls: the broker refuses the agent's certificate: .*broker.cert_file",
    "No connection to the broker: ",
)


@pytest.mark.parametrize(
    ("server", "shown", "doctor", "log"),
    [
        ("server", None, *OF_THE_AGENT),
        ("server", "pi-forged", *OF_THE_AGENT),
        ("server", "pi-expired", *OF_THE_AGENT),
        ("server", "other", "FAIL broker rules: ", "The broker refuses .* not authorised"),
        ("server-expired", "pi", *(f"{REFUSED}certificate has expired",) * 2),
        ("server-elsewhere", "pi", *(f"{REFUSED}Hostname mismatch",) * 2),
        ("server-forged", "pi", *(f"{REFUSED}.*certificate",) * 2),
    ],
    ids=[
        *("the agent has none", "the agent's is of another authority", "the agent's has expired"),
        *("the agent's is another node's", "the broker's has expired"),
        *("the broker's is for another host", "the broker's is of another authority"),
    ],
)
def test_a_wrong_certificate_is_said_and_the_right_one_lets_the_readings_through(
    tmp_path: Path, papers: Path, server: str, shown: str | None, doctor: str, log: str
) -> None:
    own, port = tmp_path / "own", free_port()
    settings = f'host = "localhost"\nport = {port}\ntls = true\nca_file = "{papers}/home.crt"\n'
    if shown is not None:
        settings += f'cert_file = "{own}.crt"\nkey_file = "{own}.key"\n'
        show(shown, own, papers)
    config = write_settings(tmp_path, sources=SIMULATED, broker=settings)
    with broker_with(tmp_path, papers, server, port):
        examined = ended("--config", str(config), "doctor")
        assert examined.returncode == 1
        assert re.search(doctor, examined.stdout), examined.stdout
    with Running(tmp_path / "log", "--config", str(config), "run") as agent:
        with broker_with(tmp_path, papers, server, port):
            until(lambda: re.search(log, agent.said()), 30)
        if shown is None:
            return
        # Renewed, as by a timer: nobody restarts the agent.
        show("pi", own, papers)
        with broker_with(tmp_path, papers, "server", port), home_at(port, papers) as heard:
            until(lambda: heard, 40)


def show(name: str, as_name: Path, papers: Path) -> None:
    """Put a certificate and its key in their place."""
    for tail in (".crt", ".key"):
        shutil.copy(papers / f"{name}{tail}", as_name.with_suffix(tail))


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
