"""The three endpoints below /connect/ alike: methods, content types, headers of every answer."""

import pytest

from tests.views.wire import INVALID_REQUEST, MULTIPART, Answer, Signet, basic, multipart

ENDPOINTS = ("/connect/token", "/connect/introspect", "/connect/revocation")
OTHERS = ENDPOINTS[1:]


@pytest.fixture
def engine() -> str:
    """Nothing here depends on the database."""
    return "sqlite"


def good(signet: Signet) -> dict[str, str]:
    """A form that all three take."""
    return signet.form("billing", token="any")


def assert_headers(answer: Answer) -> None:
    """RFC 6749 §5.1, §5.2; RFC 7662 §2.2: nothing of this may be kept by anybody."""
    headers = answer.headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Pragma"] == "no-cache"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Request-Id"]
    assert not {"Set-Cookie", "Access-Control-Allow-Origin", "ETag", "Location"} & set(headers)


@pytest.mark.parametrize("path", ENDPOINTS)
def test_every_answer_has_the_headers_of_a_secret_whatever_its_status(signet: Signet, path: str):
    wrong = basic("billing", "wrong")
    answers = {
        200: signet.post(path, good(signet)),
        400: signet.post(path, good(signet) | {"grant_type": "", "token": ""}),
        401: signet.post(path, {"grant_type": "client_credentials", "token": "x"}, wrong),
        404: signet.post(f"{path}/", good(signet)),
        405: signet.get(path),
        413: signet.post(path, good(signet) | {"x": "A" * 65_536}),
    }
    assert {status: answer.status for status, answer in answers.items()} == {
        status: status for status in answers
    }
    for answer in answers.values():
        assert_headers(answer)


@pytest.mark.parametrize("path", ENDPOINTS)
def test_too_many_failures_are_429_with_these_headers_too(workshop: Signet, path: str):
    """Its patience ends at three, and each of the two workers counts for itself."""
    form = {"grant_type": "client_credentials", "token": "x"}
    headers = basic(f"nobody{path}", "wrong")
    answers = [workshop.post(path, form, headers) for _ in range(8)]
    limited = [answer for answer in answers if answer.status != 401]
    assert limited
    for answer in limited:
        assert answer.error == (429, "temporarily_unavailable")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert_headers(answer)


@pytest.mark.parametrize("path", OTHERS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_any_method_but_post_is_405(signet: Signet, path: str, method: str):
    answer = signet.request(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", OTHERS)
def test_a_multipart_form_is_taken(signet: Signet, path: str):
    body = multipart(*good(signet).items())
    assert signet.post(path, body, content_type=MULTIPART).status == 200


@pytest.mark.parametrize("path", OTHERS)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", None])
def test_another_content_type_is_refused(signet: Signet, path: str, content_type: str | None):
    answer = signet.post(path, b'{"token":"any"}', content_type=content_type)
    assert answer.error == INVALID_REQUEST


@pytest.mark.parametrize("path", OTHERS)
def test_what_stands_in_the_address_is_not_read(signet: Signet, path: str):
    form = good(signet)
    del form["token"]
    assert signet.post(f"{path}?token=any", form).error == INVALID_REQUEST


@pytest.mark.parametrize("path", OTHERS)
def test_a_parameter_twice_is_refused(signet: Signet, path: str):
    pairs = [*good(signet).items(), ("token", "other")]
    assert signet.post(path, pairs).error == INVALID_REQUEST


@pytest.mark.parametrize("path", OTHERS)
def test_two_ways_to_prove_oneself_are_refused(signet: Signet, path: str):
    headers = basic("billing", signet.secrets["billing"])
    assert signet.post(path, good(signet), headers).error == INVALID_REQUEST
