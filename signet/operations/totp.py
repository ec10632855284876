"""Codes of an app — RFC 6238: six digits every thirty seconds, from a seed that two sides know."""

import base64
import binascii
from dataclasses import dataclass, replace
from datetime import datetime

import pyotp
from sqlalchemy.orm import Session

from signet.models.admin_sessions import SessionEndedError, renew_session, session_key
from signet.models.admins import AdminRow
from signet.models.audit import Actor, act, append_entry
from signet.models.key_encryption import KeyEncryption, KeyEncryptionError
from signet.models.second_factors import TotpRow, about_seed, use_totp_step
from signet.operations.admin_rows import audited_admin
from signet.operations.errors import OperationError
from signet.operations.own_factors import get_owner, refuse_last_factor

#: RFC 6238 §5.2: one step before and after, for clocks that differ and people who type.
_STEPS_BESIDE = (0, -1, 1)
_STEP = 30


@dataclass(frozen=True, slots=True)
class TotpOffer:
    """A seed that an app may scan; Signet keeps nothing of it until a code of it is sent back."""

    #: The seed for the form to send back, readable to nobody else.
    sealed: str
    #: The same for people to type.
    key: str
    #: The same for the camera of an app.
    uri: str


def offer_totp(
    admin_name: str, session_id: str, *, issuer: str, encryption: KeyEncryption
) -> TotpOffer:
    """A new seed for the admin of this session.

    :param issuer: what the app writes beside its code.
    """
    seed = pyotp.random_base32()
    sealed = encryption.encrypt(seed.encode(), about=_about_offer(session_id))
    return _offer(seed, base64.urlsafe_b64encode(sealed).decode(), admin_name, issuer)


def repeat_offer(
    sealed: str, admin_name: str, session_id: str, *, issuer: str, encryption: KeyEncryption
) -> TotpOffer:
    """The offer that a form sends back, to show it again.

    :raises OperationError: it is not one of this session.
    """
    seed = _unseal(sealed, session_id, encryption=encryption)
    return _offer(seed, sealed, admin_name, issuer)


def set_totp(
    session_id: str,
    sealed: str,
    code: str,
    *,
    encryption: KeyEncryption,
    actor: Actor,
    now: datetime,
) -> str:
    """Keep the offered seed in the place of an older one; returns the session's new id.

    :param code: what the app shows for it, which proves that it was scanned.
    """
    seed = _unseal(sealed, session_id, encryption=encryption)
    step = _find_step(seed, code, after=0, now=now)
    if step is None:
        raise OperationError("This is not the code that your app shows now", field="code")
    with act() as session:
        admin = get_owner(session, session_id)
        before = session.get(TotpRow, admin.id)
        session.merge(
            TotpRow(
                admin_id=admin.id,
                encrypted_seed=encryption.encrypt(seed.encode(), about=about_seed(admin.id)),
                last_used_step=step,
                added_at=now,
                last_used_at=now,
            )
        )
        new_id = renew_session(session, session_id, second_factor="app", now=now)
        append_entry(
            session,
            actor=replace(actor, name=admin.name),
            action="admin.set_totp" if before is None else "admin.replace_totp",
            object=audited_admin(admin),
            now=now,
            after={"app_codes": "changed"},
        )
    return new_id


def remove_totp(session_id: str, *, actor: Actor, now: datetime) -> None:
    """Forget the seed; there must be a passkey left."""
    with act() as session:
        admin = get_owner(session, session_id)
        row = session.get(TotpRow, admin.id)
        if row is None:
            raise SessionEndedError
        refuse_last_factor(session, admin)
        session.delete(row)
        append_entry(
            session,
            actor=actor,
            action="admin.remove_totp",
            object=audited_admin(admin),
            now=now,
            after={"app_codes": "removed"},
        )


def use_code(
    session: Session, admin: AdminRow, code: str, *, encryption: KeyEncryption, now: datetime
) -> bool:
    """Use a code of an admin's app, in the transaction that it lets through; each works once.

    :raises KeyEncryptionError: if the seed does not open.
    """
    row = session.get(TotpRow, admin.id)
    if row is None:
        return False
    seed = encryption.decrypt(row.encrypted_seed, about=about_seed(admin.id)).decode()
    step = _find_step(seed, code, after=row.last_used_step, now=now)
    return step is not None and use_totp_step(session, admin.id, step, now=now)


def _find_step(seed: str, code: str, *, after: int, now: datetime) -> int | None:
    digits = code.replace(" ", "")
    if not (digits.isascii() and digits.isdigit()):
        return None
    current, totp = int(now.timestamp()) // _STEP, pyotp.TOTP(seed)
    steps = [current + beside for beside in _STEPS_BESIDE]
    matching = [
        step
        for step in steps
        if step > after and pyotp.utils.strings_equal(totp.generate_otp(step), digits)
    ]
    return matching[0] if matching else None


def _offer(seed: str, sealed: str, admin_name: str, issuer: str) -> TotpOffer:
    uri = pyotp.TOTP(seed).provisioning_uri(name=admin_name, issuer_name=issuer)
    groups = [seed[start : start + 4] for start in range(0, len(seed), 4)]
    return TotpOffer(sealed, " ".join(groups), uri)


def _unseal(sealed: str, session_id: str, *, encryption: KeyEncryption) -> str:
    try:
        envelope = base64.urlsafe_b64decode(sealed.encode("ascii", "replace"))
        return encryption.decrypt(envelope, about=_about_offer(session_id)).decode()
    except (KeyEncryptionError, binascii.Error):
        raise OperationError("This page was open too long: scan the new picture") from None


def _about_offer(session_id: str) -> tuple[str, ...]:
    return (TotpRow.__tablename__, session_key(session_id), "offer")
