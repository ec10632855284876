"""What options take besides text: durations, an expiry, seconds, moments."""

import re
from datetime import UTC, datetime, timedelta

import click

from signet.settings import parse_duration

NEVER = "never"
QUIET = "quiet"


class _DurationOr(click.ParamType[timedelta | None]):
    """A duration, or the word that stands for another end, which becomes ``None``."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.name = f"duration|{word}"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta | None:
        if value == self.word:
            return None
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(f"{error}, or {self.word}.", param, ctx)


class _Seconds(click.ParamType[timedelta]):
    """A whole number of seconds."""

    name = "seconds"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if not re.fullmatch(r"\d{1,9}", value, re.ASCII):
            self.fail("write a whole number of seconds: 3600.", param, ctx)
        return timedelta(seconds=int(value))


class _Moment(click.ParamType[datetime]):
    """A date or a moment; in UTC where it does not name its zone."""

    name = "moment"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        # The first and the last day have moments that do not exist in UTC.
        except (ValueError, OverflowError):
            self.fail("write a date or a moment: 2026-03-31, 2026-03-31T12:00:00Z.", param, ctx)


EXPIRY = _DurationOr(NEVER)
OVERLAP = _DurationOr(QUIET)
SECONDS = _Seconds()
MOMENT = _Moment()
