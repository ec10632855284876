"""The table of signing keys: what is encrypted, and what does not open."""

import pytest
from sqlalchemy import text

from signet.models.database import read, write
from signet.models.key_encryption import KeyEncryption, KeyEncryptionError
from signet.models.signing_keys import (
    list_signing_keys,
    load_key_ring,
    load_private_key_ring,
    load_signing_key_rows,
)
from signet.operations.signing_keys import rotate_key
from signet.settings import KeyEncryptionKey
from tests.operations.acting import ADA, ENCRYPTION, NOON, make_key

PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi"}


def open_ring(encryption: KeyEncryption = ENCRYPTION):
    with read() as session:
        return load_private_key_ring(session, encryption, now=NOON)


def test_a_key_comes_back_as_it_was_stored(app):
    kid = make_key()
    (key,) = open_ring().keys
    assert key.kid == kid == key.private_key.thumbprint() == key.public_jwk["kid"]
    assert key.private_key.is_private


def test_nobody_gets_a_private_half_without_asking_for_it(app):
    make_key()
    (listed,) = list_signing_keys()
    with read() as session:
        (loaded,) = load_key_ring(session).keys
    assert listed.private_key is None
    assert loaded.private_key is None
    assert not PRIVATE_MEMBERS & set(listed.public_jwk)


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_the_public_column_holds_nothing_private(app, alg):
    rotate_key(alg, default_alg=alg, at_once=True, encryption=ENCRYPTION, actor=ADA, now=NOON)
    (key,) = list_signing_keys()
    assert not PRIVATE_MEMBERS & set(key.public_jwk)
    assert (key.public_jwk["alg"], key.public_jwk["use"]) == (alg, "sig")


def test_a_changed_envelope_is_refused_and_names_its_kid(app):
    kid = make_key()
    with write() as session:
        (row,) = load_signing_key_rows(session)
        envelope = bytearray(row.encrypted_private_jwk)
        envelope[-1] ^= 1
        row.encrypted_private_jwk = bytes(envelope)
    with pytest.raises(KeyEncryptionError, match=f"signing key {kid}"):
        open_ring()


def test_an_envelope_moved_to_another_row_is_refused(app):
    make_key()
    rotate_key(
        "EdDSA", default_alg="EdDSA", at_once=True, encryption=ENCRYPTION, actor=ADA, now=NOON
    )
    rotate_key(
        "EdDSA", default_alg="EdDSA", at_once=False, encryption=ENCRYPTION, actor=ADA, now=NOON
    )
    with write() as session:
        _, second, third = load_signing_key_rows(session)
        second.encrypted_private_jwk, third.encrypted_private_jwk = (
            third.encrypted_private_jwk,
            second.encrypted_private_jwk,
        )
    with pytest.raises(KeyEncryptionError):
        open_ring()


def test_a_row_given_another_alg_is_refused(app):
    make_key()
    with write() as session:
        session.execute(text("UPDATE signing_key SET alg = 'RS256'"))
    with pytest.raises(KeyEncryptionError):
        open_ring()


def test_a_key_that_signs_no_more_need_not_open(app):
    """Its key-encryption key may be gone by then."""
    old = KeyEncryption([KeyEncryptionKey("old", bytes(32))])
    rotate_key("EdDSA", default_alg="EdDSA", at_once=True, encryption=old, actor=ADA, now=NOON)
    current = rotate_key(
        "EdDSA", default_alg="EdDSA", at_once=True, encryption=ENCRYPTION, actor=ADA, now=NOON
    )
    assert {key.kid for key in open_ring().keys if key.private_key} == {current}


def test_a_key_shows_nothing_private_when_it_is_printed(app):
    make_key()
    (key,) = open_ring().keys
    assert key.private_key.as_dict(private=True)["d"] not in repr(key)
