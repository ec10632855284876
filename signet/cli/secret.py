"""``flask secret``: the secrets of a client."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from signet.cli.actor import command_line
from signet.cli.error_edge import Group
from signet.cli.output import answer, facts, json_option, rfc3339, table
from signet.cli.parameters import DURATION, EXPIRY
from signet.models.clients import ClientDetails, SecretDetails, find_client
from signet.operations import client_secrets
from signet.operations.client_secrets import DEFAULT_EXPIRES_IN, DEFAULT_OVERLAP, IssuedSecret
from signet.operations.errors import NotFoundError
from signet.wiring import wiring

group = Group("secret", help="The secrets of a client.")

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


@group.command("create")
@click.argument("client_id")
@description_option
@expires_in_option
@json_option
def create_secret(
    client_id: str, description: str, expires_in: timedelta | None, as_json: bool
) -> None:
    """Make one more secret and print it."""
    issued = client_secrets.create_secret(
        client_id,
        description=description,
        expires_in=expires_in,
        actor=command_line(),
        now=wiring().clock(),
    )
    print_issued(issued, as_json=as_json)


@group.command("rotate")
@click.argument("client_id")
@click.option(
    "--overlap",
    type=DURATION,
    default=f"{DEFAULT_OVERLAP.days}d",
    show_default=True,
    help="How long the replaced secrets go on working.",
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
    client_id: str,
    overlap: timedelta,
    replaces: tuple[str, ...],
    description: str,
    expires_in: timedelta | None,
    as_json: bool,
) -> None:
    """Make a new secret and print it. The ones it replaces end after the overlap."""
    issued = client_secrets.rotate_secret(
        client_id,
        overlap=overlap,
        replaces=replaces or None,
        description=description,
        expires_in=expires_in,
        actor=command_line(),
        now=wiring().clock(),
    )
    print_issued(issued, as_json=as_json)


@group.command("list")
@click.argument("client_id")
@json_option
def list_secrets(client_id: str, as_json: bool) -> None:
    """List what is known of secrets, the newest first."""
    now = wiring().clock()
    secrets = get_client(client_id).secrets
    answer(
        [secret_document(secret, now=now) for secret in secrets],
        secret_table(secrets, now=now),
        as_json=as_json,
    )


@group.command("revoke")
@click.argument("client_id")
@click.argument("secret_id")
@json_option
def revoke_secret(client_id: str, secret_id: str, as_json: bool) -> None:
    """Refuse a secret from now on, for good."""
    now = wiring().clock()
    client_secrets.revoke_secret(client_id, secret_id, actor=command_line(), now=now)
    document = next(
        secret_document(secret, now=now)
        for secret in get_client(client_id).secrets
        if secret.secret_id == secret_id
    )
    answer(document, f"Revoked the secret {secret_id} of {client_id}.", as_json=as_json)


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


def secret_document(secret: SecretDetails, *, now: datetime) -> dict[str, Any]:
    """What scripts read of a secret: nothing of the secret itself but its last characters."""
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
        # Uses are not counted.
        "last_used_at": None,
    }


def secret_table(secrets: Sequence[SecretDetails], *, now: datetime) -> str:
    """What people read of secrets."""
    return table(
        ("secret id", "state", "ends with", "created", "expires", "description"),
        [
            (
                secret.secret_id,
                secret.state(now),
                secret.hint,
                rfc3339(secret.created_at),
                rfc3339(secret.expires_at) or "never",
                secret.description,
            )
            for secret in secrets
        ],
        empty="No secrets.",
    )
