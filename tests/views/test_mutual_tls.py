"""Client certificates end to end (RFC 8705): real TLS, ended by a real nginx, real certificates."""

import base64
import hashlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from tests.certificates import FOR_SERVERS, Issued, issue, make_authority
from tests.databases import Databases
from tests.nginx import Nginx, find_nginx
from tests.running import Server
from tests.views.wire import FORM, INVALID_CLIENT, INVALID_REQUEST, TOKEN, basic

#: The proxy's own requests come from here, and are believed; everybody else's come from elsewhere.
PROXY, STRANGER = "127.0.0.2", "127.0.0.1"
YESTERDAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)

AUTHORITY = make_authority()
INTERMEDIATE = issue("CN=Example CA 2,O=Example", AUTHORITY, is_authority=True)
BILLING = "CN=billing,O=Example"
SELF_SIGNED = issue("CN=self")
EXPIRED_SELF_SIGNED = issue("CN=self", ends_at=YESTERDAY)
CERTIFICATES = {
    "billing": issue(BILLING, AUTHORITY),
    "billing by an intermediate": issue(BILLING, INTERMEDIATE),
    "shipping": issue("CN=shipping,O=Example", AUTHORITY),
    "billing by a stranger": issue(BILLING, make_authority()),
    "billing by itself": issue(BILLING),
    "self": SELF_SIGNED,
    "another self": issue("CN=self"),
}


@dataclass(frozen=True)
class Answer:
    status: int
    json: Any

    @property
    def error(self) -> tuple[int, str]:
        return self.status, self.json["error"]

    @property
    def claims(self) -> dict[str, Any]:
        """Of the access token; that its signature holds is tested elsewhere."""
        payload = self.json["access_token"].split(".")[1]
        return json.loads(base64.urlsafe_b64decode(payload + "=="))


@dataclass(frozen=True)
class House:
    """A Signet that believes the nginx in front of it, and three clients."""

    server: Server
    nginx: Nginx
    #: Files of each certificate and its key.
    files: dict[str, tuple[str, str]]
    bound_secret: str

    def ask(
        self,
        client_id: str | None,
        certificate: str | None,
        *,
        path: str = TOKEN,
        headers: dict[str, str] | None = None,
        **parameters: str,
    ) -> Answer:
        """Send a request by TLS, with this certificate if any."""
        answer = requests.post(
            self.nginx.base_url + path,
            data=token_form(client_id) | parameters,
            headers=headers,
            cert=self.files[certificate] if certificate else None,
            verify=self.nginx.certificate,
            timeout=10,
        )
        return Answer(answer.status_code, answer.json())

    def ask_as_bound(self, certificate: str | None, **options: Any) -> Answer:
        """The same with the secret of the client whose tokens are bound."""
        return self.ask(None, certificate, headers=basic("bound", self.bound_secret), **options)

    def ask_directly(
        self, client_id: str, *headers: tuple[str, str], address: str = STRANGER
    ) -> Answer:
        """Send a token request past the nginx, with any headers."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.server.port, timeout=10, source_address=(address, 0)
        )
        try:
            body = urlencode(token_form(client_id)).encode()
            connection.putrequest("POST", TOKEN)
            connection.putheader("Content-Type", FORM)
            connection.putheader("Content-Length", str(len(body)))
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, json.loads(answer.read()))
        finally:
            connection.close()


@pytest.fixture(scope="module")
def house(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    program = find_nginx()
    folder = tmp_path_factory.mktemp("mutual-tls")
    files = {
        name: issued.write(folder, f"client-{number}")
        for number, (name, issued) in enumerate(CERTIFICATES.items())
    }
    authorities, _ = AUTHORITY.write(folder, "authorities")
    with databases.fresh("sqlite") as database_url:
        server = Server(
            folder,
            database_url,
            SIGNET_CLIENT_CERT_PROXIES=PROXY,
            SIGNET_CLIENT_CERT_CA_FILE=authorities,
            # So that the address of a request is the one that the proxy forwards.
            SIGNET_TRUSTED_PROXIES="1",
        )
        server.start()
        try:
            secret = register_clients(server, folder)
            nginx = Nginx(
                program,
                folder,
                server.base_url,
                address=PROXY,
                chain=INTERMEDIATE.byte_sequence,
            )
            with nginx.running():
                yield House(server, nginx, files, secret)
        finally:
            server.stop()


def register_clients(server: Server, folder: Path) -> str:
    """Three clients, one of each kind; gives the secret of the one that has a secret."""
    jwks = folder / "jwks.json"
    jwks.write_text(json.dumps({"keys": [SELF_SIGNED.jwk, EXPIRED_SELF_SIGNED.jwk]}))
    methods = {
        "billing": ("tls_client_auth", "--tls-client-auth-subject-dn", BILLING),
        "self": ("self_signed_tls_client_auth", "--jwks", str(jwks)),
        "bound": ("client_secret_basic", "--tls-client-certificate-bound-access-tokens"),
    }
    server.flask("scope", "create", "external-api", "--api", "external-api")
    created: dict[str, Any] = {}
    for client_id, (method, *options) in methods.items():
        created = server.flask(
            *("client", "create", client_id, "--client-id", client_id),
            *("--scope", "external-api", "--token-endpoint-auth-method", method, *options),
        )
    return str(created["client_secret"])


def token_form(client_id: str | None) -> dict[str, str]:
    form = {"grant_type": "client_credentials"}
    return form if client_id is None else form | {"client_id": client_id}


def thumbprint(issued: Issued) -> str:
    digest = hashlib.sha256(issued.der).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


# --- Authentication


@pytest.mark.parametrize(
    ("client_id", "certificate"),
    [("billing", "billing"), ("billing", "billing by an intermediate"), ("self", "self")],
)
def test_a_client_gets_a_token_by_its_certificate(
    house: House, client_id: str, certificate: str
) -> None:
    """RFC 8705 §2.1, §2.2; an intermediate is known by the proxy's Client-Cert-Chain."""
    answer = house.ask(client_id, certificate)
    assert answer.status == 200
    assert answer.claims["client_id"] == client_id


@pytest.mark.parametrize(
    ("client_id", "certificate"),
    [
        ("billing", "shipping"),
        ("billing", "billing by a stranger"),
        ("billing", "billing by itself"),
        ("billing", "self"),
        ("billing", None),
        ("self", "another self"),
        ("self", "billing"),
        ("self", None),
        ("bound", "billing"),
        ("nobody", "billing"),
        (None, "billing"),
    ],
)
def test_any_other_certificate_is_refused(
    house: House, client_id: str | None, certificate: str | None
) -> None:
    assert house.ask(client_id, certificate).error == INVALID_CLIENT


def test_a_certificate_and_a_secret_are_refused_for_a_client_of_certificates(house: House) -> None:
    answer = house.ask("billing", "billing", client_secret=house.bound_secret)
    assert answer.error == INVALID_CLIENT


@pytest.mark.parametrize(
    "issued",
    [
        issue(BILLING, AUTHORITY, ends_at=YESTERDAY),
        issue(BILLING, AUTHORITY, begins_at=YESTERDAY + timedelta(days=2)),
        issue(BILLING, AUTHORITY, extensions=[FOR_SERVERS]),
        issue(BILLING, INTERMEDIATE),
    ],
    ids=["expired", "not yet valid", "for servers", "by an unknown intermediate"],
)
def test_what_a_proxy_lets_through_is_verified_here(house: House, issued: Issued) -> None:
    """nginx itself refuses some of these; another proxy may not."""
    header = ("Client-Cert", issued.byte_sequence)
    assert house.ask_directly("billing", header, address=PROXY).error == INVALID_CLIENT


def test_when_a_certificate_of_its_own_is_valid_says_nothing(house: House) -> None:
    """RFC 8705 §2.2.2: it is known by itself."""
    header = ("Client-Cert", EXPIRED_SELF_SIGNED.byte_sequence)
    assert house.ask_directly("self", header, address=PROXY).status == 200


# --- Tokens that are bound to a certificate


@pytest.mark.parametrize("certificate", ["shipping", "another self"])
def test_a_token_is_bound_to_the_certificate_that_it_was_asked_for_with(
    house: House, certificate: str
) -> None:
    """RFC 8705 §3.1: whoever has issued it, because the secret has said who the client is."""
    answer = house.ask_as_bound(certificate)
    assert answer.claims["cnf"] == {"x5t#S256": thumbprint(CERTIFICATES[certificate])}
    assert answer.json["token_type"] == "Bearer"


def test_a_token_that_need_not_be_bound_is_not(house: House) -> None:
    assert "cnf" not in house.ask("billing", "billing").claims


def test_a_client_whose_tokens_are_bound_gets_none_without_a_certificate(house: House) -> None:
    assert house.ask_as_bound(None).error == INVALID_REQUEST


def test_introspection_tells_what_a_token_is_bound_to(house: House) -> None:
    """RFC 8705 §3.2."""
    token = house.ask_as_bound("shipping").json["access_token"]
    answer = house.ask_as_bound(None, path="/connect/introspect", token=token)
    assert answer.json["active"] is True
    assert answer.json["cnf"] == {"x5t#S256": thumbprint(CERTIFICATES["shipping"])}


# --- Whose word counts


@pytest.mark.parametrize("client_id", ["billing", "self"])
@pytest.mark.parametrize("form", ["byte_sequence", "escaped_pem"])
@pytest.mark.parametrize("forwarded", [(), (("X-Forwarded-For", PROXY),)])
def test_a_header_from_anybody_but_the_proxy_changes_nothing(
    house: House, client_id: str, form: str, forwarded: tuple[tuple[str, str], ...]
) -> None:
    header = ("Client-Cert", getattr(CERTIFICATES[client_id], form))
    # The same certificate by the same header is taken from the proxy.
    assert house.ask_directly(client_id, header, *forwarded, address=PROXY).status == 200
    spoofed = house.ask_directly(client_id, header, *forwarded)
    assert spoofed == house.ask_directly(client_id)
    assert spoofed.error == INVALID_CLIENT


@pytest.mark.parametrize("certificate", [None, "shipping"])
@pytest.mark.parametrize("name", ["Client-Cert", "client-cert", "Client_Cert"])
def test_a_client_cannot_send_a_header_of_its_own_through_the_proxy(
    house: House, name: str, certificate: str | None
) -> None:
    headers = {name: CERTIFICATES["billing"].escaped_pem}
    assert house.ask("billing", certificate, headers=headers).error == INVALID_CLIENT


@pytest.mark.parametrize("form", ["byte_sequence", "escaped_pem"])
def test_two_headers_of_the_proxy_are_refused(house: House, form: str) -> None:
    header = ("Client-Cert", getattr(CERTIFICATES["billing"], form))
    assert house.ask_directly("billing", header, header, address=PROXY).error == INVALID_REQUEST


def test_the_metadata_tells_of_certificates(house: House) -> None:
    """RFC 8705 §3.3, §5: the methods, at each endpoint, and that tokens can be bound."""
    url = f"{house.nginx.base_url}/.well-known/oauth-authorization-server"
    document = requests.get(url, verify=house.nginx.certificate, timeout=10).json()
    methods = {"tls_client_auth", "self_signed_tls_client_auth"}
    for endpoint in ("token", "introspection", "revocation"):
        assert methods <= set(document[f"{endpoint}_endpoint_auth_methods_supported"])
    assert document["tls_client_certificate_bound_access_tokens"] is True
