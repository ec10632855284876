"""The pages of one client, as an operator uses and misuses them."""

import re
from datetime import timedelta

import pytest

from signet.models.audit_log import count_entries
from signet.models.clients import find_client
from signet.operations.client_secrets import rotate_secret
from signet.operations.clients import (
    delete_client,
    disable_client,
)
from signet.operations.scopes import delete_scope, disable_scope
from signet.wiring import utc_now
from tests.admin.clients.steps import (
    API,
    MARKUP,
    PAGES_OF_A_CLIENT,
    TEXT_FIELDS,
    UNSEEN,
    edit_meanwhile,
    get_client,
    make_client,
    make_scope,
    send_edit,
    send_new,
    send_scopes,
    value_in,
)
from tests.admin.desk import text_of
from tests.admin.pages import links_of, read
from tests.admin.signing_in import TEST


def test_the_page_of_a_client_says_how_it_connects(desk):
    make_scope("external-api", API)
    make_scope("stock.read", "urn:stock")
    make_client(
        scopes=("external-api", "stock.read"),
        description="First line\nsecond line",
        contact="ERP team",
        access_token_lifetime=timedelta(minutes=90),
    )
    page = desk.open("/admin/clients/billing-export")
    text = text_of(page)
    for said in (
        "Client ID billing-export",
        "Token endpoint http://localhost:8000/connect/token",
        f"Audience {API} , urn:stock",
        "Scopes external-api , stock.read",
        "Token lifetime 90 minutes",
        "by test",
        "Contact ERP team",
    ):
        assert said in text
    assert "First line<br>second line" in page.text


def test_a_client_without_a_scope_is_warned_about(desk):
    make_client()
    assert "No scope is assigned. The client gets no token" in text_of(
        desk.open("/admin/clients/billing-export")
    )


def test_a_disabled_scope_gives_neither_audience_nor_token(desk):
    make_scope()
    make_client(scopes=("external-api",))
    disable_scope("external-api", actor=TEST, now=utc_now())
    text = text_of(desk.open("/admin/clients/billing-export"))
    assert "Every assigned scope is disabled." in text
    assert "Scopes external-api (disabled)" in text
    assert API not in text


@pytest.mark.parametrize(
    ("client_id", "warning"),
    [
        ("expiring", "The secret expires in 4 days , on"),
        ("soon-twice", "The last secret expires in 19 days , on"),
        ("expired", "The last secret expired 35 days ago , on"),
        ("revoked", "No secret works. The client gets no token until it has a new one."),
        ("disabled", "The client is refused. It gets no token until somebody enables it."),
    ],
)
def test_a_client_that_needs_attention_says_why_and_what_to_do(states_desk, client_id, warning):
    assert warning in text_of(states_desk.open(f"/admin/clients/{client_id}"))


@pytest.mark.parametrize("page", PAGES_OF_A_CLIENT)
@pytest.mark.parametrize("client_id", ["nobody", "BILLING-EXPORT", "a%00b", "%ff%fe", "x" * 3000])
def test_u28_no_page_of_a_client_that_is_not_there(shared_desk, page, client_id):
    assert shared_desk.open(f"/admin/clients/{client_id}{page}").status_code == 404


@pytest.mark.parametrize("act", [*(p[1:] for p in PAGES_OF_A_CLIENT if p)])
@pytest.mark.parametrize("client_id", ["nobody", "a%00b"])
def test_u28_no_act_on_a_client_that_is_not_there(shared_desk, act, client_id):
    answer = shared_desk.send(f"/admin/clients/{client_id}/{act}", name="x", confirmation="nobody")
    assert answer.status_code == 404


@pytest.mark.parametrize("client_id", ["...", "a.b_c-d", "NEW", "-rf", "con"])
def test_every_allowed_client_id_has_its_pages(desk, client_id):
    if client_id == "NEW":
        assert send_new(desk, client_id=client_id).status_code == 422
        return
    assert send_new(desk, client_id=client_id).status_code == 200
    for page in PAGES_OF_A_CLIENT:
        assert desk.open(f"/admin/clients/{client_id}{page}").status_code == 200


@pytest.mark.parametrize("client_id", ["keyed", "disabled"])
def test_what_ends_with_a_client_without_secrets_is_none(states_desk, client_id):
    deletes = text_of(states_desk.open(f"/admin/clients/{client_id}/delete"))
    assert ("Its secret stops working" in deletes) == (client_id == "disabled")
    assert ("It cannot be brought back." in deletes) == (client_id == "keyed")
    enables = text_of(states_desk.open(f"/admin/clients/{client_id}/enable"))
    assert ("with the secrets and scopes it has" in enables) == (client_id == "disabled")
    assert "no token until" not in enables


def test_a_client_is_disabled_after_a_question_and_can_be_enabled_again(desk):
    make_client()
    question = desk.open("/admin/clients/billing-export/disable")
    assert "Disable “Billing export”?" in text_of(question)
    assert get_client().enabled
    answer = desk.send("/admin/clients/billing-export/disable")
    assert answer.status_code == 303
    assert not get_client().enabled
    assert "Client “Billing export” was disabled." in text_of(desk.open(answer.location))
    assert desk.send("/admin/clients/billing-export/enable").status_code == 303
    assert get_client().enabled


def test_enabling_a_client_without_a_live_secret_promises_no_token(desk):
    make_client(now=utc_now() - timedelta(days=400))
    disable_client("billing-export", actor=TEST, now=utc_now())
    text = text_of(desk.open("/admin/clients/billing-export/enable"))
    assert "the client gets no token until you make a new one" in text


@pytest.mark.parametrize("typed", ["", "billing", "BILLING-EXPORT", "Billing export", "x\0"])
def test_a_client_is_not_deleted_before_its_id_is_typed(sqlite_desk, typed):
    answer = sqlite_desk.send("/admin/clients/billing-export/delete", confirmation=typed)
    assert answer.status_code == 422
    assert text_of(answer).count("Type billing-export to delete this client") == 2
    assert find_client("billing-export") is not None


def test_a_client_is_deleted_once_its_id_is_typed(desk):
    make_client()
    answer = desk.send("/admin/clients/billing-export/delete", confirmation=" billing-export ")
    assert (answer.status_code, answer.location) == (303, "/admin/clients")
    assert find_client("billing-export") is None
    assert "Client “Billing export” was deleted." in text_of(desk.open("/admin/clients"))


def test_deleting_says_what_ends_and_offers_to_disable_instead(desk):
    make_client()
    rotate_secret("billing-export", actor=TEST, now=utc_now())
    page = desk.open("/admin/clients/billing-export/delete")
    assert "Its 2 secrets stop working at once and cannot be brought back." in text_of(page)
    assert "valid for up to 1 hour" in text_of(page)
    assert "/admin/clients/billing-export/disable" in links_of(page.text, within="main")


def test_a_client_deleted_meanwhile_is_not_found(desk):
    make_client()
    desk.open("/admin/clients/billing-export/edit")
    delete_client("billing-export", actor=TEST, now=utc_now())
    assert send_edit(desk).status_code == 404


def test_the_scopes_that_are_ticked_are_exactly_those_of_the_client(desk):
    for name in ("external-api", "orders.read", "stock.read"):
        make_scope(name)
    make_client(scopes=("external-api", "orders.read"))
    answer = send_scopes(desk, "orders.read", "stock.read")
    assert answer.status_code == 303
    assert get_client().scopes == ("orders.read", "stock.read")
    assert "Scopes of “Billing export” saved." in text_of(desk.open(answer.location))


def test_all_scopes_can_be_taken_away(desk):
    make_scope()
    make_client(scopes=("external-api",))
    send_scopes(desk)
    assert get_client().scopes == ()


def test_u31_scopes_that_somebody_else_has_changed_are_not_overwritten(desk):
    make_scope("external-api")
    make_scope("orders.read")
    make_client(scopes=("external-api",))
    edit_meanwhile(name="Billing export", description="Changed meanwhile")
    answer = send_scopes(desk, "orders.read", version="1")
    assert answer.status_code == 409
    assert "Its scopes are now: external-api." in text_of(answer)
    assert get_client().scopes == ("external-api",)
    assert send_scopes(desk, "orders.read", version=value_in(answer, "version")).status_code == 303
    assert get_client().scopes == ("orders.read",)


def test_the_assigned_scopes_are_ticked(desk):
    make_scope("external-api")
    make_scope("orders.read")
    make_client(scopes=("orders.read",))
    page = read(desk.open("/admin/clients/billing-export/scopes").text)
    boxes = [e.attributes for e in page.all("input") if e.attributes.get("name") == "scopes"]
    assert {box["value"]: "checked" in box for box in boxes} == {
        "external-api": False,
        "orders.read": True,
    }


def test_scopes_stand_by_api_and_one_that_two_share_stands_once(desk):
    make_scope("external-api", API, description="Call the partner API")
    make_scope("report", API, "urn:stock")
    make_client()
    page = desk.open("/admin/clients/billing-export/scopes")
    assert f"{API} external-api Call the partner API" in text_of(page)
    assert f"{API} and urn:stock report" in text_of(page)
    assert page.text.count('value="report"') == 1


@pytest.mark.parametrize("scope", ["nothing", "a\0b", "external-api orders.read", "x" * 9999])
def test_a_scope_that_is_not_there_is_refused_and_nothing_changes(sqlite_desk, scope):
    answer = send_scopes(sqlite_desk, scope)
    assert answer.status_code == 422
    assert "A chosen scope is not there any more: look at the list again" in text_of(answer)
    assert get_client().scopes == ("external-api",)


def test_a_scope_deleted_while_the_page_is_open_is_refused(desk):
    make_scope()
    make_client()
    desk.open("/admin/clients/billing-export/scopes")
    delete_scope("external-api", actor=TEST, now=utc_now())
    answer = send_scopes(desk, "external-api")
    assert answer.status_code == 422


@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_u32_markup_in_a_field_is_shown_as_text_on_every_page(desk, field):
    answer = send_new(desk, **{"client_id": "billing-export", field: MARKUP})
    assert answer.status_code == 200
    conflict = send_edit(desk, **{field: MARKUP + "2", "version": "9"})
    pages = [answer, conflict, desk.open("/admin/clients", q=MARKUP)]
    pages += [desk.open(f"/admin/clients/billing-export{page}") for page in PAGES_OF_A_CLIENT]
    pages.append(desk.open("/admin/clients"))
    assert any(MARKUP in text_of(page) for page in pages)
    for page in pages:
        assert read(page.text).all("img") == []
        assert len(read(page.text).all("script")) == 1
        assert "54439" not in page.text


def test_u32_markup_in_a_name_stays_text_in_the_message_after_the_act(desk):
    make_client(name=MARKUP)
    answer = desk.send("/admin/clients/billing-export/disable")
    page = desk.open(answer.location)
    assert f"Client “{MARKUP}” was disabled." in text_of(page)
    assert read(page.text).all("img") == []


@pytest.mark.parametrize("field", TEXT_FIELDS)
@pytest.mark.parametrize("text", UNSEEN)
def test_u32_what_cannot_be_seen_is_refused(sqlite_desk, field, text):
    entries = count_entries()
    answer = send_new(sqlite_desk, **{field: text})
    assert answer.status_code == 422
    assert "Use only characters that can be seen" in text_of(answer)
    assert count_entries() == entries


def test_a_viewer_reads_every_page_but_is_offered_no_change(viewer):
    make_scope()
    issued = make_client(scopes=("external-api",))
    assert issued.client_id == "billing-export"
    for path in ("", "/billing-export", "/billing-export/scopes", "/billing-export/secrets"):
        page = viewer.open(f"/admin/clients{path}")
        assert page.status_code == 200
        forms = read(page.text).all("form", within="main")
        assert [f for f in forms if f.attributes["method"] == "post"] == []
        changing = re.compile(r"/(new|edit|authentication|tokens|disable|enable|delete|revoke)$")
        assert [u for u in links_of(page.text, within="main") if changing.search(u)] == []


@pytest.mark.parametrize(
    "path",
    [
        "new",
        *(
            f"billing-export/{act}"
            for act in ("edit", "authentication", "tokens", "disable", "enable", "delete")
        ),
    ],
)
def test_u27_a_viewer_can_neither_open_nor_send_a_form_of_change(viewer, path):
    make_client()
    assert viewer.open(f"/admin/clients/{path}").status_code == 403
    answer = viewer.send(f"/admin/clients/{path}", name="x", confirmation="billing-export")
    assert answer.status_code == 403
    client = get_client()
    assert (client.enabled, client.version) == (True, 1)


def test_u27_a_viewer_cannot_assign_scopes(viewer):
    make_scope()
    make_client()
    answer = viewer.send("/admin/clients/billing-export/scopes", scopes="external-api")
    assert answer.status_code == 403
    assert get_client().scopes == ()
