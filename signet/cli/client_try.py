"""``flask client try``: what a client's token would say. It makes none."""

import json

import click

from signet.cli.actor import command_line
from signet.cli.output import answer, facts, json_option
from signet.cli.secret import get_client
from signet.operations.client_try import try_token
from signet.wiring import wiring


@click.argument("client_id")
@click.option("--scope", "scopes", multiple=True, help="Scope to ask for; may be repeated.")
@json_option
def try_client(client_id: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Preview the token that a client would get. Nothing is signed."""
    parts = wiring()
    preview = try_token(
        get_client(client_id),
        " ".join(scopes),
        issuer=parts.settings.issuer,
        scope_claim=parts.settings.scope_claim,
        store=parts.store,
        actor=command_line(),
        now=parts.clock(),
    )
    document = {"header": dict(preview.header), "claims": dict(preview.claims)}
    lines = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in {**preview.header, **preview.claims}.items()
    }
    text = f"A preview: it is not signed, and no API accepts it.\n\n{facts(lines)}"
    answer(document, text, as_json=as_json)
