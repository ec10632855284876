"""``flask secret``: the secrets of a client; and the same commands for those of an API."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import click

from signet.cli.actor import command_line
from signet.cli.error_edge import Group
from signet.cli.output import answer, facts, json_option, rfc3339, table
from signet.cli.parameters import EXPIRY, OVERLAP
from signet.models.clients import ClientDetails, find_client
from signet.models.secrets import SecretDetails
from signet.models.usage import CredentialUse, find_uses
from signet.operations import client_secrets
from signet.operations.errors import NotFoundError
from signet.operations.secret_life import (
    DEFAULT_EXPIRES_IN,
    DEFAULT_OVERLAP,
    IssuedSecret,
    SecretLife,
)
from signet.wiring import wiring

description_option = click.option(
    "--description", default="", help="What people tell it by, for example where it is used."
)
expires_in_option = click.option(
    "--expires-in",
    type=EXPIRY,
    default=f"{DEFAULT_EXPIRES_IN.days}d",
    show_default=True,
    help="How long the secret works.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretOwners:
    """Whose secrets a group of commands is about."""

    #: How the usage calls the argument that names one of them.
    metavar: str
    life: SecretLife
    #: Of the one who is called so, newest first; a :class:`NotFoundError` if nobody is.
    get_secrets: Callable[[str], Sequence[SecretDetails]]

    @property
    def argument(self) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """The argument that names one of them."""
        return click.argument("owner_id", metavar=self.metavar)


def secret_group(owners: SecretOwners, *, help: str) -> Group:
    """The commands ``create``, ``rotate``, ``list``, ``revoke`` and ``undo-revoke``."""
    group = Group("secret", help=help)
    for add_command in (_add_create, _add_rotate, _add_list, _add_revoke, _add_undo_revoke):
        add_command(group, owners)
    return group


def _add_create(group: Group, owners: SecretOwners) -> None:
    @group.command("create")
    @owners.argument
    @description_option
    @expires_in_option
    @json_option
    def create_secret(
        owner_id: str, description: str, expires_in: timedelta | None, as_json: bool
    ) -> None:
        """Make one more secret and print it."""
        issued = owners.life.create(
            owner_id,
            description=description,
            expires_in=expires_in,
            actor=command_line(),
            now=wiring().clock(),
        )
        print_issued(issued, as_json=as_json)


def _add_rotate(group: Group, owners: SecretOwners) -> None:
    @group.command("rotate")
    @owners.argument
    @click.option(
        "--overlap",
        type=OVERLAP,
        default=f"{DEFAULT_OVERLAP.days}d",
        show_default=True,
        help="How long the replaced secrets go on working; quiet: until nobody has used one for 48 "
        "hours, while the new one is used, at the latest for 30 days.",
    )
    @click.option(
        "--replaces",
        metavar="SECRET_ID",
        multiple=True,
        help="Secret to replace, may be repeated; without it, all that work.",
    )
    @description_option
    @expires_in_option
    @json_option
    def rotate_secret(
        owner_id: str,
        overlap: timedelta | None,
        replaces: tuple[str, ...],
        description: str,
        expires_in: timedelta | None,
        as_json: bool,
    ) -> None:
        """Make a new secret and print it. The ones it replaces end after the overlap."""
        issued = owners.life.rotate(
            owner_id,
            overlap=overlap or timedelta(),
            ends_when_quiet=overlap is None,
            replaces=replaces or None,
            description=description,
            expires_in=expires_in,
            actor=command_line(),
            now=wiring().clock(),
        )
        print_issued(issued, as_json=as_json)


def _add_list(group: Group, owners: SecretOwners) -> None:
    @group.command("list")
    @owners.argument
    @json_option
    def list_secrets(owner_id: str, as_json: bool) -> None:
        """List what is known of secrets, the newest first."""
        now = wiring().clock()
        secrets, uses = owners.get_secrets(owner_id), find_uses([owner_id])[owner_id]
        answer(
            [secret_document(secret, uses, now=now) for secret in secrets],
            secret_table(secrets, uses, now=now),
            as_json=as_json,
        )


def _add_revoke(group: Group, owners: SecretOwners) -> None:
    @group.command("revoke")
    @owners.argument
    @click.argument("secret_id")
    @json_option
    def revoke_secret(owner_id: str, secret_id: str, as_json: bool) -> None:
        """Refuse a secret from now on. For 60 minutes that can be undone."""
        now = wiring().clock()
        owners.life.revoke(owner_id, secret_id, actor=command_line(), now=now)
        text = f"Revoked the secret {secret_id} of {owner_id}."
        _print_changed(owners, owner_id, secret_id, text, now=now, as_json=as_json)


def _add_undo_revoke(group: Group, owners: SecretOwners) -> None:
    @group.command("undo-revoke")
    @owners.argument
    @click.argument("secret_id")
    @json_option
    def undo_revoke(owner_id: str, secret_id: str, as_json: bool) -> None:
        """Let a secret work again that was revoked in the last 60 minutes."""
        now = wiring().clock()
        owners.life.undo_revoke(owner_id, secret_id, actor=command_line(), now=now)
        text = f"The secret {secret_id} of {owner_id} works again."
        _print_changed(owners, owner_id, secret_id, text, now=now, as_json=as_json)


def _print_changed(
    owners: SecretOwners,
    owner_id: str,
    secret_id: str,
    text: str,
    *,
    now: datetime,
    as_json: bool,
) -> None:
    uses = find_uses([owner_id])[owner_id]
    document = next(
        secret_document(secret, uses, now=now)
        for secret in owners.get_secrets(owner_id)
        if secret.secret_id == secret_id
    )
    answer(document, text, as_json=as_json)


def get_client(client_id: str) -> ClientDetails:
    """The client with exactly this id; a :class:`NotFoundError` if there is none."""
    client = find_client(client_id)
    if client is None:
        raise NotFoundError(f"There is no client “{client_id[:100]}”")
    return client


def print_issued(issued: IssuedSecret, *, as_json: bool) -> None:
    """Print a new secret in clear, the only time that anybody sees it."""
    document = {
        "client_id": issued.client_id,
        "client_secret": issued.client_secret,
        "secret_id": issued.secret_id,
        "scope": " ".join(issued.scopes),
        "expires_at": rfc3339(issued.expires_at),
    }
    lines = facts(document | {"expires_at": document["expires_at"] or "never"})
    note = "The secret is shown this once: Signet keeps only a hash of it."
    answer(document, f"{lines}\n\n{note}", as_json=as_json)


def secret_document(
    secret: SecretDetails, uses: Mapping[str, CredentialUse], *, now: datetime
) -> dict[str, Any]:
    """What scripts read of a secret: nothing of the secret itself but its last characters."""
    use = uses.get(secret.secret_id)
    return {
        "secret_id": secret.secret_id,
        "description": secret.description,
        "hint": secret.hint,
        "state": secret.state(now),
        "created_at": rfc3339(secret.created_at),
        "created_by": secret.created_by,
        "expires_at": rfc3339(secret.expires_at),
        "replaced_at": rfc3339(secret.replaced_at),
        "revoked_at": rfc3339(secret.revoked_at),
        "ends_when_quiet": secret.ends_when_quiet,
        "undo_until": rfc3339(secret.undo_until),
        "last_used_at": rfc3339(use.last_used_at) if use else None,
    }


def secret_table(
    secrets: Sequence[SecretDetails], uses: Mapping[str, CredentialUse], *, now: datetime
) -> str:
    """What people read of secrets."""
    return table(
        ("secret id", "state", "ends with", "created", "expires", "last used", "description"),
        [
            (
                secret.secret_id,
                secret.state(now),
                secret.hint,
                rfc3339(secret.created_at),
                rfc3339(secret.expires_at) or "never",
                rfc3339(uses[secret.secret_id].last_used_at)
                if secret.secret_id in uses
                else "never",
                secret.description,
            )
            for secret in secrets
        ],
        empty="No secrets.",
    )


group = secret_group(
    SecretOwners(
        metavar="CLIENT_ID",
        life=client_secrets.LIFE,
        get_secrets=lambda client_id: get_client(client_id).secrets,
    ),
    help="The secrets of a client.",
)
