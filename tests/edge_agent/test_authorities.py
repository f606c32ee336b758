"""Authorities are looked up in the system's folder one by one: they still open and still refuse."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.authorities import read_when_met
from fakes.agent_program import environment

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="openssl makes certificates: install it")

VISIT = """\
import json, os, socket, ssl, sys
from edge_agent.authorities import read_when_met
taken = read_when_met(os.environ)
context = ssl.create_default_context()
read = len(context.get_ca_certs())
try:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10) as plug:
        with context.wrap_socket(plug, server_hostname="localhost"):
            answer = "open"
except ssl.SSLCertVerificationError as error:
    answer = error.verify_message
print(json.dumps({"taken": taken, "read": read, "answer": answer}))
"""


def openssl(*words: str | Path) -> str:
    assert OPENSSL is not None
    done = subprocess.run([OPENSSL, *words], check=True, capture_output=True, text=True)  # noqa: S603 - as found
    return done.stdout


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A server's certificate, which is its own authority."""
    path = tmp_path / "own.pem"
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=DNS:localhost", "-keyout", path.with_suffix(".key")),
        *("-out", path),
    )
    return path


@contextmanager
def listening(certificate: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))

    def serve() -> None:
        plug, _ = server.accept()
        try:
            context.wrap_socket(plug, server_side=True).close()
        except OSError:
            plug.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield int(server.getsockname()[1])
        thread.join(20)


def visited(port: int, **variables: str) -> dict[str, object]:
    given = environment(**variables)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if name not in variables:
            given.pop(name, None)
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", VISIT, str(port)],
        env=given,
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_an_authority_of_the_folder_is_found_and_no_other_is_read(
    certificate: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    name = openssl("x509", "-hash", "-noout", "-in", certificate).strip()
    shutil.copy(certificate, folder / f"{name}.0")
    with listening(certificate) as port:
        found = visited(port, SSL_CERT_DIR=str(folder))
    assert found == {"taken": True, "read": 0, "answer": "open"}


def test_a_stranger_is_refused(certificate: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "0123abcd.0").write_text("nobody")
    with listening(certificate) as port:
        found = visited(port, SSL_CERT_DIR=str(folder))
    assert found["taken"]
    assert found["answer"] != "open"


def test_a_folder_without_hashes_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    variables: dict[str, str] = {}
    assert not read_when_met(variables)
    assert not variables


def test_a_file_somebody_has_named_stays(certificate: Path) -> None:
    with listening(certificate) as port:
        found = visited(port, SSL_CERT_FILE=str(certificate))
    assert found == {"taken": False, "read": 1, "answer": "open"}
