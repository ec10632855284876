"""POST /connect/token on the wire: the order of checks, rows 11 to 14, success and errors."""

import base64
import json
import re

import pytest

from tests.oauth.memory_store import MemoryStore, make_client
from tests.views.memory_app import connect
from tests.views.wire import INVALID_REQUEST, INVALID_SCOPE, TOKEN, Answer, Signet, basic, basic_raw


def claims(answer: Answer) -> dict:
    assert answer.status == 200, answer.body
    payload = answer.json["access_token"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


# The order of checks: of two faults, the one that is checked first is told

ORDER = [
    # each: a fault, and what it is answered with
    ({"": "repeated"}, "invalid_request"),
    ({"grant_type": ""}, "invalid_request"),
    ({"grant_type": "password"}, "unsupported_grant_type"),
    ({"client_secret": "wrong"}, "invalid_client"),
    ({"resource": "https://a.example"}, "invalid_target"),
    ({"scope": "nothing"}, "invalid_scope"),
]


@pytest.mark.parametrize("first", range(len(ORDER) - 1))
def test_the_first_fault_in_the_order_of_checks_is_told(signet: Signet, first: int):
    form = signet.form()
    for fault, _ in reversed(ORDER[first:]):
        form |= fault
    repeated = form.pop("", None)
    pairs = [*form.items(), *([("x", "1"), ("x", "2")] if repeated else [])]
    assert signet.post(data=pairs).error == (400, ORDER[first][1])


def test_the_method_is_checked_before_the_content_type(signet: Signet):
    assert signet.request("PUT", TOKEN, b"{}", {"Content-Type": "application/json"}).status == 405


def test_a_missing_grant_type_is_told_before_a_broken_header(signet: Signet):
    assert signet.post(data={"x": "1"}, headers=basic_raw(b"no colon")).error == INVALID_REQUEST


def test_an_unknown_grant_type_is_told_before_two_mechanisms(signet: Signet):
    answer = signet.post(data=signet.form(grant_type="password"), headers=basic("billing", "x"))
    assert answer.error == (400, "unsupported_grant_type")


@pytest.mark.parametrize(
    "grant_type", ["password", "Client_Credentials", "client_credentials ", '"', "ü"]
)
def test_an_unknown_grant_type_is_refused_and_not_repeated(signet: Signet, grant_type: str):
    answer = signet.ask(grant_type=grant_type)
    assert answer.error == (400, "unsupported_grant_type")
    assert answer.json["error_description"] == "The grant type is not supported."


def test_a_grant_that_the_client_may_not_use_is_unauthorized_client():
    client = make_client("billing", "secret", grant_types=frozenset(), scopes=())
    form = {"grant_type": "client_credentials", "client_id": "billing", "client_secret": "secret"}
    answer = connect(MemoryStore(client)).post(TOKEN, data=form | {"resource": "x"})
    assert (answer.status_code, answer.json["error"]) == (400, "unauthorized_client")


# Row 11: the syntax of scope


@pytest.mark.parametrize("scope", ['a"b', "a\\b", "a\tb", "a\nb", "ü", "a\x7fb", "a\u00a0b", "\t"])
def test_row_11_another_character_is_refused(signet: Signet, scope: str):
    assert signet.ask(scope=scope).error == INVALID_SCOPE
    assert signet.ask(scope=f"external-api {scope}").error == INVALID_SCOPE


def test_row_11_repeated_spaces_separate(signet: Signet):
    answer = signet.ask("reporting", scope="  orders.write   orders.read ")
    assert answer.json["scope"] == "orders.read orders.write"


def test_row_11_duplicates_collapse(signet: Signet):
    answer = signet.ask("reporting", scope="orders.read orders.read")
    assert answer.json["scope"] == "orders.read"


def test_row_11_scopes_are_case_sensitive(signet: Signet):
    assert signet.ask(scope="External-Api").error == INVALID_SCOPE


# Row 12: what is granted


@pytest.mark.parametrize("parameters", [{}, {"scope": ""}, {"scope": "   "}])
def test_row_12_omitted_or_blank_is_all_that_is_assigned(
    signet: Signet, parameters: dict[str, str]
):
    answer = signet.ask("reporting", **parameters)
    assert answer.json["scope"] == "orders.read orders.write stock.read"


@pytest.mark.parametrize("parameters", [{}, {"scope": "external-api"}])
def test_row_12_a_client_without_scopes_is_refused(signet: Signet, parameters: dict[str, str]):
    assert signet.ask("idle", **parameters).error == INVALID_SCOPE


@pytest.mark.parametrize("scope", ["nothing", "external-api", "suspended"])
def test_row_12_one_scope_that_is_not_granted_refuses_all(signet: Signet, scope: str):
    """Unknown, not assigned, disabled."""
    assert signet.ask("reporting", scope=f"orders.read {scope}").error == INVALID_SCOPE


# Row 13: the answer carries the scope


def test_row_13_the_answer_carries_the_scope_sorted(signet: Signet):
    assert signet.ask().json["scope"] == "external-api"
    answer = signet.ask("reporting", scope="stock.read orders.read")
    assert answer.json["scope"] == "orders.read stock.read"
    assert claims(answer)["scope"] == "orders.read stock.read"


# Row 14: audience


def test_row_14_one_api_is_a_string(signet: Signet):
    assert claims(signet.ask())["aud"] == "external-api"
    assert claims(signet.ask("reporting", scope="orders.read orders.write"))["aud"] == "orders"


def test_row_14_several_apis_are_a_sorted_array(signet: Signet):
    assert claims(signet.ask("reporting"))["aud"] == ["orders", "stock"]
    assert claims(signet.ask("reporting", scope="stock.read"))["aud"] == ["orders", "stock"]


@pytest.mark.parametrize("resource", ["https://orders.example", "orders", "x"])
def test_row_14_resource_is_refused_and_never_ignored(signet: Signet, resource: str):
    assert signet.ask("reporting", resource=resource).error == (400, "invalid_target")


# Success


def test_success_is_the_answer_of_the_document(signet: Signet):
    answer = signet.ask()
    assert answer.status == 200
    pattern = (
        r'\{"access_token":"[\w.-]+","expires_in":3600,'
        r'"token_type":"Bearer","scope":"external-api"\}'
    )
    assert re.fullmatch(pattern, answer.body.decode())


def test_success_has_the_headers_of_the_rfc(signet: Signet):
    """RFC 6749 §5.1."""
    answer = signet.ask()
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert not {"Sunset", "Deprecation", "Link", "Set-Cookie", "Vary"} & set(answer.headers)


def test_success_expires_when_the_token_does(signet: Signet):
    answer = signet.ask("reporting")
    assert answer.json["expires_in"] == 120
    assert claims(answer)["exp"] - claims(answer)["iat"] == 120


def test_success_holds_no_other_token(signet: Signet):
    assert list(signet.ask().json) == ["access_token", "expires_in", "token_type", "scope"]


# Errors


def test_an_error_has_two_members_and_the_headers_of_the_rfc(signet: Signet):
    """RFC 6749 §5.2."""
    answer = signet.ask(client_secret="wrong")
    assert list(answer.json) == ["error", "error_description"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"


def test_every_answer_has_an_id_of_its_own(signet: Signet):
    answers = [signet.ask(), signet.ask(client_secret="x"), signet.get(TOKEN), signet.get("/x")]
    ids = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(ids) == len(answers)
    assert all(re.fullmatch(r"[0-9a-f]{24}", request_id) for request_id in ids)


def test_a_request_id_of_the_caller_is_not_taken_over(signet: Signet):
    headers = {"X-Request-Id": "planted"}
    assert signet.post(data=signet.form(), headers=headers).headers["X-Request-Id"] != "planted"


def test_a_failing_database_is_503_and_never_invalid_client():
    store = MemoryStore(make_client("billing", "secret"))
    store.is_away = True
    answer = connect(store).post(
        TOKEN, data={"grant_type": "client_credentials"}, headers=basic("billing", "secret")
    )
    assert (answer.status_code, answer.json["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_fault_of_ours_is_500_and_says_nothing():
    store = MemoryStore(make_client("billing", "secret"), keys=())
    store.signing_key = lambda now: 1 / 0  # type: ignore[method-assign]
    answer = connect(store).post(
        TOKEN, data={"grant_type": "client_credentials"}, headers=basic("billing", "secret")
    )
    assert (answer.status_code, answer.json["error"]) == (500, "server_error")
    assert answer.headers["Cache-Control"] == "no-store"
    assert b"Error" not in answer.data
