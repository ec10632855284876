"""``flask scope``: scopes and the APIs that own them."""

from typing import Any

import click

from signet.cli.actor import command_line
from signet.cli.error_edge import Group
from signet.cli.output import answer, facts, json_option, rfc3339, table
from signet.models.scopes import AssignedScope, find_scope, list_assigned_scopes
from signet.operations import scopes
from signet.operations.errors import NotFoundError
from signet.wiring import wiring

group = Group("scope", help="Scopes: what clients may be granted.")


@group.command("create")
@click.argument("name")
@click.option(
    "--api",
    "apis",
    metavar="IDENTIFIER",
    multiple=True,
    required=True,
    help="API that owns it, created if it is missing; may be repeated.",
)
@click.option("--description", default="", help="What it allows.")
@json_option
def create_scope(name: str, apis: tuple[str, ...], description: str, as_json: bool) -> None:
    """Create a scope of one or more APIs."""
    scopes.create_scope(
        name, apis=apis, description=description, actor=command_line(), now=wiring().clock()
    )
    _print_changed(name, f"Created the scope {name}.", as_json=as_json)


@group.command("edit")
@click.argument("name")
@click.option(
    "--api",
    "apis",
    metavar="IDENTIFIER",
    multiple=True,
    help="Exactly these APIs own it; may be repeated.",
)
@click.option("--description", help="What it allows.")
@json_option
def edit_scope(name: str, apis: tuple[str, ...], description: str | None, as_json: bool) -> None:
    """Change what is named, and nothing else."""
    if not apis and description is None:
        raise click.UsageError("Name what to change, by an option.")
    scope = _get_scope(name)
    scopes.edit_scope(
        name,
        apis=apis or scope.apis,
        description=scope.description if description is None else description,
        version=scope.version,
        actor=command_line(),
        now=wiring().clock(),
    )
    _print_changed(name, f"Changed {name}.", as_json=as_json)


@group.command("list")
@json_option
def list_scopes(as_json: bool) -> None:
    """List the scopes by name."""
    found = list_assigned_scopes()
    answer(
        [scope_document(scope) for scope in found],
        table(
            ("scope", "enabled", "clients", "apis", "description"),
            [
                (
                    scope.name,
                    scope.enabled,
                    scope.client_count,
                    " ".join(scope.apis),
                    scope.description,
                )
                for scope in found
            ],
            empty="No scopes.",
        ),
        as_json=as_json,
    )


@group.command("show")
@click.argument("name")
@json_option
def show_scope(name: str, as_json: bool) -> None:
    """Show a scope."""
    document = scope_document(_get_scope(name))
    answer(document, facts(document), as_json=as_json)


@group.command("disable")
@click.argument("name")
@json_option
def disable_scope(name: str, as_json: bool) -> None:
    """Grant a scope to nobody from now on. It stays assigned and can be enabled again."""
    scopes.disable_scope(name, actor=command_line(), now=wiring().clock())
    _print_changed(name, f"Disabled {name}.", as_json=as_json)


@group.command("enable")
@click.argument("name")
@json_option
def enable_scope(name: str, as_json: bool) -> None:
    """Grant a disabled scope again."""
    scopes.enable_scope(name, actor=command_line(), now=wiring().clock())
    _print_changed(name, f"Enabled {name}.", as_json=as_json)


@group.command("delete")
@click.argument("name")
@json_option
def delete_scope(name: str, as_json: bool) -> None:
    """Remove a scope that no client has any more."""
    scopes.delete_scope(name, actor=command_line(), now=wiring().clock())
    answer({"name": name, "deleted": True}, f"Deleted {name}.", as_json=as_json)


def scope_document(scope: AssignedScope) -> dict[str, Any]:
    """What scripts read of a scope."""
    return {
        "name": scope.name,
        "description": scope.description,
        "enabled": scope.enabled,
        "apis": list(scope.apis),
        "client_count": scope.client_count,
        "created_at": rfc3339(scope.created_at),
    }


def _get_scope(name: str) -> AssignedScope:
    scope = find_scope(name)
    if scope is None:
        raise NotFoundError(f"There is no scope “{name[:200]}”")
    return scope


def _print_changed(name: str, text: str, *, as_json: bool) -> None:
    answer(scope_document(_get_scope(name)), text, as_json=as_json)
