"""One Signet for all modules of the plan, at the defaults but for its issuer, and one API."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from signet.models.audit import Actor
from signet.operations.client_authentication import ClientAuthentication
from signet.operations.client_facts import ClientFacts
from signet.operations.clients import register_client_without_secret
from signet.operations.resource_servers import create_resource_server
from signet.operations.scopes import create_scope
from signet.operations.token_options import TokenOptions
from signet.wiring import utc_now, wiring
from tests.conformance.fapi2.plan import API, SCOPE, Plan, PlanClient
from tests.conformance.sample_api import create_api, protect
from tests.databases import Databases
from tests.oauth.signing import jwk_set, make_key
from tests.running import Server
from tests.tls import TlsServer
from tests.views.wire import Wire

ACTOR = Actor(name="tests")


@pytest.fixture(scope="session")
def plan(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    # An RSA key, for the modules that ask whether RS256 is refused.
    client = PlanClient("client-1", make_key("PS256"), make_key("ES256"))
    client2 = PlanClient("client-2", make_key("ES256"), make_key("EdDSA"))
    with databases.fresh("sqlite") as url:
        server = Server(tmp_path_factory.mktemp("fapi2"), url)
        with TlsServer(forward_to=server.base_url) as front:
            server.environ["SIGNET_ISSUER"] = front.base_url
            try:
                server.prepare()
                register(server, client, client2)
                server.launch()
                server.wait_until_ready()
                tls = ssl.create_default_context(cadata=front.ca_pem)
                with served(create_api(protect(front.base_url, API, tls=tls), API)) as api:
                    signet = Wire(server.base_url)
                    yield Plan(front.base_url, tls, signet, Wire(api), client, client2)
            finally:
                server.stop()


def register(server: Server, *clients: PlanClient) -> None:
    """The API and the clients, as an operator registers them."""
    with server.opened():
        # The server's default, RS256, is none that FAPI allows (§5.4.1).
        create_resource_server(
            API, signing_alg="ES256", encryption=wiring().encryption, actor=ACTOR, now=utc_now()
        )
        create_scope(SCOPE, apis=[API], actor=ACTOR, now=utc_now())
        for client in clients:
            register_client_without_secret(
                ClientFacts(name=client.client_id),
                ClientAuthentication(method="private_key_jwt", jwks=jwk_set(client.key)),
                tokens=TokenOptions(dpop_bound_access_tokens=True),
                client_id=client.client_id,
                scopes=[SCOPE],
                actor=ACTOR,
                now=utc_now(),
            )


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address of an app on a free port of the loopback address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_SilentHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _SilentHandler(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        pass
