"""What the server says about itself (RFC 8414): what the code runs on, and nothing else."""

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from signet.oauth.certificate_authorities import CertificateAuthorities
from signet.oauth.client_authentication import METHODS
from signet.oauth.metadata import server_metadata
from signet.oauth.token import GRANTS
from tests.certificates import make_authority
from tests.oauth.memory_store import NOON, MemoryServer, MemoryStore, make_signing_key

AUTHORITIES = CertificateAuthorities([make_authority().certificate])
ENDPOINTS = ("token", "introspection", "revocation")


def metadata(*algs: str, **fields: object) -> dict:
    keys = tuple(map(make_signing_key, algs or ("RS256",)))
    return server_metadata(MemoryServer(store=MemoryStore(keys=keys), **fields), now=NOON)


def test_the_metadata_is_what_the_code_runs_on():
    said = metadata(takes_certificates=True, authorities=AUTHORITIES)
    assert said["grant_types_supported"] == list(GRANTS)
    assert [*said["token_endpoint_auth_methods_supported"], "federated_jwt"] == list(METHODS)


def test_addresses_begin_with_the_issuer():
    said = metadata(issuer="https://signet.example/auth")
    assert said["issuer"] == "https://signet.example/auth"
    assert said["token_endpoint"] == "https://signet.example/auth/connect/token"
    assert said["introspection_endpoint"] == "https://signet.example/auth/connect/introspect"
    assert said["revocation_endpoint"] == "https://signet.example/auth/connect/revocation"
    assert said["jwks_uri"] == "https://signet.example/auth/.well-known/openid-configuration/jwks"


@pytest.mark.parametrize(
    "fields", [{}, {"takes_certificates": True, "authorities": AUTHORITIES}], ids=["", "TLS"]
)
def test_a_validator_takes_the_metadata(fields: dict):
    """RFC 8414 §2."""
    AuthorizationServerMetadata(metadata(**fields)).validate()


def test_nothing_is_listed_that_there_is_not():
    said = metadata()
    assert said["response_types_supported"] == ["none"]
    assert all(said.values())
    absent = ("authorization_endpoint", "registration_endpoint", "userinfo", "tls_", "mtls_")
    assert not any(name.startswith(absent) for name in said)


@pytest.mark.parametrize(
    "fields",
    [{}, {"takes_certificates": True}, {"takes_certificates": True, "authorities": AUTHORITIES}],
)
def test_the_methods_are_the_same_at_every_endpoint(fields: dict):
    """PROTOCOL 3."""
    said = metadata(**fields)
    methods = [said[f"{endpoint}_endpoint_auth_methods_supported"] for endpoint in ENDPOINTS]
    assert methods == methods[:1] * 3


def test_members_of_tls_are_there_only_with_a_proxy_that_passes_certificates_on():
    """PROTOCOL 3, RFC 8705 §3.3."""
    said = metadata(takes_certificates=True)
    assert said["tls_client_certificate_bound_access_tokens"] is True
    assert "self_signed_tls_client_auth" in said["token_endpoint_auth_methods_supported"]
    assert "tls_client_auth" not in said["token_endpoint_auth_methods_supported"]


def test_a_method_of_a_name_of_our_own_is_never_said():
    said = metadata(takes_certificates=True, authorities=AUTHORITIES)
    assert "federated_jwt" not in str(said)


def test_assertions_and_proofs_take_the_algorithms_of_fapi():
    """FAPI 2.0 §5.4.1; RS256 is for the few clients that are registered for it."""
    said = metadata()
    algs = ["PS256", "ES256", "EdDSA", "Ed25519"]
    assert said["dpop_signing_alg_values_supported"] == algs
    for endpoint in ENDPOINTS:
        assert said[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] == algs


@pytest.mark.parametrize("algs", [("RS256",), ("ES256", "PS256", "RS256")])
def test_answers_of_introspection_take_the_algorithms_that_sign_now(algs: tuple[str, ...]):
    """RFC 9701 §7."""
    assert metadata(*algs)["introspection_signing_alg_values_supported"] == list(algs)
