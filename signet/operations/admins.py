"""What is done to admins: the first one by set-up code, more by command, roles, passwords, ends.

Links by which they come in or back are in ``admin_links.py``.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from signet.models.admin_links import PASSWORD, end_links_by, end_links_of
from signet.models.admin_sessions import end_sessions_of, open_session
from signet.models.admins import (
    ADMINISTRATOR,
    AdminRow,
    SetupCodeRow,
    count_administrators,
)
from signet.models.audit import Actor, act, append_entry
from signet.models.calendar_links import end_calendar_link
from signet.models.database import read
from signet.operations.admin_rows import (
    add_admin,
    admin_facts,
    audited_admin,
    check_admin_name,
    check_role,
    end_what_sessions_left,
    get_admin_row,
    refuse_own,
    refuse_taken_name,
)
from signet.operations.errors import OperationError
from signet.operations.passwords import check_password, hash_password

SETUP_CODE_LIVES = timedelta(hours=1)
#: Without letters and digits that look alike.
_CODE_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"


class SetupOverError(OperationError):
    """There is an administrator already; the set-up never comes back."""


def make_setup_code(*, now: datetime) -> str:
    """A new code for the set-up, ``XXXX-XXXX-XXXX``, valid for an hour; an older one ends."""
    code = "-".join("".join(secrets.choice(_CODE_ALPHABET) for _ in range(4)) for _ in range(3))
    # No act, but alone like one: two nodes that start at once leave one code.
    with act() as session:
        _refuse_if_set_up(session)
        session.merge(SetupCodeRow(id=1, digest=_digest(code), expires_at=now + SETUP_CODE_LIVES))
    return code


def set_up(code: str, *, name: str, password: str, actor: Actor, now: datetime) -> str:
    """Make the first administrator, which the code lets one do once; returns their session's id."""
    name = check_admin_name(name)
    with read() as session:
        # Before the slow work: without the code nobody can make this server do it.
        _get_setup_code(session, code, now=now)
    check_password(password, name=name)
    password_hash = hash_password(password)
    with act() as session:
        session.delete(_get_setup_code(session, code, now=now))
        admin = add_admin(session, name, ADMINISTRATOR, password_hash, now=now)
        append_entry(
            session,
            actor=Actor(
                name=name,
                address=actor.address,
                user_agent=actor.user_agent,
                request_id=actor.request_id,
            ),
            action="admin.set_up",
            object=audited_admin(admin),
            now=now,
            after=admin_facts(admin),
        )
        admin.last_sign_in_at, admin.last_sign_in_address = now, actor.address[:64]
        return open_session(
            session, admin, address=actor.address, user_agent=actor.user_agent, now=now
        )


def create_admin(name: str, *, role: str, password: str, actor: Actor, now: datetime) -> None:
    """One more admin."""
    name = check_admin_name(name)
    check_role(role)
    check_password(password, name=name)
    password_hash = hash_password(password)
    with act() as session:
        refuse_taken_name(session, name)
        admin = add_admin(session, name, role, password_hash, now=now)
        append_entry(
            session,
            actor=actor,
            action="admin.create",
            object=audited_admin(admin),
            now=now,
            after=admin_facts(admin),
        )


def set_role(name: str, role: str, *, actor: Actor, now: datetime) -> None:
    """Give an admin another role; ends their sessions, so that no page shows more than it may."""
    check_role(role)
    with act() as session:
        admin = get_admin_row(session, name)
        if role != ADMINISTRATOR:
            _refuse_last_administrator(session, admin)
        if admin.role == role:
            return
        refuse_own(admin, actor, "change your own role")
        before = admin_facts(admin)
        admin.role = role
        end_sessions_of(session, admin)
        end_links_by(session, admin.name)
        _record(session, admin, "admin.set_role", before=before, actor=actor, now=now)


def reset_password(name: str, password: str, *, actor: Actor, now: datetime) -> None:
    """Set an admin's password and end all their sessions."""
    check_password(password, name=name)
    password_hash = hash_password(password)
    with act() as session:
        admin = get_admin_row(session, name)
        admin.password_hash = password_hash
        end_sessions_of(session, admin)
        end_links_of(session, admin, kind=PASSWORD)
        end_what_sessions_left(session, admin)
        append_entry(
            session,
            actor=actor,
            action="admin.reset_password",
            object=audited_admin(admin),
            now=now,
            after={"password": "changed"},
        )


def end_sessions(name: str, *, actor: Actor, now: datetime) -> int:
    """Sign an admin out everywhere; returns how many sessions there were."""
    with act() as session:
        admin = get_admin_row(session, name)
        count = end_sessions_of(session, admin)
        append_entry(
            session,
            actor=actor,
            action="admin.end_sessions",
            object=audited_admin(admin),
            now=now,
            after={"ended": count},
        )
    return count


def enable_admin(name: str, *, actor: Actor, now: datetime) -> None:
    """Let a disabled admin sign in again."""
    with act() as session:
        admin = get_admin_row(session, name)
        before = admin_facts(admin)
        admin.enabled = True
        _record(session, admin, "admin.enable", before=before, actor=actor, now=now)


def disable_admin(name: str, *, actor: Actor, now: datetime) -> None:
    """Keep an admin from signing in, and end all their sessions and links."""
    with act() as session:
        admin = get_admin_row(session, name)
        _refuse_last_administrator(session, admin)
        refuse_own(admin, actor, "disable yourself")
        before = admin_facts(admin)
        admin.enabled = False
        end_sessions_of(session, admin)
        end_links_of(session, admin)
        end_links_by(session, admin.name)
        end_calendar_link(session, admin)
        _record(session, admin, "admin.disable", before=before, actor=actor, now=now)


def delete_admin(name: str, *, actor: Actor, now: datetime) -> None:
    """Remove an admin and all their sessions; the audit log keeps the name."""
    with act() as session:
        admin = get_admin_row(session, name)
        _refuse_last_administrator(session, admin)
        refuse_own(admin, actor, "delete yourself")
        about, before = audited_admin(admin), admin_facts(admin)
        end_sessions_of(session, admin)
        end_links_of(session, admin)
        end_links_by(session, admin.name)
        session.delete(admin)
        append_entry(
            session, actor=actor, action="admin.delete", object=about, now=now, before=before
        )


def _record(
    session: Session,
    admin: AdminRow,
    action: str,
    *,
    before: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    after = admin_facts(admin)
    if after != before:
        append_entry(
            session,
            actor=actor,
            action=action,
            object=audited_admin(admin),
            now=now,
            before=before,
            after=after,
        )


def _get_setup_code(session: Session, code: str, *, now: datetime) -> SetupCodeRow:
    row = session.get(SetupCodeRow, 1)
    # In this order: whoever comes too late hears that, and not that the code is wrong.
    _refuse_if_set_up(session)
    if row is None or not hmac.compare_digest(row.digest, _digest(code)):
        raise OperationError("This is not the setup code", field="code")
    if row.expires_at <= now:
        raise OperationError(
            "The setup code has run out: make one with flask admin setup-code", field="code"
        )
    return row


def _refuse_if_set_up(session: Session) -> None:
    if count_administrators(session):
        raise SetupOverError("There is an administrator already")


def _refuse_last_administrator(session: Session, admin: AdminRow) -> None:
    if admin.role == ADMINISTRATOR and not count_administrators(session, but=admin):
        raise OperationError(f"“{admin.name}” is the last administrator: make another one first")


def _digest(code: str) -> str:
    letters = code.upper().replace("-", "").replace(" ", "")
    return hashlib.sha256(letters.encode("utf-8", "replace")).hexdigest()
