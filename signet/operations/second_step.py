"""The second step of signing in: a code of the app, a recovery code or a passkey.

With a passkey, which asks for a finger or a PIN by itself, there is no first step.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from signet.models.admin_sessions import (
    SessionEndedError,
    end_session,
    get_session_admin,
    is_past_second_step,
    open_session,
    renew_session,
)
from signet.models.admins import AdminRow
from signet.models.audit import Actor, act, append_entry
from signet.models.database import read, write
from signet.models.key_encryption import KeyEncryption, KeyEncryptionError
from signet.models.second_factors import TotpRow, count_factors, use_recovery_code
from signet.operations.admin_rows import audited_admin
from signet.operations.attempts import begin_attempt, note_failure
from signet.operations.errors import OperationError
from signet.operations.passkeys import PasskeyProof, PasskeyRefusedError, use_passkey
from signet.operations.totp import use_code

APP, RECOVERY, PASSKEY = "app", "recovery", "passkey"
log = logging.getLogger(__name__)

_UNREADABLE = (
    "The codes of your app cannot be checked now: use a recovery code or a passkey instead"
)


class CodeRefusedError(OperationError):
    """The code is wrong, or has been used before."""


def pass_with_code(
    session_id: str, code: str, *, encryption: KeyEncryption, actor: Actor, now: datetime
) -> str:
    """Go on as signed in; returns the session's new id.

    :raises CodeRefusedError: not a code of this minute, or one that was used.
    :raises ThrottledError: too many failures before.
    """
    return _pass(
        session_id,
        APP,
        lambda session, admin: use_code(session, admin, code, encryption=encryption, now=now),
        refusal="This is not the code that your app shows now, or it was used before",
        actor=actor,
        now=now,
    )


def pass_with_recovery_code(session_id: str, code: str, *, actor: Actor, now: datetime) -> str:
    """Go on as signed in and use the code up; returns the session's new id.

    :raises CodeRefusedError: not one of the admin's codes, or one that was used.
    :raises ThrottledError: too many failures before.
    """
    return _pass(
        session_id,
        RECOVERY,
        lambda session, admin: use_recovery_code(session, admin.id, code[:200], now=now),
        refusal="This is none of your recovery codes, or it was used before",
        actor=actor,
        now=now,
    )


def pass_with_passkey(session_id: str, proof: PasskeyProof, *, actor: Actor, now: datetime) -> str:
    """Go on as signed in; returns the session's new id.

    :raises PasskeyRefusedError: not a passkey of this admin, or not proved.
    """
    with act() as session:
        admin = _get_waiting(session, session_id)
        use_passkey(session, proof, of=admin, now=now)
        return _enter(session, admin, session_id, PASSKEY, actor=actor, now=now)


def sign_in_with_passkey(
    proof: PasskeyProof, *, replaces: str | None = None, actor: Actor, now: datetime
) -> str:
    """The id of a new session that needs no second step.

    :param replaces: id of a session that ends with it: the browser forgets it.
    :raises PasskeyRefusedError: nobody's passkey, or not proved.
    """
    # Nobody can guess a passkey, so there is no throttle by which strangers could shut others out.
    with act() as session:
        admin = use_passkey(session, proof, now=now)
        if not admin.enabled:
            raise PasskeyRefusedError
        if replaces is not None:
            end_session(session, replaces)
        session_id = open_session(
            session, admin, address=actor.address, user_agent=actor.user_agent, now=now
        )
        return _enter(session, admin, session_id, PASSKEY, actor=actor, now=now)


def has_second_factor(session_id: str) -> bool:
    """Whether the admin of this session has any second factor."""
    with read() as session:
        return count_factors(session, get_session_admin(session, session_id).id) > 0


def has_app(session_id: str) -> bool:
    """Whether the admin of this session has codes of an app."""
    with read() as session:
        return session.get(TotpRow, get_session_admin(session, session_id).id) is not None


def _pass(
    session_id: str,
    second_factor: str,
    use: Callable[[Session, AdminRow], bool],
    *,
    refusal: str,
    actor: Actor,
    now: datetime,
) -> str:
    with read() as session:
        admin = _get_waiting(session, session_id)
    begun = begin_attempt(admin.name, admin, at_code=second_factor == APP, actor=actor, now=now)
    try:
        with act() as session:
            admin = _get_waiting(session, session_id)
            if use(session, admin):
                begun.forgive(session, earlier=True, now=now)
                return _enter(session, admin, session_id, second_factor, actor=actor, now=now)
    except KeyEncryptionError as error:
        # No fault of who typed the code; another factor lets them in.
        log.error("the seed of app codes does not open", extra={"reason": str(error)})
        with write() as session:
            begun.forgive(session, earlier=False, now=now)
        raise CodeRefusedError(_UNREADABLE, field="code") from None
    note_failure(begun, actor=actor, now=now)
    raise CodeRefusedError(refusal, field="code")


def _get_waiting(session: Session, session_id: str) -> AdminRow:
    if is_past_second_step(session, session_id):
        raise SessionEndedError
    return get_session_admin(session, session_id)


def _enter(
    session: Session,
    admin: AdminRow,
    session_id: str,
    second_factor: str,
    *,
    actor: Actor,
    now: datetime,
) -> str:
    admin.last_sign_in_at, admin.last_sign_in_address = now, actor.address[:64]
    new_id = renew_session(session, session_id, second_factor=second_factor, now=now)
    append_entry(
        session,
        actor=replace(actor, name=admin.name),
        action="admin.sign_in",
        object=audited_admin(admin),
        now=now,
        after={"second_factor": second_factor},
    )
    return new_id
