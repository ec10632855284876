"""Addresses that begin with more than one slash: there is nothing at any of them."""

from flask import abort, request


def refuse_doubled_slash() -> None:
    """Answer 404 to ``//connect/token``."""
    # Werkzeug takes it for ``/connect/token``; a rule in a proxy may not.
    if request.environ["PATH_INFO"].startswith("//"):
        abort(404)
