"""Cloning a client by its page."""

from signet.models.clients import find_client
from tests.admin.clients.steps import ids_in, make_client, make_scope, value_in
from tests.admin.desk import text_of


def test_the_form_names_the_copy_and_says_what_is_shared(desk):
    make_scope()
    make_client(scopes=("external-api",), contact="payments@example.org")
    page = desk.open("/admin/clients/billing-export/clone")
    assert value_in(page, "name") == "Copy of Billing export"
    text = text_of(page)
    assert "Scopes external-api" in text
    assert "payments@example.org" in text
    assert "Secrets are not copied" in text


def test_the_clone_gets_a_secret_that_is_shown_once(desk):
    make_client()
    number = value_in(desk.open("/admin/clients/billing-export/clone"), "form_number")
    fields = {"name": "Billing import", "client_id": "import", "expires_in": "90d"}
    sent = {"form_number": number, **fields}
    answer = desk.send("/admin/clients/billing-export/clone", **sent)
    assert answer.status_code == 200
    assert "signet_" in answer.text
    assert "New client created" in text_of(answer)
    again = desk.send("/admin/clients/billing-export/clone", **sent)
    assert again.status_code == 409
    assert find_client("import") is not None
    assert ids_in(desk.open("/admin/clients")) == ["billing-export", "import"]


def test_an_id_that_is_taken_is_said_at_the_field_and_makes_nothing(desk):
    make_client()
    number = value_in(desk.open("/admin/clients/billing-export/clone"), "form_number")
    answer = desk.send(
        "/admin/clients/billing-export/clone",
        form_number=number,
        name="Again",
        client_id="billing-export",
        expires_in="90d",
    )
    assert answer.status_code == 422
    assert ids_in(desk.open("/admin/clients")) == ["billing-export"]
    assert value_in(answer, "name") == "Again"


def test_a_client_that_there_is_not_has_no_form(desk):
    assert desk.open("/admin/clients/nobody/clone").status_code == 404
