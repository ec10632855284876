"""What is done to signing keys: the first one, rotation by plan or at once, revocation.

There is one key that signs for each algorithm in use: the server's default, and those that APIs
have chosen for their tokens.

Keys are generated before the transaction begins: an RSA key takes tenths of a second, and nobody
should wait for the lock that long.
"""

from collections.abc import Collection
from datetime import datetime
from functools import partial

import gevent
from joserfc.jwk import Key
from sqlalchemy.orm import Session

from signet.models.audit import Actor, AuditedObject, act, append_entry
from signet.models.database import read
from signet.models.key_encryption import KeyEncryption
from signet.models.resource_servers import load_api_algorithms
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
    RSA_BITS,
    SIGNING,
    KeyRing,
    generate_private_key,
    next_signing_at,
)
from signet.operations.errors import NotFoundError, OperationError


def take_due_step(
    default_alg: str,
    *,
    rsa_bits: int = RSA_BITS,
    encryption: KeyEncryption,
    actor: Actor,
    now: datetime,
) -> str | None:
    """Make a first key, or announce a next one, if that is due; safe on many nodes at once.

    :return: the ``kid`` of the new key, ``None`` if nothing was due.
    """
    with read() as session:
        alg = load_key_ring(session).due_algorithm(default_alg, _in_use(session, default_alg), now)
    if alg is None:
        return None
    private_key = generate_in_thread(alg, rsa_bits)
    with act() as session:
        rows = load_signing_key_rows(session)
        ring = _ring(rows)
        # A second look, under the lock: another worker may have been faster.
        used = _in_use(session, default_alg)
        if ring.due_algorithm(default_alg, used, now) != alg:
            return None
        in_use = ring.key_in_use(alg, now) if alg == default_alg else ring.key_of(alg, now)
        row = new_signing_key_row(
            private_key,
            alg=alg,
            encryption=encryption,
            announced_at=now,
            signing_at=next_signing_at(in_use, alg, now),
        )
        session.add(row)
        _retire_others(rows, row, used, now=now)
        append_entry(
            session,
            actor=actor,
            action="key.announce" if in_use else "key.create",
            object=_audited(row),
            now=now,
            after=_facts(row),
        )
    return row.kid


def ensure_signing_key(
    alg: str,
    *,
    rsa_bits: int = RSA_BITS,
    encryption: KeyEncryption,
    actor: Actor,
    now: datetime,
) -> None:
    """Have a key of this algorithm that signs from now on, as an API is about to need it.

    It has not been announced, or not for long. Nobody has checked a token of this algorithm before,
    and an API that meets the unknown ``kid`` asks for the key set.
    """
    with read() as session:
        if load_key_ring(session).signs_on(alg, now):
            return
    private_key = generate_in_thread(alg, rsa_bits)
    with act() as session:
        rows = load_signing_key_rows(session)
        ring = _ring(rows)
        if ring.signs_on(alg, now):
            return
        present = ring.key_of(alg, now)
        if present is None:
            row = new_signing_key_row(
                private_key, alg=alg, encryption=encryption, announced_at=now, signing_at=now
            )
            session.add(row)
        else:
            row = _get_row(rows, present.kid)
        _begin_signing(row, now)
        append_entry(
            session,
            actor=actor,
            action="key.rotate" if present else "key.create",
            object=_audited(row),
            now=now,
            after=_facts(row),
        )


def retire_idle_key(default_alg: str, *, actor: Actor, now: datetime) -> str | None:
    """Let a key end whose algorithm nobody uses any more; APIs still find it for 14 days.

    :return: its ``kid``, ``None`` if there is none.
    """
    with read() as session:
        used = _in_use(session, default_alg)
        if not load_key_ring(session).idle_keys(default_alg, used, now):
            return None
    with act() as session:
        rows = load_signing_key_rows(session)
        idle = _ring(rows).idle_keys(default_alg, _in_use(session, default_alg), now)
        if not idle:
            return None
        row = _get_row(rows, idle[0].kid)
        row.retired_at = max(now, row.signing_at)
        row.removed_at = row.retired_at + PUBLISHED_AFTERWARDS
        append_entry(
            session,
            actor=actor,
            action="key.retire",
            object=_audited(row),
            now=now,
            after=_facts(row),
        )
    return row.kid


def rotate_key(
    alg: str,
    *,
    default_alg: str,
    at_once: bool,
    rsa_bits: int = RSA_BITS,
    encryption: KeyEncryption,
    actor: Actor,
    now: datetime,
) -> str:
    """Bring the next rotation forward and return the ``kid`` of the next key.

    :param alg: the server's default, or the algorithm of an API.
    :param at_once: sign with it from now on, although APIs may not have seen it yet; otherwise
        it is announced now and signs in 14 days.
    """
    private_key = generate_in_thread(alg, rsa_bits)
    with act() as session:
        used = _in_use(session, default_alg)
        if alg not in used:
            raise OperationError(f"No API has tokens signed with {alg}", field="alg")
        rows = load_signing_key_rows(session)
        ring = _ring(rows)
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
        _retire_others(rows, row, used, now=now)
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


def revoke_key(
    kid: str,
    *,
    default_alg: str,
    rsa_bits: int = RSA_BITS,
    encryption: KeyEncryption,
    actor: Actor,
    now: datetime,
) -> str | None:
    """Take a key out of the key set at once: an emergency, APIs then refuse its tokens.

    :return: the ``kid`` of the key that signs instead, if the revoked one was signing.
    """
    with read() as session:
        alg = _get_row(load_signing_key_rows(session), kid).alg
        # One whose algorithm is on its way out makes room for the default.
        successor_alg = alg if alg in _in_use(session, default_alg) else default_alg
    private_key = generate_in_thread(successor_alg, rsa_bits)
    with act() as session:
        rows = load_signing_key_rows(session)
        row = _get_row(rows, kid)
        state = row.to_signing_key().state(now)
        if row.revoked_at is not None:
            raise OperationError("This key was revoked before")
        row.revoked_at = now
        successor = None
        if state == SIGNING:
            successor = _successor(rows, successor_alg, now) or new_signing_key_row(
                private_key,
                alg=successor_alg,
                encryption=encryption,
                announced_at=now,
                signing_at=now,
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


def generate_in_thread(alg: str, rsa_bits: int) -> Key:
    """A private key, made in a real thread so that a worker's other requests go on."""
    make = partial(generate_private_key, alg, rsa_bits=rsa_bits)
    key: Key = gevent.get_hub().threadpool.apply(make, ())
    return key


def _begin_signing(row: SigningKeyRow, at: datetime) -> None:
    row.signing_at = min(row.signing_at, at)
    row.retired_at = row.removed_at = None


def _retire_others(
    rows: list[SigningKeyRow], successor: SigningKeyRow, in_use: Collection[str], *, now: datetime
) -> None:
    """Let every key that the successor replaces end when it begins.

    Those of its own algorithm, one announced besides included, and those of algorithms that nobody
    uses any more.
    """
    for row in rows:
        is_replaced = row.kid != successor.kid and (
            row.alg == successor.alg or row.alg not in in_use
        )
        if is_replaced and row.to_signing_key().state(now) in (ANNOUNCED, SIGNING):
            row.retired_at = max(successor.signing_at, row.signing_at)
            row.removed_at = row.retired_at + PUBLISHED_AFTERWARDS


def _unretire_predecessors(rows: list[SigningKeyRow], revoked: SigningKeyRow) -> None:
    # Their successor is gone, so they go on until another one is announced.
    for row in rows:
        if row.retired_at == revoked.signing_at:
            row.retired_at = row.removed_at = None


def _successor(rows: list[SigningKeyRow], alg: str, now: datetime) -> SigningKeyRow | None:
    """The key that is to sign next, or signs as well."""
    ring = _ring(rows)
    successor = ring.announced_key(alg, now) or ring.signing_key(alg, now)
    return _get_row(rows, successor.kid) if successor else None


def _in_use(session: Session, default_alg: str) -> frozenset[str]:
    return load_api_algorithms(session) | {default_alg}


def _ring(rows: list[SigningKeyRow]) -> KeyRing:
    return KeyRing(tuple(row.to_signing_key() for row in rows))


def _get_row(rows: list[SigningKeyRow], kid: str) -> SigningKeyRow:
    row = next((row for row in rows if row.kid == kid), None)
    if row is None:
        raise NotFoundError("There is no such key")
    return row


def _audited(row: SigningKeyRow) -> AuditedObject:
    return AuditedObject("key", row.kid, row.kid)


def _facts(row: SigningKeyRow) -> dict[str, str]:
    return {"alg": row.alg, "signing_at": row.signing_at.isoformat(timespec="seconds")}
