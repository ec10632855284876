"""A client registered at a real server, for programs that we did not write."""

import secrets
from dataclasses import dataclass

import pytest

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
