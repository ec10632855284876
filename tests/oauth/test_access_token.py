"""The access token (RFC 9068): claims, signature, and the check that an API makes."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import import_key
from joserfc.util import urlsafe_b64decode

from signet.oauth.access_token import (
    REGISTERED_CLAIMS,
    access_token_claims,
    sign_access_token,
    sign_jwt,
    verify_access_token,
)
from signet.oauth.client import Audience
from signet.oauth.introspection import verification_keys
from signet.oauth.scope import GrantedScope
from tests.oauth.memory_store import NOON, make_client, make_signing_key
from tests.oauth.signing import (
    NULL,
    Key,
    SharedSecret,
    Unsigned,
    encode,
    make_workload_token,
    public_pem,
    split,
)


def make_granted(names: str = "external-api", *identifiers: str) -> GrantedScope:
    audiences = map(Audience, identifiers or ("external-api",))
    return GrantedScope(tuple(names.split()), tuple(audiences))


GRANTED = make_granted()
ISSUER = "https://signet.example/auth"
SECOND = timedelta(seconds=1)


def claims_of(granted: GrantedScope = GRANTED, **options: Any) -> dict[str, Any]:
    client = options.pop("client", make_client("billing"))
    said = {"issuer": ISSUER, "now": NOON, "confirmation": {}} | options
    return access_token_claims(client, granted, **said)


def issue(granted: GrantedScope = GRANTED, *, alg: str = "RS256", **options: Any) -> str:
    return sign_access_token(claims_of(granted, **options), make_signing_key(alg))


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
    _, claims = parts(issue(make_granted("a b", "orders", "stock")))
    assert claims["aud"] == ["orders", "stock"]
    assert claims["scope"] == "a b"


def test_the_scope_claim_can_be_an_array():
    _, claims = parts(issue(scope_claim="array"))
    assert claims["scope"] == ["external-api"]


def test_the_lifetime_is_the_clients():
    _, claims = parts(issue(client=make_client(access_token_lifetime=timedelta(seconds=60))))
    assert claims["exp"] - claims["iat"] == 60


def test_times_are_whole_numbers_even_within_a_second():
    token = issue(now=NOON + timedelta(milliseconds=999))
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


# --- Claims of the client's own, and what the token is bound to


OWN = {"tenant": "t-1", "level": 3, "share": 0.5, "is_test": True, "regions": ["eu", "us"]}


def test_the_clients_own_claims_follow_those_of_the_rfc():
    _, claims = parts(issue(client=make_client(claims=OWN)))
    assert list(claims)[:8] == ["iss", "sub", "aud", "client_id", "scope", "iat", "exp", "jti"]
    assert dict(list(claims.items())[8:]) == OWN


def test_the_names_of_the_protocol_are_those_of_the_contract():
    """PROTOCOL 2."""
    assert " ".join(sorted(REGISTERED_CLAIMS)) == (
        "act active aud authorization_details client_id cnf exp iat iss jti may_act nbf scope sub"
        " token_introspection token_type"
    )


@pytest.mark.parametrize("name", sorted(REGISTERED_CLAIMS))
def test_a_clients_own_claim_never_takes_the_place_of_the_protocols(name: str):
    """Operations refuse such a claim; a row that somebody else wrote must not count either."""
    without, with_own = claims_of(), claims_of(client=make_client(claims={name: "forged"}))
    assert with_own | {"jti": ""} == without | {"jti": ""}


def test_a_bound_token_says_to_what():
    """RFC 7800 §3.1."""
    bound = issue(confirmation={"jkt": "a", "x5t#S256": "b"})
    assert parts(bound)[1]["cnf"] == {"jkt": "a", "x5t#S256": "b"}


def test_a_token_of_whoever_bears_it_has_no_cnf():
    assert "cnf" not in parts(issue())[1]


# --- The check (RFC 9068 §4)


KEYS = verification_keys([make_signing_key(alg) for alg in ("RS256", "PS256", "ES256", "EdDSA")])


def our_key(alg: str = "ES256") -> Key:
    """Our own private key, for tokens that we would never sign."""
    return Key(alg, make_signing_key(alg).private_key.private_key)


def token(signer: object = None, **changes: Any) -> str:
    """A token as ours, but for the changes, in a hand that is not ours."""
    header = {"typ": "at+jwt"} | dict(changes.pop("header", {}))
    changes = {"client_id": "billing", "scope": "external-api", "jti": "one", "nbf": None} | changes
    return make_workload_token(
        signer or our_key(), ISSUER, "billing", "external-api",
        now=NOON, header=header, **changes,
    )  # fmt: skip


def check(text: str, *, now: datetime = NOON) -> Mapping[str, Any]:
    return verify_access_token(text, KEYS, issuer=ISSUER, now=now)


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_token_of_ours_passes(alg: str):
    assert check(issue(alg=alg))["client_id"] == "billing"
    assert check(token(our_key(alg)))["client_id"] == "billing"


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
def test_the_typ_is_that_of_an_access_token_in_any_case(typ: str):
    check(token(header={"typ": typ}))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": None},
        {"typ": NULL},
        {"typ": "JWT"},
        {"typ": "token-introspection+jwt"},
        {"typ": ["at+jwt"]},
        {"typ": 1},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "RS256"},
        {"alg": "Ed25519"},
        {"alg": ["ES256"]},
        {"kid": "another"},
        {"kid": 1},
        {"crit": ["b64"]},
        {"crit": []},
    ],
)
def test_a_header_that_ours_cannot_have_is_refused(header: dict[str, Any]):
    with pytest.raises(ValueError):
        check(token(header=header))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": None},
        {"iss": ISSUER + "/"},
        {"iss": ISSUER[:-1]},
        {"iss": [ISSUER]},
        {"exp": None},
        {"exp": NULL},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": 10**400},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": int(NOON.timestamp())},
        {"exp": -1},
        {"nbf": int(NOON.timestamp()) + 11},
        {"iat": int(NOON.timestamp()) + 11},
    ],
)
def test_claims_that_ours_cannot_have_are_refused(changes: dict[str, Any]):
    """SECURITY C6 among them."""
    with pytest.raises(ValueError):
        check(token(**changes))


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "ES256", "HS256"])
def test_an_unsigned_token_is_refused(alg: str):
    """SECURITY C2."""
    kid = make_signing_key("ES256").kid
    with pytest.raises(ValueError):
        check(token(Unsigned(alg, kid=kid)))


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_our_public_key_is_no_secret(alg: str):
    """SECURITY C1: HS256 with the text of the published key."""
    key = make_signing_key(alg)
    for secret in (public_pem(our_key(alg)), json.dumps(key.public_jwk).encode()):
        with pytest.raises(ValueError):
            check(token(SharedSecret(secret, kid=key.kid)))


def test_a_signature_of_one_bit_less_is_refused():
    header, claims, signature = issue(alg="ES256").split(".")
    raw = bytearray(urlsafe_b64decode(signature.encode()))
    raw[-1] ^= 1
    with pytest.raises(ValueError, match="bad signature"):
        check(f"{header}.{claims}.{encode(bytes(raw))}")


def test_a_token_is_over_at_its_end():
    text = issue()
    check(text, now=NOON + timedelta(hours=1) - SECOND)
    with pytest.raises(ValueError, match="expired"):
        check(text, now=NOON + timedelta(hours=1))


def test_what_else_we_sign_is_no_access_token():
    """RFC 8725 §3.11: an answer of introspection, by the same key."""
    answer = sign_jwt(claims_of(), make_signing_key("ES256"), typ="token-introspection+jwt")
    assert split(answer)[0]["typ"] == "token-introspection+jwt"
    with pytest.raises(ValueError, match="typ"):
        check(answer)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_is_a_crash(text: str):
    with pytest.raises(ValueError):
        check(text)
