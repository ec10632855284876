"""What an admin sees of their own account."""

from dataclasses import dataclass
from datetime import datetime

from signet.models.admin_sessions import get_session_admin
from signet.models.database import read
from signet.models.passkeys import PasskeyDetails, list_passkeys, to_passkey_details
from signet.models.second_factors import (
    RecoveryCodes,
    TotpRow,
    count_recovery_codes,
    has_unsaved_codes,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAccount:
    """The second factors of an admin."""

    passkeys: tuple[PasskeyDetails, ...]
    #: When the codes of an app were set up; ``None``: there are none.
    app_added_at: datetime | None
    app_last_used_at: datetime | None
    recovery_codes: RecoveryCodes
    #: Whether new recovery codes were shown and not proven saved.
    has_unsaved_codes: bool

    @property
    def factors(self) -> int:
        """How many there are; the last one cannot be removed."""
        return len(self.passkeys) + (self.app_added_at is not None)


def get_own_account(session_id: str) -> OwnAccount:
    """The account of the admin whose session this is."""
    with read() as session:
        admin = get_session_admin(session, session_id)
        totp = session.get(TotpRow, admin.id)
        return OwnAccount(
            passkeys=tuple(map(to_passkey_details, list_passkeys(session, admin.id))),
            app_added_at=totp.added_at if totp else None,
            app_last_used_at=totp.last_used_at if totp else None,
            recovery_codes=count_recovery_codes(session, admin.id),
            has_unsaved_codes=has_unsaved_codes(session, admin.id),
        )
