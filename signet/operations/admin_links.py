"""One-time links for admins: an invitation, a new password, another second factor.

Nobody chooses another's password: an administrator makes a link and hands it over, and whoever
opens it chooses. A link works once and for a day, and ends with the rights of who made it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from signet.models.admin_links import (
    INVITATION,
    LIVES,
    PASSWORD,
    SECOND_FACTOR,
    AdminLink,
    AdminLinkRow,
    add_link,
    find_link,
    find_link_row,
    to_admin_link,
)
from signet.models.admin_sessions import end_sessions_of
from signet.models.admins import AdminRow
from signet.models.audit import Actor, AuditedObject, act, append_entry
from signet.models.database import read
from signet.models.second_factors import remove_second_factors
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
from signet.operations.attempts import prove_password
from signet.operations.errors import NotFoundError, OperationError
from signet.operations.passwords import check_password, hash_password


class LinkOverError(OperationError):
    """The link was used, has run out, or is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedLink:
    """A new link; its token is known this once."""

    kind: str
    name: str
    token: str
    expires_at: datetime


def link_url(issuer: str, token: str) -> str:
    """The address of a link; of the configured issuer, for no request may say where it leads."""
    return f"{issuer}/admin/invitation/{token}"


def invite(name: str, *, role: str, actor: Actor, now: datetime) -> IssuedLink:
    """A link by which somebody becomes an admin of this role; an older one for the name ends."""
    name = check_admin_name(name)
    check_role(role)
    with act() as session:
        refuse_taken_name(session, name)
        token = add_link(session, INVITATION, name=name, role=role, created_by=actor.name, now=now)
        append_entry(
            session,
            actor=actor,
            action="admin.invite",
            object=_audited(name),
            now=now,
            after={"role": role, "expires_at": (now + LIVES).isoformat()},
        )
    return IssuedLink(kind=INVITATION, name=name, token=token, expires_at=now + LIVES)


def make_password_link(name: str, *, actor: Actor, now: datetime) -> IssuedLink:
    """A link by which an admin chooses a new password; until it is used the old one works."""
    return _make_link(PASSWORD, "admin.make_password_link", name, actor=actor, now=now)


def make_second_factor_link(name: str, *, actor: Actor, now: datetime) -> IssuedLink:
    """A link by which an admin, with the password, gets rid of a lost second factor."""
    return _make_link(SECOND_FACTOR, "admin.make_second_factor_link", name, actor=actor, now=now)


def withdraw_link(number: int, *, actor: Actor, now: datetime) -> None:
    """End a link that nobody has used yet."""
    with act() as session:
        row = session.get(AdminLinkRow, number)
        if row is None or row.used_at is not None:
            raise NotFoundError("There is no such link that could be used")
        session.delete(row)
        append_entry(
            session,
            actor=actor,
            action="admin.withdraw_link",
            object=_audited(row.name),
            now=now,
            before={"link": row.kind},
        )


def get_open_link(token: str, *, now: datetime) -> AdminLink:
    """The link with this token, if it can be used.

    :raises NotFoundError: nobody knows it.
    :raises LinkOverError: it was used or has run out.
    """
    link = find_link(token)
    if link is None:
        raise NotFoundError("There is no such link")
    if not link.is_open(now):
        raise LinkOverError("This link was used or has run out")
    return link


def accept_invitation(token: str, password: str, *, actor: Actor, now: datetime) -> str:
    """Become the admin that the invitation is for; returns the name."""
    # Before the slow work: without a link nobody can make this server do it.
    link = get_open_link(token, now=now)
    check_password(password, name=link.name)
    password_hash = hash_password(password)
    with act() as session:
        row = _use(session, token, INVITATION, now=now)
        admin = add_admin(session, row.name, row.role or "", password_hash, now=now)
        append_entry(
            session,
            actor=replace(actor, name=row.name),
            action="admin.accept_invitation",
            object=audited_admin(admin),
            now=now,
            after=admin_facts(admin) | {"invited_by": row.created_by},
        )
    return link.name


def choose_password(token: str, password: str, *, actor: Actor, now: datetime) -> str:
    """Choose a new password by a link, and end all own sessions; returns the name."""
    link = get_open_link(token, now=now)
    check_password(password, name=link.name)
    password_hash = hash_password(password)
    with act() as session:
        row = _use(session, token, PASSWORD, now=now)
        admin = _owner(session, row)
        admin.password_hash = password_hash
        end_sessions_of(session, admin)
        end_what_sessions_left(session, admin)
        append_entry(
            session,
            actor=replace(actor, name=admin.name),
            action="admin.choose_password",
            object=audited_admin(admin),
            now=now,
            after={"password": "changed", "link_by": row.created_by},
        )
    return link.name


def drop_second_factor(token: str, password: str, *, actor: Actor, now: datetime) -> str:
    """Remove the own second factors by a link, with the password; returns the name.

    The next sign-in asks for new ones.

    :raises ThrottledError: too many failures before.
    :raises BusyError: too many passwords are being checked.
    """
    link = get_open_link(token, now=now)
    with read() as session:
        found = get_admin_row(session, link.name)
    begun = prove_password(found, password, field="password", actor=actor, now=now)
    with act() as session:
        row = _use(session, token, SECOND_FACTOR, now=now)
        admin = _owner(session, row)
        if admin.password_hash != found.password_hash:
            raise OperationError("The password is wrong", field="password")
        begun.forgive(session, earlier=False, now=now)
        remove_second_factors(session, admin.id)
        end_sessions_of(session, admin)
        append_entry(
            session,
            actor=replace(actor, name=admin.name),
            action="admin.drop_second_factor",
            object=audited_admin(admin),
            now=now,
            after={"second_factor": "removed", "link_by": row.created_by},
        )
    return link.name


def _make_link(kind: str, action: str, name: str, *, actor: Actor, now: datetime) -> IssuedLink:
    with act() as session:
        admin = get_admin_row(session, name)
        refuse_own(admin, actor, "make a link for yourself")
        if not admin.enabled:
            raise OperationError(f"“{admin.name}” is disabled: enable them first")
        token = add_link(
            session, kind, name=admin.name, admin=admin, created_by=actor.name, now=now
        )
        append_entry(
            session,
            actor=actor,
            action=action,
            object=audited_admin(admin),
            now=now,
            after={"expires_at": (now + LIVES).isoformat()},
        )
        return IssuedLink(kind=kind, name=admin.name, token=token, expires_at=now + LIVES)


def _use(session: Session, token: str, kind: str, *, now: datetime) -> AdminLinkRow:
    """The row of an open link, which is used with this: of many at once one gets it."""
    row = find_link_row(session, token)
    if row is None or row.kind != kind or not to_admin_link(row).is_open(now):
        raise LinkOverError("This link was used or has run out")
    row.used_at = now
    return row


def _owner(session: Session, row: AdminLinkRow) -> AdminRow:
    admin = session.get(AdminRow, row.admin_id)
    if admin is None or not admin.enabled:
        raise LinkOverError("This link was used or has run out")
    return admin


def _audited(name: str) -> AuditedObject:
    return AuditedObject("admin", name.casefold()[:320], name)
