"""Whatever is sent: no 5xx, nothing of it in the answer, and always an answer of the contract."""

import io
import json
import os
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from tests.oauth.memory_store import MemoryStore, make_client, make_scope, make_signing_key
from tests.views.fuzzed_requests import CANARY, SECRET, Case, cases
from tests.views.memory_app import make_app
from tests.views.wire import TOKEN

CASES = int(os.environ.get("SIGNET_TEST_FUZZ_CASES", "8000"))

#: The errors that a status may come with.
ERRORS = {
    400: {
        "invalid_request",
        "invalid_client",
        "invalid_scope",
        "invalid_target",
        "unsupported_grant_type",
    },
    401: {"invalid_client"},
    404: {"not_found"},
    405: {"invalid_request"},
    413: {"invalid_request"},
    429: {"temporarily_unavailable"},
}

APP = make_app(
    MemoryStore(
        make_client("billing", SECRET, scopes=(make_scope("a"), make_scope("b", "x", "y"))),
        # The algorithm that signs fastest.
        keys=(make_signing_key("ES256"),),
    ),
    failures_per_minute=5,
)


@settings(
    # Two requests each: to draw one takes longer than to answer it.
    max_examples=CASES // 2,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
@given(cases())
def test_whatever_is_sent_is_answered_by_the_contract(case: Case):
    check(case)
    check(case.without_authorization())


def check(case: Case) -> None:
    status, headers, body = send(case)
    assert status < 500
    assert CANARY not in body.decode() + str(headers)
    assert len(headers["X-Request-Id"]) == 24
    if status == 304:
        return
    assert headers["Content-Type"] == "application/json"
    answer = {} if case.method == "HEAD" else json.loads(body)
    if status == 200 and case.path == TOKEN:
        assert list(answer) == ["access_token", "expires_in", "token_type", "scope"]
        assert headers["Cache-Control"] == "no-store"
    elif status != 200:
        assert headers["Cache-Control"] == "no-store"
        assert not answer or list(answer) == ["error", "error_description"]
        assert not answer or answer["error"] in ERRORS[status]


def send(case: Case) -> tuple[int, dict[str, str], bytes]:
    """The answer of the WSGI app itself: no server and no library tidies the request up."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": case.method,
        "PATH_INFO": case.path,
        "QUERY_STRING": case.query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "CONTENT_LENGTH": str(len(case.body)) if case.length is None else case.length,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(case.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
    }
    for name, value in case.headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    answered: list[tuple[str, list[tuple[str, str]]]] = []
    body = b"".join(APP.wsgi_app(environ, lambda *answer: answered.append(answer)))
    ((status, headers),) = answered
    return int(status[:3]), dict(headers), body
