"""``flask config``: what this server was told, and all that is registered with it."""

from dataclasses import asdict

import click

from signet.cli.error_edge import Group
from signet.cli.output import answer, json_option, table
from signet.operations.configuration import effective_settings
from signet.operations.export import export_configuration
from signet.wiring import wiring

group = Group("config", help="Settings, and the export of the configuration.")


@group.command("show")
@json_option
def show_settings(as_json: bool) -> None:
    """Show every setting with its variable; of a secret only whether there is one."""
    found = effective_settings(wiring().settings)
    answer(
        [asdict(setting) for setting in found],
        table(
            ("variable", "value", "set"),
            [(setting.variable, setting.value, not setting.is_default) for setting in found],
            empty="No settings.",
        ),
        as_json=as_json,
    )


@group.command("export")
@click.option("--json", "as_json", is_flag=True, help="It is JSON in any case.")
def export(as_json: bool) -> None:
    """Write the configuration as JSON, without any secret."""
    for piece in export_configuration(wiring().settings, now=wiring().clock()):
        click.echo(piece, nl=False)
