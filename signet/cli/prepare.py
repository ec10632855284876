"""``flask prepare``: what ``make run`` does before it serves."""

import click
from flask.cli import with_appcontext

from signet.cli.actor import command_line
from signet.models.admins import has_administrator
from signet.operations import preparation
from signet.operations.admins import make_setup_code
from signet.wiring import wiring


@click.command("prepare")
@click.option("--check", is_flag=True, help="Change nothing; say what is missing.")
@with_appcontext
def prepare_command(check: bool) -> None:
    """Make everything that must be there before Signet serves; may be repeated."""
    parts = wiring()
    now = parts.clock()
    if check:
        preparation.check(parts.settings, now=now)
        return
    preparation.prepare(parts.settings, actor=command_line(), now=now)
    click.echo(f"Signet is at {parts.settings.issuer}/admin/ (listening on {parts.settings.bind})")
    if not has_administrator():
        click.echo(f"Setup code: {make_setup_code(now=now)}")
