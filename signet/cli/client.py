"""``flask client``: register clients, change them, assign scopes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import click

from signet.cli.actor import command_line
from signet.cli.client_activity import client_activity
from signet.cli.client_document import client_document, client_text
from signet.cli.client_options import (
    authentication_from,
    client_options,
    tokens_from,
    trust_from,
    trust_options,
)
from signet.cli.client_try import try_client
from signet.cli.error_edge import Group
from signet.cli.output import answer, json_option, table
from signet.cli.parameters import EXPIRY, SECONDS
from signet.cli.secret import get_client, print_issued, secret_table
from signet.models.client_list import IDLE, STATES, ClientFilter, client_state, every_client
from signet.models.usage import find_uses
from signet.oauth.client import CLIENT_SECRET_BASIC, DEFAULT_LIFETIME
from signet.operations import clients
from signet.operations.client_authentication import ClientAuthentication
from signet.operations.client_copy import clone_client
from signet.operations.client_facts import ClientFacts, facts_of
from signet.operations.secret_life import DEFAULT_EXPIRES_IN
from signet.operations.token_options import TokenOptions
from signet.wiring import wiring

group = Group("client", help="Clients: who may get tokens, and for which scopes.")
group.command("try")(try_client)
group.command("activity")(client_activity)


@group.command("create")
@click.argument("name")
@click.option("--client-id", help="3 to 100 of A-Z a-z 0-9 . _ -; without it, one is generated.")
@click.option("--scope", "scopes", multiple=True, help="Scope to assign; may be repeated.")
@click.option(
    "--lifetime",
    type=SECONDS,
    default=f"{DEFAULT_LIFETIME.total_seconds():.0f}",
    show_default=True,
    help="How long an access token lives.",
)
@click.option(
    "--secret-expires-in",
    type=EXPIRY,
    default=f"{DEFAULT_EXPIRES_IN.days}d",
    show_default=True,
    help="How long the first secret works, if it has one.",
)
@click.option("--description", default="", help="What the client is for.")
@click.option("--contact", default="", help="Whom to call before it is deleted.")
@client_options
@json_option
def create_client(
    name: str,
    client_id: str | None,
    scopes: tuple[str, ...],
    lifetime: timedelta,
    secret_expires_in: timedelta | None,
    description: str,
    contact: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Register a client and print its first secret, if it is to have one."""
    # A script's variable that was never set must not become a client under another name.
    if client_id == "":
        raise click.BadParameter("it is empty.", param_hint="'--client-id'")
    client_facts = ClientFacts(
        name=name, description=description, contact=contact, access_token_lifetime=lifetime
    )
    authentication = authentication_from(options) or ClientAuthentication()
    common: dict[str, Any] = {
        "tokens": tokens_from(options) or TokenOptions(),
        "client_id": client_id or "",
        "scopes": scopes,
        "actor": command_line(),
        "now": wiring().clock(),
    }
    if authentication.method != CLIENT_SECRET_BASIC:
        created = clients.register_client_without_secret(client_facts, authentication, **common)
        _print_changed(created, f"Created {created}.", as_json=as_json)
        return
    authentication.checked()
    issued = clients.register_client(client_facts, secret_expires_in=secret_expires_in, **common)
    print_issued(issued, as_json=as_json)


@group.command("clone")
@click.argument("source")
@click.argument("name")
@click.option("--client-id", help="3 to 100 of A-Z a-z 0-9 . _ -; without it, one is generated.")
@click.option(
    "--secret-expires-in",
    type=EXPIRY,
    default=f"{DEFAULT_EXPIRES_IN.days}d",
    show_default=True,
    help="How long the first secret works, if it has one.",
)
@json_option
def clone(
    source: str,
    name: str,
    client_id: str | None,
    secret_expires_in: timedelta | None,
    as_json: bool,
) -> None:
    """Register a client that is like SOURCE in all but name, ID and secrets."""
    if client_id == "":
        raise click.BadParameter("it is empty.", param_hint="'--client-id'")
    created = clone_client(
        source,
        name,
        client_id=client_id or "",
        secret_expires_in=secret_expires_in,
        actor=command_line(),
        now=wiring().clock(),
    )
    if isinstance(created, str):
        _print_changed(created, f"Created {created}.", as_json=as_json)
    else:
        print_issued(created, as_json=as_json)


@group.command("edit")
@click.argument("client_id")
@click.option("--name", help="Another name.")
@click.option("--scope", "scopes", multiple=True, help="Exactly these scopes; may be repeated.")
@click.option("--lifetime", type=SECONDS, help="How long an access token lives.")
@click.option("--description", help="What the client is for.")
@click.option("--contact", help="Whom to call before it is deleted.")
@client_options
@json_option
def edit_client(
    client_id: str,
    name: str | None,
    scopes: tuple[str, ...],
    lifetime: timedelta | None,
    description: str | None,
    contact: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Change what is named, and nothing else."""
    changes: dict[str, Any] = {
        "name": name,
        "description": description,
        "contact": contact,
        "access_token_lifetime": lifetime,
    }
    changes = {fact: value for fact, value in changes.items() if value is not None}
    if not (changes or scopes or any(value not in (None, ()) for value in options.values())):
        raise click.UsageError("Name what to change, by an option.")
    client = get_client(client_id)
    clients.edit_client(
        client_id,
        replace(facts_of(client), **changes),
        authentication=authentication_from(options, client),
        tokens=tokens_from(options, client),
        scopes=scopes or None,
        version=client.version,
        actor=command_line(),
        now=wiring().clock(),
    )
    _print_changed(client_id, f"Changed {client_id}.", as_json=as_json)


@group.command("trust")
@click.argument("client_id")
@trust_options
@json_option
def trust_issuer(client_id: str, as_json: bool, **options: Any) -> None:
    """Let one more issuer vouch for a client, beside those that may."""
    trust = trust_from(options)
    if trust is None:
        raise click.UsageError("Missing option '--trust-issuer'.")
    clients.trust_issuer(client_id, trust, actor=command_line(), now=wiring().clock())
    _print_changed(client_id, f"{client_id} trusts {trust.issuer}.", as_json=as_json)


@group.command("list")
@click.option("--search", default="", help="Part of the name or the client ID.")
@click.option("--state", type=click.Choice((*STATES, IDLE)), help="Only those that are so.")
@click.option("--scope", default="", help="Only those that it is assigned to.")
@json_option
def list_clients(search: str, state: str | None, scope: str, as_json: bool) -> None:
    """List the clients by name."""
    now = wiring().clock()
    wanted = ClientFilter(search=search, state=state or "", scope=scope)
    found = list(every_client(wanted, now=now))
    uses = find_uses([client.client_id for client in found])
    answer(
        [client_document(client, uses[client.client_id], now=now) for client in found],
        table(
            ("client id", "name", "state", "secrets", "scope"),
            [
                (
                    client.client_id,
                    client.name,
                    client_state(client, now),
                    len(client.live_secrets(now)),
                    " ".join(client.scopes),
                )
                for client in found
            ],
            empty="No clients.",
        ),
        as_json=as_json,
    )


@group.command("show")
@click.argument("client_id")
@json_option
def show_client(client_id: str, as_json: bool) -> None:
    """Show a client and what is known of its secrets."""
    now = wiring().clock()
    client = get_client(client_id)
    uses = find_uses([client_id])[client_id]
    document = client_document(client, uses, now=now)
    text = f"{client_text(document)}\n\n{secret_table(client.secrets, uses, now=now)}"
    answer(document, text, as_json=as_json)


@group.command("disable")
@click.argument("client_id")
@json_option
def disable_client(client_id: str, as_json: bool) -> None:
    """Refuse a client from now on. It keeps everything and can be enabled again."""
    clients.disable_client(client_id, actor=command_line(), now=wiring().clock())
    _print_changed(client_id, f"Disabled {client_id}.", as_json=as_json)


@group.command("enable")
@click.argument("client_id")
@json_option
def enable_client(client_id: str, as_json: bool) -> None:
    """Let a client get tokens again. It has the secrets it had."""
    clients.enable_client(client_id, actor=command_line(), now=wiring().clock())
    _print_changed(client_id, f"Enabled {client_id}.", as_json=as_json)


@group.command("delete")
@click.argument("client_id")
@json_option
def delete_client(client_id: str, as_json: bool) -> None:
    """Remove a client and its secrets for good."""
    clients.delete_client(client_id, actor=command_line(), now=wiring().clock())
    answer({"client_id": client_id, "deleted": True}, f"Deleted {client_id}.", as_json=as_json)


@group.command("assign-scope")
@click.argument("client_id")
@click.argument("scope")
@json_option
def assign_scope(client_id: str, scope: str, as_json: bool) -> None:
    """Assign one more scope. Counts for new tokens."""
    clients.assign_scope(client_id, scope, actor=command_line(), now=wiring().clock())
    _print_changed(client_id, f"Assigned {scope} to {client_id}.", as_json=as_json)


@group.command("remove-scope")
@click.argument("client_id")
@click.argument("scope")
@json_option
def remove_scope(client_id: str, scope: str, as_json: bool) -> None:
    """Take a scope from a client. Counts for new tokens."""
    clients.remove_scope(client_id, scope, actor=command_line(), now=wiring().clock())
    _print_changed(client_id, f"Removed {scope} from {client_id}.", as_json=as_json)


def _print_changed(client_id: str, text: str, *, as_json: bool) -> None:
    uses = find_uses([client_id])[client_id]
    document = client_document(get_client(client_id), uses, now=wiring().clock())
    answer(document, text, as_json=as_json)
