"""The protocol's views over a MemoryStore: for what no database can be brought to say at will."""

from collections.abc import Callable
from datetime import datetime

from flask import Flask
from flask.testing import FlaskClient

from signet.models.key_encryption import KeyEncryption
from signet.settings import Settings
from signet.views.error_edge import register_error_edge
from signet.views.protocol import open_entrance
from signet.views.request_log import register_request_log
from signet.wiring import Wiring, utc_now
from tests.oauth.memory_store import MemoryStore


def make_app(
    store: MemoryStore, *, clock: Callable[[], datetime] = utc_now, **settings: object
) -> Flask:
    made = Settings(database_url="sqlite://", **settings)
    app = Flask("signet-protocol")
    app.url_map.merge_slashes = False
    wiring = Wiring(made, store, KeyEncryption(()), clock)
    register_request_log(app, wiring)
    wiring.install(app)
    app.wsgi_app = open_entrance(app, wiring, others=app.wsgi_app)
    register_error_edge(app, issuer_path=made.issuer_path, answer_page_error=lambda error: error)
    return app


def connect(store: MemoryStore, **settings: object) -> FlaskClient:
    """Requests to such an app, without a socket."""
    return make_app(store, **settings).test_client()
