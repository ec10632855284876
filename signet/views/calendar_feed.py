"""The calendar of expiries — RFC 5545: when secrets end, and what signing keys do when."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from icalendar import Alarm, Calendar, Event

from signet.models.expiries import CLIENT, SecretExpiry
from signet.oauth.jwks import ANNOUNCED_FOR, REMOVED, REVOKED, SIGNING, SigningKey
from signet.views.admin.presentation import visible_text

#: How long before the end of a secret a calendar speaks up.
ALARMS = (timedelta(days=14), timedelta(days=3))
#: How often a calendar may look again.
REFRESH = timedelta(hours=12)


class _Entry(NamedTuple):
    uid: str
    at: datetime
    summary: str
    description: str
    path: str = ""
    has_alarm: bool = False


def render_calendar(
    expiries: Iterable[SecretExpiry],
    keys: Iterable[SigningKey],
    *,
    issuer: str,
    pages_at_issuer: bool,
    environment: str,
    now: datetime,
) -> bytes:
    """The calendar as a file.

    :param pages_at_issuer: whether the admin pages can be reached below the issuer's address.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Signet//Expiries//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    name = f"Signet ({environment})" if environment else "Signet"
    calendar.add("name", visible_text(name))
    calendar.add("x-wr-calname", visible_text(name))
    # RFC 7986 §5.7
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    host = urlsplit(issuer).hostname or "signet"
    entries = [*map(_of_secret, expiries)]
    entries += [entry for key in keys for entry in _of_key(key, now)]
    for entry in sorted(entries, key=lambda entry: (entry.at, entry.uid)):
        url = f"{issuer}/admin/{entry.path}" if entry.path and pages_at_issuer else ""
        calendar.add_component(_to_event(entry, host=host, url=url, now=now))
    return bytes(calendar.to_ical())


def _of_secret(expiry: SecretExpiry) -> _Entry:
    secret = expiry.secret
    name = f"“{secret.description}”" if secret.description else f"signet_…{secret.hint}"
    owner = expiry.owner_name if expiry.owner_type == CLIENT else f"the API {expiry.owner_name}"
    folder = "clients" if expiry.owner_type == CLIENT else "apis"
    if secret.replaced_at is None:
        verb, advice = "expires", "Rotate it before then. Whoever uses it is refused afterwards."
    else:
        verb = "stops working"
        advice = "It was replaced. Whoever still uses it is refused afterwards."
    return _Entry(
        uid=f"secret-{secret.secret_id}",
        at=expiry.expires_at,
        summary=f"Secret {name} of {owner} {verb}",
        description=advice,
        path=f"{folder}/{quote(expiry.owner)}/secrets",
        has_alarm=True,
    )


def _of_key(key: SigningKey, now: datetime) -> Iterator[_Entry]:
    """What is still ahead of a key; none of it needs anybody, if APIs read the key set."""
    state = key.state(now)
    if state in (REMOVED, REVOKED):
        return
    name = f"Signing key {key.kid[:8]}… ({key.alg})"
    steps: list[tuple[str, datetime | None, str]] = [
        ("begin", key.signing_at, "begins to sign"),
        ("retire", key.retired_at, "stops signing"),
        ("remove", key.removed_at, "leaves the key set"),
    ]
    if state == SIGNING and key.retired_at is None:
        steps.append(("announce", key.due_at - ANNOUNCED_FOR, "gets a successor, announced now"))
        steps.append(("due", key.due_at, "hands over to its successor"))
    for step, at, what in steps:
        if at is not None and at > now:
            yield _Entry(
                uid=f"key-{key.kid}-{step}",
                at=at,
                summary=f"{name} {what}",
                description="By itself. An API that keeps keys in a file needs the new key set.",
                path="keys",
            )


def _to_event(entry: _Entry, *, host: str, url: str, now: datetime) -> Event:
    event = Event()
    event.add("uid", f"{entry.uid}@{host}")
    event.add("dtstamp", now)
    event.add("dtstart", entry.at)
    event.add("summary", visible_text(entry.summary))
    event.add("description", f"{entry.description}\n{url}".strip())
    if url:
        event.add("url", url)
    # It takes nobody's time.
    event.add("transp", "TRANSPARENT")
    for before in ALARMS if entry.has_alarm else ():
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", visible_text(entry.summary))
        alarm.add("trigger", -before)
        event.add_component(alarm)
    return event
