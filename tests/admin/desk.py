"""Somebody at the pages, for tests that fill in forms and read what comes back."""

import html
import re
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.admin.signing_in import csrf_of, make_admin, sign_in


@dataclass
class Desk:
    """A signed-in admin's browser, without the browser."""

    client: FlaskClient

    def open(self, path: str, **query: Any) -> TestResponse:
        """The page at an address."""
        return self.client.get(path, query_string=query or None)

    def send(self, path: str, **fields: Any) -> TestResponse:
        """The answer to a form with the token of the pages."""
        # The lightest page with a form: each has the one to sign out.
        token = csrf_of(self.client.get("/admin/scopes"))
        return self.client.post(path, data={"csrf_token": token} | fields)


def sit_down(app: Flask, client: FlaskClient, role: str = "operator") -> Desk:
    """An admin of this role, signed in; a visitor would be led to the set-up without the other."""
    make_admin(app, name="the-first@example.org")
    name = make_admin(app, role)
    sign_in(client, name)
    return Desk(client)


def text_of(answer: TestResponse) -> str:
    """What a reader sees of a page, with single spaces."""
    main = answer.text[answer.text.index("<main") : answer.text.index("</main>")]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main)).split())
