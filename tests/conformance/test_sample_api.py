"""What the sample API adds to the check of a token: where keys come from, which proofs it has seen.

That it takes good requests and refuses all others is what the modules of ``fapi2/`` show.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from signet.oauth.store import ReplayNote
from tests.conformance.sample_api import IssuerKeys, UsedProofs
from tests.oauth.signing import Key, jwk_set, make_key


def note(jti: str, *, seconds: float = 60) -> ReplayNote:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return ReplayNote(kind="proof", owner="a-key", jti=jti, until=until)


def test_a_proof_counts_once():
    proofs = UsedProofs()
    assert [proofs.remember(note("a")), proofs.remember(note("a"))] == [True, False]
    assert proofs.remember(note("b"))


def test_a_full_memory_takes_no_more():
    proofs = UsedProofs(most=2)
    assert [proofs.remember(note(jti)) for jti in "abc"] == [True, True, False]


def test_what_is_over_leaves_room():
    proofs = UsedProofs(most=1)
    assert proofs.remember(note("a", seconds=-1))
    assert proofs.remember(note("b"))


@contextmanager
def publishing(*keys: Key) -> Iterator[tuple[str, list[str]]]:
    """An issuer with these keys, and what it was asked for."""
    asked: list[str] = []

    class Issuer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            documents = {
                "/.well-known/openid-configuration": {"jwks_uri": f"{issuer}/keys"},
                "/keys": jwk_set(*keys),
            }
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(documents[self.path]).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Issuer) as server:
        issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield issuer, asked
        finally:
            server.shutdown()
            thread.join()


def test_the_keys_are_found_by_the_metadata_and_kept():
    key = make_key()
    with publishing(key) as (issuer, asked):
        keys = IssuerKeys(issuer)
        assert [found.kid for found in keys.find(key.kid)] == [key.kid]
        keys.find(key.kid)
        assert asked == ["/.well-known/openid-configuration", "/keys"]


def test_tokens_that_name_any_key_do_not_have_the_set_read_each_time():
    with publishing(make_key()) as (issuer, asked):
        keys = IssuerKeys(issuer)
        for kid in ("another", "a third", None):
            keys.find(kid)
        assert asked.count("/keys") == 1
