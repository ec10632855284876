"""What operators do with clients, for tests of the pages."""

import re
from datetime import datetime, timedelta
from typing import Any

from werkzeug.test import TestResponse

from signet.models.clients import ClientDetails, find_client
from signet.oauth.client import TLS_CLIENT_AUTH
from signet.operations.client_authentication import ClientAuthentication
from signet.operations.client_secrets import revoke_secret, rotate_secret
from signet.operations.clients import (
    ClientFacts,
    disable_client,
    edit_client,
    register_client,
)
from signet.operations.scopes import create_scope
from signet.operations.secret_life import IssuedSecret
from signet.wiring import utc_now
from tests.admin.desk import Desk
from tests.admin.pages import read
from tests.admin.signing_in import TEST

API = "https://api.example.org"
#: U32: what would break out of text, of an attribute, of a template, of a line.
MARKUP = "\"><img src=x onerror=alert(1)></script>{{7*7777}}' аpi 🦀"
#: U32: what would turn the text around it, end its line, or cannot be seen.
UNSEEN = ["abc\u202egpj.exe", "one\u2028two", "a\u2066b", "a\0b", "a\x1b[2Jb", "\u200fa"]
TEXT_FIELDS = ("name", "description", "contact")
PAGES_OF_A_CLIENT = (
    *("", "/edit", "/authentication", "/tokens", "/disable", "/enable", "/delete", "/scopes"),
    "/secrets",
)


def make_client(
    client_id: str = "billing-export",
    name: str = "Billing export",
    *,
    scopes: tuple[str, ...] = (),
    expires_in: timedelta | None = timedelta(days=365),
    now: datetime | None = None,
    **facts: Any,
) -> IssuedSecret:
    return register_client(
        ClientFacts(name=name, **facts),
        client_id=client_id,
        scopes=scopes,
        secret_expires_in=expires_in,
        actor=TEST,
        now=now or utc_now(),
    )


def make_scope(name: str = "external-api", *apis: str, description: str = "") -> None:
    create_scope(name, apis=apis or [API], description=description, actor=TEST, now=utc_now())


def make_client_in_each_state() -> None:
    now, year_ago = utc_now(), utc_now() - timedelta(days=400)
    make_client("lasting", expires_in=None)
    make_client("fresh")
    make_client("expiring", now=now - timedelta(days=360))
    make_client("rotated", now=now - timedelta(days=360))
    rotate_secret("rotated", actor=TEST, now=now)
    make_client("soon-twice", now=now - timedelta(days=360))
    rotate_secret("soon-twice", expires_in=timedelta(days=20), actor=TEST, now=now)
    make_client("expired", now=year_ago)
    revoked = make_client("revoked")
    revoke_secret(revoked.client_id, revoked.secret_id, actor=TEST, now=now)
    make_client("disabled")
    make_client("disabled-and-expired", now=year_ago)
    make_client("keyed", now=year_ago)
    change_method("keyed")
    for client_id in ("disabled", "disabled-and-expired"):
        disable_client(client_id, actor=TEST, now=now)


def change_method(client_id: str = "billing-export") -> None:
    """The client proves itself otherwise now; what there was of secrets stays."""
    edit_client(
        client_id,
        ClientFacts(name="Billing export"),
        authentication=ClientAuthentication(method=TLS_CLIENT_AUTH, subject_dn="CN=billing"),
        actor=TEST,
        now=utc_now(),
    )


def get_client(client_id: str = "billing-export") -> ClientDetails:
    client = find_client(client_id)
    assert client is not None
    return client


def send_new(desk: Desk, **fields: Any) -> TestResponse:
    """The answer to the form of a new client, filled in."""
    number = value_in(desk.open("/admin/clients/new"), "form_number")
    filled_in = {"name": "Billing export", "expires_in": "365d", "form_number": number}
    return desk.send("/admin/clients/new", **filled_in | fields)


def send_edit(desk: Desk, **fields: Any) -> TestResponse:
    filled_in = {"name": "Billing export", "access_token_lifetime": "3600", "version": "1"}
    return desk.send("/admin/clients/billing-export/edit", **filled_in | fields)


def send_scopes(desk: Desk, *scopes: str, version: str = "1") -> TestResponse:
    path = "/admin/clients/billing-export/scopes"
    return desk.send(path, scopes=list(scopes), version=version)


def ids_in(answer: TestResponse) -> list[str]:
    """The clients in the table of a list, from top to bottom."""
    return re.findall(r'<span class="code">([^<]+)</span>', answer.text)


def value_in(answer: TestResponse, name: str) -> str:
    """What an input of the page is filled with."""
    for element in read(answer.text).all("input"):
        if element.attributes.get("name") == name:
            return element.attributes["value"]
    raise AssertionError(f"no field {name}")


def edit_meanwhile(**facts: Any) -> None:
    edit_client("billing-export", ClientFacts(**facts), actor=TEST, now=utc_now())


def secret_in(answer: TestResponse) -> str:
    """The secret that a page shows."""
    (secret,) = set(re.findall(r"signet_[0-9A-Za-z]{49}", answer.text))
    return str(secret)
