"""The encoding of requests, ``application/x-www-form-urlencoded`` — RFC 6749 appendix B.

Strict where the usual parsers guess: ``%zz``, bytes that are not UTF-8 and NUL are refused, so
that nobody downstream reads something else than we do.
"""

import re
from urllib.parse import unquote_to_bytes

#: What stands for something else, and NUL, which nothing stands for.
_ENCODED = re.compile(rb"[%+\0]")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def parse_form(body: bytes) -> list[tuple[str, str]]:
    """Names and values in the order they came, repeated ones included.

    :raises ValueError: if a name or value is not encoded as it must be.
    """
    if body.isascii() and not _ENCODED.search(body):
        # Nothing to decode, as in most requests: a client id and a secret of Signet's are plain.
        plain = (field.partition("=") for field in body.decode("ascii").split("&") if field)
        return [(name, value) for name, _, value in plain]
    pairs = (field.partition(b"=") for field in body.split(b"&") if field)
    return [(decode_form_text(name), decode_form_text(value)) for name, _, value in pairs]


def decode_form_text(encoded: bytes) -> str:
    """One decoded name or value.

    :raises ValueError: for a broken escape, bytes that are not UTF-8, or NUL.
    """
    if _BROKEN_ESCAPE.search(encoded):
        raise ValueError("broken percent-encoding")
    return decode_text(unquote_to_bytes(encoded.replace(b"+", b" ")))


def decode_text(raw: bytes) -> str:
    """The text of these bytes.

    :raises ValueError: for bytes that are not UTF-8, or NUL.
    """
    if b"\0" in raw:
        raise ValueError("NUL")
    return raw.decode("utf-8")
