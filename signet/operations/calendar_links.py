"""The private link by which an admin subscribes to the calendar of expiries."""

from datetime import datetime

from signet.models.audit import Actor, act, append_entry
from signet.models.calendar_links import end_calendar_link, put_calendar_link
from signet.operations.admin_rows import audited_admin, get_admin_row
from signet.operations.errors import OperationError


def calendar_url(issuer: str, token: str) -> str:
    """The address of a calendar; of the configured issuer, for no request may say where it is."""
    return f"{issuer}/calendar/{token}.ics"


def make_calendar_link(name: str, *, actor: Actor, now: datetime) -> str:
    """The token of an admin's new link, in the answer and nowhere else; an older link ends."""
    with act() as session:
        admin = get_admin_row(session, name)
        if not admin.enabled:
            raise OperationError("A disabled admin gets no calendar link")
        token = put_calendar_link(session, admin, now=now)
        append_entry(
            session,
            actor=actor,
            action="admin.make_calendar_link",
            object=audited_admin(admin),
            now=now,
        )
    return token


def revoke_calendar_link(name: str, *, actor: Actor, now: datetime) -> None:
    """End the link of an admin, for good."""
    with act() as session:
        admin = get_admin_row(session, name)
        if not end_calendar_link(session, admin):
            raise OperationError("There is no calendar link")
        append_entry(
            session,
            actor=actor,
            action="admin.revoke_calendar_link",
            object=audited_admin(admin),
            now=now,
        )
