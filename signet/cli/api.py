"""``flask api``: the APIs that own scopes and stand in ``aud``."""

from typing import Any

import click

from signet.cli.actor import command_line
from signet.cli.error_edge import Group
from signet.cli.output import answer, facts, json_option, rfc3339, table
from signet.models.resource_servers import (
    ResourceServerDetails,
    find_resource_server,
    list_resource_servers,
)
from signet.operations import resource_servers
from signet.operations.errors import NotFoundError
from signet.wiring import wiring

group = Group("api", help="APIs: who owns scopes and reads tokens.")


@group.command("create")
@click.argument("identifier")
@click.option("--name", default="", help="How people call it; without it, the identifier.")
@json_option
def create_api(identifier: str, name: str, as_json: bool) -> None:
    """Register an API. Its tokens carry the identifier as aud."""
    resource_servers.create_resource_server(
        identifier, name=name, actor=command_line(), now=wiring().clock()
    )
    _print_changed(identifier.strip(), f"Created the API {identifier.strip()}.", as_json=as_json)


@group.command("edit")
@click.argument("identifier")
@click.option("--name", required=True, help="How people call it.")
@json_option
def edit_api(identifier: str, name: str, as_json: bool) -> None:
    """Change the name of an API. Its identifier stays."""
    resource_servers.edit_resource_server(
        identifier, name=name, actor=command_line(), now=wiring().clock()
    )
    _print_changed(identifier, f"Changed {identifier}.", as_json=as_json)


@group.command("list")
@json_option
def list_apis(as_json: bool) -> None:
    """List the APIs by name."""
    found = list_resource_servers()
    answer(
        [api_document(api) for api in found],
        table(
            ("identifier", "name", "scope"),
            [(api.identifier, api.name, " ".join(api.scopes)) for api in found],
            empty="No APIs.",
        ),
        as_json=as_json,
    )


@group.command("show")
@click.argument("identifier")
@json_option
def show_api(identifier: str, as_json: bool) -> None:
    """Show an API."""
    document = api_document(_get_api(identifier))
    answer(document, facts(document), as_json=as_json)


@group.command("delete")
@click.argument("identifier")
@json_option
def delete_api(identifier: str, as_json: bool) -> None:
    """Remove an API that owns no scope any more."""
    resource_servers.delete_resource_server(identifier, actor=command_line(), now=wiring().clock())
    answer({"identifier": identifier, "deleted": True}, f"Deleted {identifier}.", as_json=as_json)


def api_document(api: ResourceServerDetails) -> dict[str, Any]:
    """What scripts read of an API."""
    return {
        "identifier": api.identifier,
        "name": api.name,
        "scope": " ".join(api.scopes),
        "created_at": rfc3339(api.created_at),
    }


def _get_api(identifier: str) -> ResourceServerDetails:
    api = find_resource_server(identifier)
    if api is None:
        raise NotFoundError(f"There is no API “{identifier[:200]}”")
    return api


def _print_changed(identifier: str, text: str, *, as_json: bool) -> None:
    answer(api_document(_get_api(identifier)), text, as_json=as_json)
