"""Whose request is counted."""

from werkzeug.test import create_environ

from signet.usage import NOBODY
from signet.views.exchange import begin_exchange, leave_exchange, note_client, note_unknown_client


def test_a_client_that_was_deleted_a_moment_ago_is_nobody():
    exchange, token = begin_exchange(create_environ())
    note_client("billing")
    note_unknown_client("billing")
    leave_exchange(token)
    assert (exchange.client_id, exchange.claimed_client_id) == (NOBODY, "billing")
