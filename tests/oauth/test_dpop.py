"""DPoP proofs (RFC 9449 §4.3): each of the checks, at the token endpoint and at an API."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signet.oauth.dpop import (
    LONGEST_PROOF,
    InvalidDPoPProofError,
    Nonces,
    Proof,
    UseDPoPNonceError,
    check_proof,
    normalized,
)
from signet.oauth.store import ReplayNote
from tests.certificates import issue
from tests.oauth.memory_store import NOON
from tests.oauth.signing import (
    NULL,
    SharedSecret,
    Unsigned,
    encode,
    encode_number,
    make_key,
    make_proof,
    private_jwk,
    public_jwk,
    public_pem,
    sign,
    split,
)
from tests.work import processor_seconds

URL = "https://signet.example/connect/token"
NOW = int(NOON.timestamp())
KEYS = {alg: make_key(alg) for alg in ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")}
KEY, OTHER_KEY = KEYS["ES256"], make_key()
SECOND = timedelta(seconds=1)


def proof(key: Any = KEY, method: str = "POST", url: str = URL, **changes: Any) -> str:
    return make_proof(key, method, url, **({"now": NOON} | changes))


def check(sent: str, **options: Any) -> Proof:
    return check_proof(sent, **({"method": "POST", "url": URL, "now": NOON} | options))


def reason_against(sent: str, **options: Any) -> str:
    """Why it is refused; always with the one answer that says nothing of it."""
    with pytest.raises(InvalidDPoPProofError) as caught:
        check(sent, **options)
    status, body, _ = caught.value()
    assert (status, body["error"]) == (400, "invalid_dpop_proof")
    assert body["error_description"] == "The DPoP proof is missing or not valid."
    return caught.value.reason.removeprefix("DPoP proof: ")


# --- What holds


@pytest.mark.parametrize("alg", ["PS256", "ES256", "EdDSA", "Ed25519"])
def test_a_proof_gives_the_thumbprint_of_its_key(alg: str):
    """RFC 9449 §6.1; the key of a PS256 proof makes its header long."""
    assert check(proof(KEYS[alg])).jkt == KEYS[alg].kid


def test_it_is_to_be_noted_by_key_and_id_for_as_long_as_it_would_be_accepted():
    """RFC 9449 §11.1."""
    sent = proof(jti="once")
    until = NOON + timedelta(seconds=61)
    assert check(sent).note == ReplayNote(kind="proof", owner=KEY.kid, jti="once", until=until)
    reason_against(sent, now=until)


@pytest.mark.parametrize(
    "changes",
    [
        {"header": {"typ": "DPoP+JWT"}},
        {"header": {"kid": "whatever"}},
        {"header": {"jwk": public_jwk(KEY)}},
        {"header": {"jwk": public_jwk(KEY, kid="another", alg=None)}},
        {"header": {"x5t": "AAAA"}},
        {"iat": NOW - 60},
        {"iat": NOW + 10},
        {"iat": NOW + 0.5},
        {"exp": NOW + 1},
        {"exp": NOW + 10**6, "nbf": NOW},
        {"nbf": NOW + 10},
        {"nonce": "whatever"},
        {"ath": "whatever"},
        {"other": [1, {"deep": None}]},
        {"jti": "x" * 3_000},
        {"jti": "é😀"},
    ],
)
def test_what_may_be_otherwise(changes: dict[str, Any]):
    check(proof(**changes))


def test_two_proofs_may_share_an_id_under_two_keys():
    notes = {check(proof(key, jti="one")).note for key in (KEY, OTHER_KEY)}
    assert len(notes) == 2


# --- 1: one header


@pytest.mark.parametrize("sent", ["", " ", "x", "a.b.c", "a.b.c.d.e"])
def test_what_is_no_jwt_is_refused(sent: str):
    reason_against(sent)


def test_two_headers_are_refused():
    """Items 1 and 2; they arrive as one with a comma."""
    for sent in (f"{proof()},{proof()}", f"{proof()}, {proof()}", f"{proof()},", f",{proof()}"):
        assert reason_against(sent) == "more than one"


def test_a_proof_longer_than_the_longest_is_refused():
    assert reason_against("x" * (LONGEST_PROOF + 1)) == "too long"


# --- 3 to 6: header and claims that must be there


@pytest.mark.parametrize("name", ["typ", "alg", "jwk"])
@pytest.mark.parametrize("value", [None, NULL, "", 1, True, [], {}, ["ES256"], "\0", "\ud800"])
def test_the_header_must_have_its_parameters(name: str, value: object):
    reason_against(proof(header={name: value}))


@pytest.mark.parametrize("name", ["jti", "htm", "htu"])
@pytest.mark.parametrize("value", [None, NULL, "", 1, True, [], {}, ["x"], "a\0", "\ud800"])
def test_the_claims_must_be_texts(name: str, value: object):
    """The empty ``jti`` among them."""
    assert reason_against(proof(**{name: value})).startswith(f"{name} is")


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "dpop", "application/dpop+jwt", "dpop+jwt "])
def test_another_kind_of_token_is_no_proof(typ: str):
    """Item 4."""
    assert reason_against(proof(header={"typ": typ})) == "typ is not allowed"


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "HS256", "RS256", "ES384", "es256"])
def test_another_algorithm_is_refused(alg: str):
    """Item 5, SECURITY C2: none and shared secrets above all; FAPI 2.0 leaves RS256 out."""
    jwk = {"jwk": public_jwk(KEY, alg=None)}
    assert reason_against(proof(Unsigned(alg), header=jwk)) == "alg is not allowed"
    assert reason_against(proof(KEYS["RS256"])) == "alg is not allowed"


@pytest.mark.parametrize("alg", ["PS256", "ES256", "EdDSA"])
def test_the_public_key_is_no_secret(alg: str):
    """SECURITY C1."""
    key = KEYS[alg]
    for secret in (public_pem(key), json.dumps(public_jwk(key)).encode()):
        for said in ("HS256", alg):
            reason_against(proof(SharedSecret(secret, alg=said), header={"jwk": public_jwk(key)}))


@pytest.mark.parametrize("crit", [["b64"], ["x"], "x", [], [1], {}, NULL, 0])
def test_crit_of_any_form_is_refused(crit: object):
    """SECURITY C3."""
    assert "extension" in reason_against(proof(header={"crit": crit}))


# --- 6 and 7: signature and key


@pytest.mark.parametrize("alg", ["PS256", "ES256", "EdDSA"])
def test_a_bad_signature_is_refused(alg: str):
    other = make_key(alg) if alg != "PS256" else KEY
    jwk = {"jwk": public_jwk(KEYS[alg]), "alg": alg}
    assert reason_against(proof(other, header=jwk)) == "bad signature"
    for signature in ("", "AA", encode(bytes(64)), encode(bytes(256))):
        cut = proof(KEYS[alg]).rpartition(".")[0]
        assert reason_against(f"{cut}.{signature}") == "bad signature"


@pytest.mark.parametrize("alg", ["PS256", "ES256", "EdDSA"])
def test_a_private_key_is_refused(alg: str):
    """Item 7."""
    sent = proof(KEYS[alg], header={"jwk": private_jwk(KEYS[alg])})
    assert reason_against(sent) == "jwk: holds a private key"


def rsa_jwk(bits: int, **changes: Any) -> dict[str, Any]:
    return {"kty": "RSA", "n": encode_number(2**bits - 1), "e": "AQAB"} | changes


@pytest.mark.parametrize(
    "jwk",
    [
        {"kty": "oct", "k": encode(b"secret")},
        {"kty": "oct"},
        public_jwk(KEY, crv="P-384"),
        public_jwk(KEY, y=public_jwk(KEY)["x"]),
        public_jwk(KEY, x=None),
        public_jwk(KEY, use="enc"),
        public_jwk(KEY, alg="ES384"),
        public_jwk(KEYS["EdDSA"]),
        rsa_jwk(1_024),
        rsa_jwk(16_384),
        rsa_jwk(2_048, n=encode_number(2**2_048 - 2)),
        rsa_jwk(2_048, e="AQ"),
        rsa_jwk(2_048, e="AQAA"),
        rsa_jwk(2_048, e="AA"),
        [public_jwk(KEY)],
        json.dumps(public_jwk(KEY)),
        {"keys": [public_jwk(KEY)]},
        {"kty": ["EC"]},
    ],
)
def test_a_key_that_is_none_is_refused(jwk: object):
    """SECURITY C1: symmetric ones; points off the curve, RSA too short, too long and even."""
    for alg in ("ES256", "PS256"):
        reason_against(proof(KEY, header={"jwk": jwk, "alg": alg}))


def test_the_longest_key_costs_little():
    """SECURITY C4: any stranger may send it."""
    jwk = rsa_jwk(8_192, e=encode_number(2**32 - 1))
    sent = sign(Unsigned(), {"typ": "dpop+jwt", "alg": "PS256", "jwk": jwk}, {})
    sent += encode(b"\1" * 1_024)
    assert processor_seconds(lambda: reason_against(sent)) < 0.05


# --- 8 and 9: method and address


@pytest.mark.parametrize("htm", ["GET", "post", "POST ", "PUT", "*"])
def test_another_method_is_refused(htm: str):
    assert reason_against(proof(htm=htm)) == "htm names another method"


@pytest.mark.parametrize(
    "htu",
    [
        URL,
        f"{URL}?query",
        f"{URL}#fragment",
        f"{URL}?query=1#fragment",
        f"{URL}?",
        f"{URL}#",
        "HTTPS://signet.example/connect/token",
        "https://SIGNET.Example/connect/token",
        "https://signet.example:443/connect/token",
        "https://signet.example:/connect/token",
        "https://signet.example/%63onnect/%74oken",
    ],
)
def test_addresses_that_mean_the_same_are_the_same(htu: str):
    """§4.3, items 9; RFC 3986 §6.2.2, §6.2.3."""
    check(proof(url=htu))


@pytest.mark.parametrize(
    "htu",
    [
        "https://signet.example",
        "https://signet.example/",
        f"{URL}/",
        f"{URL}/x",
        f"{URL};a=1",
        f"{URL}%2F",
        f"{URL}%00",
        "https://signet.example/connect%2Ftoken",
        "https://signet.example//connect/token",
        "https://signet.example/Connect/token",
        "https://signet.example/connect/introspect",
        "https://signet.example/x/../connect/token",
        "https://signet.example/%2563onnect/token",
        "http://signet.example/connect/token",
        "https://signet.example:80/connect/token",
        "https://signet.example:8443/connect/token",
        "https://signet.example:0/connect/token",
        "https://signet.example:-1/connect/token",
        "https://signet.example:99999/connect/token",
        "https://signet.example:port/connect/token",
        "https://signet.example.evil/connect/token",
        "https://signet.example@evil.example/connect/token",
        "https://evil.example@signet.example/connect/token",
        "https://user:password@signet.example/connect/token",
        "https://@signet.example/connect/token",
        "https://signet.example\\@evil.example/connect/token",
        "https://signet.example./connect/token",
        "https://\u017fignet.example/connect/token",
        "https://sign\u212at.example/connect/token",
        "https://signet\u3002example/connect/token",
        "https://[signet.example]/connect/token",
        "https://[::1]/connect/token",
        "https://[::1/connect/token",
        "https://::1]/connect/token",
        "https://[::ffff:1.2.3.4%25eth0]/connect/token",
        "https://[v1.x]/connect/token",
        "https:///connect/token",
        "https:signet.example/connect/token",
        "//signet.example/connect/token",
        "/connect/token",
        "signet.example/connect/token",
        "ftp://signet.example/connect/token",
        "javascript:1",
        "https",
        ":",
        " ",
        f" {URL}",
        f"{URL} ",
        f"\t{URL}",
        f"{URL}\n",
        "https://signet.example/connect/to\tken",
        "https://sig\nnet.example/connect/token",
        "https://signet.example/connect/to\u00adken",
        "https://signet.example/connect/token\u200b",
        f"{URL}\x7f",
    ],
)
def test_another_address_is_refused(htu: str):
    """Userinfo, ports, hosts that look alike, IPv6 that is none, and what parsers leave out."""
    assert reason_against(proof(url=htu)) in ("htu names another address", "htu is no address")


def test_an_address_with_a_port_and_one_of_ipv6_have_their_normal_form():
    assert normalized("http://[::1]:80/a") == normalized("HTTP://[::1]/%61?b#c")
    assert normalized("https://host") == normalized("https://HOST:443/")
    assert normalized("https://host:8443/") != normalized("https://host/")
    assert normalized("https://host/%e4") == normalized("https://host/%E4")
    assert normalized("https://host/%zz") != normalized("https://host/%ZZ")


def test_the_address_is_the_one_of_the_issuer_with_its_path():
    url = "http://localhost:8000/auth/connect/token"
    check(proof(url=f"{url}?x"), url=url)
    for other in (url.replace("/auth", ""), url.replace("8000", "8001")):
        reason_against(proof(url=other), url=url)


# --- 11: the time


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iat": None}, "iat is missing"),
        ({"iat": NULL}, "iat is missing"),
        ({"iat": NOW - 61}, "iat is too long ago"),
        ({"iat": NOW - 60.5}, "iat is too long ago"),
        ({"iat": NOW - 3_600}, "iat is too long ago"),
        ({"iat": NOW + 11}, "iat is in the future"),
        ({"iat": NOW + 3_600}, "iat is in the future"),
        ({"exp": NOW}, "expired"),
        ({"exp": NOW - 1}, "expired"),
        ({"nbf": NOW + 11}, "nbf is in the future"),
        ({"iat": str(NOW)}, "iat is no number"),
        ({"iat": True}, "iat is no number"),
        ({"iat": [NOW]}, "iat is no number"),
        ({"iat": -1}, "iat is out of range"),
        ({"iat": 1e300}, "iat is out of range"),
        ({"iat": 10**400}, "iat is out of range"),
        ({"exp": 10**400}, "exp is out of range"),
        ({"exp": -(10**400)}, "exp is out of range"),
        ({"nbf": "soon"}, "nbf is no number"),
    ],
)
def test_it_is_refused_at_the_wrong_time(changes: dict[str, Any], reason: str):
    """PROTOCOL 21: 60 s behind to 10 s ahead, ``exp`` and ``nbf`` honoured."""
    assert reason_against(proof(**changes)) == reason


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5_000])
def test_a_number_that_is_none_is_no_crash(number: str):
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": public_jwk(KEY)}
    claims = f'{{"jti":"x","htm":"POST","htu":"{URL}","iat":{number}}}'
    reason_against(sign(KEY, header, claims.encode()))


# --- 12: the access token


def test_a_proof_vouches_for_the_token_that_it_was_made_with():
    """Item 12."""
    check(proof(access_token="token"), access_token="token")


@pytest.mark.parametrize("ath", [None, NULL, "", 1, [], {}, "x", "é", "\ud800", "token"])
def test_without_the_hash_of_that_token_it_vouches_for_nothing(ath: object):
    assert reason_against(proof(ath=ath), access_token="token").startswith("ath is")


def test_the_hash_of_another_token_is_refused():
    reason = reason_against(proof(access_token="other"), access_token="token")
    assert reason == "ath is of another token"
    padded = proof(ath="PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A=")
    assert reason_against(padded, access_token="token") == "ath is of another token"


# --- 10: nonces (§8)

NONCES = Nonces(b"key")


def test_without_nonces_whatever_is_there_is_not_looked_at():
    check(proof(nonce="whatever"))


@pytest.mark.parametrize("age", [0, 1, 299, 300, -299])
def test_a_nonce_of_ours_is_good_for_five_minutes(age: int):
    nonce = NONCES.issue(NOON - timedelta(seconds=age))
    check(proof(nonce=nonce), nonces=NONCES)


def test_any_worker_with_the_key_knows_it():
    check(proof(nonce=NONCES.issue(NOON)), nonces=Nonces(b"key"))


def altered(nonce: str, place: int) -> str:
    return nonce[:place] + ("A" if nonce[place] != "A" else "B") + nonce[place + 1 :]


@pytest.mark.parametrize(
    "nonce",
    [
        None,
        NULL,
        "",
        "x" * 32,
        "x" * 33,
        "é" * 32,
        1,
        True,
        [NONCES.issue(NOON)],
        {},
        NONCES.issue(NOON) + "\n",
        NONCES.issue(NOON)[:-1],
        NONCES.issue(NOON - timedelta(seconds=301)),
        NONCES.issue(NOON + timedelta(seconds=301)),
        Nonces(b"another").issue(NOON),
        *(altered(NONCES.issue(NOON), place) for place in (0, 9, 11, 31)),
    ],
)
def test_any_other_nonce_is_answered_with_a_new_one(nonce: object):
    """PROTOCOL 21: missing or old."""
    header, claims, _ = split(proof())
    if nonce is not None:
        claims["nonce"] = None if nonce is NULL else nonce
    sent = sign(KEY, header, claims)
    with pytest.raises(UseDPoPNonceError) as caught:
        check(sent, nonces=NONCES)
    status, body, headers = caught.value()
    assert (status, body["error"]) == (400, "use_dpop_nonce")
    assert dict(headers)["DPoP-Nonce"] == caught.value.nonce
    check(proof(nonce=caught.value.nonce), nonces=NONCES)


def test_only_a_proof_that_holds_is_worth_a_nonce():
    """Nobody else gets one out of us."""
    for sent in (proof(htm="GET"), proof(iat=NOW - 61), proof(Unsigned()), "x"):
        reason_against(sent, nonces=NONCES)


def test_nonces_say_nothing_of_the_key():
    assert "key" not in repr(NONCES)


# --- Whatever comes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(URL),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    header=st.dictionaries(st.sampled_from(["typ", "alg", "kid", "crit", "jwk", "zip"]), JSON),
    claims=st.dictionaries(
        st.sampled_from(["jti", "htm", "htu", "iat", "exp", "nbf", "ath"]), JSON, min_size=1
    ),
)
def test_no_proof_is_a_crash(header: dict[str, Any], claims: dict[str, Any]):
    for sent in (proof(header=header, **claims), proof(**claims)):
        for options in ({}, {"nonces": NONCES, "access_token": "token"}):
            try:
                check(sent, **options)
            except (InvalidDPoPProofError, UseDPoPNonceError):
                continue


@given(st.text())
def test_no_text_is_a_crash(sent: str):
    reason_against(sent)


@given(st.text() | st.text().map(lambda text: f"https://signet.example{text}"))
def test_no_address_is_a_crash(htu: str):
    try:
        check(proof(url=htu))
    except InvalidDPoPProofError:
        return
    assert htu.lower().startswith("https:")


def test_a_certificate_in_the_key_changes_nothing():
    issued = issue("CN=billing")
    jwk = public_jwk(KEY, x5c=issued.jwk["x5c"])
    assert check(proof(header={"jwk": jwk})).jkt == KEY.kid
