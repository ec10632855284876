"""The password, first step of signing in to the admin pages, and signing out.

Whatever was wrong, the refusal reads the same and takes as long: nobody can probe for names.
"""

from dataclasses import replace
from datetime import datetime

from signet.models.admin_sessions import end_session, open_session
from signet.models.admins import AdminRow, find_admin_row
from signet.models.audit import Actor, AuditedObject, act, append_entry
from signet.models.database import read, write
from signet.models.second_factors import count_factors
from signet.operations.attempts import BegunAttempt, begin_attempt, note_failure
from signet.operations.errors import OperationError
from signet.operations.passwords import BusyError, hash_password, is_password, needs_new_hash

REFUSAL = "The e-mail or the password is wrong"
#: Longer names belong to nobody and are not looked up.
_LONGEST_NAME = 200


class SignInRefusedError(OperationError):
    """The name or the password is wrong, or the admin is disabled."""


def sign_in(
    name: str, password: str, *, replaces: str | None = None, actor: Actor, now: datetime
) -> str:
    """The id of a new session, which opens no page before the second factor.

    :param replaces: id of a session that ends with it: the browser forgets it.
    :param actor: carries the address and user agent; its name is not used.
    :raises SignInRefusedError: name or password wrong.
    :raises ThrottledError: too many failures before.
    :raises BusyError: too many passwords are being checked.
    """
    name = name.strip()[: _LONGEST_NAME + 1]
    admin = _find(name)
    begun = begin_attempt(name, admin, actor=actor, now=now)
    try:
        is_right = is_password(password, admin.password_hash if admin else None)
        has_old_hash = admin is not None and needs_new_hash(admin.password_hash)
        new_hash = hash_password(password) if is_right and has_old_hash else None
    except BusyError:
        # Nobody has looked at the password: strangers who keep Signet busy lock nobody out.
        with write() as session:
            begun.forgive(session, earlier=False, now=now)
        raise
    if admin is None or not is_right:
        note_failure(begun, actor=actor, now=now)
        raise SignInRefusedError(REFUSAL)
    return _open(admin, begun, new_hash, replaces, actor=actor, now=now)


def sign_out(session_id: str, name: str, *, actor: Actor, now: datetime) -> None:
    """End a session of the admin of this name, at once and on every worker."""
    with act() as session:
        end_session(session, session_id)
        append_entry(session, actor=actor, action="admin.sign_out", object=_audited(name), now=now)


def _find(name: str) -> AdminRow | None:
    if len(name) > _LONGEST_NAME or "\0" in name:
        return None
    with read() as session:
        admin = find_admin_row(session, name)
    return admin if admin is not None and admin.enabled else None


def _open(
    found: AdminRow,
    begun: BegunAttempt,
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
        if replaces is not None:
            end_session(session, replaces)
        session_id = open_session(
            session, admin, address=actor.address, user_agent=actor.user_agent, now=now
        )
        # Who only knows the password gets no new tries at the code, and is nobody's friend yet.
        is_in = not count_factors(session, admin.id)
        begun.forgive(session, earlier=is_in, now=now)
        if is_in:
            admin.last_sign_in_at, admin.last_sign_in_address = now, actor.address[:64]
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
