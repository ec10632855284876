"""What is done to signing keys: the first one, rotation by plan or at once, revocation.

Keys are generated before the transaction begins: an RSA key takes tenths of a second, and nobody
should wait for the lock that long.
"""

from datetime import datetime

import gevent
from joserfc.jwk import Key

from signet.models.audit import Actor, AuditedObject, act, append_entry
from signet.models.database import read
from signet.models.key_encryption import KeyEncryption
from signet.models.signing_keys import (
    SigningKeyRow,
    load_key_ring,
    load_signing_key_rows,
    new_signing_key_row,
)
from signet.oauth.jwks import (
    ANNOUNCED,
    ANNOUNCED_FOR,
    PUBLISHED_AFTERWARDS,
    SIGNING,
    KeyRing,
    generate_private_key,
    next_signing_at,
)
from signet.operations.errors import NotFoundError, OperationError


def take_due_step(
    alg: str, *, encryption: KeyEncryption, actor: Actor, now: datetime
) -> str | None:
    """Make the first key, or announce the next one, if that is due; safe on many nodes at once.

    :return: the ``kid`` of the new key, ``None`` if nothing was due.
    """
    with read() as session:
        if not load_key_ring(session).is_rotation_due(alg, now):
            return None
    private_key = generate_in_thread(alg)
    with act() as session:
        rows = load_signing_key_rows(session)
        ring = KeyRing(tuple(row.to_signing_key() for row in rows))
        # A second look, under the lock: another worker may have been faster.
        if not ring.is_rotation_due(alg, now):
            return None
        in_use = ring.key_in_use(alg, now)
        row = new_signing_key_row(
            private_key,
            alg=alg,
            encryption=encryption,
            announced_at=now,
            signing_at=next_signing_at(in_use, alg, now),
        )
        session.add(row)
        _retire_others(rows, row, now=now)
        append_entry(
            session,
            actor=actor,
            action="key.announce" if in_use else "key.create",
            object=_audited(row),
            now=now,
            after=_facts(row),
        )
    return row.kid


def rotate_key(
    alg: str, *, at_once: bool, encryption: KeyEncryption, actor: Actor, now: datetime
) -> str:
    """Bring the next rotation forward and return the ``kid`` of the next key.

    :param at_once: sign with it from now on, although APIs may not have seen it yet; otherwise
        it is announced now and signs in 14 days.
    """
    private_key = generate_in_thread(alg)
    with act() as session:
        rows = load_signing_key_rows(session)
        ring = KeyRing(tuple(row.to_signing_key() for row in rows))
        in_use, announced = ring.key_in_use(alg, now), ring.announced_key(alg, now)
        if announced is not None and not at_once:
            raise OperationError("The next key is announced already")
        signing_at = now if at_once or in_use is None else now + ANNOUNCED_FOR
        if announced is not None:
            row = _get_row(rows, announced.kid)
            _begin_signing(row, signing_at)
        else:
            row = new_signing_key_row(
                private_key,
                alg=alg,
                encryption=encryption,
                announced_at=now,
                signing_at=signing_at,
            )
            session.add(row)
        _retire_others(rows, row, now=now)
        append_entry(
            session,
            actor=actor,
            action="key.rotate",
            object=_audited(row),
            now=now,
            before={"kid": in_use.kid} if in_use else {},
            after=_facts(row),
        )
    return row.kid


def revoke_key(kid: str, *, encryption: KeyEncryption, actor: Actor, now: datetime) -> str | None:
    """Take a key out of the key set at once: an emergency, APIs then refuse its tokens.

    :return: the ``kid`` of the key that signs instead, if the revoked one was signing.
    """
    with read() as session:
        alg = _get_row(load_signing_key_rows(session), kid).alg
    private_key = generate_in_thread(alg)
    with act() as session:
        rows = load_signing_key_rows(session)
        row = _get_row(rows, kid)
        state = row.to_signing_key().state(now)
        if row.revoked_at is not None:
            raise OperationError("This key was revoked before")
        row.revoked_at = now
        successor = None
        if state == SIGNING:
            successor = _successor(rows, alg, now) or new_signing_key_row(
                private_key, alg=alg, encryption=encryption, announced_at=now, signing_at=now
            )
            _begin_signing(successor, now)
            session.add(successor)
        elif state == ANNOUNCED:
            _unretire_predecessors(rows, row)
        append_entry(
            session,
            actor=actor,
            action="key.revoke",
            object=_audited(row),
            now=now,
            before={"state": state},
            after={"state": "revoked", "successor": successor.kid if successor else None},
        )
        return successor.kid if successor else None


def generate_in_thread(alg: str) -> Key:
    """A private key, made in a real thread so that a worker's other requests go on."""
    key: Key = gevent.get_hub().threadpool.apply(generate_private_key, (alg,))
    return key


def _begin_signing(row: SigningKeyRow, at: datetime) -> None:
    row.signing_at = min(row.signing_at, at)
    row.retired_at = row.removed_at = None


def _retire_others(rows: list[SigningKeyRow], successor: SigningKeyRow, *, now: datetime) -> None:
    """Let every key that signs end when its successor begins; one announced besides never signs."""
    for row in rows:
        is_other = row.kid != successor.kid
        if is_other and row.to_signing_key().state(now) in (ANNOUNCED, SIGNING):
            row.retired_at = max(successor.signing_at, row.signing_at)
            row.removed_at = row.retired_at + PUBLISHED_AFTERWARDS


def _unretire_predecessors(rows: list[SigningKeyRow], revoked: SigningKeyRow) -> None:
    # Their successor is gone, so they go on until another one is announced.
    for row in rows:
        if row.retired_at == revoked.signing_at:
            row.retired_at = row.removed_at = None


def _successor(rows: list[SigningKeyRow], alg: str, now: datetime) -> SigningKeyRow | None:
    """The key that is to sign next; of this algorithm, if there is one."""
    ring = KeyRing(tuple(row.to_signing_key() for row in rows))
    successor = ring.announced_key(alg, now) or ring.key_in_use(alg, now)
    return _get_row(rows, successor.kid) if successor else None


def _get_row(rows: list[SigningKeyRow], kid: str) -> SigningKeyRow:
    row = next((row for row in rows if row.kid == kid), None)
    if row is None:
        raise NotFoundError("There is no such key")
    return row


def _audited(row: SigningKeyRow) -> AuditedObject:
    return AuditedObject("key", row.kid, row.kid)


def _facts(row: SigningKeyRow) -> dict[str, str]:
    return {"alg": row.alg, "signing_at": row.signing_at.isoformat(timespec="seconds")}
