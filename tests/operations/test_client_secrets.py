"""Creating, rotating and revoking the secrets of a client (SECURITY C13, C15)."""

from datetime import timedelta
from functools import partial

import pytest

from signet.models.audit_log import verify_chain
from signet.models.client_snapshots import load_client_snapshot
from signet.models.clients import find_client
from signet.oauth.client import (
    TLS_CLIENT_AUTH,
    Client,
    digest_client_secret,
    has_valid_checksum,
    matching_secret,
)
from signet.operations import client_secrets, clients
from signet.operations.client_authentication import ClientAuthentication
from signet.operations.client_facts import ClientFacts
from signet.operations.errors import NotFoundError, OperationError
from signet.operations.secret_life import MOST_LIVE_SECRETS, IssuedSecret
from tests.operations.acting import ADA, NOON, at_once, entries, make_scope, register, unchanged

DAY = timedelta(days=1)
LATER = NOON + DAY

create = partial(client_secrets.create_secret, "billing", actor=ADA, now=LATER)
rotate = partial(client_secrets.rotate_secret, "billing", actor=ADA, now=LATER)
revoke = partial(client_secrets.revoke_secret, "billing", actor=ADA, now=LATER)


@pytest.fixture
def first(app) -> IssuedSecret:
    """The secret with which the client was registered, at noon."""
    return register()


def works(issued: IssuedSecret, now=LATER) -> bool:
    client = load_client_snapshot(issued.client_id)
    return client is not None and takes(client, issued.client_secret, now)


def takes(client: Client, text: str, now=LATER) -> bool:
    found = matching_secret(client.secrets, text, client_id=client.client_id, now=now)
    return found is not None


def details(issued: IssuedSecret):
    client = find_client(issued.client_id)
    assert client is not None
    return next(secret for secret in client.secrets if secret.secret_id == issued.secret_id)


# Creating


def test_a_secret_works_beside_those_there_are(first):
    second = create(description="Staging")
    assert works(first)
    assert works(second)
    assert first.client_secret != second.client_secret
    assert has_valid_checksum(second.client_secret)


def test_of_a_secret_everything_is_kept_but_the_secret(first):
    issued = create(description=" Staging ", expires_in=30 * DAY)
    secret = details(issued)
    assert (secret.description, secret.hint) == ("Staging", issued.client_secret[-4:])
    assert (secret.created_at, secret.created_by) == (LATER, ADA.name)
    assert secret.expires_at == issued.expires_at == LATER + 30 * DAY
    assert issued.client_secret not in repr(find_client("billing"))


def test_a_new_secret_is_recorded_without_the_secret_its_digest_or_its_hint(first):
    issued = create(description="Staging", expires_in=30 * DAY)
    entry = entries()[-1]
    assert (entry.action, entry.object.id, entry.before) == ("secret.create", "billing", {})
    assert entry.after == {
        "secret_id": issued.secret_id,
        "description": "Staging",
        "expires_at": "2026-08-01T12:00:00+00:00",
        "revoked_at": None,
    }


def test_the_answer_names_the_scopes_of_the_client(app):
    register(scopes=[make_scope("b"), make_scope("a")])
    assert create().scopes == ("a", "b")


@pytest.mark.parametrize(
    ("expires_in", "expires_at"),
    [
        (None, None),
        (timedelta(seconds=1), LATER + timedelta(seconds=1)),
        (3_650 * DAY, LATER + 3_650 * DAY),
    ],
)
def test_a_secret_lives_as_long_as_was_said(first, expires_in, expires_at):
    issued = create(expires_in=expires_in)
    assert details(issued).expires_at == expires_at
    assert works(issued, LATER)
    if expires_at is not None:
        assert not works(issued, expires_at)


@pytest.mark.parametrize("expires_in", [timedelta(), -DAY, 3_650 * DAY + timedelta(seconds=1)])
def test_a_secret_born_dead_or_for_ever_is_refused(first, expires_in):
    with unchanged(field="expires_in"):
        create(expires_in=expires_in)
    with unchanged(field="expires_in"):
        rotate(expires_in=expires_in)


@pytest.mark.parametrize("description", ["x" * 101, "a\nb", "\0"])
def test_a_description_that_cannot_be_shown_is_refused(first, description):
    with unchanged(field="description"):
        create(description=description)
    with unchanged(field="description"):
        rotate(description=description)


def test_a_client_has_ten_live_secrets_and_not_one_more(first):
    for _ in range(MOST_LIVE_SECRETS - 1):
        create()
    with unchanged():
        create()


def test_ended_secrets_leave_room_for_others(first):
    short = [create(expires_in=DAY) for _ in range(MOST_LIVE_SECRETS - 1)]
    revoke(short[0].secret_id)
    create()
    with unchanged():
        create()
    client_secrets.create_secret("billing", actor=ADA, now=LATER + DAY)


def test_of_many_secrets_made_at_once_no_more_than_ten_live(app, first):
    outcomes = at_once(app, *[create] * 20)
    assert len([outcome for outcome in outcomes if isinstance(outcome, OperationError)]) == 11
    client = find_client("billing")
    assert client is not None
    assert len(client.live_secrets(LATER)) == MOST_LIVE_SECRETS
    assert [entry.number for entry in entries()] == list(range(1, 11))
    assert verify_chain().broken_at is None


# A client that proves itself otherwise


def test_a_client_that_uses_no_secret_gets_none_and_can_lose_what_is_left(first):
    clients.edit_client(
        "billing",
        ClientFacts(name="Billing"),
        authentication=ClientAuthentication(method=TLS_CLIENT_AUTH, subject_dn="CN=billing"),
        actor=ADA,
        now=LATER,
    )
    for attempt in (create, rotate):
        with unchanged():
            attempt()
    revoke(first.secret_id)
    assert details(first).revoked_at == LATER


# Rotating


def test_with_an_overlap_both_work_and_then_only_the_new_one(first):
    second = rotate(overlap=7 * DAY)
    assert works(first, LATER + 7 * DAY - timedelta(seconds=1))
    assert works(second, LATER)
    assert not works(first, LATER + 7 * DAY)
    assert works(second, LATER + 7 * DAY)
    assert (details(first).replaced_at, details(first).expires_at) == (LATER, LATER + 7 * DAY)


def test_the_overlap_is_a_week_unless_said_otherwise(first):
    rotate()
    assert details(first).expires_at == LATER + 7 * DAY


def test_without_overlap_the_old_one_is_refused_at_once(first):
    second = rotate(overlap=timedelta())
    assert not works(first)
    assert works(second)
    assert details(first).revoked_at == LATER


def test_a_rotation_replaces_all_live_ones_or_the_chosen_ones(first):
    second, third = create(), create()
    rotate(overlap=timedelta(), replaces=[second.secret_id])
    assert [works(first), works(second), works(third)] == [True, False, True]
    fifth = rotate(overlap=timedelta())
    assert [works(first), works(third), works(fifth)] == [False, False, True]


def test_a_rotation_may_replace_nothing(first):
    second = rotate(replaces=[])
    assert details(first).replaced_at is None
    assert works(first)
    assert works(second)


def test_an_overlap_never_makes_a_secret_live_longer(first):
    short = create(expires_in=2 * DAY)
    rotate(overlap=30 * DAY)
    assert details(short).expires_at == LATER + 2 * DAY
    rotate(overlap=DAY)
    assert details(first).expires_at == LATER + DAY
    rotate(overlap=20 * DAY)
    assert details(first).expires_at == LATER + DAY


def test_a_rotation_leaves_ended_secrets_as_they_are(first):
    revoke(first.secret_id)
    rotate()
    assert details(first).replaced_at is None


def test_a_rotation_is_one_entry_that_says_what_ends_when(first):
    second = rotate(overlap=DAY, description="New", expires_in=None)
    entry = entries()[-1]
    assert (entry.action, entry.object.id) == ("secret.rotate", "billing")
    (before,), (after,) = entry.before["replaced"], entry.after["replaced"]
    assert before["secret_id"] == after["secret_id"] == first.secret_id
    assert (before["expires_at"], after["expires_at"]) == (
        "2027-07-01T12:00:00+00:00",
        "2026-07-03T12:00:00+00:00",
    )
    assert entry.after["secret"]["secret_id"] == second.secret_id
    assert entry.after["secret"]["expires_at"] is None
    for issued in (first, second):
        assert issued.client_secret not in str(entry)


@pytest.mark.parametrize("overlap", [-timedelta(seconds=1), 365 * DAY + timedelta(seconds=1)])
def test_an_odd_overlap_is_refused(first, overlap):
    with unchanged(field="overlap"):
        rotate(overlap=overlap)


def test_a_secret_to_be_replaced_must_be_a_live_one_of_this_client(first):
    other = register("other")
    ended = create(expires_in=timedelta(seconds=1))
    later = partial(rotate, now=LATER + DAY)
    for secret_id in ("nothing", other.secret_id, ended.secret_id):
        with unchanged(field="replaces"):
            later(replaces=[first.secret_id, secret_id])


def test_a_client_with_ten_secrets_can_rotate_at_once_but_not_with_an_overlap(first):
    for _ in range(MOST_LIVE_SECRETS - 1):
        create()
    with unchanged():
        rotate(overlap=DAY)
    assert works(rotate(overlap=timedelta(), replaces=[first.secret_id]))


def test_the_secrets_of_a_disabled_client_can_be_rotated_and_work_once_it_is_enabled(first):
    clients.disable_client("billing", actor=ADA, now=LATER)
    second = rotate()
    clients.enable_client("billing", actor=ADA, now=LATER)
    assert works(second)


def test_after_many_rotations_at_once_one_secret_is_left(app, first):
    """Each of them replaced all that lived when its turn came."""
    outcomes = at_once(app, *[partial(rotate, overlap=timedelta())] * 10)
    issued = [outcome for outcome in outcomes if isinstance(outcome, IssuedSecret)]
    assert len(issued) == 10
    assert len([secret for secret in issued if works(secret)]) == 1
    assert verify_chain().count == 11


# Revoking


def test_a_revoked_secret_is_refused_and_the_others_are_not(first):
    second = create()
    revoke(first.secret_id)
    assert not works(first)
    assert works(second)
    entry = entries()[-1]
    assert (entry.action, entry.before["revoked_at"], entry.after["revoked_at"]) == (
        "secret.revoke",
        None,
        "2026-07-02T12:00:00+00:00",
    )


def test_the_last_secret_can_be_revoked(first):
    revoke(first.secret_id)
    assert not works(first)


def test_a_secret_is_revoked_once(first):
    revoke(first.secret_id)
    with unchanged():
        revoke(first.secret_id, now=LATER + DAY)


def test_of_many_who_revoke_a_secret_at_once_one_does(app, first):
    outcomes = at_once(app, *[partial(revoke, first.secret_id)] * 10)
    assert len([outcome for outcome in outcomes if isinstance(outcome, OperationError)]) == 9
    assert [entry.action for entry in entries()] == ["client.create", "secret.revoke"]


def test_what_is_not_there_is_not_found(first):
    other = register("other")
    for act in (
        partial(create.func, "nobody"),
        partial(rotate.func, "nobody"),
        partial(revoke.func, "nobody", first.secret_id),
        partial(revoke.func, "billing", other.secret_id),
        partial(revoke.func, "billing", "nothing"),
        partial(revoke.func, "Billing", first.secret_id),
    ):
        with unchanged(NotFoundError):
            act(actor=ADA, now=LATER)


# What is stored


def test_the_stored_digest_is_no_secret(first):
    """SECURITY C15."""
    client = load_client_snapshot("billing")
    assert client is not None
    (secret,) = client.secrets
    assert secret.digest == digest_client_secret(first.client_secret, client_id="billing")
    for stolen in (secret.digest, secret.digest.removeprefix("v1:")):
        assert not takes(client, stolen)


def test_the_secret_of_one_client_is_not_that_of_another(first):
    other = register("other")
    assert not works(
        IssuedSecret(
            client_id="other",
            secret_id=other.secret_id,
            client_secret=first.client_secret,
            expires_at=None,
        )
    )
