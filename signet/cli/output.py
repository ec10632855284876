"""How commands answer: aligned text for people, ``--json`` for scripts."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

#: Every command takes it.
json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")

Document = Mapping[str, Any] | Sequence[Mapping[str, Any]]


def answer(document: Document, text: str, *, as_json: bool) -> None:
    """Print what a command has to say, in the one form or in the other."""
    # JSON as ASCII: whatever the terminal makes of it, no name can rearrange it.
    click.echo(json.dumps(document, indent=2) if as_json else _encodable(text))


def facts(values: Mapping[str, object]) -> str:
    """One thing as lines, each a name as in JSON and a value; the values below one another."""
    width = max(map(len, values))
    return "\n".join(
        f"{name:{width}}  {_indented(shown(value), width + 2)}" for name, value in values.items()
    )


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> str:
    """Several things as columns.

    :param empty: what to say instead if there are none.
    """
    if not rows:
        return empty
    lines = [[heading.upper() for heading in headings], *([*map(shown, row)] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def shown(value: object) -> str:
    """A value as people read it; a dash where there is none."""
    if value in (None, "", []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(value)
    return str(value)


def rfc3339(moment: datetime | None) -> str | None:
    """A moment in UTC as scripts read it, for example ``2026-03-31T12:00:00Z``."""
    if moment is None:
        return None
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _indented(text: str, width: int) -> str:
    return text.replace("\n", "\n" + " " * width)


def _encodable(text: str) -> str:
    """The text, with what the terminal cannot show written out; it must not cost an answer."""
    # Without a standard output (``>&-``), whatever is printed goes nowhere.
    encoding = sys.stdout.encoding if sys.stdout else "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
