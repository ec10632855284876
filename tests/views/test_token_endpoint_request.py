"""POST /connect/token on the wire: what is read of a request, rows 1 to 5 of the contract."""

import json

import pytest

from tests.views.wire import (
    FORM,
    INVALID_CLIENT,
    INVALID_REQUEST,
    INVALID_SCOPE,
    MULTIPART,
    TOKEN,
    Signet,
    multipart,
)


def padded(form: dict[str, str], length: int) -> bytes:
    """The form with an unknown parameter that brings it to this length."""
    body = "&".join(f"{name}={value}" for name, value in form.items()).encode() + b"&padding="
    return body + b"x" * (length - len(body))


# Row 1: POST only, at exactly this path


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"]
)
def test_row_01_any_method_but_post_is_405(signet: Signet, method: str):
    answer = signet.request(method, TOKEN)
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"
    assert answer.headers["Cache-Control"] == "no-store"
    if method != "HEAD":
        assert answer.json["error"] == "invalid_request"


@pytest.mark.parametrize(
    "path", ["/connect/token/", "/connect//token", "//connect/token", "/connect/Token"]
)
def test_row_01_another_path_is_404_and_never_a_redirect(signet: Signet, path: str):
    answer = signet.post(path, signet.form())
    assert answer.status == 404
    assert "Location" not in answer.headers


def test_row_01_an_unknown_path_is_answered_in_json(signet: Signet):
    answer = signet.post("/connect/nothing")
    assert answer.error == (404, "not_found")
    assert answer.headers["Cache-Control"] == "no-store"


# Row 2: content types


def test_row_02_a_form_is_taken(signet: Signet):
    assert signet.post(data=signet.form()).status == 200


@pytest.mark.parametrize("parameter", ["; charset=utf-8", ";charset=UTF-8", '; charset="utf-8"'])
def test_row_02_charset_utf_8_is_fine(signet: Signet, parameter: str):
    assert signet.post(data=signet.form(), content_type=FORM + parameter).status == 200


def test_row_02_the_content_type_is_compared_without_case(signet: Signet):
    assert signet.post(data=signet.form(), content_type=FORM.upper()).status == 200


def test_row_02_multipart_with_text_fields_is_taken(signet: Signet):
    body = multipart(*signet.form().items())
    assert signet.post(data=body, content_type=MULTIPART).status == 200


def test_row_02_a_text_field_may_name_its_type(signet: Signet):
    part = (
        b"Content-Disposition: form-data; name=scope\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n\r\nexternal-api"
    )
    body = multipart(*signet.form().items(), parts=(part,))
    assert signet.post(data=body, content_type=MULTIPART).status == 200


@pytest.mark.parametrize(
    "part",
    [
        b'Content-Disposition: form-data; name="scope"; filename="x"\r\n\r\nexternal-api',
        b'Content-Disposition: form-data; name="other"; filename=""\r\n\r\n',
        b'Content-Disposition: form-data; name="x"\r\nContent-Type: application/json\r\n\r\n"x"',
        b"Content-Disposition: form-data\r\n\r\nnameless",
        b"Content-Type: text/plain\r\n\r\nno disposition",
        b'Content-Disposition: form-data; name="sc\xff"\r\n\r\nname of no text',
    ],
)
def test_row_02_a_part_that_is_no_text_field_is_refused(signet: Signet, part: bytes):
    body = multipart(*signet.form().items(), parts=(part,))
    assert signet.post(data=body, content_type=MULTIPART).error == INVALID_REQUEST


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=other",
    ],
)
def test_row_02_multipart_without_its_boundary_is_refused(signet: Signet, content_type: str):
    body = multipart(*signet.form().items())
    assert signet.post(data=body, content_type=content_type).error == INVALID_REQUEST


def test_row_02_multipart_that_is_cut_off_is_refused(signet: Signet):
    body = multipart(*signet.form().items())[:-10]
    assert signet.post(data=body, content_type=MULTIPART).error == INVALID_REQUEST


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "text/plain",
        "multipart/mixed; boundary=a-boundary",
        "application/x-www-form-urlencoded-not",
        f"{FORM}; charset=iso-8859-1",
        "",
        ";",
    ],
)
def test_row_02_another_content_type_is_refused(signet: Signet, content_type: str):
    assert signet.post(data=signet.form(), content_type=content_type).error == INVALID_REQUEST


def test_row_02_json_is_refused(signet: Signet):
    body = json.dumps(signet.form()).encode()
    assert signet.post(data=body, content_type="application/json").error == INVALID_REQUEST


def test_row_02_no_content_type_is_refused(signet: Signet):
    assert signet.post(data=signet.form(), content_type=None).error == INVALID_REQUEST


@pytest.mark.parametrize("content_type", [FORM, MULTIPART, None])
def test_row_02_no_body_is_refused(signet: Signet, content_type: str | None):
    assert signet.post(data=b"", content_type=content_type).error == INVALID_REQUEST


# Row 3: only the body counts


def test_row_03_credentials_in_the_url_authenticate_nobody(signet: Signet):
    query = f"client_id=billing&client_secret={signet.secrets['billing']}"
    answer = signet.post(f"{TOKEN}?{query}", {"grant_type": "client_credentials"})
    assert answer.error == INVALID_CLIENT


def test_row_03_a_grant_type_in_the_url_is_none(signet: Signet):
    form = signet.form()
    del form["grant_type"]
    assert signet.post(f"{TOKEN}?grant_type=client_credentials", form).error == INVALID_REQUEST


def test_row_03_the_url_cannot_override_the_body(signet: Signet):
    answer = signet.post(f"{TOKEN}?scope=nothing&client_id=nobody&grant_type=x", signet.form())
    assert answer.status == 200


def test_row_03_a_parameter_may_stand_in_body_and_url(signet: Signet):
    assert signet.post(f"{TOKEN}?client_id=billing", signet.form()).status == 200


# Row 4: limits and encoding


def test_row_04_a_body_of_64_kib_is_taken(signet: Signet):
    assert signet.post(data=padded(signet.form(), 64 * 1024)).status == 200


def test_row_04_a_larger_body_is_413(signet: Signet):
    answer = signet.post(data=padded(signet.form(), 64 * 1024 + 1))
    assert answer.error == (413, "invalid_request")
    assert answer.headers["Cache-Control"] == "no-store"


def test_row_04_a_larger_body_in_chunks_is_413(signet: Signet):
    body = padded(signet.form(), 64 * 1024 + 1)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    headers = {"Content-Type": FORM, "Transfer-Encoding": "chunked"}
    assert signet.request("POST", TOKEN, chunked, headers).error == (413, "invalid_request")


def test_row_04_a_body_in_chunks_is_taken(signet: Signet):
    body = padded(signet.form(), 64 * 1024)
    chunked = b"".join(b"400\r\n%s\r\n" % body[i : i + 1024] for i in range(0, len(body), 1024))
    headers = {"Content-Type": FORM, "Transfer-Encoding": "chunked"}
    assert signet.request("POST", TOKEN, chunked + b"0\r\n\r\n", headers).status == 200


def test_row_04_a_megabyte_announced_is_413_before_it_is_sent(signet: Signet):
    headers = {"Content-Type": FORM, "Content-Length": "1000000"}
    assert signet.request("POST", TOKEN, headers=headers).error == (413, "invalid_request")


@pytest.mark.parametrize(
    ("name", "longest"),
    [
        ("client_id", 200),
        ("client_secret", 512),
        ("grant_type", 100),
        ("scope", 2_000),
        ("client_assertion", 16_384),
    ],
)
def test_row_04_a_parameter_that_is_too_long_is_refused(signet: Signet, name: str, longest: int):
    answer = signet.post(data=signet.form() | {name: "x" * (longest + 1)})
    assert answer.error == INVALID_REQUEST


@pytest.mark.parametrize(
    ("name", "longest", "error"),
    [
        ("client_id", 200, "invalid_client"),
        ("client_secret", 512, "invalid_client"),
        ("grant_type", 100, "unsupported_grant_type"),
        ("scope", 2_000, "invalid_scope"),
    ],
)
def test_row_04_a_parameter_of_the_longest_length_is_read(
    signet: Signet, name: str, longest: int, error: str
):
    answer = signet.post(data=signet.form() | {name: "x" * longest})
    assert answer.error == (400, error)


def test_row_04_length_is_counted_in_characters(signet: Signet):
    assert signet.ask(scope="ü" * 2_000).error == INVALID_SCOPE


MALFORMED = [
    b"\xff",
    b"%ff",
    b"%c3",
    b"%ed%a0%80",
    b"%c0%af",
    b"\0",
    b"%00",
    b"%zz",
    b"%",
    b"%4",
    b"%u0041",
]


@pytest.mark.parametrize("value", MALFORMED)
@pytest.mark.parametrize("place", [b"scope=x%s", b"unknown=%s", b"sc%sope=x"])
def test_row_04_a_malformed_form_is_refused(signet: Signet, place: bytes, value: bytes):
    body = padded(signet.form(), 200) + b"&" + place.replace(b"%s", value)
    assert signet.post(data=body).error == INVALID_REQUEST


@pytest.mark.parametrize("value", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\0"])
def test_row_04_a_malformed_field_is_refused(signet: Signet, value: bytes):
    part = b'Content-Disposition: form-data; name="scope"\r\n\r\n' + value
    body = multipart(*signet.form().items(), parts=(part,))
    assert signet.post(data=body, content_type=MULTIPART).error == INVALID_REQUEST


# Row 5: each parameter once


@pytest.mark.parametrize(
    "extra",
    [b"scope=a&scope=a", b"client_id=billing", b"x=1&x=2", b"x=&x=", b"x&x", b"=&=", b"%78=1&x=1"],
)
def test_row_05_a_parameter_twice_is_refused(signet: Signet, extra: bytes):
    body = padded(signet.form(), 200) + b"&" + extra
    assert signet.post(data=body).error == INVALID_REQUEST


def test_row_05_a_multipart_field_twice_is_refused(signet: Signet):
    body = multipart(*signet.form().items(), ("x", "1"), ("x", "1"))
    assert signet.post(data=body, content_type=MULTIPART).error == INVALID_REQUEST


def test_row_05_only_resource_may_repeat(signet: Signet):
    form = [
        *signet.form().items(),
        ("resource", "https://a.example"),
        ("resource", "https://b.example"),
    ]
    assert signet.post(data=form).error == (400, "invalid_target")


def test_row_05_a_parameter_without_a_value_is_omitted(signet: Signet):
    assert signet.ask(grant_type="").error == INVALID_REQUEST
    assert signet.ask(client_secret="").error == INVALID_CLIENT
    assert signet.ask(scope="", resource="", client_assertion="").status == 200


def test_row_05_an_empty_secret_beside_basic_is_no_second_mechanism(signet: Signet):
    assert signet.ask_by_basic(client_secret="", client_id="").status == 200


def test_row_05_an_unknown_parameter_is_ignored(signet: Signet):
    assert signet.ask(unknown="1", ключ="ü").status == 200


def test_row_05_nothing_between_two_ampersands_is_no_parameter(signet: Signet):
    body = b"&&" + padded(signet.form(), 200) + b"&&"
    assert signet.post(data=body).status == 200
