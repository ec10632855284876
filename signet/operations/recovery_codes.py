"""Recovery codes: each stands once for a second factor that was lost."""

import secrets
from dataclasses import replace
from datetime import datetime

from signet.models.admin_sessions import SessionEndedError, is_past_second_step
from signet.models.audit import Actor, act, append_entry
from signet.models.second_factors import put_recovery_codes, save_recovery_codes
from signet.operations.admin_rows import audited_admin
from signet.operations.errors import OperationError
from signet.operations.own_factors import get_owner

#: Without letters and digits that look alike: 4.9 bits each, 117 in a code.
_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
_GROUPS, _GROUP_LENGTH, _CODES = 6, 4, 10


def make_recovery_codes(session_id: str, *, actor: Actor, now: datetime) -> tuple[str, ...]:
    """Ten new codes, known this once; the old ones work until the new ones are proven saved."""
    codes = tuple(_new_code() for _ in range(_CODES))
    with act() as session:
        admin = get_owner(session, session_id)
        if not is_past_second_step(session, session_id):
            raise SessionEndedError
        put_recovery_codes(session, admin.id, codes)
        append_entry(
            session,
            actor=replace(actor, name=admin.name),
            action="admin.make_recovery_codes",
            object=audited_admin(admin),
            now=now,
            after={"recovery_codes": "made"},
        )
    return codes


def prove_recovery_codes(session_id: str, code: str, *, actor: Actor, now: datetime) -> None:
    """Let the new codes count, since the admin has one of them at hand."""
    with act() as session:
        admin = get_owner(session, session_id)
        if not save_recovery_codes(session, admin.id, code[:200]):
            raise OperationError("This is none of the new recovery codes", field="code")
        append_entry(
            session,
            actor=replace(actor, name=admin.name),
            action="admin.save_recovery_codes",
            object=audited_admin(admin),
            now=now,
            after={"recovery_codes": "saved"},
        )


def _new_code() -> str:
    return "-".join(
        "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS)
    )
