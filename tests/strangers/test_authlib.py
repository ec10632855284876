"""Authlib's client proves itself with a key of its own, ``private_key_jwt`` (RFC 7523)."""

from dataclasses import dataclass
from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.oauth.signing import jwk_set, make_key, public_jwk
from tests.strangers.conftest import House, write_json

KEYS = {alg: make_key(alg) for alg in ("ES256", "EdDSA", "PS256")}
#: The same keys as Authlib takes them.
PRIVATE_KEYS = {
    "ES256": ECKey.import_key(KEYS["ES256"].private),
    "EdDSA": OKPKey.import_key(KEYS["EdDSA"].private),
    "Ed25519": OKPKey.import_key(KEYS["EdDSA"].private),
    "PS256": RSAKey.import_key(KEYS["PS256"].private),
    "RS256": RSAKey.import_key(KEYS["PS256"].private),
}


@dataclass(frozen=True)
class Clients:
    """Clients with the keys of this file, by what was decided of them."""

    issuer: str
    ordinary: str
    #: May name the token endpoint as ``aud``.
    lenient: str
    #: Signs with RS256, which is Authlib's default, and may name the token endpoint as well.
    old: str

    def fetch_token(self, client_id: str, **options: str) -> dict[str, Any]:
        """What Authlib's session gets with these options of its ``PrivateKeyJWT``."""
        key = PRIVATE_KEYS[options.get("alg", "RS256")]
        session = OAuth2Session(client_id, key, token_endpoint_auth_method="private_key_jwt")
        session.register_client_auth_method(PrivateKeyJWT(**options))
        try:
            url = f"{self.issuer}/connect/token"
            return dict(session.fetch_token(url, grant_type="client_credentials"))
        finally:
            session.close()


@pytest.fixture(scope="module")
def clients(house: House, tmp_path_factory: pytest.TempPathFactory) -> Clients:
    folder = tmp_path_factory.mktemp("authlib")
    # Without alg, as many sets are: it is not the key that says which algorithm may be used.
    jwks = {alg: public_jwk(key, alg=None) for alg, key in KEYS.items()}
    several = write_json(folder, "several.json", jwk_set(*jwks.values()))
    rsa = write_json(folder, "rsa.json", jwk_set(jwks["PS256"]))
    lenient = "--allow-token-endpoint-audience"
    with house.commands() as shell:

        def create(name: str, *options: str) -> str:
            created = shell.json(
                "client", "create", name, "--scope", "external-api",
                "--token-endpoint-auth-method", "private_key_jwt", *options,
            )  # fmt: skip
            return str(created["client_id"])

        return Clients(
            house.server.base_url,
            ordinary=create("Authlib", "--jwks", several),
            lenient=create("Authlib as it comes", "--jwks", several, lenient),
            old=create(
                "Authlib with RS256", "--jwks", rsa, lenient,
                "--token-endpoint-auth-signing-alg", "RS256",
            ),
        )  # fmt: skip


# Its JOSE library warns of the name, which RFC 9864 has replaced by Ed25519.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("alg", ["PS256", "ES256", "EdDSA", "Ed25519"])
def test_authlib_gets_a_token_when_it_is_told_the_issuer(clients: Clients, alg: str) -> None:
    token = clients.fetch_token(clients.ordinary, token_endpoint=clients.issuer, alg=alg)
    assert (token["token_type"], token["scope"]) == ("Bearer", "external-api")


def test_authlib_as_it_comes_names_the_token_endpoint(clients: Clients) -> None:
    assert clients.fetch_token(clients.lenient, alg="ES256")["scope"] == "external-api"


def test_a_client_that_may_name_the_token_endpoint_may_name_the_issuer(clients: Clients) -> None:
    issuer = clients.issuer
    token = clients.fetch_token(clients.lenient, token_endpoint=issuer, alg="ES256")
    assert token["scope"] == "external-api"


def test_authlib_as_it_comes_is_refused_where_only_the_issuer_counts(clients: Clients) -> None:
    """FAPI 2.0 §5.3.2.1."""
    with pytest.raises(OAuthError, match="invalid_client"):
        clients.fetch_token(clients.ordinary, alg="ES256")


def test_authlib_without_any_option_signs_with_rs256(clients: Clients) -> None:
    assert clients.fetch_token(clients.old)["scope"] == "external-api"


@pytest.mark.parametrize("client", ["ordinary", "lenient"])
def test_rs256_is_for_clients_that_have_chosen_it(clients: Clients, client: str) -> None:
    with pytest.raises(OAuthError, match="invalid_client"):
        clients.fetch_token(getattr(clients, client), token_endpoint=clients.issuer)


def test_a_client_that_has_chosen_rs256_uses_nothing_else(clients: Clients) -> None:
    with pytest.raises(OAuthError, match="invalid_client"):
        clients.fetch_token(clients.old, token_endpoint=clients.issuer, alg="PS256")
