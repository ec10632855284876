"""Private keys at rest (SECURITY section 4)."""

import secrets

import pytest

from signet.models.key_encryption import KeyEncryption, KeyEncryptionError
from signet.settings import KeyEncryptionKey

ABOUT = ("signing_key", "a-kid", "RS256", "access token signing")
FIRST = KeyEncryptionKey("first", secrets.token_bytes(32))
SECOND = KeyEncryptionKey("second", secrets.token_bytes(32))
PLAINTEXT = b'{"d":"private"}'


def test_what_was_encrypted_is_decrypted():
    encryption = KeyEncryption([FIRST])
    envelope = encryption.encrypt(PLAINTEXT, about=ABOUT)
    assert PLAINTEXT not in envelope
    assert encryption.decrypt(envelope, about=ABOUT) == PLAINTEXT


def test_an_envelope_names_its_version_and_key_and_never_repeats_a_nonce():
    encryption = KeyEncryption([FIRST])
    envelopes = {encryption.encrypt(PLAINTEXT, about=ABOUT) for _ in range(100)}
    assert len({envelope[7:19] for envelope in envelopes}) == 100
    assert {envelope[:7] for envelope in envelopes} == {b"\x01\x05first"}


def test_the_first_key_encrypts_and_all_decrypt():
    old = KeyEncryption([FIRST]).encrypt(PLAINTEXT, about=ABOUT)
    both = KeyEncryption([SECOND, FIRST])
    assert both.decrypt(old, about=ABOUT) == PLAINTEXT
    assert both.encrypt(PLAINTEXT, about=ABOUT).startswith(b"\x01\x06second")


def test_any_flipped_bit_is_noticed():
    encryption = KeyEncryption([FIRST, SECOND])
    envelope = encryption.encrypt(PLAINTEXT, about=ABOUT)
    for bit in range(len(envelope) * 8):
        flipped = bytearray(envelope)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(KeyEncryptionError):
            encryption.decrypt(bytes(flipped), about=ABOUT)


def test_an_envelope_that_was_cut_off_is_noticed():
    encryption = KeyEncryption([FIRST])
    envelope = encryption.encrypt(PLAINTEXT, about=ABOUT)
    for length in range(len(envelope)):
        with pytest.raises(KeyEncryptionError):
            encryption.decrypt(envelope[:length], about=ABOUT)


@pytest.mark.parametrize("place", range(len(ABOUT)))
def test_an_envelope_opens_only_for_what_it_was_closed_for(place):
    encryption = KeyEncryption([FIRST])
    envelope = encryption.encrypt(PLAINTEXT, about=ABOUT)
    other = [*ABOUT]
    other[place] = "another"
    with pytest.raises(KeyEncryptionError):
        encryption.decrypt(envelope, about=other)


def test_a_missing_key_is_named():
    envelope = KeyEncryption([FIRST]).encrypt(PLAINTEXT, about=ABOUT)
    with pytest.raises(KeyEncryptionError, match="'first' is missing"):
        KeyEncryption([SECOND]).decrypt(envelope, about=ABOUT)


def test_another_key_of_the_same_name_does_not_open_it():
    envelope = KeyEncryption([FIRST]).encrypt(PLAINTEXT, about=ABOUT)
    impostor = KeyEncryptionKey("first", secrets.token_bytes(32))
    with pytest.raises(KeyEncryptionError, match="'first' does not fit"):
        KeyEncryption([impostor]).decrypt(envelope, about=ABOUT)


def test_without_a_key_nothing_is_encrypted():
    nothing = KeyEncryption([])
    assert not nothing
    assert KeyEncryption([FIRST])
    with pytest.raises(KeyEncryptionError):
        nothing.encrypt(PLAINTEXT, about=ABOUT)


def test_a_key_does_not_show_itself():
    shown = repr(FIRST)
    assert "first" in shown
    assert repr(FIRST.key) not in shown
    assert FIRST.key.hex() not in shown
