"""fapi2-security-profile-final-discovery-end-point-verification: what the server says of itself."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conformance.fapi2.plan import Plan

#: FAPI 2.0 §5.4.1, and Ed25519 by its name of RFC 9864.
FAPI_ALGORITHMS = {"PS256", "ES256", "EdDSA", "Ed25519"}


def is_https(value: object) -> bool:
    return isinstance(value, str) and urlsplit(value).scheme == "https"


def is_texts(value: object) -> bool:
    """A list of texts; RFC 8414 §3.2 wants an empty one left out."""
    return isinstance(value, list) and bool(value) and all(isinstance(text, str) for text in value)


#: Members that are registered with IANA (RFC 8414 §7.1) and that such a server may have. What
#: belongs to an authorization endpoint is not among them.
REGISTERED: dict[str, Callable[[object], bool]] = {
    "issuer": is_https,
    "token_endpoint": is_https,
    "jwks_uri": is_https,
    "introspection_endpoint": is_https,
    "revocation_endpoint": is_https,
    "grant_types_supported": is_texts,
    "response_types_supported": is_texts,
    "subject_types_supported": is_texts,
    "scopes_supported": is_texts,
    "token_endpoint_auth_methods_supported": is_texts,
    "token_endpoint_auth_signing_alg_values_supported": is_texts,
    "introspection_endpoint_auth_methods_supported": is_texts,
    "introspection_endpoint_auth_signing_alg_values_supported": is_texts,
    "revocation_endpoint_auth_methods_supported": is_texts,
    "revocation_endpoint_auth_signing_alg_values_supported": is_texts,
    "dpop_signing_alg_values_supported": is_texts,
    "introspection_signing_alg_values_supported": is_texts,
    "tls_client_certificate_bound_access_tokens": lambda value: isinstance(value, bool),
}


@pytest.fixture(scope="module")
def metadata(plan: Plan) -> dict[str, Any]:
    document = plan.fetch("/.well-known/oauth-authorization-server")
    assert isinstance(document, dict)
    return document


def test_the_issuer_is_the_one_whose_metadata_was_asked_for(plan: Plan, metadata: dict[str, Any]):
    """RFC 8414 §3.3."""
    assert metadata["issuer"] == plan.issuer


def test_openid_discovery_leads_to_the_same(plan: Plan, metadata: dict[str, Any]):
    assert plan.fetch("/.well-known/openid-configuration") == metadata


def test_the_issuer_is_an_https_address_without_query_and_fragment(metadata: dict[str, Any]):
    """RFC 8414 §2."""
    issuer = urlsplit(metadata["issuer"])
    assert (issuer.scheme, issuer.query, issuer.fragment) == ("https", "", "")
    assert (issuer.username, issuer.password) == (None, None)
    assert issuer.hostname


def test_every_member_is_registered_and_of_its_type(metadata: dict[str, Any]):
    """RFC 8414 §2."""
    assert metadata.keys() <= REGISTERED.keys()
    for name, value in metadata.items():
        assert REGISTERED[name](value), name


def test_the_token_endpoint_is_there_and_https(metadata: dict[str, Any]):
    assert is_https(metadata["token_endpoint"])


def test_the_grant_is_client_credentials(metadata: dict[str, Any]):
    assert "client_credentials" in metadata["grant_types_supported"]


def test_clients_may_prove_themselves_by_private_key_jwt(metadata: dict[str, Any]):
    """FAPI 2.0 §5.3.2.1, item 6."""
    assert "private_key_jwt" in metadata["token_endpoint_auth_methods_supported"]


@pytest.mark.parametrize(
    "member",
    ["token_endpoint_auth_signing_alg_values_supported", "dpop_signing_alg_values_supported"],
)
def test_the_algorithms_of_what_clients_sign_are_those_of_fapi(
    metadata: dict[str, Any], member: str
):
    """FAPI 2.0 §5.4.1; the suite wants one of them at least, and here no other stands beside."""
    assert set(metadata[member]) == FAPI_ALGORITHMS


def test_nothing_is_said_of_an_authorization_endpoint(metadata: dict[str, Any]):
    """There is none, so the suite's checks of one have nothing to look at."""
    assert "authorization_endpoint" not in metadata
    assert metadata["response_types_supported"] == ["none"]
