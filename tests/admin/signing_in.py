"""Signing in to the admin pages in tests."""

import re

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from signet.models.audit import Actor
from signet.operations.admins import create_admin
from signet.wiring import utc_now

PASSWORD = "glacier-harbour-lantern-moss"
TEST = Actor(name="test")


def make_admin(app: Flask, role: str = "administrator", name: str = "") -> str:
    """An admin of this role, with ``PASSWORD``; returns the name."""
    name = name or f"{role}@example.org"
    with app.app_context():
        create_admin(name, role=role, password=PASSWORD, actor=TEST, now=utc_now())
    return name


def csrf_of(answer: TestResponse) -> str:
    """The CSRF token of the first form in a page."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.text)
    assert found is not None, answer.text
    return found[1]


def sign_in(client: FlaskClient, name: str, password: str = PASSWORD) -> TestResponse:
    """The answer to a sign-in with the form of the page; the client keeps the cookies."""
    page = client.get("/admin/sign-in")
    return client.post(
        "/admin/sign-in",
        data={"name": name, "password": password, "csrf_token": csrf_of(page)},
    )
