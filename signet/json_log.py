"""The log: one JSON object per line on standard error.

JSON, because a line feed or an escape sequence in a value then stays inside its line.
"""

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime

#: What every record has; anything else was handed over as ``extra`` and is a fact to write.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

_SLASH = "(?:/|%2f)"
#: Addresses whose last part is as good as a password: a one-time link, a calendar.
_BEFORE_TOKEN = f"({_SLASH}(?:invitation|calendar){_SLASH})"
_AFTER = re.compile(_BEFORE_TOKEN + ".+", re.IGNORECASE | re.DOTALL)
_TOKEN = re.compile(_BEFORE_TOKEN + "[A-Za-z0-9_-]{20,}", re.IGNORECASE)

#: The ``extra`` of a record that stands for many lines, which say the same of different things.
BATCH = "batch"
#: What is no JSON is written as its text.
_encode = json.JSONEncoder(default=str).encode


#: One line of a batch: its moment and its facts, without what no log may hold.
Line = tuple[datetime, Mapping[str, object]]


def without_token(address: str) -> str:
    """An address without the token that it may end with."""
    return _AFTER.sub(r"\1<redacted>", address)


class JsonFormatter(logging.Formatter):
    """Writes a record as ``time``, ``level``, ``message`` and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The record in one line, a batch in one for each; a traceback becomes a member of it."""
        level, message = record.levelname.lower(), record.getMessage()
        batch: list[Line] | None = getattr(record, BATCH, None)
        if batch is not None:
            return "\n".join(_line(at, level, message, facts) for at, facts in batch)
        facts = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        line = _line(datetime.fromtimestamp(record.created, UTC), level, message, facts)
        # Whoever else writes an address, for example the framework of a request that failed.
        return _TOKEN.sub(r"\1<redacted>", line)


def _line(at: datetime, level: str, message: str, facts: Mapping[str, object]) -> str:
    line = {
        "time": at.isoformat(timespec="milliseconds")[:-6] + "Z",
        "level": level,
        "message": message,
    }
    known = {name: value for name, value in facts.items() if value is not None}
    return _encode(line | known)


def configure_log(level: str) -> None:
    """Write what Signet logs from this level on, and warnings of all libraries."""
    root = logging.getLogger()
    if not any(isinstance(handler.formatter, JsonFormatter) for handler in root.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(JsonFormatter())
        root.addHandler(handler)
    # Libraries stay at the root's WARNING: what they say at DEBUG may hold a secret.
    logging.getLogger("signet").setLevel(level.upper())
