"""Where the pages of second factors lead: on, while an admin is on the way in, else back."""

from flask import url_for

from signet.models.own_account import get_own_account


def next_page(session_id: str) -> str:
    """The address after a second factor was added."""
    if get_own_account(session_id).recovery_codes.made:
        return url_for("admin.account.index")
    return url_for("admin.account_codes.show")
