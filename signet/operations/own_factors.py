"""What admins do about their own second factor: the rules that all of it shares."""

from sqlalchemy.orm import Session

from signet.models.admin_sessions import (
    SessionEndedError,
    get_session_admin,
    is_past_second_step,
)
from signet.models.admins import AdminRow
from signet.models.second_factors import count_factors
from signet.operations.errors import OperationError


def get_owner(session: Session, session_id: str) -> AdminRow:
    """The admin whose second factors this session may change.

    A session that has proved none may only add the first one.

    :raises SessionEndedError: it may not (any more).
    """
    admin = get_session_admin(session, session_id)
    if not is_past_second_step(session, session_id) and count_factors(session, admin.id):
        raise SessionEndedError
    return admin


def refuse_last_factor(session: Session, admin: AdminRow) -> None:
    """Refuse to take the only second factor away."""
    if count_factors(session, admin.id) < 2:
        raise OperationError("This is your only second factor: add another one first")
