"""What runs beside the requests."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from signet import background
from signet.json_log import JsonFormatter
from signet.models.admin_sessions import AdminSessionRow
from signet.models.audit import Actor
from signet.models.audit_log import list_entries
from signet.models.audit_query import AuditFilter
from signet.models.database import read, write
from signet.models.form_numbers import KEPT_FOR, use_form_number
from signet.models.key_encryption import KeyEncryption
from signet.models.replay_notes import remember
from signet.models.sign_in_throttle import SignInThrottleRow
from signet.models.signing_keys import list_signing_keys
from signet.models.tokens import is_token_revoked, revoke_token
from signet.oauth.jwks import ANNOUNCED_FOR, SIGNS_FOR
from signet.oauth.store import ReplayNote
from signet.operations.admins import create_admin
from signet.operations.client_facts import ClientFacts
from signet.operations.client_secrets import rotate_secret
from signet.operations.clients import register_client
from signet.operations.resource_servers import create_resource_server, edit_resource_server
from signet.operations.sign_in import SignInRefusedError, sign_in
from signet.wiring import Wiring, wiring
from tests.models.outage import away
from tests.usage import used

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
VISITOR = Actor(name="", address="192.0.2.1")
PASSWORD = "glacier-harbour-lantern-moss"


def at(moment: datetime) -> Wiring:
    """The parts of the app, with a clock that stands still."""
    return replace(wiring(), clock=lambda: moment)


@pytest.mark.usefixtures("app")
def test_the_next_key_is_announced_when_it_is_due_and_only_then() -> None:
    due = NOON + SIGNS_FOR - ANNOUNCED_FOR
    background.take_turn(at(NOON))
    background.take_turn(at(due - timedelta(seconds=1)))
    assert len(list_signing_keys()) == 1
    background.take_turn(at(due))
    background.take_turn(at(due))
    first, following = list_signing_keys()
    assert following.signing_at == first.retired_at == NOON + SIGNS_FOR


@pytest.mark.usefixtures("app")
def test_what_signet_does_by_itself_stands_in_the_audit_log_under_its_name() -> None:
    background.take_turn(at(NOON))
    (entry,) = list_entries(AuditFilter()).entries
    assert (entry.actor, entry.action) == ("Signet", "key.create")


@pytest.mark.usefixtures("app")
def test_used_form_numbers_are_forgotten_after_their_time() -> None:
    assert use_form_number("one", now=NOON)
    background.take_turn(at(NOON + timedelta(days=1)))
    assert not use_form_number("one", now=NOON)
    background.take_turn(at(NOON + timedelta(days=3)))
    assert use_form_number("one", now=NOON)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_step_that_fails_is_logged_and_the_others_are_taken(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    assert use_form_number("one", now=NOON)
    keyless = replace(
        wiring(), encryption=KeyEncryption([]), clock=lambda: NOON + timedelta(days=3)
    )
    with caplog.at_level(logging.ERROR):
        background.take_turn(keyless)
    assert [record.message for record in caplog.records] == ["a step beside the path failed"]
    assert use_form_number("one", now=NOON)


@pytest.mark.usefixtures("app")
def test_notes_and_tokens_that_are_over_are_forgotten() -> None:
    note = ReplayNote(kind="proof", owner="a key", jti="once", until=NOON)
    assert remember([note]) is None
    revoke_token("once", until=NOON)
    background.take_turn(at(NOON + timedelta(hours=1)))
    assert remember([note]) is None
    assert not is_token_revoked("once")


@pytest.mark.usefixtures("app")
def test_a_key_of_an_algorithm_that_no_api_wants_any_more_ends() -> None:
    background.take_turn(at(NOON))
    options = {"encryption": wiring().encryption, "actor": VISITOR, "now": NOON}
    create_resource_server("orders", signing_alg="ES256", **options)
    edit_resource_server("orders", name="", signing_alg=None, **options)
    background.take_turn(at(NOON))
    assert {key.alg: key.state(NOON) for key in list_signing_keys()} == {
        "RS256": "signing",
        "ES256": "retired",
    }


@pytest.mark.usefixtures("app")
def test_a_replaced_secret_that_has_fallen_quiet_is_ended_by_signet() -> None:
    act = {"actor": VISITOR, "now": NOON}
    register_client(ClientFacts(name="Billing"), client_id="billing", **act)
    new = rotate_secret("billing", ends_when_quiet=True, **act)
    for moment in (NOON + timedelta(hours=47), NOON + timedelta(hours=48)):
        # Its callers have gone over, and use is being written.
        used("billing", new.secret_id, at=moment)
        background.take_turn(at(moment))
        background.take_turn(at(moment))
    (entry,) = list_entries(AuditFilter(action="secret.end_quiet")).entries
    assert (entry.actor, entry.at) == ("Signet", NOON + timedelta(hours=48))


@pytest.mark.usefixtures("app")
def test_ended_sessions_and_old_failures_are_forgotten() -> None:
    create_admin("ada", role="viewer", password=PASSWORD, actor=VISITOR, now=NOON)
    sign_in("ada", PASSWORD, actor=VISITOR, now=NOON)
    for _ in range(2):
        with pytest.raises(SignInRefusedError):
            sign_in("ada", "wrong", actor=VISITOR, now=NOON)
    background.take_turn(at(NOON + timedelta(days=1)))
    with read() as session:
        assert session.scalars(select(AdminSessionRow)).all() == []
        assert session.scalars(select(SignInThrottleRow)).all() == []
    refusals = list_entries(AuditFilter(action="admin.sign_in_failed")).entries
    assert [entry.after["failures"] for entry in refusals] == [2, 1]


def test_what_is_logged_of_a_failing_database_holds_no_value(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    with write() as session:
        session.execute(text("ALTER TABLE form_number RENAME COLUMN used_at TO canary"))
    with caplog.at_level(logging.ERROR):
        background.take_turn(at(NOON))
    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert len(lines) == 1
    assert "form_number" in lines[0]
    assert str((NOON - KEPT_FOR).date()) not in lines[0]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_what_cannot_be_written_at_the_end_is_said_to_be_lost(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    memory = wiring().usage
    for _ in range(3):
        memory.note_use("billing", "s", "token", at=NOON, address="", user_agent="")
    with away("use_count"):
        background.stop(app)
    (record,) = caplog.records
    assert record.message.startswith("use of credentials is lost")
    assert (record.lost, memory.lost, memory.take().is_empty) == (3, 3, True)
