"""Signing in and out of the admin pages.

Whatever was wrong, the refusal reads the same and takes as long: nobody can probe for names.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from signet.models.admin_sessions import end_session, open_session
from signet.models.admins import AdminRow, find_admin_row
from signet.models.audit import Actor, AuditedObject, act, append_entry
from signet.models.database import read, write
from signet.models.sign_in_throttle import (
    Attempt,
    count_attempt,
    forgive_attempt,
    take_finished_windows,
    wait_of,
)
from signet.operations.errors import OperationError
from signet.operations.passwords import BusyError, hash_password, is_password, needs_new_hash

REFUSAL = "The e-mail or the password is wrong"
#: Longer names belong to nobody and are not looked up.
_LONGEST_NAME = 200


class SignInRefusedError(OperationError):
    """The name or the password is wrong, or the admin is disabled."""


class ThrottledError(OperationError):
    """Too many attempts have failed.

    :param wait: how long until another one is looked at.
    """

    def __init__(self, wait: timedelta) -> None:
        super().__init__("Too many attempts")
        self.wait = wait


def sign_in(
    name: str, password: str, *, replaces: str | None = None, actor: Actor, now: datetime
) -> str:
    """The id of a new session.

    :param replaces: id of a session that ends with it: the browser forgets it.
    :param actor: carries the address and user agent; its name is not used.
    :raises SignInRefusedError: name or password wrong.
    :raises ThrottledError: too many failures before.
    :raises BusyError: too many passwords are being checked.
    """
    name = name.strip()[: _LONGEST_NAME + 1]
    attempt = Attempt.of(name, actor.address)
    admin = _find(name)
    failures = _begin_attempt(attempt, admin, actor=actor, now=now)
    try:
        is_right = is_password(password, admin.password_hash if admin else None)
        has_old_hash = admin is not None and needs_new_hash(admin.password_hash)
        new_hash = hash_password(password) if is_right and has_old_hash else None
    except BusyError:
        # Nobody has looked at the password: strangers who keep Signet busy lock nobody out.
        with write() as session:
            forgive_attempt(session, attempt, earlier=False, now=now)
        raise
    if admin is None or not is_right:
        _note_refusal(admin, failures, actor=actor, now=now)
        raise SignInRefusedError(REFUSAL)
    return _open(admin, attempt, new_hash, replaces, actor=actor, now=now)


def sign_out(session_id: str, name: str, *, actor: Actor, now: datetime) -> None:
    """End a session of the admin of this name, at once and on every worker."""
    with act() as session:
        end_session(session, session_id)
        append_entry(session, actor=actor, action="admin.sign_out", object=_audited(name), now=now)


def close_throttle_windows(*, now: datetime) -> None:
    """Forget failures of long ago; of those that were several, the audit log keeps the count."""
    with act() as session:
        for name, address, failures in take_finished_windows(session, now=now):
            if failures > 1:
                actor = Actor(name="", address=address)
                _append_refusal(session, name, failures, actor=actor, now=now)


def _find(name: str) -> AdminRow | None:
    if len(name) > _LONGEST_NAME or "\0" in name:
        return None
    with read() as session:
        admin = find_admin_row(session, name)
    return admin if admin is not None and admin.enabled else None


def _begin_attempt(attempt: Attempt, admin: AdminRow | None, *, actor: Actor, now: datetime) -> int:
    trusted = admin is not None and admin.last_sign_in_address == actor.address[:64] != ""
    name = admin.name if admin else ""
    with write() as session:
        wait = wait_of(session, attempt, trusted=trusted, now=now)
        if wait is not None:
            # In here, so that an attempt nobody looks at leaves no counter behind.
            raise ThrottledError(wait)
        return count_attempt(session, attempt, admin_name=name, address=actor.address, now=now)


def _note_refusal(admin: AdminRow | None, failures: int, *, actor: Actor, now: datetime) -> None:
    # One entry when a window opens and one with the count when it closes, however many come.
    if failures > 1:
        return
    with act() as session:
        _append_refusal(session, admin.name if admin else "", 1, actor=actor, now=now)


def _append_refusal(
    session: Session, name: str, failures: int, *, actor: Actor, now: datetime
) -> None:
    append_entry(
        session,
        actor=replace(actor, name=""),
        action="admin.sign_in_failed",
        # What was typed as a name can be a password in the wrong field: it is not written down.
        object=_audited(name) if name else AuditedObject("admin", "", "an unknown name"),
        now=now,
        after={"failures": failures},
    )


def _open(
    found: AdminRow,
    attempt: Attempt,
    new_hash: str | None,
    replaces: str | None,
    *,
    actor: Actor,
    now: datetime,
) -> str:
    with act() as session:
        admin = find_admin_row(session, found.name)
        # The password took a while to check: it may have been changed meanwhile.
        if admin is None or not admin.enabled or admin.password_hash != found.password_hash:
            raise SignInRefusedError(REFUSAL)
        if new_hash is not None:
            admin.password_hash = new_hash
        admin.last_sign_in_at, admin.last_sign_in_address = now, actor.address[:64]
        forgive_attempt(session, attempt, earlier=True, now=now)
        if replaces is not None:
            end_session(session, replaces)
        session_id = open_session(
            session, admin, address=actor.address, user_agent=actor.user_agent, now=now
        )
        append_entry(
            session,
            actor=replace(actor, name=admin.name),
            action="admin.sign_in",
            object=_audited(admin.name),
            now=now,
        )
    return session_id


def _audited(name: str) -> AuditedObject:
    return AuditedObject("admin", name.casefold()[:320], name)
