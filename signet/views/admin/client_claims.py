"""The claims of a client as people type them: one a line, a name and a value in JSON."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from wtforms import TextAreaField

from signet.operations.errors import OperationError
from signet.operations.token_options import check_claims
from signet.views.admin.presentation import visible_text

#: Of a text that cannot be read only a part is worth a look.
_LONGEST_TEXT = 10_000


def claim_lines(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Claims in the form in which they are typed."""
    return tuple(
        # Characters that cannot be seen are escaped: so is the value in JSON, and means the same.
        f"{name} = {visible_text(json.dumps(value, ensure_ascii=False))}"
        for name, value in claims.items()
    )


class ClaimsField(TextAreaField):
    """Claims as a text; a refusal names the line that it is about."""

    #: What the text says.
    claims: Mapping[str, Any] = {}

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the lines."""
        self.data = valuelist[0] if valuelist else ""
        if len(self.data) > _LONGEST_TEXT:
            raise ValueError(f"Use at most {_LONGEST_TEXT:,} characters for the claims")
        claims: dict[str, Any] = {}
        for number, name, text in _lines(self.data):
            if name in claims:
                raise ValueError(f"Line {number}: there is another claim of this name")
            claims[name] = _read_value(number, name, text)
        self.claims = claims


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    # Not splitlines(): a value may hold what that takes for the end of a line.
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        name, equals, value = line.partition("=")
        if not line.strip():
            continue
        if not (equals and name.strip()):
            raise ValueError(f'Line {number}: write a name, “=” and a value, as tenant = "blue"')
        yield number, name.strip(), value.strip()


def _read_value(number: int, name: str, text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(
            f'Line {number}: write the value in JSON, a text in quotation marks: "blue", 3, true, '
            '["a", "b"]'
        ) from None
    try:
        check_claims({name: value})
    except OperationError as error:
        raise ValueError(f"Line {number}: {error}") from None
    return value
