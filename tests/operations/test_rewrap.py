"""Rewrapping: what is encrypted at rest goes over to the first key-encryption key."""

import pytest

from signet.models.database import read, write
from signet.models.encrypted_columns import ENCRYPTED_COLUMNS, KeyUse, count_key_uses
from signet.models.key_encryption import KeyEncryption, KeyEncryptionError
from signet.models.signing_keys import SigningKeyRow, load_private_key_ring, load_signing_key_rows
from signet.operations import rewrap as room
from signet.operations.errors import OperationError
from signet.operations.rewrap import rewrap
from signet.operations.signing_keys import rotate_key
from signet.settings import KeyEncryptionKey
from tests.operations.acting import ADA, ENCRYPTION, NOON, entries, make_key

OLD = KeyEncryptionKey("k1", bytes(range(32)))
NEW = KeyEncryptionKey("k2", bytes(range(32, 64)))
BOTH = KeyEncryption([NEW, OLD])
ONLY_NEW = KeyEncryption([NEW])


@pytest.fixture
def kids(app) -> list[str]:
    """Three keys under the old key-encryption key."""
    make_key()
    for _ in range(2):
        rotate_key(
            "EdDSA", default_alg="EdDSA", at_once=True, encryption=ENCRYPTION, actor=ADA, now=NOON
        )
    with read() as session:
        return sorted(row.kid for row in load_signing_key_rows(session))


def run(encryption: KeyEncryption = BOTH) -> room.Rewrapped:
    return rewrap(encryption=encryption, actor=ADA, now=NOON)


def uses() -> dict[str, int]:
    return {use.kek_id: use.rows for use in count_key_uses()}


def test_everything_is_under_the_first_key_afterwards(kids):
    assert run() == room.Rewrapped("k2", 3, ())
    assert count_key_uses() == (KeyUse(kek_id="k2", what="signing key", rows=3),)


def test_the_old_key_is_not_needed_any_more(kids):
    run()
    with read() as session:
        ring = load_private_key_ring(session, ONLY_NEW, now=NOON)
    assert ring.signing_key("EdDSA", NOON) is not None


def test_a_second_run_changes_nothing_and_leaves_no_entry(kids):
    run()
    before = len(entries())
    assert run().rewrapped == 0
    assert len(entries()) == before


def test_it_stands_in_the_audit_log_with_the_number_and_without_a_key(kids):
    run()
    entry = entries()[-1]
    assert (entry.action, entry.object.id) == ("encryption.rewrap", "k2")
    assert entry.after == {"what": "signing key", "rewrapped": 3}


def test_a_run_that_was_ended_is_taken_up_by_the_next(kids, monkeypatch):
    """Batch by batch, each with its entry: what was done before the end holds."""
    monkeypatch.setattr(room, "_BATCH", 1)
    encrypt = KeyEncryption.encrypt
    left = iter([True, False])

    def end_soon(self, plaintext, *, about):
        if not next(left):
            raise SystemExit
        return encrypt(self, plaintext, about=about)

    with monkeypatch.context() as ended:
        ended.setattr(KeyEncryption, "encrypt", end_soon)
        with pytest.raises(SystemExit):
            run()
    assert uses() == {"k1": 2, "k2": 1}
    assert [entry.after["rewrapped"] for entry in entries(action="encryption.rewrap")] == [1]
    assert run().rewrapped == 2
    assert uses() == {"k2": 3}


def test_batches_reach_every_row(kids, monkeypatch):
    monkeypatch.setattr(room, "_BATCH", 2)
    assert run().rewrapped == 3
    assert uses() == {"k2": 3}


def test_a_row_that_does_not_open_is_left_and_named_and_the_others_are_done(kids):
    with write() as session:
        row = session.get_one(SigningKeyRow, kids[1])
        row.encrypted_private_jwk = row.encrypted_private_jwk[:-1] + b"\0"
    done = run()
    assert done.rewrapped == 2
    (problem,) = done.left
    assert problem.startswith(f"signing key {kids[1]}: the key-encryption key 'k1' does not fit")


def test_a_row_under_a_key_that_is_missing_is_left_and_named(kids):
    done = run(ONLY_NEW)
    assert done.rewrapped == 0
    assert len(done.left) == 3
    assert all("'k1' is missing" in problem for problem in done.left)
    assert uses() == {"k1": 3}


def test_without_any_key_it_is_refused(kids):
    with pytest.raises(OperationError):
        run(KeyEncryption([]))


def test_an_envelope_of_another_row_is_not_made_good_by_a_rewrap(kids):
    """SECURITY section 4, item 8: swapped ciphertexts stay refused."""
    with write() as session:
        one, other = (session.get_one(SigningKeyRow, kid) for kid in kids[:2])
        one.encrypted_private_jwk, other.encrypted_private_jwk = (
            other.encrypted_private_jwk,
            one.encrypted_private_jwk,
        )
    done = run()
    assert (done.rewrapped, len(done.left)) == (1, 2)


def test_every_encrypted_column_is_registered():
    """One that is not would be lost with the old key."""
    registered = {column.envelope.property.columns[0] for column in ENCRYPTED_COLUMNS}
    encrypted = {
        column
        for table in SigningKeyRow.metadata.sorted_tables
        for column in table.columns
        if column.name.startswith("encrypted_")
    }
    assert encrypted <= registered


def test_a_damaged_envelope_is_counted_as_one_that_names_no_key(kids):
    with write() as session:
        session.get_one(SigningKeyRow, kids[0]).encrypted_private_jwk = b"\0"
    assert uses() == {"": 1, "k1": 2}


def test_what_is_counted_names_keys_and_holds_none(kids):
    assert OLD.key.hex() not in repr(count_key_uses())
    with pytest.raises(KeyEncryptionError, match="missing"):
        BOTH.decrypt(
            KeyEncryption([KeyEncryptionKey("k3", b"\1" * 32)]).encrypt(b"", about=()), about=()
        )
