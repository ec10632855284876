"""What admins do to their own account: the password, the sessions, and confirming who they are."""

from datetime import datetime

from signet.models.admin_links import PASSWORD, end_links_of
from signet.models.admin_sessions import (
    confirm_session,
    end_session_by_key,
    end_sessions_of,
    get_session_admin,
    renew_session,
)
from signet.models.audit import Actor, act, append_entry
from signet.models.database import read
from signet.operations.admin_rows import audited_admin, end_what_sessions_left
from signet.operations.attempts import prove_password
from signet.operations.errors import NotFoundError, OperationError
from signet.operations.passkeys import PasskeyProof, use_passkey
from signet.operations.passwords import check_password, hash_password


def change_password(session_id: str, password: str, *, actor: Actor, now: datetime) -> str:
    """Choose another password, and end all other sessions; returns this one's new id."""
    with read() as session:
        name = get_session_admin(session, session_id).name
    check_password(password, name=name)
    password_hash = hash_password(password)
    with act() as session:
        admin = get_session_admin(session, session_id)
        admin.password_hash = password_hash
        ended = end_sessions_of(session, admin, but=session_id)
        end_links_of(session, admin, kind=PASSWORD)
        end_what_sessions_left(session, admin)
        new_id = renew_session(session, session_id, now=now)
        append_entry(
            session,
            actor=actor,
            action="admin.change_password",
            object=audited_admin(admin),
            now=now,
            after={"password": "changed", "ended": ended},
        )
    return new_id


def end_own_session(session_id: str, key: str, *, actor: Actor, now: datetime) -> None:
    """End one of one's own sessions.

    :param key: names it, see ``session_key``.
    """
    with act() as session:
        admin = get_session_admin(session, session_id)
        if not end_session_by_key(session, admin, key):
            raise NotFoundError("This session has ended already")
        append_entry(
            session,
            actor=actor,
            action="admin.end_own_sessions",
            object=audited_admin(admin),
            now=now,
            after={"ended": 1},
        )


def end_other_sessions(session_id: str, *, actor: Actor, now: datetime) -> int:
    """End all of one's own sessions but this one; returns how many there were."""
    with act() as session:
        admin = get_session_admin(session, session_id)
        ended = end_sessions_of(session, admin, but=session_id)
        if ended:
            append_entry(
                session,
                actor=actor,
                action="admin.end_own_sessions",
                object=audited_admin(admin),
                now=now,
                after={"ended": ended},
            )
    return ended


def confirm_with_password(session_id: str, password: str, *, actor: Actor, now: datetime) -> None:
    """Note that the admin is who they are, for acts that need to know.

    :raises OperationError: the password is wrong.
    :raises ThrottledError: too many failures before.
    :raises BusyError: too many passwords are being checked.
    """
    with read() as session:
        admin = get_session_admin(session, session_id)
    begun = prove_password(admin, password, field="confirm_password", actor=actor, now=now)
    with act() as session:
        if get_session_admin(session, session_id).password_hash != admin.password_hash:
            raise OperationError("The password is wrong", field="confirm_password")
        begun.forgive(session, earlier=True, now=now)
        confirm_session(session, session_id, now=now)


def confirm_with_passkey(session_id: str, proof: PasskeyProof, *, now: datetime) -> None:
    """The same, by a passkey of the admin.

    :raises PasskeyRefusedError: not theirs, or not proved.
    """
    # Like an act: the session may be ending at this moment.
    with act() as session:
        admin = get_session_admin(session, session_id)
        use_passkey(session, proof, of=admin, now=now)
        confirm_session(session, session_id, now=now)
