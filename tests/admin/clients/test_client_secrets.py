"""The secrets of a client in the browser: make, rotate, revoke."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from signet.models.audit_log import count_entries
from signet.models.clients import SecretDetails
from signet.operations.client_secrets import create_secret, revoke_secret
from signet.wiring import utc_now
from tests.admin.clients.steps import (
    MARKUP,
    UNSEEN,
    change_method,
    get_client,
    make_client,
    secret_in,
    value_in,
)
from tests.admin.desk import Desk, text_of
from tests.admin.pages import links_of, read
from tests.admin.signing_in import TEST

SECRETS = "/admin/clients/billing-export/secrets"


def make_secret(description: str = "", **options: Any) -> str:
    """The id of one more secret of the client."""
    issued = create_secret(
        "billing-export",
        description=description,
        actor=TEST,
        **{"now": utc_now()} | options,
    )
    return issued.secret_id


def send_new(desk: Desk, **fields: Any) -> TestResponse:
    """The answer to the form of a new secret as it comes, but for these fields."""
    page = desk.open(f"{SECRETS}/new")
    filled_in: dict[str, Any] = {}
    for element in read(page.text).all("input", within="main"):
        given = element.attributes
        if given["type"] == "hidden" or "checked" in given:
            filled_in.setdefault(given["name"], []).append(given["value"])
    del filled_in["csrf_token"]
    return desk.send(SECRETS, **filled_in | fields)


def secrets() -> dict[str, SecretDetails]:
    return {secret.secret_id: secret for secret in get_client().secrets}


def newest() -> SecretDetails:
    return get_client().secrets[0]


def in_text(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


# A client that uses none


def test_a_client_that_uses_no_secret_is_offered_none_and_says_how_it_proves_itself(desk):
    issued = make_client()
    change_method()
    page = desk.open(SECRETS)
    text = text_of(page)
    assert "This client uses no secret It proves itself by a TLS certificate" in text
    assert "These are left from before." in text
    links = links_of(page.text, within="main")
    assert "/admin/clients/billing-export/authentication" in links
    assert f"{SECRETS}/{issued.secret_id}/revoke" in links
    assert f"{SECRETS}/new" not in links
    assert desk.open(f"{SECRETS}/new").location == SECRETS


def test_a_form_of_a_new_secret_that_was_open_meanwhile_is_refused(desk):
    make_client()
    number = value_in(desk.open(f"{SECRETS}/new"), "form_number")
    change_method()
    answer = desk.send(SECRETS, overlap="keep", expires_in="365d", form_number=number)
    assert answer.status_code == 422
    assert "This client proves itself otherwise and uses no secret" in text_of(answer)
    assert len(secrets()) == 1


def test_a_secret_that_is_left_can_be_revoked_and_nobody_is_warned(desk):
    issued = make_client()
    change_method()
    question = text_of(desk.open(f"{SECRETS}/{issued.secret_id}/revoke"))
    assert "the client proves itself otherwise, and goes on." in question
    assert "Nobody can use it now" in question
    assert desk.send(f"{SECRETS}/{issued.secret_id}/revoke").status_code == 303
    assert newest().state(utc_now()) == "revoked"


# Make and rotate


def test_a_rotation_as_it_is_offered_lets_the_old_secret_work_for_seven_days(desk):
    old = make_client()
    answer = send_new(desk)
    assert answer.status_code == 200
    assert secret_in(answer) != old.client_secret
    new, ended = newest(), secrets()[old.secret_id]
    assert ended.expires_at == new.created_at + timedelta(days=7)
    assert ended.state(utc_now()) == "live"
    assert new.expires_at == new.created_at + timedelta(days=365)


def test_the_page_of_a_new_secret_says_until_when_the_old_one_works(desk):
    make_client()
    named = make_secret("prod 2026")
    text = text_of(send_new(desk))
    until = secrets()[named].expires_at
    assert until is not None
    assert f"Old secret “prod 2026” works until {in_text(until)}" in text


def test_an_old_secret_that_ends_sooner_is_not_promised_more(desk):
    make_client(expires_in=timedelta(days=3))
    (old,) = get_client().secrets
    assert old.expires_at is not None
    form = text_of(desk.open(f"{SECRETS}/new"))
    assert f"It expires in any case on {in_text(old.expires_at)} ." in form
    assert f"works until {in_text(old.expires_at)}" in text_of(send_new(desk))
    assert secrets()[old.secret_id].expires_at == old.expires_at


def test_in_24_hours_ends_the_old_secret_in_24_hours(desk):
    old = make_client()
    send_new(desk, overlap="24h")
    assert secrets()[old.secret_id].expires_at == newest().created_at + timedelta(hours=24)


def test_now_revokes_the_old_secret(desk):
    old = make_client()
    text = text_of(send_new(desk, overlap="0s"))
    assert secrets()[old.secret_id].state(utc_now()) == "revoked"
    assert f"“signet_…{old.client_secret[-4:]}” was revoked" in text


def test_one_more_secret_leaves_the_others_as_they_are(desk):
    make_client()
    before = secrets()
    answer = send_new(desk, overlap="keep", description="batch")
    assert newest().description == "batch"
    assert {i: s for i, s in secrets().items() if i in before} == before
    assert "Old secret" not in text_of(answer)


def test_the_form_says_when_each_choice_ends_the_old_secret(desk):
    old = make_client()
    page = text_of(desk.open(f"{SECRETS}/new"))
    assert f"Old secret “signet_…{old.client_secret[-4:]}” stops working" in page
    assert re.search(
        r"In 7 days \([A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2} \d{4}, \d\d:\d\d UTC \)", page
    )
    assert "Callers that still use it are refused from this moment." in page


def test_with_several_live_secrets_all_are_ticked(desk):
    make_client()
    make_secret("batch")
    gone = make_secret("gone")
    revoke_secret("billing-export", gone, actor=TEST, now=utc_now())
    page = read(desk.open(f"{SECRETS}/new").text)
    boxes = [e.attributes for e in page.all("input") if e.attributes.get("name") == "replaces"]
    assert {box["value"] for box in boxes if "checked" in box} == secrets().keys() - {gone}


def test_only_the_ticked_secrets_end(desk):
    make_client()
    kept, ended = make_secret("kept"), make_secret("ended")
    text = text_of(send_new(desk, replaces=[ended]))
    assert secrets()[kept].replaced_at is None
    assert secrets()[ended].replaced_at is not None
    assert "“ended” works until" in text
    assert "“kept”" not in text


def test_a_rotation_that_replaces_nothing_is_refused(desk):
    make_client()
    make_secret("batch")
    before = secrets()
    answer = send_new(desk, replaces=[])
    assert answer.status_code == 422
    assert text_of(answer).count("Choose at least one secret that stops working") == 2
    assert secrets() == before


def test_one_more_secret_needs_no_tick(desk):
    make_client()
    make_secret("batch")
    assert send_new(desk, overlap="keep", replaces=[]).status_code == 200


def test_a_secret_that_has_ended_meanwhile_is_not_replaced(desk):
    make_client()
    make_secret("one")
    gone = make_secret("two")
    kept = [secret.secret_id for secret in get_client().secrets]
    revoke_secret("billing-export", gone, actor=TEST, now=utc_now())
    before = secrets()
    answer = send_new(desk, replaces=kept)
    assert answer.status_code == 422
    assert "A secret to be replaced has ended in the meantime" in text_of(answer)
    assert secrets() == before


def test_a_secret_made_while_the_form_was_open_is_not_ended_unseen(desk):
    old = make_client()
    unseen = make_secret("unseen")
    send_new(desk, replaces=[old.secret_id])
    assert secrets()[unseen].replaced_at is None


@pytest.mark.parametrize("way", ["expired", "revoked"])
def test_without_a_live_secret_there_is_nothing_to_replace(desk, way):
    old = make_client(now=utc_now() - timedelta(days=400 if way == "expired" else 1))
    if way == "revoked":
        revoke_secret("billing-export", old.secret_id, actor=TEST, now=utc_now())
    page = desk.open(f"{SECRETS}/new")
    assert "stops working" not in text_of(page)
    assert send_new(desk).status_code == 200
    assert len(get_client().live_secrets(utc_now())) == 1


@pytest.mark.parametrize(
    ("choice", "days"), [("90d", 90), ("180d", 180), ("365d", 365), ("never", None)]
)
def test_a_new_secret_lives_as_long_as_chosen(desk, choice, days):
    make_client()
    text = text_of(send_new(desk, expires_in=choice))
    end = newest().created_at + timedelta(days=days) if days else None
    assert newest().expires_at == end
    assert f"Expires {in_text(end) if end else 'Never'}" in text


def test_a_client_with_ten_live_secrets_gets_no_eleventh(desk):
    make_client()
    for number in range(9):
        make_secret(f"secret {number}")
    answer = send_new(desk, overlap="keep")
    assert answer.status_code == 422
    assert "This client has 10 live secrets: revoke one of them first" in text_of(answer)
    assert len(secrets()) == 10
    assert send_new(desk, overlap="0s").status_code == 200


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"overlap": "1d"}, "Choose when the old secret stops working"),
        ({"overlap": ""}, "Choose when the old secret stops working"),
        ({"overlap": []}, "Choose when the old secret stops working"),
        ({"expires_in": "1d"}, "Choose when the secret expires"),
        ({"expires_in": "0s"}, "Choose when the secret expires"),
        ({"description": "x" * 101}, "Use at most 100 characters for the name"),
        *(({"description": text}, "Use only characters that can be seen") for text in UNSEEN),
        ({"replaces": ["nothing"]}, "A secret to be replaced has ended in the meantime"),
        ({"replaces": ["a\0b"]}, "A secret to be replaced has ended in the meantime"),
    ],
)
def test_a_mistake_in_the_form_makes_no_secret(sqlite_desk, fields, message):
    entries = count_entries()
    answer = send_new(sqlite_desk, **fields)
    assert answer.status_code == 422
    assert message in text_of(answer)
    assert count_entries() == entries


def test_a_form_with_a_mistake_comes_back_with_what_was_chosen(desk):
    make_client()
    kept = make_secret("kept")
    answer = send_new(desk, overlap="24h", expires_in="90d", replaces=[kept], description="x" * 101)
    inputs = [element.attributes for element in read(answer.text).all("input")]
    assert {i["value"] for i in inputs if "checked" in i} == {"24h", "90d", kept}
    assert value_in(answer, "description") == "x" * 101


def test_u29_a_form_of_a_secret_takes_nothing_but_its_fields(desk):
    make_client()
    make_client("other")
    send_new(
        desk,
        client_id="other",
        secret_id="chosen",
        client_secret="signet_chosen",
        digest="v1:0",
        hint="0000",
        created_by="mallory",
        created_at="2001-01-01",
        expires_at="2099-01-01",
    )
    secret = newest()
    assert len(get_client("other").secrets) == 1
    assert secret.secret_id != "chosen"
    assert (secret.created_by, secret.created_at.year > 2001) == ("operator@example.org", True)
    assert secret.expires_at == secret.created_at + timedelta(days=365)


def test_u28_a_secret_of_another_client_cannot_be_replaced(desk):
    make_client()
    other = make_client("other")
    answer = send_new(desk, replaces=[other.secret_id])
    assert answer.status_code == 422
    assert get_client("other").secrets[0].replaced_at is None


# The list


def test_the_list_shows_what_became_of_each_secret(desk):
    make_client(now=utc_now() - timedelta(days=400))
    make_secret("soon", expires_in=timedelta(days=20))
    revoke_secret("billing-export", make_secret("gone"), actor=TEST, now=utc_now())
    make_secret("lasting", expires_in=None)
    old = make_secret("old")
    send_new(desk, replaces=[old], description="new")
    text = text_of(desk.open(SECRETS))
    for row in ("soon signet_", "gone signet_", "lasting signet_", "new signet_"):
        assert row in text
    states = re.findall(
        r"(Active|Replaced|Revoked|Expired|Expires in \d+ days) No use recorded yet", text
    )
    assert states == ["Active", "Replaced", "Active", "Revoked", "Expires in 19 days", "Expired"]


def test_a_secret_without_a_name_is_called_by_its_last_four_characters(desk):
    issued = make_client()
    assert f"signet_…{issued.client_secret[-4:]} Active" in text_of(desk.open(SECRETS))


def test_only_a_secret_that_works_can_be_revoked(desk):
    make_client(now=utc_now() - timedelta(days=400))
    live = make_secret("live")
    page = desk.open(SECRETS)
    assert page.text.count("/revoke") == 1
    assert f"{SECRETS}/{live}/revoke" in page.text


# Revoke


def test_revoking_asks_first_and_says_what_happens(desk):
    make_client()
    named = make_secret("prod 2026")
    text = text_of(desk.open(f"{SECRETS}/{named}/revoke"))
    assert "Revoke “prod 2026”?" in text
    assert "Callers that use it are refused at once." in text
    assert "Tokens they already hold stay valid for up to 1 hour." in text
    assert "the client stops working" not in text


def test_revoking_the_only_live_secret_says_that_the_client_stops_working(desk):
    make_client(now=utc_now() - timedelta(days=400))
    last = make_secret("last")
    text = text_of(desk.open(f"{SECRETS}/{last}/revoke"))
    assert "This is the only secret: the client stops working." in text


def test_a_revoked_secret_is_named_in_the_message(desk):
    make_client()
    named = make_secret("prod 2026")
    answer = desk.send(f"{SECRETS}/{named}/revoke")
    assert (answer.status_code, answer.location) == (303, SECRETS)
    assert secrets()[named].state(utc_now()) == "revoked"
    assert "Secret “prod 2026” was revoked." in text_of(desk.open(SECRETS))


def test_a_secret_is_revoked_once(desk):
    make_client()
    named = make_secret("prod 2026")
    desk.send(f"{SECRETS}/{named}/revoke")
    revoked_at = secrets()[named].revoked_at
    desk.open(SECRETS)
    answer = desk.send(f"{SECRETS}/{named}/revoke")
    assert answer.status_code == 303
    assert "This secret was revoked before." in text_of(desk.open(SECRETS))
    assert secrets()[named].revoked_at == revoked_at


def test_the_question_about_a_secret_that_has_ended_leads_to_the_list(desk):
    old = make_client(now=utc_now() - timedelta(days=400))
    answer = desk.open(f"{SECRETS}/{old.secret_id}/revoke")
    assert (answer.status_code, answer.location) == (303, SECRETS)


@pytest.mark.parametrize("secret_id", ["nothing", "a%00b", "x" * 3000, "0"])
def test_u28_an_unknown_secret_is_not_found(shared_desk, secret_id):
    assert shared_desk.open(f"{SECRETS}/{secret_id}/revoke").status_code == 404
    assert shared_desk.send(f"{SECRETS}/{secret_id}/revoke").status_code == 404


def test_u28_a_secret_of_another_client_is_not_found(desk):
    make_client()
    other = make_client("other")
    assert desk.open(f"{SECRETS}/{other.secret_id}/revoke").status_code == 404
    assert desk.send(f"{SECRETS}/{other.secret_id}/revoke").status_code == 404
    assert get_client("other").secrets[0].state(utc_now()) == "live"


# What people type, and who may


def test_u32_markup_in_the_name_of_a_secret_is_shown_as_text_on_every_page(desk):
    make_client()
    secret_id = make_secret(MARKUP)
    pages = [
        desk.open(path) for path in (SECRETS, f"{SECRETS}/new", f"{SECRETS}/{secret_id}/revoke")
    ]
    pages += [desk.open("/admin/clients/billing-export"), send_new(desk, overlap="7d")]
    desk.send(f"{SECRETS}/{secret_id}/revoke")
    pages.append(desk.open(SECRETS))
    for page in pages:
        assert MARKUP in text_of(page)
        assert read(page.text).all("img") == []
        assert "54439" not in page.text


def test_u27_a_viewer_can_neither_make_nor_revoke_a_secret(viewer):
    issued = make_client()
    before = secrets()
    revoke = f"{SECRETS}/{issued.secret_id}/revoke"
    assert viewer.open(f"{SECRETS}/new").status_code == 403
    assert viewer.open(revoke).status_code == 403
    assert viewer.send(SECRETS, overlap="keep", expires_in="never").status_code == 403
    assert viewer.send(revoke).status_code == 403
    assert secrets() == before
