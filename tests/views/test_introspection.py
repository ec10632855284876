"""POST /connect/introspect on the wire: rows 15 to 17 of the contract, RFC 7662 and RFC 9701.

What each caller hears of which token is tested in ``tests/oauth/test_introspection.py`` as well.
"""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from signet.operations import clients
from signet.wiring import utc_now
from tests.oauth.signing import (
    SharedSecret,
    Unsigned,
    encode,
    make_key,
    sign,
    split,
)
from tests.views.cast import ACTOR, operating
from tests.views.keyed import ask, asserting, assertion_of
from tests.views.wire import (
    INVALID_CLIENT,
    INVALID_REQUEST,
    TOKEN,
    Answer,
    Signet,
    basic,
    basic_raw,
)

PATH = "/connect/introspect"
SIGNED = "application/token-introspection+jwt"
REFUSED = (401, "invalid_client")
#: SIGNET_CACHE_SECONDS, as it is by default.
CACHE_SECONDS = 1.0
INACTIVE = {"active": False}
BOOKS = "https://books.example.org/v1?a=b"


@pytest.fixture
def engine() -> str:
    """What of it depends on the database is tested with revocation, on both engines."""
    return "sqlite"


def introspect(signet: Signet, token: str, caller: str = "external-api", **headers: str) -> Answer:
    """Ask about a token by Basic, as an API or a client."""
    return signet.post(PATH, {"token": token}, basic(caller, signet.secrets[caller]) | headers)


def token_of(signet: Signet, client_id: str = "billing", **parameters: str) -> str:
    return str(signet.ask(client_id, **parameters).json["access_token"])


# --- Who may ask, and what it hears


def test_an_api_hears_the_claims_of_a_token_for_it(signet: Signet):
    token = token_of(signet)
    answer = introspect(signet, token)
    _, claims, _ = split(token)
    assert answer.status == 200
    assert answer.json == {"active": True, "token_type": "Bearer", **claims}


def test_an_api_may_send_its_secret_in_the_body(signet: Signet):
    form = {"client_id": "external-api", "client_secret": signet.secrets["external-api"]}
    assert signet.post(PATH, form | {"token": token_of(signet)}).json["active"] is True


def test_an_api_whose_identifier_is_a_uri_writes_it_form_encoded(signet: Signet):
    """RFC 6749 §2.3.1: or the first colon would end it."""
    token = token_of(signet, "shopping", resource=BOOKS)
    headers = basic(BOOKS, signet.secrets[BOOKS])
    assert signet.post(PATH, {"token": token}, headers).json["aud"] == BOOKS
    as_it_is = basic_raw(f"{BOOKS}:{signet.secrets[BOOKS]}".encode())
    assert signet.post(PATH, {"token": token}, as_it_is).error == REFUSED


@pytest.mark.parametrize(
    ("api", "scope"), [("orders", "orders.read orders.write stock.read"), ("stock", "stock.read")]
)
def test_an_api_hears_of_its_own_scopes_only(signet: Signet, api: str, scope: str):
    answer = introspect(signet, token_of(signet, "reporting"), api)
    assert answer.json["scope"] == scope
    assert answer.json["aud"] == ["orders", "stock"]


def test_a_client_hears_of_its_own_token(signet: Signet):
    answer = introspect(signet, token_of(signet, "reporting"), "reporting")
    assert answer.json["scope"] == "orders.read orders.write stock.read"


def test_a_client_asks_by_the_method_that_it_is_registered_for(signet: Signet):
    token = str(ask(signet, assertion_of(signet)).json["access_token"])
    answer = signet.post(PATH, asserting(assertion_of(signet), token=token))
    assert answer.json["client_id"] == "signer"


def test_a_reference_token_tells_what_it_stands_for(signet: Signet):
    token = token_of(signet, "by-reference", scope="orders.read")
    assert token.count(".") == 0
    told = introspect(signet, token, "orders").json
    assert (told["client_id"], told["aud"], told["scope"]) == (
        "by-reference",
        "orders",
        "orders.read",
    )


@pytest.mark.parametrize("accept", ["application/json", SIGNED])
@pytest.mark.parametrize("client_id", ["billing", "by-reference"])
@pytest.mark.parametrize("caller", ["stock", BOOKS, "reporting", "raced"])
def test_whoever_it_is_not_for_hears_that_it_is_not_active(
    signet: Signet, caller: str, client_id: str, accept: str
):
    """SECURITY C10: each form of token and of answer, foreign APIs and foreign clients."""
    token = token_of(signet, client_id)
    form, headers = {"token": token}, {"Accept": accept}
    if caller == "raced":
        form = asserting(assertion_of(signet, "raced"), **form)
    else:
        headers |= basic(caller, signet.secrets[caller])
    answer = signet.post(PATH, form, headers)
    told = answer.json if accept != SIGNED else split(answer.body.decode())[1]
    assert told.get("token_introspection", told) == INACTIVE


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "x", ""])
def test_a_hint_is_a_hint(signet: Signet, hint: str):
    """RFC 7662 §2.1: it may be wrong."""
    form = {"token": token_of(signet), "token_type_hint": hint}
    headers = basic("external-api", signet.secrets["external-api"])
    assert signet.post(PATH, form, headers).json["active"] is True


# --- Who may not ask


def bad_callers(signet: Signet) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Form and headers of requests that prove nothing."""
    used = assertion_of(signet)
    assert ask(signet, used).status == 200
    right = signet.secrets["external-api"]
    return {
        "nobody": ({}, {}),
        "a name alone": ({"client_id": "external-api"}, {}),
        "a client's name alone": ({"client_id": "billing"}, {}),
        "an unknown name": ({}, basic("nobody", right)),
        "a wrong secret": ({}, basic("external-api", "wrong")),
        "a wrong secret in the body": ({"client_id": "external-api", "client_secret": "wrong"}, {}),
        "the secret of another API": ({}, basic("orders", right)),
        "the secret of a client": ({}, basic("external-api", signet.secrets["billing"])),
        "a disabled client": ({}, basic("disabled", signet.secrets["disabled"])),
        "an expired secret": ({}, basic("expired", signet.secrets["expired"])),
        "a used assertion": (asserting(used), {}),
        "an assertion of an API": (asserting(assertion_of(signet, iss="orders", sub="orders")), {}),
        "a bearer token": ({}, {"Authorization": f"Bearer {token_of(signet)}"}),
        "broken credentials": ({}, basic_raw(b"no colon")),
    }


def test_whoever_proves_nothing_is_401_with_the_challenge(signet: Signet):
    """RFC 7662 §2.3, however it was tried; and one answer for all."""
    answers = {
        name: signet.post(PATH, form | {"token": token_of(signet)}, headers)
        for name, (form, headers) in bad_callers(signet).items()
    }
    assert {name: answer.error for name, answer in answers.items()} == dict.fromkeys(
        answers, REFUSED
    )
    challenges = {answer.headers["WWW-Authenticate"] for answer in answers.values()}
    assert challenges == {'Basic realm="signet"'}


def test_a_secret_of_an_api_is_good_for_nothing_else(signet: Signet):
    headers = basic("external-api", signet.secrets["external-api"])
    token = token_of(signet)
    form = {"grant_type": "client_credentials", "token": token}
    assert signet.post("/connect/token", form, headers).error == REFUSED
    assert signet.post("/connect/revocation", form, headers).error == REFUSED
    in_body = {"client_id": "external-api", "client_secret": signet.secrets["external-api"]}
    assert signet.post("/connect/token", form | in_body).error == INVALID_CLIENT
    assert introspect(signet, token).json["active"] is True


def test_without_a_token_there_is_nothing_to_ask(signet: Signet):
    headers = basic("external-api", signet.secrets["external-api"])
    for form in ({}, {"token": ""}, {"token_type_hint": "access_token"}):
        assert signet.post(PATH, form, headers).error == INVALID_REQUEST


# --- Signed answers (RFC 9701)


def verified(signet: Signet, answer: Answer, audience: str) -> dict[str, Any]:
    """The claims of a signed answer, as somebody checks them who knows only the key set."""
    assert answer.headers["Content-Type"] == SIGNED
    compact = answer.body.decode()
    header = jwt.get_unverified_header(compact)
    assert header["typ"] == "token-introspection+jwt"
    keys = signet.get("/.well-known/jwks.json").json["keys"]
    (key,) = (key for key in keys if key["kid"] == header["kid"])
    claims = jwt.decode(compact, jwt.PyJWK(key), algorithms=[key["alg"]], audience=audience)
    assert claims["iss"] == signet.base_url
    # "SHOULD NOT" be there: or it could be taken for an access token (§5).
    assert not {"sub", "exp"} & claims.keys()
    return claims


def test_a_signed_answer_holds_what_json_would_say(signet: Signet):
    token = token_of(signet)
    answer = introspect(signet, token, Accept=SIGNED)
    claims = verified(signet, answer, "external-api")
    assert claims.keys() == {"iss", "aud", "iat", "token_introspection"}
    assert claims["token_introspection"] == introspect(signet, token).json


def test_that_a_token_is_not_active_is_signed_as_well(signet: Signet):
    answer = introspect(signet, "junk", Accept=SIGNED)
    assert verified(signet, answer, "external-api")["token_introspection"] == INACTIVE


def test_a_client_gets_a_signed_answer_too(signet: Signet):
    answer = introspect(signet, token_of(signet), "billing", Accept=SIGNED)
    assert verified(signet, answer, "billing")["token_introspection"]["client_id"] == "billing"


@pytest.mark.parametrize(
    ("accept", "is_signed"),
    [
        (SIGNED, True),
        (SIGNED.upper(), True),
        (f"text/html, {SIGNED};q=0.1", True),
        (f"application/json;q=0.5, {SIGNED}", True),
        (f"{SIGNED};q=0.5, application/json", False),
        (f"{SIGNED};q=0", False),
        ("application/json", False),
        ("application/jwt", False),
        ("application/*", False),
        ("*/*", False),
        ("text/html", False),
        ("", False),
        (";;,q", False),
    ],
)
def test_who_does_not_ask_for_it_gets_json(signet: Signet, accept: str, is_signed: bool):
    answer = introspect(signet, "junk", Accept=accept)
    assert answer.status == 200
    assert (answer.headers["Content-Type"] == SIGNED) is is_signed


def test_an_error_stays_json(signet: Signet):
    headers = basic("external-api", "wrong") | {"Accept": SIGNED}
    refused = signet.post(PATH, {"token": "x"}, headers)
    assert (refused.error, refused.headers["Content-Type"]) == (REFUSED, "application/json")
    headers = basic("external-api", signet.secrets["external-api"]) | {"Accept": SIGNED}
    refused = signet.post(PATH, {}, headers)
    assert (refused.error, refused.headers["Content-Type"]) == (INVALID_REQUEST, "application/json")


@pytest.mark.parametrize(("api", "alg"), [("elliptic", "ES256"), ("as-default", "EdDSA")])
def test_a_signed_answer_is_of_the_algorithm_of_the_api(workshop: Signet, api: str, alg: str):
    token = token_of(workshop, "mixed", scope=api)
    answer = introspect(workshop, token, api, Accept=SIGNED)
    assert verified(workshop, answer, api)["token_introspection"]["active"] is True
    assert jwt.get_unverified_header(answer.body.decode())["alg"] == alg


# --- Whatever else comes is not active (row 16)

STRANGER = make_key("ES256")


def forged(signet: Signet, signer: Any, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token like the real one, signed by somebody else."""
    real_header, real_claims, _ = split(token_of(signet))
    return sign(signer, real_header | {"alg": signer.alg} | (header or {}), real_claims | claims)


def changed(signet: Signet, **header: Any) -> str:
    """The real one with another header; its signature is what it was."""
    real, _, rest = token_of(signet).partition(".")
    assert real
    real_header, _, _ = split(f"{real}.{rest}")
    return f"{sign(Unsigned(), real_header | header, {}).partition('.')[0]}.{rest}"


def public_key_text(signet: Signet) -> bytes:
    return signet.get("/.well-known/jwks.json").body


HOSTILE: dict[str, Callable[[Signet], str]] = {
    "60 KB of letters": lambda signet: "A" * 60_000,
    "60 KB of dots": lambda signet: "." * 60_000,
    "a signature of 60 KB": lambda signet: token_of(signet) + "A" * 59_000,
    "a claim of 40 KB": lambda signet: forged(signet, STRANGER, x="A" * 40_000),
    "a reference of 60 KB": lambda signet: "signet_at_" + "A" * 60_000,
    "a deep header": lambda signet: f"{encode(b'[' * 20_000 + b']' * 20_000)}.e30.",
    "deep claims": lambda signet: sign(STRANGER, {"alg": "RS256"}, b'{"a":' * 9_000),
    "none": lambda signet: forged(signet, Unsigned()),
    "no signature": lambda signet: forged(signet, Unsigned("RS256")),
    "another key": lambda signet: forged(signet, make_key("RS256")),
    "another key of another kind": lambda signet: forged(signet, STRANGER),
    "the key set as a secret": lambda signet: forged(signet, SharedSecret(public_key_text(signet))),
    "crit": lambda signet: changed(signet, crit=["x"], x=1),
    "crit that is no list": lambda signet: changed(signet, crit="x"),
    "b64": lambda signet: changed(signet, b64=False),
    "zip": lambda signet: changed(signet, zip="DEF"),
    "a key in the header": lambda signet: changed(signet, jwk={"kty": "RSA"}),
    "another kid": lambda signet: changed(signet, kid="x"),
    "a kid that is no text": lambda signet: changed(signet, kid=["x"]),
    "an alg that is no text": lambda signet: changed(signet, alg=None),
    "exp beyond all numbers": lambda signet: forged(signet, STRANGER, exp=10**400),
    "a signed answer of ours": lambda signet: introspect(signet, "x", Accept=SIGNED).body.decode(),
    "an assertion": lambda signet: assertion_of(signet),
    "a secret": lambda signet: signet.secrets["billing"],
    "a bearer header": lambda signet: f"Bearer {token_of(signet)}",
    "a blank before it": lambda signet: f" {token_of(signet)}",
    "five parts": lambda signet: f"{token_of(signet)}.e30.e30",
    "two parts": lambda signet: token_of(signet).rpartition(".")[0],
    "not ASCII": lambda signet: "é\U0001f511" * 50,
    "SQL": lambda signet: "signet_at_' OR 1=1 --",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_token_is_not_active_and_nothing_more(signet: Signet, name: str):
    """SECURITY C1 to C4, asked by an API and by the client it might be of: never a 5xx."""
    token = HOSTILE[name](signet)
    for caller in ("external-api", "billing"):
        answer = introspect(signet, token, caller)
        assert (answer.status, answer.json) == (200, INACTIVE)


def test_what_cannot_be_read_at_all_is_refused_as_a_request(signet: Signet):
    headers = basic("external-api", signet.secrets["external-api"])
    for body in (b"token=%00", b"token=%ff", b"token=%zz", b"token=a&token=b"):
        assert signet.post(PATH, body, headers).error == INVALID_REQUEST
    assert signet.post(PATH, {"token": "A" * 65_536}, headers).error == (413, "invalid_request")


# --- Disabled clients (SECURITY C12)

LEAVING = ["leaving", "leaving-by-reference", "leaving-by-key"]


@pytest.fixture(scope="session")
def tokens_of_disabled_clients() -> dict[str, str]:
    """By client, once they are disabled, which happens once per server: see ``disabled``."""
    return {}


@pytest.fixture
def disabled(signet: Signet, tokens_of_disabled_clients: dict[str, str]) -> dict[str, str]:
    """Tokens of clients that have got them and were disabled a moment ago."""
    tokens = tokens_of_disabled_clients
    if not tokens:
        for client_id in LEAVING:
            answer = signet.post(TOKEN, **proving(signet, client_id))
            tokens[client_id] = answer.json["access_token"]
            assert introspect(signet, tokens[client_id]).json["active"] is True
        with operating(signet.environ):
            for client_id in LEAVING:
                clients.disable_client(client_id, actor=ACTOR, now=utc_now())
        # From then on no worker may serve what it knew before; earlier, any of them still might.
        time.sleep(CACHE_SECONDS)
    return tokens


def proving(signet: Signet, client_id: str, **parameters: str) -> dict[str, dict[str, str]]:
    """Form and headers by which the client proves who it is."""
    form = {"grant_type": "client_credentials"} | parameters
    if client_id == "leaving-by-key":
        return {"data": asserting(assertion_of(signet, client_id), **form)}
    return {"data": form, "headers": basic(client_id, signet.secrets[client_id])}


@pytest.mark.parametrize("client_id", LEAVING)
@pytest.mark.parametrize("path", [TOKEN, PATH, "/connect/revocation"])
def test_c12_a_disabled_client_is_refused_everywhere(
    signet: Signet, disabled: dict[str, str], path: str, client_id: str
):
    for _ in range(5):
        request = proving(signet, client_id, token=disabled[client_id])
        assert signet.post(path, **request).json["error"] == "invalid_client"


@pytest.mark.parametrize("client_id", LEAVING)
def test_c12_the_tokens_of_a_disabled_client_count_no_more(
    signet: Signet, disabled: dict[str, str], client_id: str
):
    for _ in range(5):
        assert introspect(signet, disabled[client_id]).json == INACTIVE
