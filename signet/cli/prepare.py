"""``flask prepare``: what ``make run`` does before it serves."""

import click
from flask.cli import with_appcontext

from signet.cli.actor import command_line
from signet.cli.error_edge import Command
from signet.cli.output import answer, json_option
from signet.models.admins import has_administrator
from signet.operations import preparation
from signet.operations.admins import make_setup_code
from signet.wiring import wiring


@click.command("prepare", cls=Command)
@click.option("--check", is_flag=True, help="Change nothing; say what is missing.")
@json_option
@with_appcontext
def command(check: bool, as_json: bool) -> None:
    """Make all that Signet needs to serve. May be repeated."""
    parts = wiring()
    settings, now = parts.settings, parts.clock()
    if check:
        preparation.check(settings, now=now)
        setup_code = None
    else:
        preparation.prepare(settings, actor=command_line(), now=now)
        setup_code = None if has_administrator() else make_setup_code(now=now)
    pages = f"{settings.issuer}/admin/"
    listening = settings.bind
    if settings.has_admin_listener:
        listening += f", for the pages on {settings.admin_bind}"
    lines = [] if check else [f"Signet is at {pages} (listening on {listening})"]
    if setup_code is not None:
        lines.append(f"Setup code: {setup_code}")
    if lines or as_json:
        document = {
            "pages": pages,
            "bind": settings.bind,
            "admin_bind": settings.admin_bind,
            "setup_code": setup_code,
        }
        answer(document, "\n".join(lines), as_json=as_json)
