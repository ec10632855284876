"""The page that shows a new secret, this once, in the answer to the form that made it.

No redirect carries the secret anywhere and nothing here asks the database: a failure after the
operation would lose what it is about to show. So everything else is read before.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from signet.models.clients import ClientDetails
from signet.oauth.metadata import TOKEN_PATH
from signet.operations.client_secrets import IssuedSecret
from signet.wiring import wiring

_PLAIN = re.compile(r"[A-Za-z0-9._:/@%+,\[\]-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class OldSecret:
    """A secret that the new one replaces."""

    name: str
    #: Until when it works; ``None``: it has ended with this.
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecretPage:
    """What stands around the new secret."""

    heading: str
    client_name: str
    #: The scopes that the client gets, without the disabled ones.
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]
    old_secrets: tuple[OldSecret, ...] = ()


def token_endpoint() -> str:
    """The address at which clients ask for tokens."""
    return wiring().settings.issuer + TOKEN_PATH


def show_secret(issued: IssuedSecret, page: NewSecretPage) -> ResponseReturnValue:
    """The page with the secret."""
    return render_template(
        "admin/client_secrets/save.html",
        issued=issued,
        page=page,
        token_endpoint=token_endpoint(),
        env_text=env_text(issued, page.scopes),
    )


def already_shown(client: ClientDetails | None) -> ResponseReturnValue:
    """The refusal of a form that was sent before.

    :param client: whose secret it was; ``None`` if the form made the client.
    """
    if client is None:
        leave = "Go to the clients", url_for("admin.clients.index")
    else:
        leave = "Go to the client", url_for("admin.clients.show", client_id=client.client_id)
    return render_template("admin/client_secrets/already_shown.html", leave=leave), 409


def env_text(issued: IssuedSecret, scopes: tuple[str, ...]) -> str:
    """A file that tools and shells read as environment variables."""
    variables = {
        "SIGNET_TOKEN_URL": token_endpoint(),
        "SIGNET_CLIENT_ID": issued.client_id,
        "SIGNET_CLIENT_SECRET": issued.client_secret,
        "SIGNET_SCOPE": " ".join(scopes),
    }
    return "".join(f"{name}={_quoted(value)}\n" for name, value in variables.items())


def _quoted(value: str) -> str:
    # Without quotes where it can be: Docker's --env-file would take them as part of the value.
    if _PLAIN.fullmatch(value):
        return value
    # A scope has neither space nor '"' (RFC 6749 §3.3).
    return f'"{value}"' if "'" in value else f"'{value}'"
