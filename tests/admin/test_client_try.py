"""Try it: what a client's token would say, and a real request with its secret."""

import json
import logging

import pytest

from signet.models.audit_log import list_entries
from signet.models.audit_query import AuditFilter
from signet.operations.clients import (
    ClientFacts,
    assign_scope,
    disable_client,
    register_client,
)
from signet.operations.scopes import create_scope, disable_scope
from signet.wiring import utc_now, wiring
from tests.admin.clients.proofs import WAYS, make_keyed
from tests.admin.desk import Desk, text_of
from tests.admin.pages import read
from tests.admin.signing_in import TEST
from tests.printed import programs_on

PATH = "/admin/clients/tried/try"


@pytest.fixture(scope="module")
def secret(sqlite_house):
    """The secret of a client that may read orders, where there are other scopes."""
    with sqlite_house.app.app_context():
        for scope in ("orders.read", "orders.write", "asleep"):
            create_scope(scope, apis=["https://api.example.org"], actor=TEST, now=utc_now())
        disable_scope("asleep", actor=TEST, now=utc_now())
        return register("tried").client_secret


@pytest.fixture
def desk(sqlite_house):
    """On one engine: what is tried goes the way of the token endpoint, tested on both."""
    with sqlite_house.app.app_context():
        yield Desk(sqlite_house.people["operator"])


def register(client_id):
    """A client that is assigned a scope which it gets, and one which nobody gets."""
    return register_client(
        ClientFacts(name="Nightly export"),
        client_id=client_id,
        scopes=["orders.read", "asleep"],
        actor=TEST,
        now=utc_now(),
    )


def preview(desk, scope=""):
    return desk.send(PATH, kind="preview", scope=scope)


def send(desk, secret, scope=""):
    return desk.send(PATH, kind="real", scope=scope, client_secret=secret)


def body_of(answer):
    """The answer of the token endpoint, as the page shows it."""
    page = answer.text.replace(" data-secret>", ">")
    return json.loads(programs_on(page)["Body of the answer"])


def test_a_preview_says_what_the_token_would_say_and_holds_none(desk, secret):
    answer = preview(desk)
    text = text_of(answer)
    assert answer.status_code == 200
    assert "This is a preview. It is not signed, so no API accepts it." in text
    assert "alg RS256" in text
    assert "typ at+jwt" in text
    assert "aud https://api.example.org the API that may accept it" in text
    assert "scope orders.read what it allows" in text
    assert "(in 1 hour)" in text
    assert "eyJ" not in answer.text


def test_a_preview_is_an_entry_of_the_audit_log(desk, secret):
    preview(desk)
    entry = newest_entry()
    assert (entry.action, entry.object.id) == ("client.try", "tried")
    assert entry.after == {"outcome": "preview", "scope": "orders.read"}
    assert "Tried a token of the client Nightly export" in text_of(desk.open("/admin/audit"))


def newest_entry():
    return list_entries(AuditFilter(), limit=1).entries[0]


@pytest.mark.parametrize(
    ("scope", "reason", "link"),
    [
        ("orders.write", "“orders.write” is not assigned to this client.", "/scopes"),
        ("orders.raed", "There is no scope “orders.raed”.", "/admin/scopes"),
        ("asleep", "“asleep” is disabled: nobody gets it.", "/admin/scopes/4"),
        ('a"b', "The scope holds a character that none may hold.", None),
    ],
)
@pytest.mark.parametrize("kind", ["preview", "real"])
def test_a_refusal_of_the_scope_says_why_and_what_helps(desk, secret, kind, scope, reason, link):
    answer = preview(desk, scope) if kind == "preview" else send(desk, secret, scope)
    text = text_of(answer)
    assert reason in text
    assert (
        "would be refused with invalid_scope" if kind == "preview" else "400 Bad Request"
    ) in text
    links = [a.attributes["href"] for a in read(answer.text).all("a", within="main")]
    assert link is None or any(href.endswith(link) for href in links)
    assert "orders.raed" not in str(newest_entry().after)


def test_a_disabled_client_is_refused_in_a_preview_too(desk, secret):
    register("sleeper")
    disable_client("sleeper", actor=TEST, now=utc_now())
    answer = desk.send("/admin/clients/sleeper/try", kind="preview", scope="")
    assert "The client is disabled. Enable it" in text_of(answer)


def test_a_real_request_shows_the_answer_and_the_token_checked_with_the_key_set(desk, secret):
    answer = send(desk, secret)
    body, text = body_of(answer), text_of(answer)
    assert list(body) == ["access_token", "expires_in", "token_type", "scope"]
    assert "200 OK in" in text
    assert "Cache-Control no-store" in text
    assert "X-Request-Id" in text
    assert "Signature checked" in text
    assert "sub tried" in text
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_token_of_a_real_request_is_one(desk, secret):
    token = body_of(send(desk, secret))["access_token"]
    form = {"client_id": "tried", "client_secret": secret, "token": token}
    assert desk.client.post("/connect/introspect", data=form).json["active"] is True


def test_a_real_request_is_an_entry_of_the_audit_log_with_its_reference(desk, secret):
    text = text_of(send(desk, secret))
    entry = newest_entry()
    assert entry.after["outcome"] == "200 OK"
    assert entry.after["request_id"] in text


def test_a_real_request_counts_as_a_use_of_the_secret_from_the_address_of_the_admin(desk, secret):
    wiring().usage.take()
    send(desk, secret)
    ((who, use),) = wiring().usage.take().uses.items()
    assert who[0] == "tried"
    assert (use.address, use.user_agent.partition("/")[0]) == ("127.0.0.1", "Signet")


def test_the_page_and_the_request_have_references_of_their_own(desk, secret):
    answer = send(desk, secret)
    assert answer.headers["X-Request-Id"] != newest_entry().after["request_id"]
    assert answer.headers["X-Request-Id"] not in text_of(answer)


def test_c16_neither_the_secret_nor_the_token_is_kept_or_logged(desk, secret, caplog):
    caplog.set_level(logging.DEBUG)
    answer = send(desk, secret)
    token = body_of(answer)["access_token"]
    assert answer.text.count(token) == 1
    assert secret not in answer.text
    logged = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    for hidden in (secret, token):
        assert hidden not in logged
        assert hidden not in str(list_entries(AuditFilter(), limit=50))
    assert token not in desk.open(PATH).text


def test_a_request_with_a_wrong_secret_says_the_reason_that_no_caller_is_told(desk, secret):
    answer = send(desk, "signet_wrong")
    text = text_of(answer)
    assert "400 Bad Request" in text
    assert body_of(answer)["error"] == "invalid_client"
    assert "The secret was cut off: 12 characters arrived" in text
    assert "A caller is told no more than the body says. Find the request" in text
    assert "signet_wrong" not in answer.text


@pytest.mark.parametrize(
    ("pasted", "message"),
    [("", "Paste the client secret"), ("s" * 513, "Paste the secret and nothing else")],
)
def test_a_real_request_needs_a_secret(desk, secret, pasted, message):
    answer = send(desk, pasted)
    assert answer.status_code == 422
    assert message in text_of(answer)


def test_the_secret_may_have_a_line_break_around_it(desk, secret):
    assert "200 OK" in text_of(send(desk, f" {secret}\r\n"))


@pytest.mark.parametrize("method", WAYS)
def test_without_a_secret_a_preview_works_and_a_real_request_is_not_offered(desk, secret, method):
    client_id = f"keyed-{method}"
    make_keyed(client_id, WAYS[method][1], dpop_bound_access_tokens=True)
    assign_scope(client_id, "orders.read", actor=TEST, now=utc_now())
    path = f"/admin/clients/{client_id}/try"
    page = desk.open(path)
    assert "A real request of this client needs" in text_of(page)
    assert "and a DPoP proof, which this page does not have" in text_of(page)
    assert read(page.text).all("textarea") == []
    text = text_of(desk.send(path, kind="preview", scope=""))
    assert 'cnf {"jkt": "…"} bound' in text
    assert desk.send(path, kind="real", client_secret="x").status_code == 422


def test_a_viewer_finds_no_tab_and_no_page(sqlite_house, secret):
    viewer = Desk(sqlite_house.people["viewer"])
    assert "Try it" not in viewer.open("/admin/clients/tried").text
    assert viewer.open(PATH).status_code == 403
