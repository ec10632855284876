"""Editing a client in the browser, beside somebody else."""

from datetime import timedelta

import pytest

from tests.admin.clients.steps import (
    edit_meanwhile,
    get_client,
    make_client,
    make_scope,
    send_edit,
    value_in,
)
from tests.admin.desk import text_of


def test_an_edit_saves_what_was_typed(desk):
    make_client()
    answer = send_edit(desk, name="New name", description="d", contact="c")
    assert (answer.status_code, answer.location) == (303, "/admin/clients/billing-export")
    client = get_client()
    assert (client.name, client.description, client.contact) == ("New name", "d", "c")
    assert "Client “New name” was saved." in text_of(desk.open(answer.location))


def test_the_form_of_an_edit_holds_what_is_said_now(desk):
    make_client(contact="ERP team", access_token_lifetime=timedelta(seconds=90))
    page = desk.open("/admin/clients/billing-export/edit")
    assert value_in(page, "name") == "Billing export"
    assert value_in(page, "contact") == "ERP team"
    assert value_in(page, "access_token_lifetime") == "90"


def test_a_mistake_in_an_edit_changes_nothing(desk):
    make_client()
    answer = send_edit(desk, name="", contact="somebody")
    assert answer.status_code == 422
    assert value_in(answer, "contact") == "somebody"
    assert get_client().contact == ""


def test_u31_the_second_of_two_editors_sees_both_versions_and_overwrites_nothing(desk):
    make_client()
    edit_meanwhile(name="Billing export", description="Theirs\nin two lines")
    answer = send_edit(desk, description="Mine")
    assert answer.status_code == 409
    text = text_of(answer)
    assert "Somebody else has changed this client since you opened the form." in text
    assert "Nothing of yours was saved." in text
    assert "Description Theirs in two lines Mine" in text
    assert get_client().description == "Theirs\nin two lines"


def test_u31_what_the_second_editor_typed_is_kept_and_can_be_saved_on_purpose(desk):
    make_client()
    edit_meanwhile(name="Theirs")
    conflict = send_edit(desk, name="Mine", contact="Me")
    kept = {name: value_in(conflict, name) for name in ("name", "contact", "version")}
    assert kept == {"name": "Mine", "contact": "Me", "version": "2"}
    assert send_edit(desk, **kept).status_code == 303
    assert get_client().name == "Mine"


def test_u31_a_third_editor_meanwhile_is_a_conflict_again(desk):
    make_client()
    edit_meanwhile(name="Second")
    conflict = send_edit(desk, name="Mine")
    edit_meanwhile(name="Third")
    again = send_edit(desk, name="Mine", version=value_in(conflict, "version"))
    assert again.status_code == 409
    assert get_client().name == "Third"


@pytest.mark.parametrize("version", ["", "x", "-1", "1.0", "9" * 30, "１", None])
def test_u31_an_edit_without_the_version_it_saw_saves_nothing(sqlite_desk, version):
    answer = send_edit(sqlite_desk, name="Mine", version=version)
    assert answer.status_code == 422
    assert "Reload the page and try again" in text_of(answer)
    assert get_client().name == "Billing export"


def test_u29_an_edit_takes_nothing_but_its_fields(desk):
    make_scope()
    make_client()
    make_client("other")
    send_edit(
        desk,
        contact="c",
        client_id="other",
        enabled="",
        scopes="external-api",
        created_by="mallory",
        expires_in="never",
    )
    client = get_client()
    assert (client.enabled, client.scopes, client.created_by) == (True, (), "test")
    assert get_client("other").contact == ""
