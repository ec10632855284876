from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from signet.oauth.client_authentication import METHODS
from signet.oauth.metadata import server_metadata
from signet.oauth.token import GRANTS


def test_the_metadata_is_what_the_code_runs_on():
    metadata = server_metadata("https://signet.example")
    assert metadata["grant_types_supported"] == list(GRANTS)
    assert metadata["token_endpoint_auth_methods_supported"] == list(METHODS)


def test_addresses_begin_with_the_issuer():
    metadata = server_metadata("https://signet.example/auth")
    assert metadata["issuer"] == "https://signet.example/auth"
    assert metadata["token_endpoint"] == "https://signet.example/auth/connect/token"
    assert metadata["jwks_uri"] == (
        "https://signet.example/auth/.well-known/openid-configuration/jwks"
    )


def test_a_validator_takes_the_metadata():
    """RFC 8414 §2."""
    AuthorizationServerMetadata(server_metadata("https://signet.example")).validate()


def test_nothing_is_listed_that_there_is_not():
    metadata = server_metadata("https://signet.example")
    assert metadata["response_types_supported"] == ["none"]
    assert all(metadata.values())
    absent = ("authorization_endpoint", "introspection_endpoint", "revocation_endpoint", "dpop")
    assert not any(name.startswith(absent) for name in metadata)
