"""Client assertions: ``private_key_jwt`` (RFC 7523, FAPI 2.0 §5.3.2.1)."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signet.oauth.client import Client, KeySource
from signet.oauth.client_assertion import LONGEST_ASSERTION
from signet.oauth.client_authentication import Authenticated, authenticate_client
from signet.oauth.errors import RefusedClientError
from signet.oauth.public_keys import parse_jwk_set
from signet.oauth.store import ReplayNote
from tests.oauth.memory_store import NOON, MemoryServer, MemoryStore, make_client
from tests.oauth.requests import make_request
from tests.oauth.signing import (
    NULL,
    Key,
    SharedSecret,
    Unsigned,
    encode,
    jwk_set,
    make_assertion,
    make_key,
    private_jwk,
    public_jwk,
    public_pem,
)
from tests.work import processor_seconds

ISSUER = "https://signet.example"
NOW = int(NOON.timestamp())
KEYS = {alg: make_key(alg) for alg in ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")}
KEY, OTHER_KEY = KEYS["ES256"], make_key()


def make_key_client(*keys: Any, **fields: Any) -> Client:
    known = {
        "token_endpoint_auth_method": "private_key_jwt",
        "secrets": (),
        "jwks": parse_jwk_set(jwk_set(*(keys or (KEY,)))),
    }
    return make_client(**({"client_id": "billing"} | known | fields))


BILLING = make_key_client()


def assertion(key: Any = KEY, client_id: str = "billing", aud: Any = ISSUER, **changes: Any) -> str:
    return make_assertion(key, client_id, aud, now=NOON, **changes)


def authenticate(sent: str, *clients: Client, **parameters: str) -> Authenticated:
    server = MemoryServer(store=MemoryStore(*(clients or (BILLING,))))
    request = make_request(assertion=sent, **parameters)
    return authenticate_client(request, server=server, now=NOON, fresh=False)


def reason_against(sent: str, *clients: Client, **parameters: str) -> str:
    """Why it is refused; always with the one answer that says nothing of it."""
    with pytest.raises(RefusedClientError) as caught:
        authenticate(sent, *clients, **parameters)
    assert caught.value.status_code == 400
    assert caught.value.get_error_description() == "Client authentication failed."
    return caught.value.reason


# --- What lets a client in


@pytest.mark.parametrize("alg", ["PS256", "ES256", "EdDSA", "Ed25519"])
def test_an_assertion_of_the_clients_key_lets_it_in(alg: str):
    billing = make_key_client(KEYS[alg])
    assert authenticate(assertion(KEYS[alg]), billing).client is billing


def test_it_is_noted_by_client_and_id_until_its_end():
    """RFC 7523 §3, item 7."""
    caller = authenticate(assertion(jti="once", exp=NOW + 40))
    until = NOON + timedelta(seconds=40)
    assert caller.credential.note == ReplayNote(
        kind="assertion", owner="billing", jti="once", until=until
    )


def test_authenticating_alone_notes_nothing():
    """PROTOCOL 19: last of all checks, which are not made here."""
    store = MemoryStore(BILLING)
    request = make_request(assertion=assertion())
    authenticate_client(request, server=MemoryServer(store=store), now=NOON, fresh=False)
    assert not store.notes


@pytest.mark.parametrize(
    "changes",
    [
        {"header": {"typ": None}},
        {"header": {"typ": "JWT"}},
        {"header": {"typ": "jwt"}},
        {"header": {"typ": "Client-Authentication+JWT"}},
        {"header": {"kid": None}},
        {"header": {"x5t": "AAAA", "other": [1]}},
        {"iat": None},
        {"iat": NOW - 100_000},
        {"iat": NOW + 10, "nbf": NOW + 10},
        {"iat": 1.5},
        {"exp": NOW + 1},
        {"exp": NOW + 3_600},
        {"exp": NOW + 60.5},
        {"other": {"deep": [1, None]}},
        {"jti": "x" * 5_000},
        {"jti": "é😀"},
    ],
)
def test_what_may_be_otherwise(changes: dict[str, Any]):
    authenticate(assertion(**changes))


def test_the_client_may_be_named_in_the_body_as_well():
    """RFC 7521 §4.2."""
    authenticate(assertion(), client_id="billing")


def test_the_client_is_the_one_that_the_assertion_names():
    other = make_key_client(OTHER_KEY, client_id="other")
    assert authenticate(assertion(OTHER_KEY, "other"), BILLING, other).client is other


# --- Whose it is


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": None},
        {"iss": NULL},
        {"iss": "other"},
        {"iss": "bill"},
        {"iss": "billing-2"},
        {"iss": "billing "},
        {"iss": "Billing"},
        {"iss": ["billing"]},
        {"iss": {"billing": 1}},
        {"iss": 1},
        {"iss": True},
        {"iss": ISSUER},
        {"iss": "\ud800"},
        {"iss": "billing\0"},
    ],
)
def test_the_issuer_is_exactly_the_client(changes: dict[str, Any]):
    """SECURITY C6: neither a part of the name nor a list with it."""
    assert reason_against(assertion(**changes)) == "assertion: iss or sub is not the client"


@pytest.mark.parametrize(
    "sub", [None, NULL, "", 1, True, ["billing"], {"billing": 1}, "\ud800", "billing\0"]
)
def test_without_a_subject_it_is_nobodys(sub: object):
    assert reason_against(assertion(sub=sub)).startswith("assertion: sub ")
    named = reason_against(assertion(sub=sub), client_id="billing")
    assert named == "assertion: iss or sub is not the client"


@pytest.mark.parametrize("sub", ["bill", "billing-2", "BILLING", "billing "])
def test_a_subject_that_is_nearly_the_client_is_another(sub: str):
    """SECURITY C6."""
    assert reason_against(assertion(sub=sub)) == "unknown client"


def test_a_subject_too_long_to_be_a_client_is_not_looked_for():
    """PROTOCOL 4: nothing that is kept per client id grows with what a stranger sends."""
    with pytest.raises(RefusedClientError) as caught:
        authenticate(assertion(client_id="x" * 201))
    assert (caught.value.reason, caught.value.client_id) == ("assertion: sub is too long", None)
    assert reason_against(assertion(client_id="x" * 200)) == "unknown client"


def test_another_client_in_the_body_is_refused():
    """PROTOCOL 19: the id of one under the key of another."""
    other = make_key_client(OTHER_KEY, client_id="other")
    assert "no key" in reason_against(assertion(), BILLING, other, client_id="other")
    forged = assertion(sub="other", iss="other")
    assert "no key" in reason_against(forged, BILLING, other)


def test_another_client_with_the_same_key_is_another_client():
    other = make_key_client(client_id="other")
    reason = reason_against(assertion(), BILLING, other, client_id="other")
    assert reason == "assertion: iss or sub is not the client"


# --- Whom it is for (SECURITY C20)


@pytest.mark.parametrize(
    "aud",
    [
        None,
        NULL,
        "",
        [],
        [ISSUER],
        [ISSUER, "https://other.example"],
        {"aud": ISSUER},
        1,
        True,
        "https://other.example",
        f"{ISSUER}/",
        f"{ISSUER}/connect/token",
        f"{ISSUER}/connect/introspect",
        ISSUER.upper(),
        ISSUER[:-1],
        f" {ISSUER}",
        f"{ISSUER} https://other.example",
    ],
)
def test_the_audience_is_this_server_as_one_string(aud: object):
    """SECURITY C20, PROTOCOL 19: what names others too was perhaps made for them."""
    assert reason_against(assertion(aud=aud)) == "assertion: aud is not this server"


def test_the_token_endpoint_is_an_audience_for_a_client_that_may():
    may = make_key_client(allows_token_endpoint_audience=True)
    authenticate(assertion(aud=f"{ISSUER}/connect/token"), may)
    authenticate(assertion(), may)


@pytest.mark.parametrize(
    "aud",
    [
        [f"{ISSUER}/connect/token"],
        [ISSUER, f"{ISSUER}/connect/token"],
        f"{ISSUER}/connect/token/",
        f"{ISSUER}/connect/introspect",
        "https://other.example/connect/token",
    ],
)
def test_and_nothing_else_is_one_for_it(aud: object):
    may = make_key_client(allows_token_endpoint_audience=True)
    assert reason_against(assertion(aud=aud), may) == "assertion: aud is not this server"


# --- When


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": None}, "exp is missing"),
        ({"exp": NULL}, "exp is missing"),
        ({"exp": NOW}, "expired"),
        ({"exp": NOW - 300}, "expired"),
        ({"exp": 0}, "expired"),
        ({"exp": NOW + 3_611}, "exp is more than an hour ahead"),
        ({"exp": NOW + 86_400}, "exp is more than an hour ahead"),
        ({"nbf": NOW + 11}, "nbf is in the future"),
        ({"iat": NOW + 11}, "iat is in the future"),
        ({"exp": "9999999999"}, "exp is no number"),
        ({"exp": True}, "exp is no number"),
        ({"exp": [NOW + 60]}, "exp is no number"),
        ({"exp": -1}, "exp is out of range"),
        ({"exp": 10**15}, "exp is out of range"),
        ({"exp": 10**400}, "exp is out of range"),
        ({"exp": 1e300}, "exp is out of range"),
        ({"nbf": 10**400}, "nbf is out of range"),
        ({"iat": -(10**400)}, "iat is out of range"),
        ({"iat": "now"}, "iat is no number"),
        ({"nbf": False}, "nbf is no number"),
    ],
)
def test_it_is_refused_at_the_wrong_time(changes: dict[str, Any], reason: str):
    """PROTOCOL 19."""
    assert reason_against(assertion(**changes)) == f"assertion: {reason}"


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "9" * 5_000])
def test_a_number_that_is_none_is_no_crash(number: str):
    claims = f'{{"iss":"billing","sub":"billing","aud":"{ISSUER}","jti":"x","exp":{number}}}'
    header = f'{{"alg":"ES256","kid":"{KEY.kid}"}}'
    signing_input = f"{encode(header.encode())}.{encode(claims.encode())}"
    reason_against(f"{signing_input}.{encode(KEY.sign(signing_input.encode()))}")


@pytest.mark.parametrize("jti", [None, NULL, "", 1, True, ["x"], {}, "a\0", "\ud800", "\udfff"])
def test_the_id_must_be_a_text_that_can_be_kept(jti: object):
    """PROTOCOL 19."""
    assert reason_against(assertion(jti=jti)).startswith("assertion: jti ")


# --- With which key and algorithm


def test_rs256_is_for_clients_that_opt_in():
    """PROTOCOL 19, FAPI 2.0 §5.4.1."""
    sent = assertion(KEYS["RS256"])
    key = public_jwk(KEYS["RS256"], alg=None)
    assert reason_against(sent, make_key_client(key)) == "assertion: alg is not allowed"
    authenticate(sent, make_key_client(key, token_endpoint_auth_signing_alg="RS256"))


@pytest.mark.parametrize(
    ("named", "allowed"),
    [
        ("RS256", {"RS256"}),
        ("PS256", {"PS256"}),
        ("ES256", {"ES256"}),
        ("EdDSA", {"EdDSA", "Ed25519"}),
        ("Ed25519", {"EdDSA", "Ed25519"}),
        (None, {"PS256", "ES256", "EdDSA", "Ed25519"}),
    ],
)
def test_a_client_that_names_an_algorithm_uses_no_other(named: str | None, allowed: set[str]):
    """RFC 7591 §2, ``token_endpoint_auth_signing_alg``."""
    jwks = [public_jwk(key, alg=None, kid=None) for key in KEYS.values()]
    client = make_key_client(*jwks, token_endpoint_auth_signing_alg=named)
    let_in = set()
    for alg, key in KEYS.items():
        try:
            authenticate(assertion(key, header={"kid": None}), client)
        except RefusedClientError as error:
            assert error.reason == "assertion: alg is not allowed"
        else:
            let_in.add(alg)
    assert let_in == allowed


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("named", [None, "RS256", "HS256"])
def test_a_public_key_is_no_secret(alg: str, named: str | None):
    """SECURITY C1: HS256 with the client's public PEM, with its JWK, with its set."""
    key = KEYS[alg]
    client = make_key_client(key, token_endpoint_auth_signing_alg=named)
    texts = (
        public_pem(key),
        json.dumps(public_jwk(key)).encode(),
        json.dumps(jwk_set(key)).encode(),
    )
    for text in texts:
        for said in ("HS256", "RS256", alg):
            reason_against(assertion(SharedSecret(text, alg=said, kid=key.kid)), client)


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "NONE", "", "ES256", "PS256"])
def test_an_unsigned_assertion_is_refused(alg: str):
    """SECURITY C2."""
    for kid in (None, KEY.kid):
        reason_against(assertion(Unsigned(alg, kid=kid)))
    header, claims, _ = assertion(Unsigned(alg)).split(".")
    assert reason_against(f"{header}.{claims}") == "assertion: not a signed JWT"


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": public_jwk(OTHER_KEY)},
        {"jwk": public_jwk(OTHER_KEY), "kid": KEY.kid},
        {"jwk": private_jwk(OTHER_KEY), "kid": None},
        {"jku": "https://attacker.example/jwks"},
        {"x5u": "https://attacker.example/cert"},
        {"x5c": ["MIIB"]},
    ],
)
def test_a_key_that_comes_with_the_assertion_is_not_trusted(header: dict[str, Any]):
    """SECURITY C2, PROTOCOL 19."""
    reason_against(assertion(OTHER_KEY, header=header))


@pytest.mark.parametrize("crit", [["b64"], ["x"], "x", [], [1], {}, NULL, 0, ["exp"]])
def test_crit_of_any_form_is_refused(crit: object):
    """SECURITY C3: never an error of ours."""
    assert "extension" in reason_against(assertion(header={"crit": crit, "b64": True}))


@pytest.mark.parametrize(
    "typ", ["at+jwt", "dpop+jwt", "token-introspection+jwt", "", "JWS", 1, ["JWT"], {}, True]
)
def test_another_kind_of_token_is_refused(typ: object):
    """RFC 8725 §3.11: above all an access token or a proof of the same key."""
    assert reason_against(assertion(header={"typ": typ})) == "assertion: typ is not allowed"


@pytest.mark.parametrize("kid", [1, True, ["a"], {}, NULL])
def test_a_kid_that_is_no_text_is_refused(kid: object):
    assert reason_against(assertion(header={"kid": kid})) == "assertion: kid is no text"


@pytest.mark.parametrize("kid", ["", "\0", "\ud800", "x" * 9_000])
def test_an_odd_kid_names_no_key(kid: str):
    assert "no key" in reason_against(assertion(header={"kid": kid}))


def test_a_set_of_symmetric_keys_lets_nobody_in():
    """SECURITY C1."""
    client = make_key_client({"kty": "oct", "k": encode(b"secret"), "kid": "s"})
    reason_against(assertion(SharedSecret(b"secret", kid="s")), client)


def test_a_client_without_keys_is_refused():
    assert "no key" in reason_against(assertion(), make_key_client(jwks=()))


def test_any_key_of_the_set_will_do():
    """Keys are rotated by being in the set together."""
    client = make_key_client(OTHER_KEY, KEY)
    for key in (KEY, OTHER_KEY):
        for kid in (key.kid, None):
            authenticate(assertion(key, header={"kid": kid}), client)


# --- Keys at an address

JWKS_URI = "https://billing.example/jwks"
BY_URI = make_key_client(jwks_uri=JWKS_URI, jwks=())


def test_keys_at_an_address_are_asked_for_with_the_kid():
    asked: list[tuple[KeySource, str | None]] = []

    class Store(MemoryStore):
        def keys_of(self, source: KeySource, *, kid: str | None) -> tuple:
            asked.append((source, kid))
            return super().keys_of(source, kid=kid)

    store = Store(BY_URI)
    store.published[KeySource(jwks_uri=JWKS_URI)] = parse_jwk_set(jwk_set(KEY))
    request = make_request(assertion=assertion())
    authenticate_client(request, server=MemoryServer(store=store), now=NOON, fresh=False)
    assert asked == [(KeySource(jwks_uri=JWKS_URI), KEY.kid)]


def test_keys_that_cannot_be_had_refuse_it():
    assert reason_against(assertion(), BY_URI) == "assertion: nothing is published there"


def test_keys_known_beforehand_do_not_count_beside_an_address():
    assert "nothing is published" in reason_against(assertion(), make_key_client(jwks_uri=JWKS_URI))


# --- The parameters


@pytest.mark.parametrize(
    "assertion_type",
    [
        None,
        "",
        "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
        "urn:ietf:params:oauth:client-assertion-type:JWT-bearer",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer ",
    ],
)
def test_the_type_must_be_that_of_a_jwt(assertion_type: str | None):
    """RFC 7523 §2.2."""
    request = make_request(assertion=assertion(), client_assertion_type=assertion_type or "")
    if assertion_type is None:
        del request.payload.data["client_assertion_type"]
    with pytest.raises(RefusedClientError) as caught:
        authenticate_client(
            request, server=MemoryServer(store=MemoryStore(BILLING)), now=NOON, fresh=False
        )
    assert caught.value.reason == "not the assertion type of a JWT"


def test_an_assertion_as_long_as_they_may_be_is_refused_fast():
    """SECURITY C4: 50 ms; longer ones are refused before anything is parsed, by the request."""
    longest = "." * 10 + "A" * (LONGEST_ASSERTION - 10)
    deep = f"{encode(b'[' * 12_000)}.e30.AA"
    wide = assertion(other=["x"] * 1_500)
    assert len(deep) < LONGEST_ASSERTION
    for sent in (longest, deep, "A" * LONGEST_ASSERTION, wide + "A" * 4):
        assert processor_seconds(lambda sent=sent: reason_against(sent)) < 0.05


def test_an_encrypted_assertion_is_refused():
    """SECURITY C4: no JWE at all."""
    header = encode(json.dumps({"alg": "RSA-OAEP", "enc": "A256GCM", "zip": "DEF"}).encode())
    assert reason_against(f"{header}.AA.AA.AA.AA") == "assertion: not a signed JWT"
    assert "extension" in reason_against(assertion(header={"enc": "A256GCM", "zip": "DEF"}))


# --- Whatever comes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("billing"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
HEADERS = st.sampled_from(["typ", "alg", "kid", "crit", "jwk", "x5c", "enc"])
CLAIMS = st.sampled_from(["iss", "sub", "aud", "exp", "nbf", "iat", "jti"])


@given(header=st.dictionaries(HEADERS, JSON), claims=st.dictionaries(CLAIMS, JSON, min_size=1))
def test_no_assertion_is_a_crash(header: dict[str, Any], claims: dict[str, Any]):
    """Signed by the client itself: it may be hostile too."""
    for signer in (KEY, Unsigned(kid=KEY.kid)):
        try:
            authenticate(assertion(signer, header=header, **claims))
        except RefusedClientError as error:
            known = {"assertion", "unknown client"}
            assert error.reason.partition(":")[0] in known


@given(st.text(), st.none() | st.text())
def test_no_text_is_a_crash(sent: str, client_id: str | None):
    named = {} if client_id is None else {"client_id": client_id}
    reason_against(sent, **named)


def test_the_rig_signs_as_the_client_does():
    """A fault of the rig would let every refusal above pass for the wrong reason."""
    assert isinstance(KEY, Key)
    assert authenticate(assertion()).client is BILLING
