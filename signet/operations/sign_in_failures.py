"""Failed sign-ins in the audit log: one entry for each window, however many fail in it."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from signet.models.audit import Actor, AuditedObject, act, append_entry
from signet.models.sign_in_throttle import take_finished_windows


def close_throttle_windows(*, now: datetime) -> None:
    """Forget failures of long ago; of those that were several, the audit log keeps the count."""
    with act() as session:
        for name, address, failures in take_finished_windows(session, now=now):
            if failures > 1:
                actor = Actor(name="", address=address)
                append_failures(session, name, failures, actor=actor, now=now)


def append_failures(
    session: Session, name: str, failures: int, *, actor: Actor, now: datetime
) -> None:
    """Write down that attempts of this name have failed.

    :param name: of an admin; empty for a name that nobody has.
    """
    # What was typed as a name can be a password in the wrong field: it is not written down.
    about = AuditedObject("admin", name.casefold()[:320], name)
    append_entry(
        session,
        actor=replace(actor, name=""),
        action="admin.sign_in_failed",
        object=about if name else AuditedObject("admin", "", "an unknown name"),
        now=now,
        after={"failures": failures},
    )
