"""What every module of the plan checks of an answer of the token endpoint."""

import re

from tests.views.wire import Answer

#: "%x20-21 / %x23-5B / %x5D-7E" — RFC 6749 §5.2, of error and error_description.
_SPEAKABLE = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")


def assert_token(answer: Answer) -> str:
    """The token of a successful answer (RFC 6749 §5.1, §4.4.3; FAPI 2.0 §5.3.2.1)."""
    assert answer.status == 200, answer.body
    assert_json(answer)
    document = answer.json
    assert document["token_type"].lower() == "dpop"
    assert isinstance(document["expires_in"], int)
    assert document["expires_in"] > 0
    assert not {"refresh_token", "id_token", "error"} & document.keys()
    access_token = document["access_token"]
    # 128 bits at least, of the 6 that a character of base64url carries.
    assert len(access_token) >= 22
    assert len(set(access_token)) > 20
    return str(access_token)


def assert_refused(answer: Answer, *errors: str) -> None:
    """A refusal with one of these errors and no token (RFC 6749 §5.2)."""
    assert_json(answer)
    document = answer.json
    assert document["error"] in errors
    # 401 is for invalid_client alone, and only if the client tried the Authorization header.
    assert answer.status == 400
    for member in document.keys() & {"error", "error_description"}:
        assert _SPEAKABLE.fullmatch(document[member]), member
    assert document.keys() <= {"error", "error_description", "error_uri"}


def assert_json(answer: Answer) -> None:
    assert answer.headers.get_content_type() == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
