"""What discovery says is true: each method, grant and algorithm that it names works, no other does.

The cases are made from the metadata and from the registries of IANA, so that a method which is
added to a table without a way to try it fails here.
"""

from collections.abc import Callable
from typing import Any

import jwt
import pytest
from flask.testing import FlaskClient

from signet.models.audit import Actor
from signet.oauth.client import FEDERATED_JWT
from signet.oauth.client import REGISTERED_METHODS as CHOICES
from signet.oauth.metadata import server_metadata
from signet.operations.client_authentication import ClientAuthentication
from signet.operations.client_facts import ClientFacts
from signet.operations.clients import register_client, register_client_without_secret
from signet.operations.resource_servers import create_resource_server
from signet.operations.scopes import create_scope
from signet.operations.signing_keys import take_due_step
from signet.settings import SIGNING_ALGORITHMS
from signet.wiring import utc_now, wiring
from tests.certificates import issue, make_authority
from tests.conftest import MakeSettings
from tests.databases import Databases
from tests.oauth.signing import (
    Key,
    SharedSecret,
    Unsigned,
    jwk_set,
    make_assertion,
    make_key,
    make_proof,
    public_jwk,
    public_pem,
)
from tests.views.wire import basic

ISSUER = "http://localhost:8000"
ACTOR = Actor(name="tests")
AUTHORITY = make_authority()
VOUCHED_FOR = issue("CN=billing,O=Example", AUTHORITY)
SELF_SIGNED = issue("CN=self")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

#: IANA "OAuth Token Endpoint Authentication Methods".
REGISTERED_METHODS = {
    "none",
    "client_secret_post",
    "client_secret_basic",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
}
#: IANA "JSON Web Signature and Encryption Algorithms", those of signatures.
REGISTERED_ALGORITHMS = (
    *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512"),
    *("PS256", "PS384", "PS512", "none", "EdDSA", "ES256K", "Ed25519", "Ed448"),
)
#: What other servers know as ``grant_type``.
KNOWN_GRANTS = (
    *("client_credentials", "authorization_code", "implicit", "password", "refresh_token"),
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:saml2-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:openid:params:grant-type:ciba",
)

Form, Headers = dict[str, str], dict[str, str]


@pytest.fixture
def settings(make_settings: MakeSettings, databases: Databases, tmp_path):
    authorities = tmp_path / "authorities.pem"
    authorities.write_text(AUTHORITY.pem)
    # What is advertised does not depend on the database.
    with databases.fresh("sqlite") as url:
        yield make_settings(
            SIGNET_DATABASE_URL=url,
            SIGNET_ISSUER=ISSUER,
            SIGNET_CLIENT_CERT_PROXIES="127.0.0.1",
            SIGNET_CLIENT_CERT_CA_FILE=str(authorities),
        )


@pytest.fixture
def metadata(client: FlaskClient) -> dict[str, Any]:
    take_due_step("RS256", encryption=wiring().encryption, actor=ACTOR, now=utc_now())
    create_scope("external-api", apis=["external-api"], actor=ACTOR, now=utc_now())
    answer = client.get("/.well-known/oauth-authorization-server")
    assert answer.status_code == 200
    return dict(answer.json)


def register(authentication: ClientAuthentication) -> str:
    return register_client_without_secret(
        ClientFacts(name="billing"),
        authentication,
        scopes=["external-api"],
        actor=ACTOR,
        now=utc_now(),
    )


def register_with_secret() -> tuple[str, str]:
    issued = register_client(
        ClientFacts(name="billing"), scopes=["external-api"], actor=ACTOR, now=utc_now()
    )
    return issued.client_id, issued.client_secret


def by_basic() -> tuple[Form, Headers]:
    return {}, basic(*register_with_secret())


def by_post() -> tuple[Form, Headers]:
    client_id, client_secret = register_with_secret()
    return {"client_id": client_id, "client_secret": client_secret}, {}


def by_private_key(key: Key | None = None, **authentication: Any) -> tuple[Form, Headers]:
    key = key or make_key()
    registered = ClientAuthentication(
        method="private_key_jwt", jwks=jwk_set(public_jwk(key, alg=None)), **authentication
    )
    return by_assertion(make_assertion(key, register(registered), ISSUER))


def by_assertion(assertion: str) -> tuple[Form, Headers]:
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}, {}


def by_authority() -> tuple[Form, Headers]:
    client_id = register(
        ClientAuthentication(method="tls_client_auth", subject_dn="CN=billing,O=Example")
    )
    return {"client_id": client_id}, {"Client-Cert": VOUCHED_FOR.byte_sequence}


def by_own_certificate() -> tuple[Form, Headers]:
    client_id = register(
        ClientAuthentication(method="self_signed_tls_client_auth", jwks={"keys": [SELF_SIGNED.jwk]})
    )
    return {"client_id": client_id}, {"Client-Cert": SELF_SIGNED.byte_sequence}


def by_nothing() -> tuple[Form, Headers]:
    return {"client_id": register_with_secret()[0]}, {}


def by_shared_secret() -> tuple[Form, Headers]:
    client_id, client_secret = register_with_secret()
    return by_assertion(make_assertion(SharedSecret(client_secret.encode()), client_id, ISSUER))


#: How each method is tried. A method of the metadata without a line here fails the test.
ATTEMPTS: dict[str, Callable[[], tuple[Form, Headers]]] = {
    "client_secret_basic": by_basic,
    "client_secret_post": by_post,
    "private_key_jwt": by_private_key,
    "tls_client_auth": by_authority,
    "self_signed_tls_client_auth": by_own_certificate,
    "none": by_nothing,
    "client_secret_jwt": by_shared_secret,
}


def signer_of(alg: str) -> Any:
    """What signs, or pretends to, under this name."""
    if alg in ("RS256", "PS256", "ES256", "EdDSA", "Ed25519"):
        return make_key(alg)
    if alg.startswith("HS"):
        return SharedSecret(public_pem(make_key("ES256")), alg=alg)
    return Unsigned(alg=alg)


def token_error(client: FlaskClient, form: Form, headers: Headers, **more: str) -> str | None:
    """The error of a token request, ``None`` for a token."""
    body = {"grant_type": "client_credentials"} | more | form
    answer = client.post("/connect/token", data=body, headers=headers)
    assert answer.status_code < 500
    return answer.json.get("error")


@pytest.mark.parametrize("endpoint", ["token", "introspection", "revocation"])
def test_a_method_works_if_and_only_if_it_is_advertised(
    client: FlaskClient, metadata: dict[str, Any], endpoint: str
) -> None:
    advertised = set(metadata[f"{endpoint}_endpoint_auth_methods_supported"])
    assert advertised <= ATTEMPTS.keys()
    assert ATTEMPTS.keys() == REGISTERED_METHODS
    path = metadata[f"{endpoint}_endpoint"].removeprefix(ISSUER)
    works = set()
    for method, attempt in ATTEMPTS.items():
        form, headers = attempt()
        body = {"grant_type": "client_credentials", "token": "any"} | form
        answer = client.post(path, data=body, headers=headers)
        if answer.status_code == 200:
            works.add(method)
        else:
            assert answer.json["error"] == "invalid_client", method
    assert works == advertised


def test_a_server_without_certificates_advertises_no_method_that_needs_them(
    client: FlaskClient, metadata: dict[str, Any]
) -> None:
    server = client.application.extensions["signet_authorization_server"]
    server.takes_certificates = False
    reduced = server_metadata(server, now=utc_now())
    gone = set(metadata["token_endpoint_auth_methods_supported"]) - set(
        reduced["token_endpoint_auth_methods_supported"]
    )
    assert gone == {"tls_client_auth", "self_signed_tls_client_auth"}
    assert metadata.keys() - reduced.keys() == {"tls_client_certificate_bound_access_tokens"}
    server.takes_certificates, server.authorities = True, None
    without_authorities = server_metadata(server, now=utc_now())
    assert "tls_client_auth" not in without_authorities["token_endpoint_auth_methods_supported"]
    assert token_error(client, *by_authority()) == "invalid_client"


def test_a_grant_works_if_and_only_if_it_is_advertised(
    client: FlaskClient, metadata: dict[str, Any]
) -> None:
    assert set(metadata["grant_types_supported"]) <= set(KNOWN_GRANTS)
    form, headers = by_post()
    for grant in KNOWN_GRANTS:
        error = token_error(client, form, headers, grant_type=grant, code="x", username="x")
        is_advertised = grant in metadata["grant_types_supported"]
        assert error == (None if is_advertised else "unsupported_grant_type"), grant


@pytest.mark.parametrize("endpoint", ["token", "introspection", "revocation"])
def test_an_assertion_of_an_algorithm_works_if_and_only_if_it_is_advertised(
    client: FlaskClient, metadata: dict[str, Any], endpoint: str
) -> None:
    advertised = metadata[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
    path = metadata[f"{endpoint}_endpoint"].removeprefix(ISSUER)
    for alg in REGISTERED_ALGORITHMS:
        signer = signer_of(alg)
        key = signer if isinstance(signer, Key) else make_key()
        registered = ClientAuthentication(
            method="private_key_jwt", jwks=jwk_set(public_jwk(key, alg=None))
        )
        form, _ = by_assertion(make_assertion(signer, register(registered), ISSUER))
        body = {"grant_type": "client_credentials", "token": "any"} | form
        answer = client.post(path, data=body)
        assert (answer.status_code == 200) == (alg in advertised), alg


def test_rs256_works_for_a_client_that_is_registered_for_it_alone(
    client: FlaskClient, metadata: dict[str, Any]
) -> None:
    """The metadata names what any client may use (FAPI 2.0 §5.4.1)."""
    form, headers = by_private_key(make_key("RS256"), signing_alg="RS256")
    assert token_error(client, form, headers) is None
    form, headers = by_private_key(make_key("PS256"), signing_alg="RS256")
    assert token_error(client, form, headers) == "invalid_client"


def test_a_proof_of_an_algorithm_works_if_and_only_if_it_is_advertised(
    client: FlaskClient, metadata: dict[str, Any]
) -> None:
    form, headers = by_post()
    url = metadata["token_endpoint"]
    for alg in REGISTERED_ALGORITHMS:
        signer = signer_of(alg)
        header = {} if isinstance(signer, Key) else {"jwk": public_jwk(make_key())}
        proof = make_proof(signer, "POST", url, header=header)
        error = token_error(client, form, headers | {"DPoP": proof})
        is_advertised = alg in metadata["dpop_signing_alg_values_supported"]
        assert error == (None if is_advertised else "invalid_dpop_proof"), alg


def test_tokens_and_signed_answers_are_of_the_algorithms_that_are_advertised(
    client: FlaskClient, metadata: dict[str, Any]
) -> None:
    """Each has one key that signs, and it stands in the key set under its name."""
    secrets = {}
    for alg in SIGNING_ALGORITHMS:
        create_resource_server(
            alg, signing_alg=alg, encryption=wiring().encryption, actor=ACTOR, now=utc_now()
        )
        create_scope(f"of-{alg}", apis=[alg], actor=ACTOR, now=utc_now())
        issued = register_client(
            ClientFacts(name=alg), scopes=[f"of-{alg}"], actor=ACTOR, now=utc_now()
        )
        secrets[alg] = (issued.client_id, issued.client_secret)
    keys = client.get("/.well-known/openid-configuration/jwks").json["keys"]
    after = client.get("/.well-known/oauth-authorization-server").json
    assert set(after["introspection_signing_alg_values_supported"]) == set(SIGNING_ALGORITHMS)
    assert sorted(key["alg"] for key in keys) == sorted(SIGNING_ALGORITHMS)
    for alg, credentials in secrets.items():
        answer = client.post(
            "/connect/token",
            data={"grant_type": "client_credentials"},
            headers=basic(*credentials),
        )
        token = answer.json["access_token"]
        kid = jwt.get_unverified_header(token)["kid"]
        (jwk,) = (key for key in keys if key["kid"] == kid)
        verified = jwt.decode(token, jwt.PyJWK(jwk), algorithms=[alg], audience=alg)
        assert verified["aud"] == alg


def test_every_method_that_an_operator_may_choose_is_tried() -> None:
    """But for the one whose name is Signet's own, which no metadata says."""
    assert set(CHOICES) - {FEDERATED_JWT} <= ATTEMPTS.keys()
