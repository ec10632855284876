"""Requests that a proxy and a server may cut in two places (SECURITY C26, U26).

One bad request, and behind it on the same connection a good one: there must be a single answer, a
400, and the connection closed.
"""

import re

import pytest

from tests.views.wire import Signet

HEAD = (
    b"POST /connect/token HTTP/1.1\r\nHost: x\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n"
)
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

HEADERS = {
    "length and chunks": b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
    "transfer-encoding twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "transfer-encoding of two": b"Transfer-Encoding: chunked, chunked\r\n",
    "transfer-encoding unknown": b"Transfer-Encoding: xchunked\r\n",
    "transfer-encoding identity": b"Transfer-Encoding: chunked, identity\r\n",
    "transfer-encoding with a tab": b"Transfer-Encoding:\x0bchunked\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 6\r\n",
    "two equal lengths": b"Content-Length: 6\r\nContent-Length: 6\r\n",
    "a list of lengths": b"Content-Length: 6, 6\r\n",
    "a signed length": b"Content-Length: +5\r\n",
    "a negative length": b"Content-Length: -1\r\n",
    "a length in hexadecimal": b"Content-Length: 0x5\r\n",
    "a length with an underscore": b"Content-Length: 1_0\r\n",
    "bare line feeds": b"Content-Length: 0\nX: y\r\n",
    "a space before the colon": b"Content-Length : 0\r\n",
    "a tab before the colon": b"Transfer-Encoding\t: chunked\r\n",
    "a folded line": b"X: y\r\n Content-Length: 0\r\n",
    "an empty name": b": x\r\n",
    "a name with an underscore": b"Content_Length: 0\r\n",
    "an underscore for a dash": b"X_Forwarded_For: 192.0.2.1\r\n",
    "a null byte": b"X: a\0b\r\n",
    "a carriage return": b"X: a\rContent-Length: 6\r\n",
    "two hosts": b"Host: y\r\n",
    "two content types": b"Content-Type: application/json\r\n",
}
CHUNKS = {
    "a negative size": b"-1\r\nx\r\n0\r\n\r\n",
    "a size that is none": b"xyz\r\nx\r\n0\r\n\r\n",
    "a signed size": b"+1\r\nx\r\n0\r\n\r\n",
    "a size with a prefix": b"0x1\r\nx\r\n0\r\n\r\n",
    "a size with an underscore": b"1_0\r\nx\r\n0\r\n\r\n",
    "an empty size": b"\r\nx\r\n0\r\n\r\n",
    "an extension with a line feed": b"1;a\nb\r\nx\r\n0\r\n\r\n",
    "a line feed after the size": b"1\nx\n0\n\n",
    "data longer than its size": b"1\r\nxyz\r\n0\r\n\r\n",
    "data without an end": b"5\r\nxy\r\n0\r\n\r\n",
}


def statuses(received: bytes) -> list[bytes]:
    return re.findall(rb"HTTP/1\.1 (\d{3}) ", received)


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS.keys())
def test_an_ambiguous_head_is_refused_and_nothing_behind_it_is_served(
    signet: Signet, headers: bytes
):
    received = signet.raw(HEAD + headers + b"\r\n" + b"0\r\n\r\n" + SMUGGLED)
    assert statuses(received) in ([b"400"], [b"501"])


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS.keys())
def test_a_broken_chunk_is_refused_and_nothing_behind_it_is_served(signet: Signet, chunks: bytes):
    received = signet.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + SMUGGLED)
    assert statuses(received) == [b"400"]


def test_a_chunk_without_measure_is_not_read_beyond_what_comes(signet: Signet):
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    received = signet.raw(head + b"ffffffffffffffffffff\r\n" + SMUGGLED, ends=True)
    assert statuses(received) == [b"400"]


def test_two_good_requests_on_one_connection_have_two_answers(signet: Signet):
    """That the tests above would see a second answer."""
    received = signet.raw(HEAD + b"Content-Length: 0\r\n\r\n" + SMUGGLED)
    assert statuses(received) == [b"400", b"200"]


def test_a_body_that_is_refused_unread_is_not_taken_for_requests(signet: Signet):
    body = SMUGGLED * 2_000
    head = HEAD + b"Content-Length: %d\r\n\r\n" % len(body)
    assert statuses(signet.raw(head + body + SMUGGLED)) == [b"413", b"200"]


def test_a_body_that_is_cut_off_is_not_read_as_a_shorter_one(signet: Signet):
    form = "&".join(f"{name}={value}" for name, value in signet.form().items()).encode()
    head = HEAD + b"Content-Length: %d\r\n\r\n" % (len(form) + 20)
    received = signet.raw(head + form, ends=True)
    assert b"access_token" not in received


@pytest.mark.parametrize(
    "line",
    [b"POST /connect/token HTTP/9.9", b"GET", b"POST  /connect/token HTTP/1.1", b"\x16\x03\x01"],
)
def test_a_broken_request_line_is_refused(signet: Signet, line: bytes):
    received = signet.raw(line + b"\r\nHost: x\r\n\r\n" + SMUGGLED)
    assert len(statuses(received)) == 1


def test_headers_that_are_too_long_are_refused(signet: Signet):
    received = signet.raw(HEAD + b"X: " + b"x" * 20_000 + b"\r\n\r\n" + SMUGGLED)
    assert statuses(received) == [b"431"]
