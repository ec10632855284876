"""How pages write moments, durations, numbers and foreign texts, and the address of an asset."""

import hashlib
import json
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from flask import Flask, current_app, url_for
from markupsafe import Markup

from signet.models.counted import Counted
from signet.wiring import wiring

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def register_presentation(app: Flask) -> None:
    """Give the templates their filters."""
    app.jinja_env.filters.update(
        datetime=format_datetime,
        duration=format_duration,
        ago_or_in=ago_or_in,
        moment_ago=moment_ago,
        number=format_number,
    )
    app.jinja_env.globals["asset"] = asset


def format_datetime(moment: datetime) -> Markup:
    """A moment as ``29 Nov 2026, 06:10 UTC``."""
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        moment.strftime("%A, %d %B %Y, %H:%M:%S UTC"),
        f"{moment.day} {moment.strftime('%b %Y, %H:%M')} UTC",
    )


def format_duration(duration: timedelta) -> str:
    """A duration in its largest whole unit: ``1 hour``, ``90 minutes``, ``7 days``."""
    seconds = int(duration.total_seconds())
    for name, size in _UNITS:
        if seconds and seconds % size == 0:
            return _count(seconds // size, name)
    return "0 seconds"


def ago_or_in(moment: datetime, now: datetime | None = None) -> str:
    """How far away a moment is: ``in 6 days``, ``4 minutes ago``."""
    seconds = (moment - (now or wiring().clock())).total_seconds()
    for name, size in _UNITS:
        if abs(seconds) >= size:
            text = _count(int(abs(seconds) // size), name)
            return f"in {text}" if seconds > 0 else f"{text} ago"
    return "now"


def moment_ago(moment: datetime) -> Markup:
    """How long ago a moment is, with the moment itself behind it: ``4 minutes ago``."""
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        moment.strftime("%A, %d %B %Y, %H:%M:%S UTC"),
        ago_or_in(moment),
    )


def format_number(number: int | Counted) -> str:
    """A number with separators; ``10,000+`` where nobody went on counting."""
    if isinstance(number, Counted):
        return f"{number.number:,}{'' if number.is_all else '+'}"
    return f"{number:,}"


def visible_text(text: str) -> str:
    """A text of which nothing is hidden and nothing turns what stands around it."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def asset(filename: str) -> str:
    """The address of a file in ``static/``; it changes with the content."""
    folder = current_app.static_folder
    assert folder is not None
    return url_for("static", filename=filename, v=_content_hash(str(Path(folder) / filename)))


@cache
def _content_hash(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


def _count(number: int, unit: str) -> str:
    return f"{number:,} {unit}" if number == 1 else f"{number:,} {unit}s"
