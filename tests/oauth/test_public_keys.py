"""Public keys of others (RFC 7517, RFC 7518): what is taken of a JWK set, and what never is."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from signet.oauth.public_keys import (
    LONGEST_RSA_KEY,
    MOST_KEYS,
    NOBODYS_KEYS,
    SHORTEST_RSA_KEY,
    PublicKey,
    find_keys,
    import_public_key,
    parse_jwk_set,
)
from tests.certificates import issue
from tests.oauth.signing import (
    decode,
    encode,
    encode_number,
    jwk_set,
    make_key,
    private_jwk,
    public_jwk,
)

KEYS = {alg: make_key(alg) for alg in ("RS256", "ES256", "EdDSA")}
RSA_JWK, EC_JWK, OKP_JWK = (public_jwk(key, alg=None) for key in KEYS.values())
N = KEYS["RS256"].private.public_key().public_numbers().n


# --- What is taken


@pytest.mark.parametrize(
    ("jwk", "algorithms"),
    [
        (RSA_JWK, ("PS256", "RS256")),
        (RSA_JWK | {"alg": "PS256"}, ("PS256",)),
        (RSA_JWK | {"alg": "RS256"}, ("RS256",)),
        (EC_JWK, ("ES256",)),
        (EC_JWK | {"alg": "ES256"}, ("ES256",)),
        (OKP_JWK, ("EdDSA", "Ed25519")),
        (OKP_JWK | {"alg": "EdDSA"}, ("EdDSA", "Ed25519")),
        (OKP_JWK | {"alg": "Ed25519"}, ("EdDSA", "Ed25519")),
    ],
)
def test_a_key_checks_the_algorithms_of_its_type_or_the_one_that_it_names(
    jwk: dict[str, Any], algorithms: tuple[str, ...]
):
    """SECURITY C1: imported as the type of key that it is."""
    assert import_public_key(jwk).algorithms == algorithms


@pytest.mark.parametrize("alg", KEYS)
def test_the_thumbprint_is_that_of_the_numbers_alone(alg: str):
    """RFC 7638 §3.2."""
    key = KEYS[alg]
    jwk = public_jwk(key, kid="another", use=None, key_ops=["verify"], x5t="AAAA")
    assert import_public_key(jwk).thumbprint == key.kid


def test_the_thumbprint_is_that_of_the_rfc():
    """RFC 8037 appendix A.3."""
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    key = import_public_key({"kty": "OKP", "crv": "Ed25519", "x": x})
    assert key.thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize("changes", [{"use": "sig"}, {"use": None}, {"key_ops": ["verify"]}])
def test_a_key_for_signatures_is_taken(changes: dict[str, Any]):
    import_public_key(public_jwk(KEYS["ES256"], **changes))


@pytest.mark.parametrize("kid", [None, 1, True, ["a"], {"a": 1}])
def test_a_name_that_is_no_text_is_none(kid: object):
    assert import_public_key(EC_JWK | {"kid": kid}).kid is None


def test_the_key_is_not_shown():
    assert EC_JWK["x"] not in repr(import_public_key(EC_JWK))


# --- What never is


@pytest.mark.parametrize("jwk", [None, "", "text", 1, True, [], [EC_JWK], {}])
def test_what_is_no_jwk_is_refused(jwk: object):
    with pytest.raises(ValueError):
        import_public_key(jwk)


@pytest.mark.parametrize("alg", KEYS)
def test_a_private_key_is_refused(alg: str):
    """SECURITY C2, C33: nobody sends one, and nothing of it is kept."""
    with pytest.raises(ValueError, match="private"):
        import_public_key(private_jwk(KEYS[alg]))


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
@pytest.mark.parametrize("value", ["AQAB", "", None, 0])
def test_any_member_of_a_private_key_is_refused(name: str, value: object):
    with pytest.raises(ValueError, match="private"):
        import_public_key(RSA_JWK | {name: value})


def test_a_symmetric_key_is_refused():
    """SECURITY C1."""
    for jwk in ({"kty": "oct", "k": "c2VjcmV0"}, {"kty": "oct"}):
        with pytest.raises(ValueError):
            import_public_key(jwk)


@pytest.mark.parametrize("kty", [None, "", "rsa", "AKP", 1, ["EC"], {"EC": 1}, "EC\0"])
def test_another_type_is_refused(kty: object):
    with pytest.raises(ValueError, match="type"):
        import_public_key(EC_JWK | {"kty": kty})


@pytest.mark.parametrize("other", [RSA_JWK, EC_JWK, OKP_JWK])
@pytest.mark.parametrize("kty", ["RSA", "EC", "OKP"])
def test_the_numbers_of_another_type_make_no_key(kty: str, other: dict[str, Any]):
    if other["kty"] == kty:
        return
    with pytest.raises(ValueError):
        import_public_key(other | {"kty": kty})


@pytest.mark.parametrize(
    ("jwk", "crv"),
    [
        (EC_JWK, crv)
        for crv in (None, "", "P-384", "P-521", "secp256k1", "p-256", "Ed25519", 1, ["P-256"])
    ]
    + [(OKP_JWK, crv) for crv in (None, "Ed448", "X25519", "ed25519", "P-256", {}, ["Ed25519"])],
)
def test_another_curve_is_refused(jwk: dict[str, Any], crv: object):
    with pytest.raises(ValueError, match="curve"):
        import_public_key(jwk | {"crv": crv})


def test_a_key_of_another_curve_is_refused_by_its_own_name_and_by_ours():
    point = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    jwk = {"kty": "EC", "x": encode_number(point.x, 48), "y": encode_number(point.y, 48)}
    for crv in ("P-384", "P-256"):
        with pytest.raises(ValueError):
            import_public_key(jwk | {"crv": crv})


def off_the_curve() -> dict[str, Any]:
    y = int.from_bytes(decode(EC_JWK["y"]))
    return EC_JWK | {"y": encode_number(y ^ 1, 32)}


@pytest.mark.parametrize(
    "jwk",
    [
        off_the_curve(),
        EC_JWK | {"x": encode(bytes(32)), "y": encode(bytes(32))},
        EC_JWK | {"x": encode(b"\xff" * 32)},
        EC_JWK | {"x": EC_JWK["y"], "y": EC_JWK["x"]},
        EC_JWK | {"x": ""},
        EC_JWK | {"x": EC_JWK["x"][:-2]},
        EC_JWK | {"x": "A" * 50_000},
        OKP_JWK | {"x": ""},
        OKP_JWK | {"x": encode(bytes(31))},
        OKP_JWK | {"x": encode(bytes(33))},
        OKP_JWK | {"x": OKP_JWK["x"] + "="},
    ],
)
def test_a_point_that_is_none_is_refused(jwk: dict[str, Any]):
    with pytest.raises(ValueError, match="make no key"):
        import_public_key(jwk)


@pytest.mark.parametrize("value", [None, 1, True, ["AQAB"], {}, "\0", "é", "\ud800", "%", "a b"])
@pytest.mark.parametrize(
    ("jwk", "name"),
    [(RSA_JWK, "n"), (RSA_JWK, "e"), (EC_JWK, "x"), (EC_JWK, "y"), (OKP_JWK, "x")],
)
def test_a_number_that_is_no_base64url_is_refused(jwk: dict[str, Any], name: str, value: object):
    with pytest.raises(ValueError):
        import_public_key(jwk | {name: value})
    with pytest.raises(ValueError):
        import_public_key({member: jwk[member] for member in jwk if member != name})


# An RSA key of any size can be written down; nobody needs to know its primes here.
@pytest.mark.parametrize("bits", [8, 512, 1_024, 2_047, 8_193, 16_384])
def test_an_rsa_key_too_short_or_too_long_is_refused(bits: int):
    """PROTOCOL 19: at least 2048 bits; and none that would cost us time."""
    with pytest.raises(ValueError, match="2048 to 8192"):
        import_public_key(RSA_JWK | {"n": encode_number(2**bits - 1)})


@pytest.mark.parametrize("bits", [SHORTEST_RSA_KEY, 3_072, 4_096, LONGEST_RSA_KEY])
def test_an_rsa_key_of_a_usual_size_is_taken(bits: int):
    assert import_public_key(RSA_JWK | {"n": encode_number(2**bits - 1)}).algorithms


def test_leading_zeros_make_no_key_longer():
    short = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)
    n = short.public_key().public_numbers().n
    with pytest.raises(ValueError, match="2048 to 8192"):
        import_public_key(RSA_JWK | {"n": encode_number(n, 256)})


@pytest.mark.parametrize(
    "n", [N - 1, 2**2_047, 2**2_048 - 2], ids=["less by one", "the least", "the most"]
)
def test_an_even_modulus_is_refused(n: int):
    with pytest.raises(ValueError, match="make no key"):
        import_public_key(RSA_JWK | {"n": encode_number(n)})


@pytest.mark.parametrize(
    "e",
    [0, 1, 2, 4, 65_536, 2**32 - 2, 2**32 + 1, pytest.param(N - 2, id="as long as the modulus")],
)
def test_an_exponent_that_is_none_is_refused(e: int):
    """Zero and one would let every signature pass, a long one would cost us time."""
    with pytest.raises(ValueError, match=r"exponent|make no key"):
        import_public_key(RSA_JWK | {"e": encode_number(e) or "AA"})


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"use": ""},
        {"use": ["sig"]},
        {"use": None},
        {"key_ops": ["sign"]},
        {"key_ops": []},
        {"key_ops": "verify"},
        {"key_ops": {"verify": 1}},
        {"key_ops": None},
        {"alg": "ES384"},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": ""},
        {"alg": 1},
        {"alg": ["ES256"]},
        {"alg": "RS256"},
        {"alg": "ECDH-ES"},
    ],
)
def test_a_key_that_is_for_something_else_is_refused(changes: dict[str, Any]):
    with pytest.raises(ValueError):
        import_public_key(EC_JWK | changes)


@given(
    st.dictionaries(
        st.sampled_from(["kty", "n", "e", "crv", "x", "y", "kid", "use", "alg", "key_ops", "x5c"]),
        st.sampled_from([RSA_JWK["n"], "AQAB", EC_JWK["x"], EC_JWK["y"], "RSA", "EC", "OKP"])
        | st.sampled_from(["P-256", "Ed25519", "sig", "ES256", "EdDSA", "PS256"])
        | st.text()
        | st.none()
        | st.lists(st.text(), max_size=2)
        | st.integers(),
    )
)
def test_no_jwk_is_a_crash(jwk: dict[str, Any]):
    try:
        import_public_key(jwk)
    except ValueError:
        return


# --- Sets


def test_a_set_gives_the_keys_that_can_be_used_and_leaves_the_others():
    """RFC 7517 §5."""
    others = [None, "text", {}, {"kty": "oct", "k": "c2VjcmV0"}, private_jwk(KEYS["EdDSA"])]
    odd = [off_the_curve(), EC_JWK | {"use": "enc"}, RSA_JWK | {"n": "AQAB"}]
    document = {"keys": [*others, EC_JWK, *odd, OKP_JWK], "other": 1}
    kids = [key.kid for key in parse_jwk_set(document)]
    assert kids == [KEYS["ES256"].kid, KEYS["EdDSA"].kid]


@pytest.mark.parametrize(
    "document", [None, [], "", 1, {}, {"keys": None}, {"keys": {}}, {"keys": "x"}, EC_JWK]
)
def test_what_is_no_set_is_refused(document: object):
    with pytest.raises(ValueError, match="not a JWK set"):
        parse_jwk_set(document)


def test_an_empty_set_has_no_keys():
    assert parse_jwk_set({"keys": []}) == ()


def test_a_set_without_end_is_not_read_to_its_end():
    keys = parse_jwk_set({"keys": [OKP_JWK] * 5_000})
    assert len(keys) == MOST_KEYS


@given(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.just({"keys": 1})))
def test_no_set_is_a_crash(keys: object):
    try:
        assert parse_jwk_set({"keys": keys}) == ()
    except ValueError:
        return


# --- Which key


def keys_of(*named: tuple[str, str | None]) -> tuple[PublicKey, ...]:
    return parse_jwk_set(jwk_set(*(public_jwk(KEYS[alg], kid=kid) for alg, kid in named)))


def test_a_key_is_found_by_its_name_and_its_algorithm():
    keys = keys_of(("ES256", "a"), ("EdDSA", "a"), ("ES256", "b"))
    assert find_keys(keys, kid="a", alg="ES256") == (keys[0],)
    assert find_keys(keys, kid="a", alg="Ed25519") == (keys[1],)
    assert find_keys(keys, kid="b", alg="EdDSA") == ()


def test_a_token_without_kid_may_be_of_any_key_of_its_algorithm():
    keys = keys_of(("ES256", "a"), ("EdDSA", None), ("ES256", None))
    assert find_keys(keys, kid=None, alg="ES256") == (keys[0], keys[2])


def test_a_key_without_a_name_may_have_any():
    """A key that was given in PEM has none, and whatever the client calls it is right."""
    keys = keys_of(("ES256", "a"), ("ES256", None))
    assert find_keys(keys, kid="a", alg="ES256") == keys
    assert find_keys(keys, kid="b", alg="ES256") == (keys[1],)


# --- Certificates (RFC 7517 §4.7)


def test_the_certificate_of_a_key_is_its_first():
    issued, other = issue("CN=billing"), issue("CN=other")
    chain = [*issued.jwk["x5c"], *other.jwk["x5c"]]
    assert import_public_key(issued.jwk | {"x5c": chain}).certificate == issued.der


@pytest.mark.parametrize("x5c", [None, "", [], "AAAA", [1], [None], [["AAAA"]], ["%"], ["A"], {}])
def test_what_is_no_certificate_is_none(x5c: object):
    assert import_public_key(EC_JWK | {"x5c": x5c}).certificate is None


def test_a_certificate_in_base64url_is_none():
    """RFC 7517 §4.7: "not base64url-encoded"."""
    assert import_public_key(EC_JWK | {"x5c": [encode(b"\xff" * 30)]}).certificate is None


def test_the_keys_of_nobody_are_of_every_algorithm():
    assert {alg for key in NOBODYS_KEYS for alg in key.algorithms} == {
        *("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
    }
