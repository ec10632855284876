"""Signed JWTs of others (RFC 7515, RFC 7519): read strictly, checked with a key that is given."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from signet.oauth.jws import (
    ALGORITHMS,
    Jwt,
    check_signature,
    check_times,
    check_typ,
    moment,
    parse_jwt,
    required_moment,
    required_text,
)
from signet.oauth.public_keys import NOBODYS_KEYS, PublicKey, import_public_key
from tests.oauth.memory_store import NOON
from tests.oauth.signing import (
    Key,
    SharedSecret,
    Unsigned,
    decode,
    encode,
    make_key,
    private_jwk,
    public_jwk,
    public_pem,
    sign,
)

KEYS = {alg: make_key(alg) for alg in ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")}
KEY = KEYS["ES256"]
ANY = (*ALGORITHMS, "RS256")
SECOND = timedelta(seconds=1)


def public(*keys: Key, **changes: Any) -> tuple[PublicKey, ...]:
    return tuple(import_public_key(public_jwk(key, **changes)) for key in keys)


def token(key: Any = KEY, *, claims: object = None, **header: Any) -> str:
    """A token of this key, with these parameters of the header besides ``alg``."""
    head = {"alg": key.alg} | header
    return sign(key, head, {"sub": "billing"} if claims is None else claims)


# --- Reading


def test_a_token_is_read_in_its_three_parts():
    jwt = parse_jwt(token(kid="one", typ="JWT"))
    assert (jwt.alg, jwt.kid) == ("ES256", "one")
    assert jwt.header == {"alg": "ES256", "kid": "one", "typ": "JWT"}
    assert jwt.claims == {"sub": "billing"}
    assert len(jwt.signature) == 64
    assert parse_jwt(token()).kid is None


def test_claims_and_signature_are_not_shown():
    assert "billing" not in repr(parse_jwt(token()))


HEADER, CLAIMS, SIGNATURE = token().split(".")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        f"{HEADER}.{CLAIMS}",
        f"{HEADER}.{CLAIMS}.{SIGNATURE}.",
        f".{HEADER}.{CLAIMS}.{SIGNATURE}",
        f"{HEADER}.{CLAIMS}.{SIGNATURE}.{SIGNATURE}.{SIGNATURE}",
        f"{HEADER}..{SIGNATURE}",
        f".{CLAIMS}.{SIGNATURE}",
        f"{HEADER}.{HEADER[:-1]}.{SIGNATURE}",
        json.dumps({"payload": CLAIMS, "protected": HEADER, "signature": SIGNATURE}),
    ],
)
def test_anything_but_three_parts_of_objects_is_refused(text: str):
    """RFC 7515 §3.1: five parts would be encrypted, and no other serialization is taken."""
    with pytest.raises(ValueError):
        parse_jwt(text)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: f" {text}",
        lambda text: f"{text}\n",
        lambda text: text.replace(".", ".\n", 1),
        lambda text: text.replace(".", "=.", 1),
        lambda text: f"{text}=",
        lambda text: f"{text}==",
        lambda text: f"{text[:-4]}+{text[-3:]}",
        lambda text: f"{text[:-4]}/{text[-3:]}",
        lambda text: f"{text[:-4]}%{text[-3:]}",
        lambda text: f"{text[:-4]}é{text[-3:]}",
        lambda text: f"{text[:-4]}\0{text[-3:]}",
        lambda text: f"{text[:-4]}\udcff{text[-3:]}",
        lambda text: f"{text}A" if len(text.split(".")[2]) % 4 == 0 else f"{text}AAA",
    ],
)
def test_parts_are_base64url_and_nothing_like_it(change):
    """RFC 7515 §2: without padding, line breaks and the two characters of the other alphabet."""
    with pytest.raises(ValueError):
        parse_jwt(change(token()))


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"1",
        b'{"alg":"ES256"}{}',
        b'{"alg":"ES256",}',
        b"{'alg':'ES256'}",
        b'\xef\xbb\xbf{"alg":"ES256"}',
        b'{"alg":"ES256","a":"\xff"}',
        b'{"alg":"ES256","a":"\xed\xa0\x80"}',
        '{"alg":"ES256"}'.encode("utf-16"),
        b'{"alg":"ES256","a":NaN}',
        b'{"alg":"ES256","a":Infinity}',
        b'{"alg":"ES256","a":[-Infinity]}',
        b'{"alg":"ES256","alg":"ES256"}',
        b'{"alg":"ES256","a":{"b":1,"b":1}}',
        b'{"alg":"ES256","a\\u006cg":"none"}',
        b'{"alg":"ES256","a":' + b"1" * 5_000 + b"}",
        b'{"alg":"ES256","a":' + b"[" * 40_000 + b"]" * 40_000 + b"}",
        b'{"alg":"ES256","a":' + b"[" * 40_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    ],
)
def test_a_part_that_is_not_one_plain_object_is_refused(place: int, part: bytes):
    """RFC 7515 §4, RFC 8259: names once, no NaN, UTF-8, and no deeper than can be read."""
    parts: list[object] = [{"alg": "ES256"}, {}]
    parts[place] = part
    with pytest.raises(ValueError) as caught:
        parse_jwt(sign(KEY, *parts))
    assert "alg" not in str(caught.value)


@pytest.mark.parametrize("part", [b" {} ", b'{"a":"\\ud800"}', b'{"a":1e999}', b'{"a":-0}'])
def test_what_json_can_write_is_read(part: bytes):
    """What it may be is for whoever asks for that claim; it must only be no crash."""
    parse_jwt(token(claims=part))


@pytest.mark.parametrize("alg", [None, 1, True, ["ES256"], {"ES256": 1}])
def test_alg_must_be_a_text(alg: object):
    with pytest.raises(ValueError, match="alg"):
        parse_jwt(sign(KEY, {"alg": alg}, {}))
    with pytest.raises(ValueError, match="alg"):
        parse_jwt(sign(KEY, {}, {}))


@pytest.mark.parametrize("kid", [None, 1, True, ["one"], {"one": 1}, 1.5])
def test_kid_must_be_a_text(kid: object):
    with pytest.raises(ValueError, match="kid"):
        parse_jwt(token(kid=kid))


@pytest.mark.parametrize(
    "crit", [["b64"], ["x"], "x", [], [1], {}, None, 0, ["exp"], [["b64"]], ["alg"], True]
)
def test_an_extension_that_must_be_understood_is_refused(crit: object):
    """SECURITY C3."""
    with pytest.raises(ValueError, match="extension"):
        parse_jwt(token(crit=crit, b64=False))
    with pytest.raises(ValueError, match="extension"):
        parse_jwt(token(crit=crit))


@pytest.mark.parametrize("name", ["b64", "enc", "zip"])
def test_signs_of_encryption_and_compression_are_refused(name: str):
    """SECURITY C4: no JWE at all."""
    with pytest.raises(ValueError, match="extension"):
        parse_jwt(token(**{name: "A256GCM"}))


@given(st.text())
def test_no_text_is_a_crash(text: str):
    with pytest.raises(ValueError):
        parse_jwt(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(header=JSON, claims=JSON)
def test_no_json_is_a_crash(header: object, claims: object):
    try:
        jwt = parse_jwt(sign(Unsigned(), header, claims))
    except ValueError:
        return
    with pytest.raises(ValueError):
        check_signature(jwt, public(KEY), algorithms=ANY)


# --- The signature


@pytest.mark.parametrize("alg", KEYS)
def test_a_signature_of_a_key_that_is_given_holds(alg: str):
    key = KEYS[alg]
    for text in (token(key), token(key, kid=key.kid)):
        check_signature(parse_jwt(text), public(key), algorithms=[alg])


def test_eddsa_and_ed25519_are_two_names_of_one_algorithm():
    """RFC 9864 §2.2: whichever name the set gives to the key."""
    key = make_key("EdDSA")
    for named in ("EdDSA", "Ed25519", None):
        for alg in ("EdDSA", "Ed25519"):
            jwt = parse_jwt(token(Key(alg, key.private)))
            check_signature(jwt, public(key, alg=named), algorithms=ALGORITHMS)


@pytest.mark.parametrize("alg", KEYS)
def test_an_algorithm_that_is_not_allowed_is_refused(alg: str):
    """SECURITY C1: allowed is what is said, whatever the key could do."""
    others = [other for other in ANY if other != alg]
    with pytest.raises(ValueError, match="not allowed"):
        check_signature(parse_jwt(token(KEYS[alg])), public(KEYS[alg]), algorithms=others)


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "", "HS256", "HS512", "ES384", "es256"])
def test_none_and_shared_secrets_are_no_algorithms(alg: str):
    """SECURITY C2."""
    for text in (token(Unsigned(alg)), token(SharedSecret(b"", alg=alg))):
        with pytest.raises(ValueError, match="not allowed"):
            check_signature(parse_jwt(text), public(*KEYS.values()), algorithms=ANY)


@pytest.mark.parametrize("alg", KEYS)
@pytest.mark.parametrize("hmac_alg", ["HS256", "ES256", "RS256", "EdDSA"])
def test_the_text_of_a_public_key_is_no_secret(alg: str, hmac_alg: str):
    """SECURITY C1: its PEM and its JWK as the secret of an HMAC, said to be one or not."""
    key = KEYS[alg]
    for secret in (
        public_pem(key),
        public_pem(key).strip(),
        json.dumps(public_jwk(key)).encode(),
        json.dumps(public_jwk(key), separators=(",", ":")).encode(),
    ):
        jwt = parse_jwt(token(SharedSecret(secret, alg=hmac_alg), kid=key.kid))
        with pytest.raises(ValueError):
            check_signature(jwt, public(key), algorithms=ANY)


@pytest.mark.parametrize("alg", KEYS)
@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 255, 256, 257, 4_000])
def test_a_signature_of_any_length_is_no_crash(alg: str, size: int):
    """SECURITY C2: the empty one among them."""
    key = KEYS[alg]
    for byte in (b"\0", b"\xff"):
        jwt = parse_jwt(f"{encode(json.dumps({'alg': alg}).encode())}.e30.{encode(byte * size)}")
        with pytest.raises(ValueError, match="bad signature"):
            check_signature(jwt, public(key), algorithms=ANY)


@pytest.mark.parametrize("alg", KEYS)
def test_another_text_under_the_same_signature_is_refused(alg: str):
    header, _, signature = token(KEYS[alg]).split(".")
    forged = f"{header}.{encode(json.dumps({'sub': 'other'}).encode())}.{signature}"
    with pytest.raises(ValueError, match="bad signature"):
        check_signature(parse_jwt(forged), public(KEYS[alg]), algorithms=ANY)


def test_a_key_is_tied_to_its_algorithm():
    """SECURITY C1: RS256 by a key that its owner wants for PS256 only, and the reverse."""
    for signing, named in (("RS256", "PS256"), ("PS256", "RS256")):
        with pytest.raises(ValueError, match="no key"):
            check_signature(
                parse_jwt(token(KEYS[signing])),
                public(KEYS[signing], alg=named),
                algorithms=ANY,
            )


def test_a_header_of_another_algorithm_than_its_signature_is_refused():
    jwt = parse_jwt(sign(KEYS["RS256"], {"alg": "PS256"}, {}))
    with pytest.raises(ValueError, match="bad signature"):
        check_signature(jwt, public(KEYS["RS256"], alg=None), algorithms=ANY)


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": public_jwk(KEYS["EdDSA"])},
        {"jwk": private_jwk(KEYS["EdDSA"])},
        {"jku": "https://attacker.example/jwks"},
        {"x5u": "https://attacker.example/cert"},
        {"x5c": ["AAAA"]},
        {"jwk": 1, "jku": [], "x5c": {}, "x5u": None},
    ],
)
def test_what_a_header_says_of_keys_is_not_believed(header: dict[str, Any]):
    """SECURITY C2: CVE-2026-27962."""
    jwt = parse_jwt(token(KEYS["EdDSA"], **header))
    with pytest.raises(ValueError):
        check_signature(jwt, public(make_key("EdDSA"), alg=None), algorithms=ANY)
    check_signature(jwt, public(KEYS["EdDSA"]), algorithms=ANY)


def test_the_kid_names_the_one_key_that_is_tried():
    first, second = make_key(), make_key()
    jwt = parse_jwt(token(first, kid=second.kid))
    with pytest.raises(ValueError, match="bad signature"):
        check_signature(jwt, public(first, second), algorithms=ANY)
    with pytest.raises(ValueError, match="no key"):
        check_signature(jwt, public(first), algorithms=ANY)


def test_keys_may_share_a_name_and_a_token_may_name_none():
    first, second = make_key(), make_key()
    for text in (token(second), token(second, kid="shared")):
        check_signature(parse_jwt(text), public(first, second, kid="shared"), algorithms=ANY)


@pytest.mark.parametrize("kid", ["", "\0", "\ud800", "x" * 50_000, "../../etc", "' OR 1=1"])
def test_a_kid_of_whatever_text_names_no_key(kid: str):
    with pytest.raises(ValueError, match="no key"):
        check_signature(parse_jwt(token(kid=kid)), public(KEY), algorithms=ANY)


def test_without_keys_nothing_holds():
    with pytest.raises(ValueError, match="no key"):
        check_signature(parse_jwt(token()), (), algorithms=ANY)


def test_the_keys_of_nobody_prove_nothing():
    """Everybody can sign for them: the private half of a curve's base point is 1."""
    one = Key("ES256", ec.derive_private_key(1, ec.SECP256R1()))
    assert one.kid in {key.thumbprint for key in NOBODYS_KEYS}
    with pytest.raises(ValueError, match="no key"):
        check_signature(parse_jwt(token(one)), (), algorithms=ANY)


# --- typ (RFC 8725 §3.11)


def jwt_of(header: dict[str, Any]) -> Jwt:
    return Jwt({"alg": "ES256"} | header, claims={}, signing_input=b"", signature=b"")


@pytest.mark.parametrize("header", [{}, {"typ": "jwt"}, {"typ": "JWT"}, {"typ": "Jwt"}])
def test_typ_may_be_absent_and_of_any_case(header: dict[str, str]):
    check_typ(jwt_of(header), ("jwt",))


@pytest.mark.parametrize(
    "typ", ["", "at+jwt", "jwt ", "application/jwt", "jwt\0", 1, True, ["jwt"], {"jwt": 1}]
)
def test_another_typ_is_refused(typ: object):
    with pytest.raises(ValueError, match="typ"):
        check_typ(jwt_of({"typ": typ}), ("jwt",))


def test_typ_can_be_required():
    with pytest.raises(ValueError, match="typ"):
        check_typ(jwt_of({}), ("jwt",), required=True)


# --- Times


NOW = int(NOON.timestamp())


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"exp": NOW + 1},
        {"exp": NOW + 0.5},
        {"exp": None, "nbf": None, "iat": None},
        {"nbf": NOW + 10, "iat": NOW + 10},
        {"nbf": 0, "iat": 0},
    ],
)
def test_times_may_be_absent_and_ten_seconds_ahead(claims: dict[str, Any]):
    """PROTOCOL 19, FAPI 2.0 §5.3.2.1."""
    check_times(claims, NOON)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW},
        {"exp": NOW - 1},
        {"exp": 0},
        {"nbf": NOW + 11},
        {"iat": NOW + 11},
        {"nbf": NOW + 10.5},
        {"exp": NOW + 60, "iat": NOW + 30},
    ],
)
def test_what_is_over_or_not_yet_is_refused(claims: dict[str, Any]):
    with pytest.raises(ValueError):
        check_times(claims, NOON)


def test_a_moment_may_be_a_fraction():
    """RFC 7519 §2."""
    assert moment({"exp": 1.5}, "exp") == datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC)


NO_MOMENTS = [
    True, False, "", "1", str(NOW + 60), [NOW], {"exp": NOW}, -1, -0.5, 1e308, 10**12, 10**400,
    -(10**400), 253_402_300_800, float("inf"), float("-inf"), float("nan"),
]  # fmt: skip


@pytest.mark.parametrize("value", NO_MOMENTS, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
def test_what_is_no_moment_is_refused(name: str, value: object):
    with pytest.raises(ValueError, match=name):
        check_times({"exp": NOW + 60} | {name: value}, NOON)
    with pytest.raises(ValueError, match=name):
        required_moment({name: value}, name)


@given(JSON | st.integers() | st.floats())
def test_no_value_of_a_time_is_a_crash(value: object):
    try:
        check_times({"exp": value, "nbf": value, "iat": value}, NOON)
        assert required_moment({"exp": value}, "exp") + timedelta(hours=1) > NOON
    except ValueError:
        return


def test_a_moment_can_be_required():
    for claims in ({}, {"exp": None}):
        with pytest.raises(ValueError, match="exp is missing"):
            required_moment(claims, "exp")


# --- Texts


@pytest.mark.parametrize(
    "value", [None, "", 1, True, ["a"], {"a": 1}, "a\0", "\ud800", "a\udfffb", "\ude00\ud83d"]
)
def test_what_is_no_text_is_refused(value: object):
    with pytest.raises(ValueError, match="jti"):
        required_text({"jti": value}, "jti")
    with pytest.raises(ValueError, match="jti"):
        required_text({}, "jti")


@pytest.mark.parametrize("value", ["a", " ", "é", "😀", "\ue000", "\n", "x" * 10_000])
def test_any_other_text_is_one(value: str):
    claims = parse_jwt(token(claims={"jti": value})).claims
    assert required_text(claims, "jti") == value


def test_the_rig_writes_what_others_read():
    """The rig is made by hand: base64url and JSON as everybody writes them."""
    header, claims, _ = token().split(".")
    assert decode(header) == base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))
    assert json.loads(decode(claims)) == {"sub": "billing"}
