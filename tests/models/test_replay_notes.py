"""Each assertion and proof counts once, on both engines."""

from datetime import timedelta

import pytest

from signet.models.database import DatabaseUnavailableError
from signet.models.replay_notes import KEPT_LONGER, prune_replay_notes, remember
from signet.oauth.store import ReplayNote
from tests.models.outage import away
from tests.operations.acting import NOON, Statements, at_once

pytestmark = pytest.mark.usefixtures("app")

MINUTE = timedelta(minutes=1)


def make_note(
    jti: str = "j1", *, kind: str = "assertion", owner: str = "billing", until=NOON + MINUTE
) -> ReplayNote:
    return ReplayNote(kind=kind, owner=owner, jti=jti, until=until)


def test_a_note_is_new_once():
    note = make_note()
    assert remember([note]) is None
    assert remember([note]) == note


@pytest.mark.parametrize(
    "other", [make_note("j2"), make_note(kind="proof"), make_note(owner="another")]
)
def test_another_kind_owner_or_jti_is_another_note(other: ReplayNote):
    remember([make_note()])
    assert remember([other]) is None


def test_of_two_notes_the_one_that_was_there_is_named_and_the_other_not_noted():
    assertion, proof = make_note(), make_note("p1", kind="proof", owner="a thumbprint")
    remember([proof])
    assert remember([assertion, proof]) == proof
    assert remember([assertion]) is None


def test_of_two_notes_that_were_there_the_first_is_named():
    """However the database sorts them."""
    for jti in "abcdefgh":
        notes = [make_note(jti), make_note(jti, kind="proof")]
        remember(notes)
        assert remember(notes) == notes[0]


def test_both_notes_are_one_statement():
    statements = Statements()
    with statements.heard():
        remember([make_note(), make_note(kind="proof")])
    assert len([sent for sent in statements.sent if "replay_note" in sent]) == 1


def test_of_many_at_the_same_moment_one_is_new(app):
    note = make_note()
    outcomes = at_once(app, *[lambda: remember([note])] * 8)
    assert outcomes.count(None) == 1
    assert outcomes.count(note) == 7


def test_what_a_jti_is_made_of_does_not_matter():
    for jti in ("é\U0001f511", "x" * 10_000, "'; --", "\x01"):
        note = make_note(jti)
        assert remember([note]) is None
        assert remember([note]) == note


def test_notes_go_when_they_are_over_for_every_clock():
    remember([make_note(until=NOON)])
    prune_replay_notes(now=NOON + KEPT_LONGER)
    assert remember([make_note(until=NOON)]) is not None
    prune_replay_notes(now=NOON + KEPT_LONGER + MINUTE)
    assert remember([make_note(until=NOON)]) is None


def test_a_database_that_fails_is_no_replay():
    with away("replay_note"), pytest.raises(DatabaseUnavailableError):
        remember([make_note()])
