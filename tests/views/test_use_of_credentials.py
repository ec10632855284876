"""Whose request is counted."""

from flask import Flask
from werkzeug.test import create_environ

from signet.usage import NOBODY
from signet.views.exchange import begin_exchange, note_client, note_unknown_client


def test_a_client_that_was_deleted_a_moment_ago_is_nobody():
    with Flask("counting").app_context():
        exchange = begin_exchange(create_environ())
        note_client("billing")
        note_unknown_client("billing")
        assert (exchange.client_id, exchange.claimed_client_id) == (NOBODY, "billing")
