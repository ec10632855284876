import json
from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import import_key
from joserfc.util import urlsafe_b64decode

from signet.oauth.access_token import issue_access_token
from signet.oauth.scope import GrantedScope
from tests.oauth.memory_store import NOON, make_client, make_signing_key

GRANTED = GrantedScope(("external-api",), ("external-api",))
ISSUER = "https://signet.example/auth"


def issue(granted: GrantedScope = GRANTED, *, alg: str = "RS256", **options: object) -> str:
    client = options.pop("client", make_client("billing"))
    return issue_access_token(
        client, granted, issuer=ISSUER, key=make_signing_key(alg), now=NOON, **options
    )


def parts(token: str) -> tuple[dict, dict]:
    header, payload, _ = token.split(".")
    return tuple(json.loads(urlsafe_b64decode(part.encode())) for part in (header, payload))


def test_the_header_has_three_members_in_this_order():
    header, _ = parts(issue())
    assert list(header.items()) == [
        ("alg", "RS256"),
        ("kid", make_signing_key().kid),
        ("typ", "at+jwt"),
    ]


def test_the_claims_are_those_of_the_rfc_in_this_order():
    """RFC 9068 §2.2."""
    _, claims = parts(issue())
    assert list(claims) == ["iss", "sub", "aud", "client_id", "scope", "iat", "exp", "jti"]
    assert claims | {"jti": ""} == {
        "iss": ISSUER,
        "sub": "billing",
        "aud": "external-api",
        "client_id": "billing",
        "scope": "external-api",
        "iat": int(NOON.timestamp()),
        "exp": int(NOON.timestamp()) + 3600,
        "jti": "",
    }


def test_several_apis_are_an_array():
    _, claims = parts(issue(GrantedScope(("a", "b"), ("orders", "stock"))))
    assert claims["aud"] == ["orders", "stock"]
    assert claims["scope"] == "a b"


def test_the_scope_claim_can_be_an_array():
    _, claims = parts(issue(scope_claim="array"))
    assert claims["scope"] == ["external-api"]


def test_the_lifetime_is_the_clients():
    _, claims = parts(issue(client=make_client(access_token_lifetime=timedelta(seconds=60))))
    assert claims["exp"] - claims["iat"] == 60


def test_times_are_whole_numbers_even_within_a_second():
    token = issue_access_token(
        make_client(),
        GRANTED,
        issuer=ISSUER,
        key=make_signing_key(),
        now=NOON + timedelta(milliseconds=999),
    )
    assert parts(token)[1]["iat"] == int(NOON.timestamp())


def test_each_token_has_128_random_bits_as_its_id():
    ids = {parts(issue(alg="ES256"))[1]["jti"] for _ in range(100)}
    assert len(ids) == 100
    assert all(len(urlsafe_b64decode(jti.encode())) == 16 for jti in ids)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_the_published_key_checks_the_signature(alg: str):
    public_key = import_key(dict(make_signing_key(alg).public_jwk))
    assert jwt.decode(issue(alg=alg), public_key, algorithms=[alg]).claims["iss"] == ISSUER
