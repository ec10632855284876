from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signet.oauth.form_encoding import decode_form_text, parse_form

TEXT = st.text().filter(lambda text: "\0" not in text)


@given(st.lists(st.tuples(TEXT, TEXT)))
def test_what_a_client_encodes_is_what_is_read(pairs: list[tuple[str, str]]):
    named = [(name or "x", value) for name, value in pairs]
    assert parse_form(urlencode(named).encode()) == named


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes):
    try:
        parse_form(body)
    except ValueError:
        return


def test_names_and_values_keep_their_order_and_repetition():
    assert parse_form(b"b=2&a=1&b=3") == [("b", "2"), ("a", "1"), ("b", "3")]


def test_a_name_without_an_equals_sign_has_an_empty_value():
    assert parse_form(b"a&b=") == [("a", ""), ("b", "")]


def test_only_the_first_equals_sign_splits():
    assert parse_form(b"a=b=c") == [("a", "b=c")]


def test_only_the_ampersand_separates():
    assert parse_form(b"a=1;b=2") == [("a", "1;b=2")]


def test_plus_is_a_space_and_an_escaped_plus_is_one():
    assert decode_form_text(b"a+b%2Bc") == "a b+c"


@pytest.mark.parametrize(
    "encoded", [b"%", b"%2", b"%zz", b"a%", b"%u0041", b"%2\xc3", b"%+1", b"% 1"]
)
def test_a_broken_escape_is_refused(encoded: bytes):
    with pytest.raises(ValueError, match="percent"):
        decode_form_text(encoded)


@pytest.mark.parametrize(
    "encoded", [b"\xff", b"%ff", b"%c3", b"%c0%80", b"%ed%a0%80", b"%f4%90%80%80", b"\0", b"%00"]
)
def test_what_is_not_utf_8_or_holds_nul_is_refused(encoded: bytes):
    with pytest.raises(ValueError, match="NUL|utf-8"):
        decode_form_text(encoded)
