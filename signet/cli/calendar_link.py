"""``flask admin calendar-link``: the private link to the calendar of expiries."""

import click

from signet.cli.actor import command_line
from signet.cli.output import answer, json_option
from signet.operations.calendar_links import (
    calendar_url,
    make_calendar_link,
    revoke_calendar_link,
)
from signet.wiring import wiring


@click.argument("name")
@click.option("--revoke", is_flag=True, help="End the link instead.")
@json_option
def calendar_link(name: str, revoke: bool, as_json: bool) -> None:
    """Print a link by which an admin subscribes to the calendar of expiries. An older one ends."""
    now = wiring().clock()
    if revoke:
        revoke_calendar_link(name, actor=command_line(), now=now)
        document = {"name": name, "calendar_url": None}
        answer(document, f"Revoked the calendar link of {name}.", as_json=as_json)
        return
    token = make_calendar_link(name, actor=command_line(), now=now)
    url = calendar_url(wiring().settings.issuer, token)
    text = f"{url}\nWhoever has this link reads the calendar. It is shown this once."
    answer({"name": name, "calendar_url": url}, text, as_json=as_json)
