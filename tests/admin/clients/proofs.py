"""What clients prove themselves by, for tests of the pages: forms, and what is kept of them."""

import html
import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from werkzeug.test import TestResponse

from signet.models.clients import TrustDetails
from signet.operations.client_authentication import ClientAuthentication, authentication_of
from signet.operations.client_facts import ClientFacts
from signet.operations.clients import edit_client, register_client_without_secret
from signet.operations.public_key_text import read_public_keys
from signet.operations.token_options import TokenOptions
from signet.wiring import utc_now
from tests.admin.clients.steps import get_client
from tests.admin.desk import Desk
from tests.admin.pages import read
from tests.admin.signing_in import TEST
from tests.certificates import issue
from tests.oauth.signing import jwk_set, make_key, private_jwk, public_jwk, public_pem

KEY, OTHER_KEY = make_key(), make_key("EdDSA")
JWKS = jwk_set(KEY)
#: As it is kept: a key in PEM has no name, and needs no ``use``.
NAMELESS_JWKS = read_public_keys(public_pem(KEY).decode())
CERTIFICATE = issue("CN=billing,O=Example")
CERTIFICATES = read_public_keys(CERTIFICATE.pem)
PRIVATE_PEM = KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PRIVATE_JWK = json.dumps(private_jwk(KEY))
#: What of them no page may hold.
PRIVATE_PARTS = (PRIVATE_PEM.splitlines()[1], private_jwk(KEY)["d"])
TRUST = TrustDetails(
    issuer="https://ci.example", subject="repo:acme/*:ref:refs/heads/main", audience="signet"
)
OTHER_TRUST = TrustDetails(
    issuer="https://k8s.example",
    subject="system:serviceaccount:prod:billing",
    audience="signet",
    jwks=read_public_keys(json.dumps(public_jwk(OTHER_KEY))),
)

#: The form of each method, filled in, and what is kept of it.
WAYS: Mapping[str, tuple[dict[str, str], ClientAuthentication]] = {
    "private_key_jwt": (
        {
            "jwks": json.dumps(JWKS),
            "token_endpoint_auth_signing_alg": "ES256",
            "allow_token_endpoint_audience": "y",
        },
        ClientAuthentication(
            method="private_key_jwt",
            jwks=read_public_keys(json.dumps(JWKS)),
            signing_alg="ES256",
            allows_token_endpoint_audience=True,
        ),
    ),
    "tls_client_auth": (
        {"tls_client_auth_subject_dn": " CN=billing,O=Example "},
        ClientAuthentication(method="tls_client_auth", subject_dn="CN=billing,O=Example"),
    ),
    "self_signed_tls_client_auth": (
        {"certificates": CERTIFICATE.pem},
        ClientAuthentication(method="self_signed_tls_client_auth", jwks=CERTIFICATES),
    ),
    "federated_jwt": (
        {
            "trust_issuer": TRUST.issuer,
            "trust_subject": TRUST.subject,
            "trust_audience": TRUST.audience,
        },
        ClientAuthentication(method="federated_jwt", trusted_issuers=(TRUST,)),
    ),
}


def make_keyed(
    client_id: str,
    authentication: ClientAuthentication = WAYS["private_key_jwt"][1],
    *,
    scopes: tuple[str, ...] = (),
    **tokens: Any,
) -> str:
    """A client that proves itself in this way."""
    return register_client_without_secret(
        ClientFacts(name="Billing export"),
        authentication,
        tokens=TokenOptions(**tokens),
        client_id=client_id,
        scopes=scopes,
        actor=TEST,
        now=utc_now(),
    )


def proof_of(client_id: str) -> ClientAuthentication:
    """How the client proves itself, as an operation reads it."""
    return authentication_of(get_client(client_id))


def change_proof(client_id: str, authentication: ClientAuthentication) -> None:
    """An edit by somebody else."""
    edit_client(
        client_id,
        ClientFacts(name="Billing export"),
        authentication=authentication,
        actor=TEST,
        now=utc_now(),
    )


def path_of(client_id: str) -> str:
    """The page where this is changed."""
    return f"/admin/clients/{client_id}/authentication"


def filled_in(page: TestResponse) -> dict[str, Any]:
    """The fields of the page's form as a browser would send them back."""
    fields: dict[str, Any] = {}
    select = ""
    for element in read(page.text).elements:
        given = element.attributes
        kind = given.get("type")
        if element.tag == "select":
            select = given["name"]
        elif element.tag == "option" and "selected" in given:
            fields[select] = given["value"]
        elif element.tag == "input" and kind != "file" and _is_sent(given):
            if given["name"].startswith("kept_"):
                fields.setdefault(given["name"], []).append(given["value"])
            else:
                fields[given["name"]] = given["value"]
    fields.pop("csrf_token", None)
    return fields


def _is_sent(given: Mapping[str, str]) -> bool:
    return given.get("type") not in ("checkbox", "radio") or "checked" in given


def send_proof(desk: Desk, client_id: str, **fields: Any) -> TestResponse:
    """The answer to the form of how a client proves itself as it comes, but for these fields."""
    path = path_of(client_id)
    return desk.send(path, **filled_in(desk.open(path)) | fields)


def send_tokens(desk: Desk, client_id: str, **fields: Any) -> TestResponse:
    """The same of a client's tokens."""
    path = f"/admin/clients/{client_id}/tokens"
    page = desk.open(path)
    return desk.send(path, **filled_in(page) | {"claims": typed_in(page, "claims")} | fields)


def upload(text: str | bytes) -> tuple[BytesIO, str]:
    """A file to choose in a form."""
    return BytesIO(text.encode() if isinstance(text, str) else text), "keys.pem"


def typed_in(page: TestResponse, name: str) -> str:
    """What a text area of the page holds."""
    _, _, rest = page.text.partition(f'name="{name}"')
    _, _, rest = rest.partition(">")
    return html.unescape(rest.partition("</textarea>")[0].strip())
