"""Ending secrets that were replaced and have fallen quiet: done by Signet itself."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from signet.models.audit import Actor, act, append_entry
from signet.models.quiet_secrets import (
    apis_with_quiet_secrets,
    clients_with_quiet_secrets,
    has_recorded_uses,
    load_secrets_gone_over_to,
)
from signet.models.secrets import SecretRow
from signet.models.usage import CredentialUse, load_uses
from signet.operations import client_secrets, resource_server_secrets
from signet.operations.errors import NotFoundError
from signet.operations.secret_end import QUIET_FOR, revoke_for_now, secret_facts
from signet.operations.secret_life import SecretLife, SecretOwner

#: Uses are written every few seconds: if none was for so long, silence may be a fault of Signet's.
_RECORDED_LATELY = timedelta(minutes=10)


def end_quiet_secrets(*, actor: Actor, now: datetime) -> None:
    """End every secret that is to end when it falls quiet, and has; can be undone for an hour."""
    quiet = {"quiet_since": now - QUIET_FOR, "now": now}
    for life, find in (
        (client_secrets.LIFE, partial(clients_with_quiet_secrets, **quiet)),
        (resource_server_secrets.LIFE, partial(apis_with_quiet_secrets, **quiet)),
    ):
        # Asked last: no index has an answer to this.
        if (owners := find()) and has_recorded_uses(since=now - _RECORDED_LATELY):
            end_quiet_secrets_of(life, owners, actor=actor, now=now)


def end_quiet_secrets_of(
    life: SecretLife, owner_ids: Iterable[str], *, actor: Actor, now: datetime
) -> None:
    """The same of these clients or APIs; one that was deleted in the meantime is passed over."""
    for owner_id in owner_ids:
        try:
            _end_quiet_secrets_of(life, owner_id, actor=actor, now=now)
        except NotFoundError:
            continue


def _end_quiet_secrets_of(life: SecretLife, owner_id: str, *, actor: Actor, now: datetime) -> None:
    # Looked at again: another worker may have been faster, or somebody has used or revoked one.
    with act() as session:
        owner = life.get_owner(session, owner_id)
        uses = load_uses(session, [owner.client_id])[owner.client_id]
        gone_over_to = load_secrets_gone_over_to(session, owner.client_id)
        for secret in owner.secrets:
            if not has_fallen_quiet(secret, owner, uses, gone_over_to, now=now):
                continue
            before = secret_facts(secret)
            revoke_for_now(secret, now=now)
            append_entry(
                session,
                actor=actor,
                action=life.quiet_action,
                object=owner.audited,
                now=now,
                before=before,
                after=secret_facts(secret),
            )


def has_fallen_quiet(
    secret: SecretRow,
    owner: SecretOwner[SecretRow],
    uses: Mapping[str, CredentialUse],
    gone_over_to: Collection[str],
    *,
    now: datetime,
) -> bool:
    """Whether a secret is to end now: its callers have gone over to one that came after it.

    That nobody calls at all is no sign of that: a job that runs once a week would find its secret
    gone. So one that came after it must be used, and work.

    :param gone_over_to: ids of the owner's secrets that were used in more than one hour.
    """
    if not (
        secret.ends_when_quiet and secret.replaced_at and secret.to_client_secret().is_live(now)
    ):
        return False
    # One that is not served uses nothing, and will go on as before once it is.
    if not (owner.is_enabled and owner.uses_secrets):
        return False
    use = uses.get(secret.secret_id)
    last = max(use.last_used_at, secret.replaced_at) if use else secret.replaced_at
    return last <= now - QUIET_FOR and any(
        other.created_at >= secret.replaced_at and other.secret_id in gone_over_to
        for other in owner.live_secrets(now)
        if other is not secret
    )
