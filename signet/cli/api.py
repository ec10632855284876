"""``flask api``: the APIs that own scopes and stand in ``aud``."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from signet.cli.actor import command_line
from signet.cli.error_edge import Group
from signet.cli.output import answer, facts, json_option, rfc3339, table
from signet.cli.secret import SecretOwners, secret_document, secret_group, secret_table
from signet.models.resource_servers import (
    ResourceServerDetails,
    find_resource_server,
    list_resource_servers,
)
from signet.models.usage import CredentialUse, find_uses
from signet.operations import resource_server_secrets, resource_servers
from signet.operations.errors import NotFoundError
from signet.settings import SIGNING_ALGORITHMS
from signet.wiring import wiring

group = Group("api", help="APIs: who owns scopes and reads tokens.")

#: Instead of an algorithm: the server's own choice, whichever it is.
_DEFAULT = "default"


@group.command("create")
@click.argument("identifier")
@click.option("--name", default="", help="How people call it; without it, the identifier.")
@click.option(
    "--signing-alg",
    type=click.Choice(SIGNING_ALGORITHMS),
    help="How its tokens are signed; without it, as the server's default says.",
)
@json_option
def create_api(identifier: str, name: str, signing_alg: str | None, as_json: bool) -> None:
    """Register an API. Its tokens carry the identifier as aud."""
    resource_servers.create_resource_server(
        identifier,
        name=name,
        signing_alg=signing_alg,
        rsa_bits=wiring().settings.rsa_bits,
        encryption=wiring().encryption,
        actor=command_line(),
        now=wiring().clock(),
    )
    _print_changed(identifier.strip(), f"Created the API {identifier.strip()}.", as_json=as_json)


@group.command("edit")
@click.argument("identifier")
@click.option("--name", help="How people call it.")
@click.option(
    "--signing-alg",
    type=click.Choice((*SIGNING_ALGORITHMS, _DEFAULT)),
    help="How its tokens are signed.",
)
@json_option
def edit_api(identifier: str, name: str | None, signing_alg: str | None, as_json: bool) -> None:
    """Change what is named, and nothing else."""
    if name is None and signing_alg is None:
        raise click.UsageError("Name what to change, by an option.")
    api = _get_api(identifier)
    chosen = None if signing_alg == _DEFAULT else signing_alg
    resource_servers.edit_resource_server(
        identifier,
        name=api.name if name is None else name,
        signing_alg=api.signing_alg if signing_alg is None else chosen,
        version=api.version,
        rsa_bits=wiring().settings.rsa_bits,
        encryption=wiring().encryption,
        actor=command_line(),
        now=wiring().clock(),
    )
    _print_changed(identifier, f"Changed {identifier}.", as_json=as_json)


@group.command("list")
@json_option
def list_apis(as_json: bool) -> None:
    """List the APIs by name."""
    found, now = list_resource_servers(), wiring().clock()
    uses = find_uses([api.identifier for api in found])
    answer(
        [api_document(api, uses[api.identifier], now=now) for api in found],
        table(
            ("identifier", "name", "signing alg", "scope"),
            [
                (api.identifier, api.name, api.signing_alg or _DEFAULT, " ".join(api.scopes))
                for api in found
            ],
            empty="No APIs.",
        ),
        as_json=as_json,
    )


@group.command("show")
@click.argument("identifier")
@json_option
def show_api(identifier: str, as_json: bool) -> None:
    """Show an API and what is known of its secrets."""
    now = wiring().clock()
    api = _get_api(identifier)
    uses = find_uses([identifier])[identifier]
    document = api_document(api, uses, now=now)
    lines = document | {"signing_alg": api.signing_alg or _DEFAULT}
    del lines["secrets"]
    secrets = secret_table(api.secrets, uses, now=now)
    answer(document, f"{facts(lines)}\n\n{secrets}", as_json=as_json)


@group.command("delete")
@click.argument("identifier")
@json_option
def delete_api(identifier: str, as_json: bool) -> None:
    """Remove an API that owns no scope any more, and its secrets with it."""
    resource_servers.delete_resource_server(identifier, actor=command_line(), now=wiring().clock())
    answer({"identifier": identifier, "deleted": True}, f"Deleted {identifier}.", as_json=as_json)


def api_document(
    api: ResourceServerDetails, uses: Mapping[str, CredentialUse], *, now: datetime
) -> dict[str, Any]:
    """What scripts read of an API.

    :param uses: of its secrets, by id.
    """
    return {
        "identifier": api.identifier,
        "name": api.name,
        # Null: the server's default.
        "signing_alg": api.signing_alg,
        "scope": " ".join(api.scopes),
        "created_at": rfc3339(api.created_at),
        "secrets": [secret_document(secret, uses, now=now) for secret in api.secrets],
    }


def _get_api(identifier: str) -> ResourceServerDetails:
    api = find_resource_server(identifier)
    if api is None:
        raise NotFoundError(f"There is no API “{identifier[:200]}”")
    return api


def _print_changed(identifier: str, text: str, *, as_json: bool) -> None:
    uses = find_uses([identifier])[identifier]
    document = api_document(_get_api(identifier), uses, now=wiring().clock())
    answer(document, text, as_json=as_json)


group.add_command(
    secret_group(
        SecretOwners(
            metavar="IDENTIFIER",
            life=resource_server_secrets.LIFE,
            get_secrets=lambda identifier: _get_api(identifier).secrets,
        ),
        help="The secrets of an API, with which it asks about tokens.",
    )
)
