"""The audit log: every act as a sentence, filtered and paged, each entry with what it changed."""

import ast
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from signet.models.audit import Actor, AuditedObject, act, append_entry
from signet.models.audit_log import AuditEntry, find_entry, find_neighbours, list_entries
from signet.models.audit_query import AuditFilter
from signet.operations import client_secrets, clients, scopes
from signet.operations.clients import ClientFacts, register_client
from signet.operations.scopes import create_scope
from signet.views.admin.audit_facts import facts_of
from signet.views.admin.audit_sentences import ACTS, line_of, say
from signet.wiring import utc_now
from tests.admin.desk import Desk, sit_down, text_of
from tests.admin.pages import links_of, read
from tests.admin.signing_in import TEST, csrf_of

OPERATIONS = Path(scopes.__file__).parent
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BILLING = AuditedObject("client", "billing-export", "Billing export")


@pytest.fixture
def desk(app: Flask, client: FlaskClient) -> Desk:
    return sit_down(app, client)


def make_entry(action: str, about: AuditedObject = BILLING, **changes) -> AuditEntry:
    facts = {
        "number": 1,
        "at": NOON,
        "actor": "ada@example.org",
        "address": "192.0.2.7",
        "user_agent": "",
        "request_id": "",
        "before": {},
        "after": {},
        "previous_hash": "",
        "hash": "",
    }
    return AuditEntry(action=action, object=about, **facts | changes)


def write(action: str = "client.edit", about: AuditedObject = BILLING, *, at=NOON, **kept) -> int:
    """The number of a new entry."""
    actor = Actor(name=kept.pop("actor", "ada@example.org"), address=kept.pop("address", ""))
    with act() as session:
        append_entry(session, actor=actor, action=action, object=about, now=at, **kept)
    return list_entries(AuditFilter(), limit=1).entries[0].number


def actions_of_operations() -> set[str]:
    """Every text in the operations that reads like an action."""
    return {
        node.value
        for path in OPERATIONS.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[a-z_]+\.[a-z_]+", node.value)
    }


def test_every_action_of_an_operation_has_a_sentence():
    assert actions_of_operations() - ACTS.keys() == set()


def calls_that_append() -> dict[Path, list[ast.Call]]:
    """Where an entry is appended, in all of the source."""
    return {
        path: [
            node
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("append_entry", "append_change")
        ]
        for path in OPERATIONS.parent.rglob("*.py")
    }


def test_only_operations_append_entries_so_none_is_overlooked_above():
    appending = {path for path, calls in calls_that_append().items() if calls}
    elsewhere = {path for path in appending if path.parent != OPERATIONS}
    # append_change is built on append_entry.
    assert elsewhere == {OPERATIONS.parent / "models" / "audit.py"}


def test_no_action_is_put_together_so_none_is_overlooked_above():
    actions = [
        keyword.value
        for calls in calls_that_append().values()
        for call in calls
        for keyword in call.keywords
        if keyword.arg == "action"
    ]
    assert len(actions) > 30
    for action in actions:
        # A text, one of two, or what the caller or a field of the operation says.
        assert isinstance(action, ast.Constant | ast.IfExp | ast.Name | ast.Attribute), ast.unparse(
            action
        )


def test_no_sentence_is_for_an_action_that_there_is_not():
    assert ACTS.keys() - actions_of_operations() == set()


@pytest.mark.parametrize("action", ACTS)
def test_an_entry_that_lacks_what_its_sentence_tells_has_one_all_the_same(action):
    sentence = say(make_entry(action, AuditedObject("client", "", "")))
    assert sentence and sentence[0].isupper() and "None" not in sentence


def test_an_action_of_another_version_has_a_sentence():
    assert say(make_entry("client.bless")) == (
        "Another version of Signet noted “client.bless” for Billing export"
    )


@pytest.mark.parametrize(
    ("action", "before", "after", "sentence"),
    [
        ("client.create", {}, {}, "Created the client Billing export"),
        ("secret.rotate", {}, {}, "Rotated the secret of Billing export"),
        ("secret.revoke", {}, {}, "Revoked a secret of Billing export"),
        (
            "secret.revoke",
            {"description": "prod 2026"},
            {},
            "Revoked the secret “prod 2026” of Billing export",
        ),
        (
            "client.edit",
            {},
            {"name": "x", "contact": "y"},
            "Changed the name and the contact of the client Billing export",
        ),
        (
            "client.set_scopes",
            {"scope": "a"},
            {"scope": "a b c"},
            "Assigned b, c to the client Billing export",
        ),
        (
            "client.set_scopes",
            {"scope": "a b"},
            {"scope": "b c"},
            "Assigned c to and removed a from the client Billing export",
        ),
        ("api.edit", {"name": "Old"}, {}, "Renamed the API Old to Billing export"),
        (
            "api.edit",
            {"signing_alg": None},
            {"signing_alg": "ES256"},
            "Changed the signing algorithm of the API Billing export",
        ),
        (
            "api_secret.revoke",
            {"description": "prod 2026"},
            {},
            "Revoked the secret “prod 2026” of the API Billing export",
        ),
        (
            "admin.set_role",
            {"role": "viewer"},
            {"role": "operator"},
            "Changed the role of Billing export from viewer to operator",
        ),
        ("admin.sign_in_failed", {}, {"failures": 1}, "Sign-in failed for Billing export"),
        ("admin.sign_in_failed", {}, {"failures": 9}, "Sign-in failed 9 times for Billing export"),
        ("key.revoke", {}, {}, "Revoked the signing key Billing …"),
    ],
)
def test_a_sentence_says_what_was_done_to_whom(action, before, after, sentence):
    assert say(make_entry(action, before=before, after=after)) == sentence


def test_braces_in_a_name_are_only_braces():
    about = AuditedObject("client", "a", "{name} {0} %s {{7*7777}}")
    assert say(make_entry("client.create", about)) == (
        "Created the client {name} {0} %s {{7*7777}}"
    )


@pytest.mark.parametrize(
    ("actor", "who"),
    [
        ("ada@example.org", "ada@example.org"),
        ("command line (root)", "Command line (root)"),
        ("Signet", "Signet"),
        ("", "Not signed in"),
    ],
)
def test_whoever_acted_has_a_name(actor, who):
    assert line_of(make_entry("client.edit", actor=actor)).who == who


def test_what_came_over_no_network_came_from_this_server():
    assert line_of(make_entry("client.edit", address="")).from_where == "This server"


def test_changes_are_told_in_words():
    before = {"enabled": True, "access_token_lifetime": 3600, "scope": "", "contact": ""}
    after = {"enabled": False, "access_token_lifetime": 5400, "scope": "a b", "contact": "x"}
    facts = facts_of(make_entry("client.edit", before=before, after=after))
    assert [(f.label, f.before.text, f.after.text) for f in facts] == [
        ("Contact", "Empty", "x"),
        ("Enabled", "Yes", "No"),
        ("Token lifetime", "1 hour", "90 minutes"),
        ("Scopes", "None", "a, b"),
    ]


def test_the_secrets_of_a_rotation_are_told_one_by_one():
    old = {"secret_id": "aa", "description": "prod", "expires_at": None, "revoked_at": None}
    new = {"secret_id": "bb", "description": "", "expires_at": "2026-11-30T12:00:00+00:00"}
    ended = old | {"expires_at": "2026-11-30T12:00:00+00:00"}
    facts = facts_of(
        make_entry(
            "secret.rotate",
            before={"replaced": [old]},
            after={"secret": new, "replaced": [ended]},
        )
    )
    told = {f.label: (f.before and f.before.text, f.after and f.after.text) for f in facts}
    assert told["New secret: name"] == (None, "Empty")
    assert told["Replaced secret aa: name"] == ("prod", "prod")
    before, after = told["Replaced secret aa: expires"]
    assert before == "Never" and after is not None and "30 Nov 2026, 12:00 UTC" in after


@pytest.mark.parametrize(
    "value", [None, [], {}, "", [[]], [None], [{}], [{}, 1], {"a": {"b": [1]}}, "no date", 1.5, -1]
)
@pytest.mark.parametrize("key", ["scope", "expires_at", "replaced", "failures", "of_tomorrow"])
def test_values_of_another_shape_are_told_as_well(key, value):
    assert isinstance(facts_of(make_entry("client.edit", before={key: value})), tuple)


def test_u38_an_entry_says_when_who_from_where_and_what_changed(desk):
    number = write(
        actor="ada@example.org",
        address="192.0.2.7",
        before={"name": "Old"},
        after={"name": "Billing export"},
    )
    page = text_of(desk.open(f"/admin/audit/{number}"))
    assert "Changed the name of the client Billing export" in page
    assert "23 Nov 2026, 12:00:00 UTC" in page
    assert "Who ada@example.org From 192.0.2.7 Client Billing export billing-export" in page
    assert "Value Before After Name Old Billing export" in page


def test_an_entry_names_the_request_and_the_browser_behind_it(desk):
    desk.send("/admin/apis/new", identifier="urn:stock")
    entry = list_entries(AuditFilter(action="api.create")).entries[0]
    page = text_of(desk.open(f"/admin/audit/{entry.number}"))
    assert entry.request_id and f"Request ID {entry.request_id}" in page
    assert f"User agent {entry.user_agent}" in page


def test_an_entry_leads_to_its_object_while_that_is_there(desk):
    create_scope("external-api", apis=["urn:stock"], actor=TEST, now=NOON)
    number = list_entries(AuditFilter(action="scope.create")).entries[0].number
    assert "/admin/scopes/1" in links_of(desk.open(f"/admin/audit/{number}").text, within="main")
    scopes.delete_scope("external-api", actor=TEST, now=NOON)
    assert "/admin/scopes/1" not in links_of(desk.open(f"/admin/audit/{number}").text)


def test_an_entry_leads_to_those_before_and_after_it_about_the_same_object(desk):
    first = write()
    write(about=AuditedObject("scope", "billing-export", "billing-export"))
    second, third = write(), write()
    links = links_of(desk.open(f"/admin/audit/{second}").text, within="main")
    assert f"/admin/audit/{first}" in links and f"/admin/audit/{third}" in links


def test_the_first_and_the_last_entry_of_an_object_have_one_neighbour(app):
    first, last = write(), write()
    entries = find_entry(first), find_entry(last)
    assert [find_neighbours(entry) for entry in entries if entry] == [(None, last), (first, None)]


def test_failures_of_unknown_names_are_not_taken_for_one_object(desk):
    unknown = AuditedObject("admin", "", "an unknown name")
    write("admin.sign_in_failed", unknown, actor="")
    number = write("admin.sign_in_failed", unknown, actor="")
    assert "Other entries" not in text_of(desk.open(f"/admin/audit/{number}"))


def test_the_log_can_be_narrowed_to_a_person_an_act_and_an_object(desk):
    write("client.disable", actor="bob@example.org")
    write("client.enable", actor="bob@example.org")
    write("client.disable", AuditedObject("client", "other", "Other"), actor="bob@example.org")
    page = text_of(
        desk.open(
            "/admin/audit",
            actor="bob@example.org",
            action="client.disable",
            object="Billing export",
        )
    )
    assert "1 of " in page and "entries match" in page
    assert "Disabled the client Billing export" in page
    assert "Disabled the client Other" not in page and "Enabled the client" not in page


def test_both_days_of_a_span_are_part_of_it(desk):
    day = timedelta(days=1)
    midnight = NOON.replace(hour=0)
    for offset in (-timedelta(seconds=1), timedelta(), day - timedelta(seconds=1), day):
        write("client.delete", at=midnight + offset)
    span = {"from": "2026-11-23", "to": "2026-11-23"}
    page = text_of(desk.open("/admin/audit", action="client.delete", **span))
    assert "2 of " in page
    assert "23 Nov 2026, 00:00:00" in page and "23 Nov 2026, 23:59:59" in page


def test_a_long_log_is_turned_page_by_page_and_back(desk):
    for index in range(120):
        write("client.edit", AuditedObject("client", "c", f"Number {index:03}"))
    seen, path = [], "/admin/audit?action=client.edit"
    while path:
        page = desk.open(path)
        seen += re.findall(r"Number (\d{3})", text_of(page))
        path = next((link for link in links_of(page.text) if "after=" in link), "")
    assert seen == [f"{index:03}" for index in reversed(range(120))]
    newer = next(link for link in links_of(page.text) if "before=" in link)
    assert re.findall(r"Number (\d{3})", text_of(desk.open(newer))) == seen[50:100]


def test_a_filter_that_nothing_matches_says_so(house):
    page = text_of(house.people["viewer"].get("/admin/audit?object=nothing-of-this-name"))
    assert "0 of " in page and "No entry matches." in page


def test_a_page_behind_the_last_entry_leads_back(house):
    page = house.people["viewer"].get("/admin/audit?after=1")
    assert page.status_code == 200
    assert "No entries on this page." in text_of(page)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("actor=somebody", "Choose who from the list"),
        ("action=client.bless", "Choose what from the list"),
        ("object=%00", "Use only characters that can be seen"),
        ("object=" + "a" * 401, "Use at most 400 characters"),
        ("from=yesterday", "Enter a day such as 2026-11-29"),
        ("to=2026-02-30", "Enter a day such as 2026-11-29"),
        ("from=99999-01-01", "Enter a day such as 2026-11-29"),
        ("from=2026-11-24&to=2026-11-23", "Choose a day for To that is not before From"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_in_words(house, query, message):
    page = house.people["viewer"].get(f"/admin/audit?{query}")
    assert page.status_code == 422
    assert text_of(page).count(message) == 2, "in the summary and at the field"


@pytest.mark.parametrize(
    "query",
    ["after=x", "after=-1", "before=" + "9" * 30, "after=%00", "from=a&from=b", "after=1.5"],
)
def test_an_address_that_no_link_of_ours_has_is_refused(house, query):
    assert house.people["viewer"].get(f"/admin/audit?{query}").status_code == 400


@pytest.mark.parametrize(
    "query",
    ["from=0001-01-01", "to=9999-12-31", "from=&to=&actor=&action=&object=", "after=999999999"],
)
def test_the_edges_of_what_can_be_asked_are_answered(house, query):
    assert house.people["viewer"].get(f"/admin/audit?{query}").status_code == 200


@pytest.mark.parametrize("number", ["0", "999999", "2147483647", "2147483648", "9" * 30, "-1", "x"])
def test_an_entry_that_is_not_there_is_not_found(house, number):
    assert house.people["viewer"].get(f"/admin/audit/{number}").status_code == 404


def test_u32_markup_is_text_wherever_the_log_shows_it(desk):
    markup = "\"><img src=x onerror=alert(1)></script>{{7*7777}}' 🦀"
    number = write(
        about=AuditedObject("client", "a<b>", markup),
        actor=markup,
        address="<b>",
        before={"name": markup, "<b>": markup},
        after={"name": f"<b>{markup}", "scope": "<b> {{7*7777}}"},
    )
    for path in ("/admin/audit", f"/admin/audit/{number}", "/admin/"):
        page = desk.open(path)
        assert page.status_code == 200
        assert (read(page.text).all("img"), read(page.text).all("b")) == ([], [])
        assert "54439" not in page.text
        assert len(read(page.text).all("script")) == 1


def test_u38_no_secret_stands_in_the_log(desk):
    issued = register_client(
        ClientFacts(name="Billing export"), client_id="billing-export", actor=TEST, now=utc_now()
    )
    rotated = client_secrets.rotate_secret("billing-export", actor=TEST, now=utc_now())
    clients.delete_client("billing-export", actor=TEST, now=utc_now())
    for entry in list_entries(AuditFilter(object="billing-export")).entries:
        page = desk.open(f"/admin/audit/{entry.number}").text
        assert issued.client_secret not in page and rotated.client_secret not in page


@pytest.mark.parametrize(
    ("form", "status", "reason"),
    [
        ({"csrf_token": "old"}, 400, "CSRF"),
        ({}, 403, "It needs the role Operator."),
    ],
    ids=["CSRF", "role"],
)
def test_u38_a_refused_form_is_noted_with_its_reason(app, client, caplog, form, status, reason):
    desk = sit_down(app, client, "viewer")
    token = {"csrf_token": csrf_of(client.get("/admin/"))}
    with caplog.at_level("INFO", "signet.request"):
        answer = client.post("/admin/clients/new", data=token | form)
    assert desk and answer.status_code == status
    ((_, noted),) = caplog.records[-1].batch
    assert reason in noted["reason"]
    assert (noted["status"], noted["path"]) == (status, "/admin/clients/new")
    assert noted["request_id"] == answer.headers["X-Request-Id"]


def test_the_log_cannot_be_changed_by_any_form(house):
    for path in ("/admin/audit", "/admin/audit/1"):
        forms = read(house.people["administrator"].get(path).text).all("form", within="main")
        assert {form.attributes["method"] for form in forms} <= {"get"}
