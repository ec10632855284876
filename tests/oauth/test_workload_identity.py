"""Workload identity: the token of another issuer lets a client in (RFC 7523 §3, PROTOCOL 22)."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signet.oauth.client import Client, KeySource, TrustedIssuer
from signet.oauth.client_authentication import Authenticated, authenticate_client
from signet.oauth.errors import RefusedClientError
from signet.oauth.public_keys import parse_jwk_set
from signet.oauth.workload_identity import subject_matches
from tests.oauth.memory_store import NOON, MemoryServer, MemoryStore, make_client
from tests.oauth.requests import make_request
from tests.oauth.signing import (
    NULL,
    SharedSecret,
    Unsigned,
    jwk_set,
    make_assertion,
    make_key,
    make_workload_token,
    public_jwk,
    public_pem,
)
from tests.work import processor_seconds

ISSUER = "https://signet.example"
CLUSTER, FORGE = "https://cluster.example", "https://forge.example"
POD = "system:serviceaccount:shop:billing"
NOW = int(NOON.timestamp())
KEYS = {alg: make_key(alg) for alg in ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")}
KEY, OTHER_KEY = KEYS["ES256"], make_key()


def trust(**fields: Any) -> TrustedIssuer:
    known = {"issuer": CLUSTER, "subject": POD, "audience": ISSUER}
    known |= {"jwks": parse_jwk_set(jwk_set(*KEYS.values()))}
    return TrustedIssuer(**(known | fields))


def make_workload(*trusted: TrustedIssuer, **fields: Any) -> Client:
    known = {"token_endpoint_auth_method": "federated_jwt", "secrets": ()}
    return make_client(**(known | {"trusted_issuers": trusted or (trust(),)} | fields))


BILLING = make_workload()


def token(key: Any = KEY, iss: str = CLUSTER, sub: str = POD, aud: Any = ISSUER, **changes: Any):
    return make_workload_token(key, iss, sub, aud, now=NOON, **changes)


def authenticate(
    sent: str, *clients: Client, store: MemoryStore | None = None, **parameters: Any
) -> Authenticated:
    server = MemoryServer(store=store or MemoryStore(*(clients or (BILLING,))))
    parameters = {"client_id": "billing"} | parameters
    request = make_request(assertion=sent, **parameters)
    return authenticate_client(request, server=server, now=NOON, fresh=False)


def reason_against(sent: str, *clients: Client, **parameters: Any) -> str:
    with pytest.raises(RefusedClientError) as caught:
        authenticate(sent, *clients, **parameters)
    assert caught.value.get_error_description() == "Client authentication failed."
    return caught.value.reason


NOT_TRUSTED = "workload token: no trusted issuer of that iss, sub and aud"


# --- What lets a workload in


@pytest.mark.parametrize("alg", KEYS)
def test_a_token_of_a_trusted_issuer_lets_the_client_in(alg: str):
    """PROTOCOL 22: RS256 too, which is all that most platforms sign with."""
    assert authenticate(token(KEYS[alg])).client is BILLING


def test_the_same_token_lets_it_in_again():
    """PROTOCOL 22: its ``jti`` is not noted; it is a file that is read again."""
    sent = token(jti="once")
    for _ in range(2):
        assert authenticate(sent).credential.note is None


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [ISSUER]},
        {"header": {"typ": None}},
        {"header": {"typ": "at+jwt"}},
        {"header": {"typ": "client-authentication+jwt"}},
        {"header": {"kid": None}},
        {"header": {"x5t": "AAAA"}},
        {"jti": None},
        {"iat": None, "nbf": None},
        {"iat": NOW + 10, "nbf": NOW + 10},
        {"iat": NOW - 3_600, "exp": NOW + 82_800},
        {"exp": NOW + 86_400},
        {"iat": None, "exp": NOW + 86_400},
        {"kubernetes.io": {"namespace": "shop", "pod": {"name": "billing-0"}}},
    ],
)
def test_what_may_be_otherwise(changes: dict[str, Any]):
    authenticate(token(**changes))


# --- The client


def test_the_client_must_be_named_in_the_body():
    """PROTOCOL 22: ``sub`` says who it is over there, not which client it means here."""
    store = MemoryStore(make_workload(trust(subject="billing")))
    request = make_request(assertion=token(sub="billing"))
    with pytest.raises(RefusedClientError) as caught:
        authenticate_client(request, server=MemoryServer(store=store), now=NOON, fresh=False)
    assert caught.value.reason == "workload token: client_id is missing"


def test_a_client_that_trusts_nobody_lets_nobody_in():
    assert reason_against(token(), make_workload(trusted_issuers=())) == NOT_TRUSTED


def test_the_trust_of_one_client_lets_no_other_in():
    other = make_workload(trust(subject="other"), client_id="other")
    assert reason_against(token(), BILLING, other, client_id="other") == NOT_TRUSTED


def test_a_client_with_keys_of_its_own_cannot_use_them_here():
    """SECURITY C11."""
    client = make_workload(jwks=parse_jwk_set(jwk_set(KEY)))
    own = make_assertion(KEY, "billing", ISSUER, now=NOON)
    assert reason_against(own, client) == NOT_TRUSTED


# --- iss, sub and aud, as a whole


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": None},
        {"iss": ""},
        {"iss": [CLUSTER]},
        {"iss": 1},
        {"iss": "\ud800"},
        {"sub": None},
        {"sub": ""},
        {"sub": [POD]},
        {"sub": {}},
        {"sub": f"{POD}\0"},
    ],
)
def test_issuer_and_subject_must_be_texts(changes: dict[str, Any]):
    (name,) = changes
    assert reason_against(token(**changes)).startswith(f"workload token: {name} ")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": FORGE},
        {"iss": f"{CLUSTER}/"},
        {"iss": CLUSTER[:-1]},
        {"iss": CLUSTER.upper()},
        {"sub": "other"},
        {"sub": f"{POD}-2"},
        {"sub": f"x{POD}"},
        {"sub": POD.upper()},
        {"sub": f"{POD}\n"},
        {"aud": None},
        {"aud": NULL},
        {"aud": ""},
        {"aud": []},
        {"aud": [[ISSUER]]},
        {"aud": {"aud": ISSUER}},
        {"aud": "https://other.example"},
        {"aud": [ISSUER, "https://other.example"]},
        {"aud": [ISSUER, ISSUER]},
        {"aud": f"{ISSUER}/connect/token"},
        {"aud": f"{ISSUER}/"},
        {"aud": True},
    ],
)
def test_they_must_be_exactly_those_of_an_entry(changes: dict[str, Any]):
    """SECURITY C6, C20: ``aud`` is a string or an array of exactly one."""
    assert reason_against(token(**changes)) == NOT_TRUSTED


ENTRIES = (
    trust(issuer=CLUSTER, subject="pod", audience="a", jwks=parse_jwk_set(jwk_set(KEY))),
    trust(issuer=FORGE, subject="repo", audience="b", jwks=parse_jwk_set(jwk_set(OTHER_KEY))),
)


@pytest.mark.parametrize("iss", [CLUSTER, FORGE])
@pytest.mark.parametrize("sub", ["pod", "repo"])
@pytest.mark.parametrize("aud", ["a", "b"])
@pytest.mark.parametrize("key", [KEY, OTHER_KEY], ids=["cluster's key", "forge's key"])
def test_parts_of_two_entries_make_no_third(iss: str, sub: str, aud: str, key: Any):
    """PROTOCOL 22: matched against one trust entry as a whole."""
    client = make_workload(*ENTRIES)
    sent = token(key, iss, sub, aud, header={"kid": None})
    if (iss, sub, aud, key) in ((CLUSTER, "pod", "a", KEY), (FORGE, "repo", "b", OTHER_KEY)):
        authenticate(sent, client)
    else:
        reason_against(sent, client)


def test_of_several_entries_that_fit_one_that_vouches_is_enough():
    first = trust(jwks=parse_jwk_set(jwk_set(OTHER_KEY)))
    second = trust(jwks_uri="https://cluster.example/keys", jwks=None)
    client = make_workload(first, second, trust())
    authenticate(token(), client)
    assert reason_against(token(header={"kid": "x"}), client) == (
        "workload token: no key of that kid and alg, nothing is published there"
    )


# --- When


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": None}, "exp is missing"),
        ({"exp": NOW}, "expired"),
        ({"exp": NOW - 1}, "expired"),
        ({"exp": NOW + 86_401}, "it lives longer than 24 hours"),
        ({"iat": None, "exp": NOW + 86_401}, "it lives longer than 24 hours"),
        ({"iat": NOW - 86_400, "exp": NOW + 1}, "it lives longer than 24 hours"),
        ({"iat": 0}, "it lives longer than 24 hours"),
        ({"iat": NOW + 11}, "iat is in the future"),
        ({"nbf": NOW + 11}, "nbf is in the future"),
        ({"exp": "9999999999"}, "exp is no number"),
        ({"exp": True}, "exp is no number"),
        ({"exp": 10**400}, "exp is out of range"),
        ({"iat": 10**400}, "iat is out of range"),
        ({"iat": -1}, "iat is out of range"),
    ],
)
def test_it_is_refused_at_the_wrong_time(changes: dict[str, Any], reason: str):
    """PROTOCOL 22: at most 24 hours from ``iat`` to ``exp``."""
    assert reason_against(token(**changes)) == f"workload token: {reason}"


# --- Signature and kind


def test_another_key_vouches_for_nobody():
    assert "bad signature" in reason_against(token(OTHER_KEY, header={"kid": KEY.kid}))
    assert "no key" in reason_against(token(OTHER_KEY))


@pytest.mark.parametrize("alg", ["none", "nOnE", "HS256", "ES256"])
def test_an_unsigned_token_is_refused(alg: str):
    """SECURITY C2."""
    reason_against(token(Unsigned(alg, kid=KEY.kid)))


@pytest.mark.parametrize("alg", KEYS)
def test_the_issuers_public_key_is_no_secret(alg: str):
    """SECURITY C1."""
    key = KEYS[alg]
    for said in ("HS256", "RS256"):
        reason_against(token(SharedSecret(public_pem(key), alg=said, kid=key.kid)))


def test_a_key_in_the_header_is_not_trusted():
    """SECURITY C2."""
    reason_against(token(OTHER_KEY, header={"jwk": public_jwk(OTHER_KEY)}))


@pytest.mark.parametrize("header", [{"crit": ["x"]}, {"crit": "x"}, {"enc": "A256GCM"}])
def test_extensions_are_refused(header: dict[str, Any]):
    """SECURITY C3."""
    assert "extension" in reason_against(token(header=header))


@pytest.mark.parametrize("typ", ["dpop+jwt", "token-introspection+jwt", "secevent+jwt", 1, []])
def test_another_kind_of_token_is_refused(typ: object):
    assert reason_against(token(header={"typ": typ})) == "workload token: typ is not allowed"


# --- Where the keys are


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({"jwks": None}, KeySource(issuer=CLUSTER)),
        ({"jwks": None, "jwks_uri": "https://k.example"}, KeySource(jwks_uri="https://k.example")),
    ],
    ids=["the issuer's metadata", "an address"],
)
def test_keys_come_from_where_the_entry_says(fields: dict[str, Any], source: KeySource):
    store = MemoryStore(make_workload(trust(**fields)))
    assert "nothing is published there" in reason_against(token(), store=store)
    store.published[source] = parse_jwk_set(jwk_set(KEY))
    authenticate(token(), store=store)


def test_keys_known_beforehand_are_the_only_ones():
    client = make_workload(trust(jwks=(), jwks_uri="https://k.example"))
    store = MemoryStore(client)
    for source in (KeySource(jwks_uri="https://k.example"), KeySource(issuer=CLUSTER)):
        store.published[source] = parse_jwk_set(jwk_set(KEY))
    assert "no key" in reason_against(token(), store=store)


def test_nobody_is_asked_for_keys_before_the_entry_fits():
    """A stranger's token makes this server fetch nothing."""

    class Store(MemoryStore):
        def keys_of(self, source: KeySource, *, kid: str | None) -> tuple:
            raise AssertionError("asked")

    store = Store(make_workload(trust(jwks=None)))
    for changes in ({"iss": FORGE}, {"sub": "other"}, {"aud": "x"}, {"exp": NOW}):
        reason_against(token(**changes), store=store)


# --- Subjects


@pytest.mark.parametrize(
    ("pattern", "subject", "matches"),
    [
        ("pod", "pod", True),
        ("pod", "pod2", False),
        ("pod", "apod", False),
        ("pod", "POD", False),
        ("", "", True),
        ("", "x", False),
        ("*", "x", True),
        ("*", "", False),
        ("*", "a:b", False),
        ("*", "a/b", False),
        ("*", "a\nb", True),
        ("**", "a:b/c", True),
        ("**", "", False),
        ("**", "\n", True),
        ("a*", "a", False),
        ("a*", "ab", True),
        ("*a", "a", False),
        ("*a", "aa", True),
        ("a*a", "aa", False),
        ("a*a", "aba", True),
        ("system:serviceaccount:shop:*", POD, True),
        ("system:serviceaccount:*:billing", POD, True),
        ("system:serviceaccount:*", POD, False),
        ("system:*:billing", POD, False),
        ("system:**:billing", POD, True),
        ("system:**", POD, True),
        ("system:serviceaccount:shop:billing*", POD, False),
        ("system:serviceaccount:shop:**billing", POD, False),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/shop:ref:refs/heads/main", True),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/a/b:ref:refs/heads/main", False),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/x:y:ref:refs/heads/main", False),
        ("repo:acme/shop:**", "repo:acme/shop:pull_request", True),
        ("repo:acme/shop:*", "repo:acme/shop-evil:main", False),
        ("***", "a:b", True),
        ("***", "a", False),
        ("***", "ab:", False),
        ("a.c", "abc", False),
        ("[a-z]", "a", False),
        ("[a-z]", "[a-z]", True),
        ("a?", "ab", False),
        ("a+", "aa", False),
        (".*", "anything", False),
        ("\\*", "\\x", True),
        ("^pod$", "pod", False),
    ],
)
def test_a_pattern_is_of_the_whole_subject(pattern: str, subject: str, matches: bool):
    """PROTOCOL 22: ``*`` one or more but ``:`` and ``/``, ``**`` any, the rest literal."""
    assert subject_matches(pattern, subject) is matches


@given(
    st.lists(st.sampled_from(["*", "**", "a", "b", ":", "/", ".", "ab"]), max_size=7).map("".join),
    st.text("ab:/.", max_size=8),
)
def test_a_pattern_means_what_the_expression_means(pattern: str, subject: str):
    expression = "".join(
        {"**": r".+", "*": r"[^:/]+"}.get(part, re.escape(part))
        for part in re.findall(r"\*\*|\*|[^*]+", pattern)
    )
    expected = re.fullmatch(expression, subject, re.DOTALL) is not None
    assert subject_matches(pattern, subject) is expected


@pytest.mark.parametrize("pattern", ["**a" * 40 + "b", "*a" * 40 + "b", "**" * 100, "*" * 199])
def test_no_pattern_takes_long(pattern: str):
    """A regular expression would try for ever."""
    subject = "a" * 10_000
    assert not subject_matches(pattern + "!", subject)
    assert processor_seconds(lambda: subject_matches(pattern + "!", subject), times=1) < 2


# --- Whatever comes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(ISSUER),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    header=st.dictionaries(st.sampled_from(["typ", "alg", "kid", "crit", "jwk"]), JSON),
    claims=st.dictionaries(st.sampled_from(["exp", "nbf", "iat", "jti"]), JSON),
    named=st.tuples(JSON, JSON, JSON),
)
def test_no_token_is_a_crash(header: dict[str, Any], claims: dict[str, Any], named: tuple):
    iss, sub, aud = named
    for sent in (
        token(header=header, **claims),
        make_workload_token(KEY, iss, sub, aud, now=NOON),
        make_workload_token(KEY, CLUSTER, POD, aud, now=NOON),
    ):
        try:
            authenticate(sent)
        except RefusedClientError:
            continue
