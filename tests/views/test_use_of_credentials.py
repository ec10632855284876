"""Whose request is counted."""

from flask import Flask, g

from signet.usage import NOBODY
from signet.views.use_of_credentials import note_client, note_unknown_client


def test_a_client_that_was_deleted_a_moment_ago_is_nobody():
    with Flask("counting").test_request_context():
        note_client("billing")
        note_unknown_client("billing")
        assert (g.outcome.client_id, g.outcome.claimed_client_id) == (NOBODY, "billing")
