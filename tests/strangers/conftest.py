"""Real servers, and what is registered there for programs that we did not write."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.certificates import Issued, make_server_certificate
from tests.cli.shell import Shell, typing_commands
from tests.databases import Databases
from tests.running import Server

API = "https://api.example.org"


@dataclass(frozen=True)
class Registered:
    """A client with its secret, and where it asks for tokens."""

    server: Server
    client_id: str
    client_secret: str
    scope: str
    audience: str

    @property
    def issuer(self) -> str:
        return self.server.base_url

    @property
    def token_endpoint(self) -> str:
        return f"{self.server.base_url}/connect/token"


@pytest.fixture
def engine() -> str:
    """One for all: what strangers read does not come from the database."""
    return "sqlite"


@pytest.fixture(scope="session")
def registrations() -> dict[str, Registered]:
    """The clients there are, by their server: a command takes longer than a test."""
    return {}


@pytest.fixture
def registered(running: Server, registrations: dict[str, Registered]) -> Registered:
    """A client, scope and API for strangers on the shared server."""
    if running.base_url not in registrations:
        name = secrets.token_hex(4)
        scope, audience = f"external-api.{name}", f"{API}/{name}"
        running.flask("scope", "create", scope, "--api", audience)
        client = running.flask("client", "create", "Stranger", "--scope", scope)
        registrations[running.base_url] = Registered(
            running, client["client_id"], client["client_secret"], scope, audience
        )
    return registrations[running.base_url]


@dataclass(frozen=True)
class House:
    """A Signet of this folder's own: it may fetch keys from this machine."""

    server: Server
    #: The certificate that it trusts, for the TLS servers of tests.
    certificate: Issued
    #: Served from the same database, but it fetches nothing from this machine, as by default. Its
    #: proofs of possession need a nonce.
    strict: Server

    @contextmanager
    def commands(self) -> Iterator[Shell]:
        """Its command line, without a process for each command."""
        with typing_commands(self.server) as shell:
            yield shell


@pytest.fixture(scope="session")
def house(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two gunicorns over one SQLite, of one worker each: what a worker keeps can be counted."""
    folder = tmp_path_factory.mktemp("house")
    certificate = make_server_certificate()
    ca_file, _ = certificate.write(folder, "trusted")
    with databases.fresh("sqlite") as url:
        common = {"SIGNET_OUTBOUND_CA_FILE": ca_file}
        networks = "127.0.0.0/8,::1/128"
        server = Server(folder, url, SIGNET_OUTBOUND_ALLOW=networks, **common)
        strict = server.with_settings(SIGNET_DPOP_NONCE="on", **common)
        try:
            server.start()
            strict.launch()
            house = House(server, certificate, strict)
            with house.commands() as shell:
                shell.json("scope", "create", "external-api", "--api", API)
            strict.wait_until_ready()
            yield house
        finally:
            strict.stop()
            server.stop()


def write_json(folder: Path, name: str, document: object) -> str:
    """The path of a file that holds this, for an option of a command."""
    path = folder / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)
