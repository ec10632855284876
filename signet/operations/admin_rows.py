"""What all acts on admins share: the rules of names and roles, and how the audit log calls them."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from signet.models.admin_links import end_invitations_of, end_links_by
from signet.models.admins import ROLES, AdminRow, find_admin_row
from signet.models.audit import Actor, AuditedObject
from signet.models.calendar_links import end_calendar_link
from signet.operations.errors import NotFoundError, OperationError
from signet.operations.text import check_line


def check_admin_name(name: str) -> str:
    """The name without spaces around it."""
    name = check_line(name, field="name", what="an e-mail address or a name", longest=200)
    # The audit log calls these by such names, and nobody may look like them there.
    if name.casefold().startswith(("signet", "command line")):
        raise OperationError(
            "Choose a name that does not begin like one of Signet's own", field="name"
        )
    return name


def check_role(role: str) -> None:
    """Refuse what is no role."""
    if role not in ROLES:
        raise OperationError("Choose one of " + ", ".join(ROLES), field="role")


def refuse_taken_name(session: Session, name: str) -> None:
    """Refuse the name that somebody has, whatever its case."""
    if find_admin_row(session, name) is not None:
        raise OperationError(f"There is an admin “{name}” already", field="name")


def refuse_own(admin: AdminRow, actor: Actor, what: str) -> None:
    """Refuse what somebody must leave to others.

    :param what: for example "change your own role".
    """
    if actor.name.casefold() == admin.folded_name:
        raise OperationError(f"You cannot {what}: ask another administrator")


def get_admin_row(session: Session, name: str) -> AdminRow:
    """The row of an admin, by no case."""
    admin = find_admin_row(session, name)
    if admin is None:
        raise NotFoundError(f"There is no admin “{name[:200]}”")
    return admin


def end_what_sessions_left(session: Session, admin: AdminRow) -> None:
    """End the links and the calendar that somebody in a stolen session may have made."""
    end_links_by(session, admin.name)
    end_calendar_link(session, admin)


def add_admin(
    session: Session, name: str, role: str, password_hash: str, *, now: datetime
) -> AdminRow:
    """A new row; an open invitation of the same name ends."""
    end_invitations_of(session, name)
    admin = AdminRow(
        name=name,
        folded_name=name.casefold(),
        role=role,
        password_hash=password_hash,
        enabled=True,
        created_at=now,
        last_sign_in_at=None,
    )
    session.add(admin)
    return admin


def audited_admin(admin: AdminRow) -> AuditedObject:
    """How the audit log calls an admin."""
    return AuditedObject("admin", admin.folded_name[:320], admin.name)


def admin_facts(admin: AdminRow) -> dict[str, Any]:
    """What the audit log keeps of an admin."""
    return {"role": admin.role, "enabled": admin.enabled}
