"""``resource`` and the algorithms of APIs: row 14 of the contract, RFC 8707."""

import jwt
import pytest

from signet.operations import clients
from signet.operations.client_facts import ClientFacts
from signet.wiring import utc_now
from tests.oauth.signing import split
from tests.views.cast import ACTOR, ALGORITHMS, operating, register_api
from tests.views.wire import INVALID_SCOPE, TOKEN, Answer, Signet

INVALID_TARGET = (400, "invalid_target")
BOOKS, MUSIC = "https://books.example.org/v1?a=b", "https://music.example.org"


@pytest.fixture
def engine() -> str:
    """Nothing here depends on the database."""
    return "sqlite"


def ask_for(signet: Signet, *resources: str, scope: str = "") -> Answer:
    """Ask as a client that has ``books`` of one API, ``music`` of another, ``media`` of both."""
    pairs = [("resource", resource) for resource in resources]
    return signet.post(TOKEN, [*signet.form("shopping", scope=scope).items(), *pairs])


def granted(answer: Answer) -> tuple[object, str]:
    """Audience and scope, of the token and of the answer alike."""
    assert answer.status == 200, answer.body
    _, claims, _ = split(answer.json["access_token"])
    assert claims["scope"] == answer.json["scope"]
    return claims["aud"], claims["scope"]


def test_one_resource_is_the_audience_and_only_its_scopes_are_granted(signet: Signet):
    assert granted(ask_for(signet, BOOKS)) == (BOOKS, "books media")


def test_several_resources_are_a_sorted_array(signet: Signet):
    assert granted(ask_for(signet, MUSIC, BOOKS)) == ([BOOKS, MUSIC], "books media music")


def test_the_same_resource_twice_is_one(signet: Signet):
    assert granted(ask_for(signet, BOOKS, BOOKS)) == (BOOKS, "books media")


def test_a_scope_of_several_apis_is_for_the_named_one_alone(signet: Signet):
    assert granted(ask_for(signet, MUSIC, scope="media")) == (MUSIC, "media")


def test_a_resource_without_a_value_is_none(signet: Signet):
    audience = ["external-api", BOOKS, MUSIC]
    assert granted(ask_for(signet, "")) == (audience, "books external-api media music")


@pytest.mark.parametrize("scope", ["music", "books music", "external-api"])
def test_a_scope_that_no_named_resource_owns_is_refused(signet: Signet, scope: str):
    assert ask_for(signet, BOOKS, scope=scope).error == INVALID_SCOPE


@pytest.mark.parametrize(
    "resource",
    [
        "https://unknown.example.org",
        "https://books.example.org/v1",
        "https://music.example.org/",
        "https://MUSIC.example.org",
        "https://music.example.org#part",
        "https://music.example.org#",
        "//music.example.org",
        "music.example.org",
        "external-api",
        "orders",
        "/",
        "https://[",
        "é",
        " https://music.example.org",
        "https://music.example.org https://books.example.org/v1?a=b",
    ],
)
def test_any_other_resource_is_refused(signet: Signet, resource: str):
    """Unknown, written otherwise, with a fragment, or not absolute (RFC 8707 §2)."""
    refused = ask_for(signet, resource)
    assert refused.error == INVALID_TARGET
    assert resource not in refused.json["error_description"]
    assert ask_for(signet, BOOKS, resource).error == INVALID_TARGET


def test_an_api_of_scopes_that_the_client_has_not_is_unknown_to_it(signet: Signet):
    assert signet.ask("billing", resource=MUSIC).error == INVALID_TARGET


# --- Algorithms


@pytest.mark.parametrize("api", ALGORITHMS)
def test_a_token_is_signed_as_its_api_wants_it(workshop: Signet, api: str):
    token = workshop.ask("mixed", scope=api).json["access_token"]
    header = jwt.get_unverified_header(token)
    assert header["alg"] == (ALGORITHMS[api] or "EdDSA")
    keys = workshop.get("/.well-known/jwks.json").json["keys"]
    (key,) = (key for key in keys if key["kid"] == header["kid"])
    assert key["alg"] == header["alg"]
    assert jwt.decode(token, jwt.PyJWK(key), algorithms=[key["alg"]], audience=api)["aud"] == api


@pytest.mark.parametrize("scope", ["", "elliptic rsa", "as-default elliptic"])
def test_apis_that_disagree_cannot_share_a_token(workshop: Signet, scope: str):
    answer = workshop.ask("mixed", scope=scope)
    assert answer.error == INVALID_TARGET
    assert "ask for the scopes of one API" in answer.json["error_description"]


def test_an_api_that_wants_the_default_agrees_with_one_that_has_none(workshop: Signet):
    """EdDSA is the default there."""
    answer = workshop.ask("mixed", scope="as-default edwards")
    assert granted(answer) == (["as-default", "edwards"], "as-default edwards")


def test_the_algorithm_of_a_new_api_works_at_once_on_every_worker(workshop: Signet):
    """A key of it has just been made, and no worker has heard of it."""
    with operating(workshop.environ):
        register_api("new", "RS256")
        issued = clients.register_client(
            ClientFacts(name="new"), scopes=["new"], actor=ACTOR, now=utc_now()
        )
    form = {"grant_type": "client_credentials"} | {
        "client_id": issued.client_id,
        "client_secret": issued.client_secret,
    }
    assert {workshop.post(TOKEN, form).status for _ in range(10)} == {200}
