import io
import json
import logging
import re

import pytest

from signet.json_log import JsonFormatter
from signet.oauth.access_token import generate_reference_token
from signet.oauth.client import generate_client_secret
from signet.views.request_log import loggable_client_id
from tests.oauth.memory_store import MemoryStore, make_client
from tests.views.memory_app import connect
from tests.views.wire import TOKEN, basic

FORM = {"grant_type": "client_credentials"}


@pytest.fixture
def lines():
    """The log of the requests, read back line by line."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("signet.request")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def billing():
    return connect(MemoryStore(make_client("billing", "secret")))


def test_a_token_is_one_line_of_facts(billing, lines):
    answer = billing.post(f"{TOKEN}?query=1", data=FORM, headers=basic("billing", "secret"))
    (line,) = lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert isinstance(line.pop("duration_ms"), float)
    assert line == {
        "level": "info",
        "message": "request",
        "request_id": answer.headers["X-Request-Id"],
        "method": "POST",
        "path": "/connect/token",
        "status": 200,
        "client_address": "127.0.0.1",
        "client_id": "billing",
    }


@pytest.mark.parametrize(
    ("client_id", "secret", "form", "expected"),
    [
        ("billing", "wrong", FORM, ("billing", "invalid_client", "mistyped secret")),
        ("nobody", "secret", FORM, ("nobody", "invalid_client", "unknown client")),
        (
            "billing",
            "secret",
            FORM | {"scope": "x"},
            ("billing", "invalid_scope", "A scope is unknown or not assigned to the client."),
        ),
        ("billing", "secret", {}, (None, "invalid_request", "grant_type is missing.")),
    ],
)
def test_a_refusal_is_logged_with_its_true_reason(
    billing, lines, client_id: str, secret: str, form: dict[str, str], expected: tuple
):
    billing.post(TOKEN, data=form or {"x": "y"}, headers=basic(client_id, secret))
    (line,) = lines()
    assert line["level"] == "warning"
    assert (line.get("client_id"), line["error"], line["reason"]) == expected


def test_a_failing_database_is_logged_as_an_error(lines):
    store = MemoryStore()
    store.is_away = True
    connect(store).post(TOKEN, data=FORM, headers=basic("billing", "secret"))
    (line,) = lines()
    assert (line["level"], line["status"], line["reason"]) == (
        "error",
        503,
        "the database is away",
    )


def test_too_many_failures_keep_their_reason(lines):
    client = connect(MemoryStore(), failures_per_minute=1)
    for _ in range(2):
        client.post(TOKEN, data=FORM, headers=basic("nobody", "x"))
    assert lines()[1]["reason"] == "too many failures: unknown client"
    assert lines()[1]["client_id"] == "nobody"


@pytest.mark.parametrize(
    "client_id",
    [
        pytest.param(generate_client_secret(), id="a secret"),
        pytest.param(generate_client_secret()[:20], id="a part of a secret"),
        pytest.param(generate_client_secret()[1:], id="a secret without its first letter"),
        pytest.param(f"x.{generate_client_secret()}", id="a secret after something else"),
        pytest.param(generate_client_secret().upper(), id="a secret in capitals"),
        pytest.param("x" * 40, id="a piece that is too long for a name"),
        "long-name." * 10 + "x",
        "ab",
        "a b",
        "line\nfeed",
        "ü-client",
        "",
    ],
)
def test_what_may_be_a_secret_is_not_logged_as_an_unknown_client(client_id: str):
    assert loggable_client_id(client_id) is None


@pytest.mark.parametrize("client_id", ["billing", "Mixed.Case_1-2", "long-name." * 10])
def test_an_unknown_client_that_could_be_one_is_logged(client_id: str):
    assert loggable_client_id(client_id) == client_id


def test_no_secret_is_logged_wherever_it_stands(billing, lines):
    secret = generate_client_secret()
    billing.post(TOKEN, data=FORM, headers=basic(secret, "x"))
    billing.post(TOKEN, data=FORM | {"client_id": secret, "client_secret": secret})
    billing.post(f"{TOKEN}?client_secret={secret}", data={"scope": secret, "grant_type": secret})
    billing.post(TOKEN, data={secret: secret}, headers={"Authorization": f"Bearer {secret}"})
    assert len(lines()) == 4
    assert secret not in json.dumps(lines())


def test_why_a_token_is_not_active_is_logged(billing, lines):
    form = {"token": "a secret of somebody's"}
    answer = billing.post("/connect/introspect", data=form, headers=basic("billing", "secret"))
    assert answer.json == {"active": False}
    (line,) = lines()
    assert (line["client_id"], line["reason"]) == ("billing", "token: not a signed JWT")


def test_what_was_pasted_into_an_address_is_not_logged(billing, lines):
    secret, token = generate_client_secret(), generate_reference_token()
    for pasted in (secret, token, "eyJ" + "x" * 300):
        billing.get(f"/connect/{pasted}/x")
    assert {line["path"] for line in lines()} == {"/connect/<redacted>/x"}


def test_control_characters_stay_within_their_line(billing, lines):
    billing.get("/connect/%0d%0aforged%1b%5b31m%e2%80%a8")
    (line,) = lines()
    assert line["path"] == "/connect/\r\nforged\x1b[31m\u2028"


def test_an_exception_is_one_line_as_well():
    try:
        raise ValueError("first\nsecond")
    except ValueError as error:
        record = logging.makeLogRecord({"exc_info": (ValueError, error, error.__traceback__)})
    text = JsonFormatter().format(record)
    assert "\n" not in text
    assert "second" in json.loads(text)["exception"]
