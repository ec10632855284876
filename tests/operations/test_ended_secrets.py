"""Secrets that end: by hand with a way back, and by themselves once they have fallen quiet."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from signet.models.clients import find_client
from signet.models.quiet_secrets import clients_with_quiet_secrets
from signet.models.resource_servers import find_resource_server
from signet.models.secrets import SecretDetails
from signet.models.usage_batches import write_batch
from signet.oauth.client import TLS_CLIENT_AUTH
from signet.operations import client_secrets, clients, resource_server_secrets
from signet.operations.client_authentication import ClientAuthentication
from signet.operations.client_facts import ClientFacts
from signet.operations.errors import NotFoundError
from signet.operations.quiet_secrets import end_quiet_secrets, end_quiet_secrets_of
from signet.operations.secret_life import MOST_LIVE_SECRETS, IssuedSecret
from signet.usage import UsageMemory
from tests.operations.acting import ADA, NOON, at_once, entries, make_scope, register, unchanged

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)

create = partial(client_secrets.create_secret, "billing", actor=ADA, now=NOON)
rotate = partial(client_secrets.rotate_secret, "billing", actor=ADA, now=NOON)
revoke = partial(client_secrets.revoke_secret, "billing", actor=ADA, now=NOON)
undo = partial(client_secrets.undo_revoke, "billing", actor=ADA, now=NOON + HOUR - SECOND)
silent_look = partial(end_quiet_secrets, actor=ADA)


@pytest.fixture
def first(app) -> IssuedSecret:
    """The secret with which the client was registered, at noon."""
    return register()


def details(secret_id: str) -> SecretDetails:
    client = find_client("billing")
    assert client is not None
    return next(secret for secret in client.secrets if secret.secret_id == secret_id)


def state(issued: IssuedSecret, now: datetime = NOON + 3 * DAY) -> str:
    return details(issued.secret_id).state(now)


def use(issued: IssuedSecret, *moments: datetime) -> None:
    """Write down that a secret was used."""
    memory = UsageMemory()
    for at in moments:
        memory.note_use(
            issued.client_id, issued.secret_id, "token", at=at, address="10.0.4.7", user_agent="x"
        )
    write_batch(memory.take())


def note_elsewhere(at: datetime) -> None:
    """Write down that somebody else has called: uses are being recorded."""
    memory = UsageMemory()
    memory.note_use("elsewhere", "", "token", at=at, address="10.0.4.8", user_agent="x")
    write_batch(memory.take())


def look(now: datetime) -> None:
    """Look for quiet secrets while uses are being recorded."""
    note_elsewhere(now - SECOND)
    silent_look(now=now)


# Taking a revocation back


def test_a_revocation_can_be_undone_for_an_hour(first):
    revoke(first.secret_id)
    assert details(first.secret_id).undo_until == NOON + HOUR
    undo(first.secret_id)
    secret = details(first.secret_id)
    assert (secret.state(NOON), secret.undo_until) == ("live", None)
    entry = entries()[-1]
    assert (entry.action, entry.after["revoked_at"]) == ("secret.undo_revoke", None)
    assert entry.before["revoked_at"] == "2026-07-01T12:00:00+00:00"


def test_after_an_hour_a_revocation_is_for_good(first):
    revoke(first.secret_id)
    with unchanged():
        undo(first.secret_id, now=NOON + HOUR)


def test_what_a_rotation_ended_now_is_not_brought_back(first):
    """It is chosen for a secret that has leaked."""
    rotate(overlap=timedelta())
    with unchanged():
        undo(first.secret_id, now=NOON)


def test_what_has_expired_in_the_meantime_is_not_brought_back(first):
    short = create(expires_in=30 * timedelta(minutes=1))
    revoke(short.secret_id)
    with unchanged():
        undo(short.secret_id, now=NOON + timedelta(minutes=30))


def test_a_secret_that_is_not_revoked_is_not_brought_back(first):
    with unchanged():
        undo(first.secret_id)
    for secret_id in ("nothing", register("other").secret_id):
        with unchanged(NotFoundError):
            undo(secret_id)


def test_undoing_makes_no_eleventh_live_secret(first):
    revoke(first.secret_id)
    for _ in range(MOST_LIVE_SECRETS):
        create()
    with unchanged():
        undo(first.secret_id)


def test_a_replaced_secret_comes_back_with_the_end_that_it_had(first):
    rotate(overlap=7 * DAY)
    revoke(first.secret_id)
    undo(first.secret_id)
    secret = details(first.secret_id)
    assert (secret.expires_at, secret.replaced_at) == (NOON + 7 * DAY, NOON)


def test_of_many_who_undo_at_once_one_does(app, first):
    revoke(first.secret_id)
    at_once(app, *[partial(undo, first.secret_id)] * 5)
    assert [entry.action for entry in entries()].count("secret.undo_revoke") == 1


def test_the_secret_of_an_api_comes_back_as_well(app):
    make_scope("external-api", "orders")
    issued = resource_server_secrets.create_secret("orders", actor=ADA, now=NOON)
    resource_server_secrets.revoke_secret("orders", issued.secret_id, actor=ADA, now=NOON)
    resource_server_secrets.undo_revoke("orders", issued.secret_id, actor=ADA, now=NOON)
    api = find_resource_server("orders")
    assert api is not None and api.secrets[0].state(NOON) == "live"
    assert entries()[-1].action == "api_secret.undo_revoke"


# Falling quiet


@pytest.fixture
def second(first) -> IssuedSecret:
    """The one that replaced it at noon, and is in use."""
    issued = rotate(ends_when_quiet=True)
    use(issued, NOON + HOUR, NOON + DAY)
    return issued


def test_a_secret_that_ends_when_quiet_ends_in_any_case_after_30_days(first, second):
    secret = details(first.secret_id)
    assert secret.ends_when_quiet
    assert (secret.replaced_at, secret.expires_at) == (NOON, NOON + 30 * DAY)
    assert entries()[-1].after["replaced"][0]["ends_when_quiet"] is True


def test_it_ends_48_hours_after_its_last_use_and_can_be_brought_back(first, second):
    use(first, NOON + 5 * HOUR)
    look(now=NOON + 53 * HOUR - SECOND)
    assert state(first) == "live"
    look(now=NOON + 53 * HOUR)
    assert (state(first), state(second)) == ("revoked", "live")
    undo(first.secret_id, now=NOON + 54 * HOUR - SECOND)
    look(now=NOON + 54 * HOUR)
    assert state(first) == "live"


def test_a_secret_that_was_not_used_at_all_ends_48_hours_after_it_was_replaced(first, second):
    look(now=NOON + 48 * HOUR - SECOND)
    assert state(first) == "live"
    look(now=NOON + 48 * HOUR)
    assert state(first) == "revoked"


def test_it_is_said_in_the_audit_log_by_whom_and_once(app, first, second):
    note_elsewhere(NOON + 3 * DAY - SECOND)
    at_once(app, *[partial(silent_look, now=NOON + 3 * DAY)] * 4)
    (entry,) = entries(action="secret.end_quiet")
    assert (entry.actor, entry.object.id) == (ADA.name, "billing")
    assert entry.before["secret_id"] == first.secret_id


def test_the_quiet_of_a_client_that_never_used_the_new_one_says_nothing(first):
    """A job that runs once a week would find its secret gone."""
    use(first, NOON)
    rotate(ends_when_quiet=True)
    look(now=NOON + 5 * DAY)
    assert state(first) == "live"


def test_uses_within_one_hour_are_no_sign_that_anybody_went_over(first):
    """An admin who tries the new one is not its caller."""
    new = rotate(ends_when_quiet=True)
    use(new, NOON + HOUR, NOON + HOUR + 59 * MINUTE)
    look(now=NOON + 5 * DAY)
    assert state(first) == "live"
    use(new, NOON + 2 * HOUR)
    look(now=NOON + 5 * DAY)
    assert state(first) == "revoked"


def test_silence_proves_nothing_while_no_use_is_recorded(first, second):
    note_elsewhere(NOON + 5 * DAY - 10 * MINUTE)
    silent_look(now=NOON + 5 * DAY)
    assert state(first) == "live"


def test_a_client_that_was_deleted_in_between_does_not_keep_the_others(first, second):
    end_quiet_secrets_of(client_secrets.LIFE, ["gone", "billing"], actor=ADA, now=NOON + 3 * DAY)
    assert state(first) == "revoked"


def test_a_client_is_found_only_while_one_of_its_secrets_can_end(first):
    """Whoever is found is looked at under the lock of writers."""
    find = partial(clients_with_quiet_secrets, quiet_since=NOON + 3 * DAY, now=NOON + 5 * DAY)
    new = rotate(ends_when_quiet=True)
    assert find() == ()
    use(new, NOON, NOON + HOUR)
    assert find() == ("billing",)
    clients.disable_client("billing", actor=ADA, now=NOON)
    assert find() == ()
    clients.enable_client("billing", actor=ADA, now=NOON)
    _change_method()
    assert find() == ()


def test_the_only_secret_that_works_does_not_end(first, second):
    revoke(second.secret_id)
    look(now=NOON + 5 * DAY)
    assert state(first) == "live"


def test_an_older_secret_that_is_in_use_is_no_sign_that_anybody_went_over(first):
    kept = create()
    rotate(ends_when_quiet=True, replaces=[first.secret_id], now=NOON + SECOND)
    use(kept, NOON + HOUR, NOON + DAY)
    look(now=NOON + 5 * DAY)
    assert state(first) == "live"


def test_a_secret_with_a_date_does_not_end_before_it(first):
    use(rotate(overlap=7 * DAY), NOON, NOON + HOUR)
    look(now=NOON + 5 * DAY)
    assert state(first, NOON + 5 * DAY) == "live"


def test_a_date_that_is_chosen_later_counts_instead_of_the_quiet(first, second):
    use(rotate(overlap=7 * DAY, now=NOON + DAY), NOON + DAY, NOON + 2 * DAY)
    assert not details(first.secret_id).ends_when_quiet
    assert details(first.secret_id).expires_at == NOON + 8 * DAY


def _change_method() -> None:
    by_certificate = ClientAuthentication(method=TLS_CLIENT_AUTH, subject_dn="CN=billing")
    clients.edit_client(
        "billing", ClientFacts(name="B"), authentication=by_certificate, actor=ADA, now=NOON
    )


@pytest.mark.parametrize(
    "stop", [partial(clients.disable_client, "billing", actor=ADA, now=NOON), _change_method]
)
def test_a_client_that_may_not_call_with_secrets_has_not_fallen_quiet(
    first, second, stop: Callable[..., Any]
):
    stop()
    look(now=NOON + 5 * DAY)
    assert state(first) == "live"


def test_a_secret_of_an_api_falls_quiet_as_well(app):
    make_scope("external-api", "orders")
    life = {"actor": ADA, "now": NOON}
    resource_server_secrets.create_secret("orders", **life)
    new = resource_server_secrets.rotate_secret("orders", ends_when_quiet=True, **life)
    use(new, NOON, NOON + HOUR)
    look(now=NOON + 2 * DAY)
    api = find_resource_server("orders")
    assert api is not None
    assert [secret.state(NOON + 2 * DAY) for secret in api.secrets] == ["live", "revoked"]
    assert entries()[-1].action == "api_secret.end_quiet"
