"""The page that shows a new secret, this once, in the answer to the form that made it.

No redirect carries the secret anywhere and nothing here asks the database: a failure after the
operation would lose what it is about to show. So everything else is read before.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from signet.oauth.server import TOKEN_PATH
from signet.operations.secret_life import IssuedSecret
from signet.wiring import wiring

_PLAIN = re.compile(r"[A-Za-z0-9._:/@%+,\[\]-]*")
#: What a shell takes for its own, even between double quotes.
_SPECIAL = re.compile(r'[\\"$`]')


class Leave(NamedTuple):
    """A way out of a page: the words of the button, and where it leads."""

    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OldSecret:
    """A secret that the new one replaces."""

    name: str
    #: Until when it works; ``None``: it has ended with this.
    ends_at: datetime | None
    #: Whether it ends before that, once it is not used any more.
    ends_when_quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecretPage:
    """What stands around the new secret of a client."""

    heading: str
    client_name: str
    #: The scopes that the client gets, without the disabled ones.
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]
    #: Whether each request needs a proof besides, or comes by a certificate.
    is_dpop_bound: bool
    is_certificate_bound: bool
    old_secrets: tuple[OldSecret, ...] = ()


def token_endpoint() -> str:
    """The address at which clients ask for tokens."""
    return wiring().settings.issuer + TOKEN_PATH


def show_secret(issued: IssuedSecret, page: NewSecretPage) -> ResponseReturnValue:
    """The page with the secret of a client."""
    return render_secret(
        "admin/client_secrets/save.html",
        issued,
        variables={
            "SIGNET_TOKEN_URL": token_endpoint(),
            "SIGNET_CLIENT_ID": issued.client_id,
            "SIGNET_CLIENT_SECRET": issued.client_secret,
            "SIGNET_SCOPE": " ".join(page.scopes),
        },
        file_name=f"{issued.client_id}.env",
        leave=leave_to_client(issued.client_id),
        page=page,
        token_endpoint=token_endpoint(),
    )


def render_secret(
    template: str,
    issued: IssuedSecret,
    *,
    variables: Mapping[str, str],
    file_name: str,
    leave: Leave,
    **around: Any,
) -> str:
    """A page with a secret.

    :param variables: what the file to download sets, and ``file_name`` how it is called.
    :param around: what else the template says.
    """
    return render_template(
        template,
        issued=issued,
        env_text=env_text(variables),
        env_file_name=file_name,
        leave=leave,
        **around,
    )


def leave_to_client(client_id: str) -> Leave:
    """The way to the page of a client."""
    return Leave("Go to the client", url_for("admin.clients.show", client_id=client_id))


def already_shown(leave: Leave) -> ResponseReturnValue:
    """The refusal of a form that was sent before."""
    return render_template("admin/secret_pages/already_shown.html", leave=leave), 409


def env_text(variables: Mapping[str, str]) -> str:
    """A file that tools and shells read as environment variables."""
    return "".join(f"{name}={_quoted(value)}\n" for name, value in variables.items())


def _quoted(value: str) -> str:
    # Without quotes where it can be: Docker's --env-file would take them as part of the value.
    if _PLAIN.fullmatch(value):
        return value
    if "'" not in value:
        return f"'{value}'"
    return '"' + _SPECIAL.sub(r"\\\g<0>", value) + '"'
