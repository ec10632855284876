"""How an API checks the token of a request (RFC 6750, RFC 9068 §4, RFC 9449 §7, RFC 8705 §3)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signet.oauth.access_token import access_token_claims, sign_access_token
from signet.oauth.client import Audience
from signet.oauth.dpop import Nonces
from signet.oauth.introspection import verification_keys
from signet.oauth.mutual_tls import ClientCertificate
from signet.oauth.protected_resource import (
    ProtectedRequest,
    ProtectedResource,
    TokenRefusedError,
)
from signet.oauth.public_keys import PublicKey
from signet.oauth.scope import GrantedScope
from signet.oauth.store import ReplayNote
from tests.certificates import issue as issue_certificate
from tests.oauth.memory_store import NOON, make_client, make_signing_key
from tests.oauth.signing import Key, Unsigned, make_key, make_proof, sign

ISSUER, API, URL = "https://signet.example", "https://orders.example", "https://orders.example/o/1"
NOW = int(NOON.timestamp())
KEY, OTHER_KEY = make_key(), make_key()
CERTIFICATE, OTHER_CERTIFICATE = issue_certificate("CN=billing"), issue_certificate("CN=billing")
X5T = ClientCertificate(CERTIFICATE.der).thumbprint
ALGS = 'algs="PS256 ES256 EdDSA Ed25519"'


class Memory:
    """An API's own: used proofs, and which keys were asked for."""

    def __init__(self) -> None:
        self.notes: set[tuple[str, str]] = set()
        self.asked: list[str | None] = []

    def remember(self, note: ReplayNote) -> bool:
        is_new = (note.owner, note.jti) not in self.notes
        self.notes.add((note.owner, note.jti))
        return is_new

    def find_keys(self, kid: str | None) -> Sequence[PublicKey]:
        self.asked.append(kid)
        return verification_keys([make_signing_key("ES256")])


def make_api(memory: Memory | None = None, **fields: Any) -> ProtectedResource:
    memory = memory or Memory()
    known = {"issuer": ISSUER, "audience": API}
    known |= {"find_keys": memory.find_keys, "remember": memory.remember}
    return ProtectedResource(**(known | fields))


def issue(*identifiers: str, **cnf: str) -> str:
    """A token for this API, or these, bound to ``jkt`` or ``x5t``."""
    audiences = tuple(map(Audience, identifiers or (API,)))
    claims = access_token_claims(
        make_client("billing"),
        GrantedScope(("orders",), audiences),
        issuer=ISSUER,
        now=NOON,
        confirmation={{"x5t": "x5t#S256"}.get(name, name): value for name, value in cnf.items()},
    )
    return sign_access_token(claims, make_signing_key("ES256"))


BOUND = issue(jkt=KEY.kid)


def proof(token: str = BOUND, key: Key = KEY, **changes: Any) -> str:
    url, method = changes.pop("url", URL), changes.pop("method", "GET")
    return make_proof(key, method, url, token, **({"now": NOON} | changes))


def check(
    authorization: str | Sequence[str],
    *dpop: str,
    api: ProtectedResource | None = None,
    now: datetime = NOON,
    **fields: Any,
) -> dict[str, Any]:
    if isinstance(authorization, str):
        authorization = [authorization]
    known = {"method": "GET", "url": URL, "authorization": authorization, "dpop": dpop}
    request = ProtectedRequest(**(known | fields))
    return dict((api or make_api()).check_request(request, now=now))


def refusal(*args: Any, **options: Any) -> TokenRefusedError:
    with pytest.raises(TokenRefusedError) as caught:
        check(*args, **options)
    assert caught.value.status_code == 401
    return caught.value


def challenges(error: TokenRefusedError) -> list[str]:
    return [value for name, value in error.headers if name == "WWW-Authenticate"]


# --- A token that anybody may bear


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_token_for_this_api_is_served(scheme: str):
    claims = check(f"{scheme} {issue()}")
    assert (claims["client_id"], claims["scope"]) == ("billing", "orders")


def test_a_token_for_several_apis_is_served_by_each():
    assert check(f"Bearer {issue('other', API)}")["aud"] == ["other", API]


@pytest.mark.parametrize(
    "identifiers",
    [
        ("other",),
        (f"{API}/",),
        (API[:-1],),
        (f"{API} other",),
        ("other", f"{API}/"),
        (API.upper(),),
    ],
)
def test_a_token_for_another_api_is_refused(identifiers: tuple[str, ...]):
    """RFC 9068 §4; SECURITY C6."""
    error = refusal(f"Bearer {issue(*identifiers)}")
    assert str(error) == "aud does not hold this API"
    assert challenges(error) == ['Bearer error="invalid_token"']


def forged(signer: Any = None, **changes: Any) -> str:
    header = {"kid": make_signing_key("ES256").kid, "typ": "at+jwt"} | changes.pop("header", {})
    signer = signer or Key("ES256", make_signing_key("ES256").private_key.private_key)
    claims = {"iss": ISSUER, "sub": "billing", "aud": API, "exp": NOW + 60} | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return sign(signer, {"alg": signer.alg} | header, claims)


def test_the_rig_forges_what_would_count_but_for_the_change():
    check(f"Bearer {forged()}")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "garbage",
        "a.b.c",
        "." * 10_000,
        "é",
        "signet_at_reference",
        forged(make_key()),
        forged(Unsigned()),
        forged(Unsigned("ES256")),
        forged(iss="https://other.example"),
        forged(exp=NOW),
        forged(exp=None),
        forged(aud=None),
        forged(aud=1),
        forged(aud={API: 1}),
        forged(aud=[[API]]),
        forged(aud=[]),
        forged(header={"typ": "JWT"}),
        forged(header={"typ": "token-introspection+jwt"}),
        forged(header={"crit": ["x"]}),
        forged(header={"kid": ["x"]}),
        forged(cnf="text"),
        forged(cnf=[]),
        forged(cnf={"x5t#S256": 1}),
    ],
)
def test_what_is_no_token_of_the_issuers_for_this_api_is_refused(token: str):
    """RFC 9068 §4, SECURITY C1, C2, C3."""
    for scheme in ("Bearer", "DPoP"):
        error = refusal(f"{scheme} {token}", proof(token))
        assert 'error="invalid_token"' in challenges(error)[0]


def test_a_token_is_over_at_its_end():
    token = issue()
    check(f"Bearer {token}", now=NOON + timedelta(seconds=3_599))
    assert str(refusal(f"Bearer {token}", now=NOON + timedelta(hours=1))) == "expired"


def test_the_issuers_keys_are_asked_for_with_the_kid():
    """So that the key of a rotation can be fetched."""
    memory = Memory()
    check(f"Bearer {issue()}", api=make_api(memory))
    assert memory.asked == [make_signing_key("ES256").kid]


@pytest.mark.parametrize(
    "authorization",
    [[], [f"Bearer {BOUND}"] * 2, ["Basic eDp5"], ["Bearer"[:-1]], [""], [BOUND], [f"MAC {BOUND}"]],
)
def test_without_one_token_in_one_header_both_schemes_are_offered(authorization: list[str]):
    """RFC 6750 §3.1: no error code; §3: "one or more auth-param values"."""
    assert challenges(refusal(authorization)) == ['Bearer realm="api"', f"DPoP {ALGS}"]


# --- A token that is bound to a key (RFC 9449 §7)


@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP"])
def test_a_bound_token_is_served_with_a_proof_of_its_key(scheme: str):
    assert check(f"{scheme} {BOUND}", proof())["cnf"] == {"jkt": KEY.kid}


def test_a_bound_token_is_no_bearer_token():
    """SECURITY C19, RFC 9449 §7.2: whoever has stolen it has no key."""
    for dpop in ((), (proof(),)):
        error = refusal(f"Bearer {BOUND}", *dpop)
        assert str(error) == "the scheme is not the token's"
        assert challenges(error) == ['Bearer error="invalid_token"']


def test_a_token_that_is_bound_to_nothing_needs_its_own_scheme():
    token = issue()
    assert str(refusal(f"DPoP {token}", proof(token))) == "the scheme is not the token's"


@pytest.mark.parametrize(
    ("dpop", "reason"),
    [
        ((), "not one DPoP header"),
        ((proof(), proof()), "not one DPoP header"),
        ((f"{proof()}, {proof()}",), "more than one"),
        (("",), "not a signed JWT"),
        (("x",), "not a signed JWT"),
        ((proof(key=OTHER_KEY),), "of another key than the token's"),
        ((proof(method="POST"),), "htm names another method"),
        ((proof(url="https://orders.example/o/2"),), "htu names another address"),
        ((proof(url="https://other.example/o/1"),), "htu names another address"),
        ((proof(token=issue()),), "ath is of another token"),
        ((proof(ath=None),), "ath is missing or no text"),
        ((proof(jti=None),), "jti is missing or no text"),
        ((proof(iat=NOW - 61),), "iat is too long ago"),
        ((proof(iat=NOW + 11),), "iat is in the future"),
        ((proof(header={"typ": "JWT"}),), "typ is not allowed"),
        ((proof(header={"alg": "none"}),), "alg is not allowed"),
    ],
)
def test_a_proof_that_does_not_hold_is_refused(dpop: tuple[str, ...], reason: str):
    """RFC 9449 §7.1, §4.3."""
    error = refusal(f"DPoP {BOUND}", *dpop)
    assert str(error) == f"DPoP proof: {reason}"
    assert challenges(error) == [f'DPoP error="invalid_dpop_proof", {ALGS}']


def test_query_and_fragment_of_the_address_do_not_matter():
    check(f"DPoP {BOUND}", proof(url=f"{URL}?a=1#b"))
    check(f"DPoP {BOUND}", proof(), url=f"{URL}?page=2")


def test_a_used_proof_is_refused():
    """RFC 9449 §11.1."""
    api, sent = make_api(), proof()
    check(f"DPoP {BOUND}", sent, api=api)
    assert str(refusal(f"DPoP {BOUND}", sent, api=api)) == "DPoP proof: used before"


def test_a_proof_that_does_not_hold_is_not_noted():
    memory = Memory()
    api = make_api(memory)
    for sent in (proof(key=OTHER_KEY), proof(method="PUT"), proof(ath="x")):
        refusal(f"DPoP {BOUND}", sent, api=api)
    refusal(f"DPoP {issue('other', jkt=KEY.kid)}", proof(), api=api)
    assert not memory.notes


def test_an_api_with_nonces_gives_one_that_then_works():
    """RFC 9449 §9."""
    api = make_api(nonces=Nonces(b"key"))
    error = refusal(f"DPoP {BOUND}", proof(), api=api)
    assert challenges(error) == [f'DPoP error="use_dpop_nonce", {ALGS}']
    check(f"DPoP {BOUND}", proof(nonce=dict(error.headers)["DPoP-Nonce"]), api=api)


# --- A token that is bound to a certificate (RFC 8705 §3)


def test_a_token_is_served_with_the_certificate_that_it_is_bound_to():
    check(f"Bearer {issue(x5t=X5T)}", certificate=CERTIFICATE.der)


@pytest.mark.parametrize("certificate", [None, b"", b"x", OTHER_CERTIFICATE.der])
def test_without_that_certificate_it_is_refused(certificate: bytes | None):
    """SECURITY C19."""
    error = refusal(f"Bearer {issue(x5t=X5T)}", certificate=certificate)
    assert str(error) == "the certificate is not the token's"
    assert challenges(error) == ['Bearer error="invalid_token"']


def test_a_certificate_does_not_matter_to_a_token_that_is_not_bound():
    check(f"Bearer {issue()}", certificate=CERTIFICATE.der)


def test_a_token_that_is_bound_to_both_needs_both():
    token = issue(jkt=KEY.kid, x5t=X5T)
    check(f"DPoP {token}", proof(token), certificate=CERTIFICATE.der)
    refusal(f"DPoP {token}", proof(token))
    refusal(f"DPoP {token}", certificate=CERTIFICATE.der)
    refusal(f"Bearer {token}", certificate=CERTIFICATE.der)


# --- Whatever comes


@given(st.lists(st.text(), max_size=2), st.lists(st.text(), max_size=2))
def test_no_header_is_a_crash(authorization: list[str], dpop: list[str]):
    refusal(authorization, *dpop)
    refusal([f"DPoP {BOUND}"], *dpop)


@pytest.mark.parametrize("thumbprint", [1, None, [], {}, True, "é", ""])
def test_an_odd_thumbprint_fits_nothing(thumbprint: object):
    """An issuer may be odd as well; what it has bound is never for whoever bears it."""
    for name in ("jkt", "x5t#S256"):
        token = forged(cnf={name: thumbprint})
        for certificate in (None, CERTIFICATE.der):
            refusal(f"DPoP {token}", proof(token), certificate=certificate)
            refusal(f"Bearer {token}", certificate=certificate)
