"""Rules for the texts that operators type: what is stored can be shown anywhere, on one line."""

import re
import unicodedata

from signet.operations.errors import OperationError

#: Marks that change the direction of what stands around them: a name must not rearrange a page.
_BIDI = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
#: RFC 6749 §3.3 ``scope-token``.
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")
_CLIENT_ID = re.compile(r"[A-Za-z0-9._-]{3,100}")
#: An address of a page stands there instead of a client.
RESERVED_CLIENT_IDS = frozenset({"new"})


def check_line(value: str, *, field: str, what: str, longest: int, required: bool = True) -> str:
    """The text without spaces around it.

    :param what: names the text in the refusal, for example "a name for the client".
    """
    text = value.strip()
    if required and not any(map(_is_visible, text)):
        raise OperationError(f"Enter {what}", field=field)
    _check_characters(text, field=field, allowed="")
    _check_length(text, field=field, longest=longest)
    return text


def check_paragraph(value: str, *, field: str, longest: int) -> str:
    """The text without spaces around it; it may be empty and have several lines."""
    text = value.strip().replace("\r\n", "\n")
    _check_characters(text, field=field, allowed="\n\t")
    _check_length(text, field=field, longest=longest)
    return text


def check_client_id(value: str) -> str:
    """A client id that an operator chose."""
    if not _CLIENT_ID.fullmatch(value):
        raise OperationError(
            "Use 3 to 100 letters, digits, “.”, “_” and “-” for the client ID", field="client_id"
        )
    if value.casefold() in RESERVED_CLIENT_IDS:
        raise OperationError(f"“{value}” cannot be a client ID: choose another", field="client_id")
    return value


def check_scope_name(value: str, *, field: str = "name") -> str:
    """A scope token (RFC 6749 §3.3)."""
    if not value:
        raise OperationError("Enter a name for the scope", field=field)
    if not _SCOPE_TOKEN.fullmatch(value):
        raise OperationError(
            'Use up to 200 visible ASCII characters for the scope, without space, “"” and “\\”',
            field=field,
        )
    return value


def check_api_identifier(value: str, *, field: str = "identifier") -> str:
    """What stands in ``aud``: a URI or any name without spaces."""
    text = check_line(value, field=field, what="an identifier for the API", longest=200)
    if any(character.isspace() for character in text):
        raise OperationError("Use no space in the identifier of the API", field=field)
    if not all(map(_is_visible, text)):
        raise OperationError("Use only characters that can be seen", field=field)
    return text


def _is_visible(character: str) -> bool:
    # Not so are spaces of any width, and marks that join or separate without being seen.
    return character.isprintable() and not character.isspace()


def _check_characters(text: str, *, field: str, allowed: str) -> None:
    for character in text:
        if character in allowed:
            continue
        if character in _BIDI or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            raise OperationError("Use only characters that can be seen", field=field)


def _check_length(text: str, *, field: str, longest: int) -> None:
    if len(text) > longest:
        raise OperationError(f"Use at most {longest} characters", field=field)
