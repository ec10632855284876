"""Passkeys — Web Authentication: adding one, proving one, taking one away."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    parse_authentication_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from signet.models.admin_sessions import get_session_admin, renew_session
from signet.models.admins import AdminRow
from signet.models.audit import Actor, act, append_entry
from signet.models.database import read
from signet.models.passkeys import PasskeyRow, find_passkey, list_passkeys
from signet.operations.admin_rows import audited_admin
from signet.operations.errors import NotFoundError, OperationError
from signet.operations.own_factors import get_owner, refuse_last_factor
from signet.operations.text import check_line

_VERIFIED = UserVerificationRequirement.REQUIRED
_MOST_PASSKEYS = 20
#: What the library raises for what a browser would never send: more than its own errors.
_MALFORMED = (WebAuthnException, ValueError, TypeError, LookupError, RecursionError)
_NOT_ADDED = "The browser did not make a passkey that Signet can use: try again"


class PasskeyRefusedError(OperationError):
    """No passkey that lets this admin in."""

    def __init__(self) -> None:
        super().__init__("This passkey does not work here: use another, or your password")


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """This server, as browsers bind passkeys to it."""

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyProof:
    """What a browser has answered to a challenge."""

    #: JSON.
    credential: str
    challenge: bytes
    party: RelyingParty


def new_user_handle(session_id: str) -> bytes:
    """By which a device knows the admin: the same for all their passkeys, random for the first."""
    with read() as session:
        rows = list_passkeys(session, get_session_admin(session, session_id).id)
    return rows[0].user_handle if rows else secrets.token_bytes(32)


def registration_options(
    session_id: str, *, challenge: bytes, user_handle: bytes, party: RelyingParty
) -> str:
    """What the browser needs to make a passkey, as JSON."""
    with read() as session:
        admin = get_session_admin(session, session_id)
        known = [row.credential_id for row in list_passkeys(session, admin.id)]
    return options_to_json(
        generate_registration_options(
            rp_id=party.rp_id,
            rp_name="Signet",
            user_id=user_handle,
            user_name=admin.name,
            challenge=challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                # So that it signs in without a name, and always asks who holds the device.
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=_VERIFIED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
        )
    )


def authentication_options(
    *, challenge: bytes, party: RelyingParty, session_id: str | None = None
) -> str:
    """What the browser needs to prove a passkey, as JSON.

    :param session_id: asks for a passkey of its admin; without, for whichever there is.
    :return: empty if the admin has none.
    """
    known = []
    if session_id is not None:
        with read() as session:
            admin = get_session_admin(session, session_id)
            known = [row.credential_id for row in list_passkeys(session, admin.id)]
        if not known:
            return ""
    return options_to_json(
        generate_authentication_options(
            rp_id=party.rp_id,
            challenge=challenge,
            allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
            user_verification=_VERIFIED,
        )
    )


def add_passkey(
    session_id: str,
    name: str,
    proof: PasskeyProof,
    *,
    user_handle: bytes,
    actor: Actor,
    now: datetime,
) -> str:
    """Keep a passkey that the browser has made; returns the session's new id."""
    name = check_line(name, field="name", what="a name for the passkey", longest=100)
    try:
        made = verify_registration_response(
            credential=proof.credential,
            expected_challenge=proof.challenge,
            expected_rp_id=proof.party.rp_id,
            expected_origin=proof.party.origin,
            require_user_verification=True,
        )
        # A key that no later proof could be checked with would shut its owner out.
        decoded_public_key_to_cryptography(decode_credential_public_key(made.credential_public_key))
    except _MALFORMED:
        raise OperationError(_NOT_ADDED) from None
    with act() as session:
        admin = get_owner(session, session_id)
        if find_passkey(session, made.credential_id) is not None:
            raise OperationError("This passkey is known already")
        if len(list_passkeys(session, admin.id)) >= _MOST_PASSKEYS:
            raise OperationError("Remove a passkey first: there are many")
        session.add(
            PasskeyRow(
                admin_id=admin.id,
                user_handle=user_handle,
                credential_id=made.credential_id,
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
                name=name,
                added_at=now,
                last_used_at=None,
            )
        )
        new_id = renew_session(session, session_id, second_factor="passkey", now=now)
        append_entry(
            session,
            actor=replace(actor, name=admin.name),
            action="admin.add_passkey",
            object=audited_admin(admin),
            now=now,
            after={"passkey": name},
        )
    return new_id


def remove_passkey(session_id: str, number: int, *, actor: Actor, now: datetime) -> str:
    """Forget a passkey of one's own; another second factor must be left. Returns its name."""
    with act() as session:
        admin = get_owner(session, session_id)
        row = session.get(PasskeyRow, number)
        if row is None or row.admin_id != admin.id:
            raise NotFoundError("There is no such passkey")
        refuse_last_factor(session, admin)
        session.delete(row)
        append_entry(
            session,
            actor=actor,
            action="admin.remove_passkey",
            object=audited_admin(admin),
            now=now,
            before={"passkey": row.name},
        )
    return row.name


def use_passkey(
    session: Session, proof: PasskeyProof, *, of: AdminRow | None = None, now: datetime
) -> AdminRow:
    """The admin whose passkey was proved, in the transaction that it lets through.

    :param of: whose it has to be.
    :raises PasskeyRefusedError: whatever was wrong.
    """
    try:
        credential = parse_authentication_credential_json(proof.credential)
    except _MALFORMED:
        raise PasskeyRefusedError from None
    row = find_passkey(session, credential.raw_id)
    admin = session.get(AdminRow, row.admin_id) if row else None
    if row is None or admin is None or (of is not None and of.id != admin.id):
        raise PasskeyRefusedError
    # WebAuthn §7.2, step 6: "verify that response.userHandle is present" and of this account.
    handle = credential.response.user_handle
    if handle != row.user_handle and not (handle is None and of is not None):
        raise PasskeyRefusedError
    row.sign_count = _verify(row, proof).new_sign_count
    row.last_used_at = now
    return admin


def _verify(row: PasskeyRow, proof: PasskeyProof) -> VerifiedAuthentication:
    try:
        return verify_authentication_response(
            credential=proof.credential,
            expected_challenge=proof.challenge,
            expected_rp_id=proof.party.rp_id,
            expected_origin=proof.party.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except _MALFORMED:
        raise PasskeyRefusedError from None
