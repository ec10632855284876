"""Public keys in forms and on pages: pasted, uploaded, and shown by what people compare."""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from werkzeug.datastructures import FileStorage
from wtforms import TextAreaField
from wtforms.utils import unset_value

from signet.oauth.mutual_tls import ClientCertificate
from signet.oauth.public_keys import import_public_key
from signet.operations.errors import OperationError
from signet.operations.public_key_text import read_public_keys
from signet.views.admin.presentation import visible_text


class KeyLine(NamedTuple):
    """A key as a row of a table."""

    #: RFC 7638.
    thumbprint: str
    #: As the set names it; empty: not at all.
    kid: str
    #: The signatures that it can check.
    algorithms: str
    #: ``x5t#S256`` of its certificate (RFC 8705 §3.1); empty: it comes without one.
    certificate: str


def key_lines(jwks: Mapping[str, Any] | None) -> tuple[KeyLine, ...]:
    """The keys of a set that is kept."""
    return tuple(map(_to_line, jwks["keys"])) if jwks else ()


def key_choices(jwks: Mapping[str, Any] | None) -> list[tuple[str, str, str]]:
    """The same as check boxes: what is sent, what is read, the line under it."""
    keys = jwks["keys"] if jwks else ()
    return [
        (id_of(key), line.thumbprint, ", ".join(filter(None, _said(line))))
        for key, line in zip(keys, key_lines(jwks), strict=True)
    ]


def joined_keys(*sets: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """One set of the keys of all, each once; ``None`` if there is none."""
    keys: list[Any] = []
    for key in (key for jwks in sets if jwks for key in jwks["keys"]):
        if key not in keys:
            keys.append(key)
    return {"keys": keys} if keys else None


def kept_keys(jwks: Mapping[str, Any] | None, ids: Collection[str]) -> dict[str, Any] | None:
    """Those of a set that were ticked."""
    kept = [key for key in jwks["keys"] if id_of(key) in ids] if jwks else []
    return {"keys": kept} if kept else None


def id_of(document: Mapping[str, Any]) -> str:
    """What stands for a document in a form, which then cannot mean another than it showed."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


class KeysField(TextAreaField):
    """Public keys in a text area, in a file beside it, or both; read into one JWK set.

    What is no public key does not come back in the form: it may be a private one. What is comes
    back as the set that was read, so that a file need not be chosen again.
    """

    #: The set that was read.
    jwks: dict[str, Any] | None = None
    _upload: FileStorage | None = None

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """Look for the file as well."""
        files = formdata.getlist(f"{self.name}_file") if formdata else ()
        # A field of files without a choice is sent as a file without a name.
        self._upload = next((f for f in files if isinstance(f, FileStorage) and f), None)
        super().process(formdata, data, extra_filters)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was pasted and what was uploaded."""
        self.data = ""
        texts = [text for text in valuelist if text.strip()]
        if self._upload is not None:
            texts.append(_text_of(self._upload))
        try:
            self.jwks = joined_keys(*(read_public_keys(text, field=self.name) for text in texts))
        except OperationError as error:
            raise ValueError(str(error)) from None
        if self.jwks:
            self.data = json.dumps(self.jwks, indent=2)


def _said(line: KeyLine) -> tuple[str, ...]:
    kid = f"Key ID {line.kid}" if line.kid else "No key ID"
    return kid, line.algorithms, line.certificate and f"certificate {line.certificate}"


def _text_of(upload: FileStorage) -> str:
    try:
        text = upload.stream.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("Choose a file of text: a JWK set, a JWK or PEM") from None
    if not text.strip():
        raise ValueError("Choose a file that holds public keys: this one is empty")
    return text


def _to_line(jwk: Mapping[str, Any]) -> KeyLine:
    key = import_public_key(jwk)
    return KeyLine(
        thumbprint=key.thumbprint,
        kid=visible_text(key.kid or ""),
        algorithms=", ".join(key.algorithms),
        certificate=ClientCertificate(key.certificate).thumbprint if key.certificate else "",
    )
