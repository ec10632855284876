"""Who sits in front of this page, and as whom they act."""

from dataclasses import dataclass

from flask import request, session

from signet.models.admin_sessions import AdminSession, Stage
from signet.models.admins import ROLES
from signet.models.audit import Actor
from signet.views.exchange import request_id


@dataclass(frozen=True, slots=True)
class SignedInAdmin:
    """The admin whose session this is."""

    name: str
    role: str
    session_id: str

    def may(self, role: str) -> bool:
        """Whether the admin has the rights of this role: an administrator has all of them."""
        return ROLES.index(self.role) <= ROLES.index(role)


def current_admin() -> SignedInAdmin | None:
    """The admin who is signed in; ``None`` for a visitor, and before the second factor."""
    found = _session()
    return _admin(found) if found is not None and found.stage is Stage.COMPLETE else None


def arriving_admin() -> SignedInAdmin:
    """The admin whose session this is, also while they are on the way in.

    For views that the gate opens to sessions only.
    """
    found = _session()
    assert found is not None
    return _admin(found)


def acting() -> Actor:
    """Who acts, for the audit entry of an operation."""
    admin = _session()
    return Actor(
        name=admin.admin_name if admin else "",
        address=request.remote_addr or "",
        user_agent=request.user_agent.string,
        request_id=request_id(),
    )


def _session() -> AdminSession | None:
    # Outside the admin pages there is no session to ask.
    found: AdminSession | None = getattr(session, "signed_in", None)
    return found


def _admin(found: AdminSession) -> SignedInAdmin:
    return SignedInAdmin(found.admin_name, found.role, found.session_id)
