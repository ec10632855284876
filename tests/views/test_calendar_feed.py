"""The calendar of expiries: by the rules of RFC 5545 for lines, and as another program reads it.

The lines are read here by hand, because what wrote them cannot be what vouches for them.
"""

import re
from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar

from signet.models.expiries import API, CLIENT, SecretExpiry
from signet.models.secrets import SecretDetails
from signet.oauth.jwks import SigningKey
from signet.views.calendar_feed import render_calendar

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
KID = "p8Lx0aTqX3"


def expiry(description: str = "prod 2026", name: str = "Billing export", **more) -> SecretExpiry:
    secret = SecretDetails(
        secret_id=more.pop("secret_id", "abc123"),
        description=description,
        hint="9f3a",
        created_at=NOON - 10 * DAY,
        created_by="ada",
        expires_at=NOON + 10 * DAY,
        replaced_at=more.pop("replaced_at", None),
        revoked_at=None,
    )
    facts = {"owner_type": CLIENT, "owner": "billing-export", **more}
    return SecretExpiry(owner_name=name, secret=secret, expires_at=NOON + 10 * DAY, **facts)


def key(**more) -> SigningKey:
    facts = {"announced_at": NOON - 30 * DAY, "signing_at": NOON - 20 * DAY, **more}
    return SigningKey(kid=KID, alg="RS256", public_jwk={}, **facts)


def render(*expiries: SecretExpiry, keys=(), pages_at_issuer: bool = True) -> bytes:
    return render_calendar(
        expiries,
        keys,
        issuer="https://id.example.org/auth",
        pages_at_issuer=pages_at_issuer,
        environment="staging",
        now=NOON,
    )


def properties(calendar: bytes) -> list[tuple[str, str]]:
    """Name and value of each content line, unfolded; parameters stay with the name."""
    text = calendar.decode()
    unfolded = re.sub(r"\r\n[ \t]", "", text)
    lines = unfolded.removesuffix("\r\n").split("\r\n")
    found = [re.fullmatch(r"([A-Z-]+(?:;[^:]*)?):(.*)", line) for line in lines]
    assert None not in found, unfolded
    return [(line[1], line[2]) for line in found if line is not None]


def summaries(calendar: bytes) -> list[str]:
    return [str(event["summary"]) for event in Calendar.from_ical(calendar).walk("VEVENT")]


#: Everything that could break out of a line, or out of its place in the text.
HOSTILE = "a\\b;c,d “é🦀” END:VEVENT\\n" + "x" * 60 + "\u2028\u202e"


def test_every_line_ends_with_crlf_and_is_at_most_75_octets_long():
    """§3.1"""
    calendar = render(expiry("é" * 90, "🦀" * 60), expiry(HOSTILE), keys=[key()])
    assert calendar.endswith(b"\r\n")
    lines = calendar.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    # No character is cut in two.
    for line in lines:
        line.decode()


def test_components_are_nested_and_hold_what_they_must():
    """§3.6, §3.6.1, §3.6.6"""
    stack: list[tuple[str, list[str]]] = []
    for name, value in properties(render(expiry(), expiry(secret_id="two"), keys=[key()])):
        if name == "BEGIN":
            stack.append((value, []))
        elif name == "END":
            component, names = stack.pop()
            assert component == value
            required = {
                "VCALENDAR": ["PRODID", "VERSION"],
                "VEVENT": ["UID", "DTSTAMP", "DTSTART"],
                "VALARM": ["ACTION", "TRIGGER", "DESCRIPTION"],
            }[component]
            assert [names.count(name) for name in required] == [1] * len(required)
        else:
            stack[-1][1].append(name.partition(";")[0])
    assert stack == []


def test_texts_of_people_stay_in_their_place():
    """§3.3.11: backslash, semicolon, comma and line break are escaped."""
    (summary,) = [v for n, v in properties(render(expiry(HOSTILE))) if n == "SUMMARY"]
    assert re.search(r"(?<!\\)(?:\\\\)*[;,]", summary) is None
    assert "\u202e" not in summary
    assert summary.startswith("Secret “a\\\\b\\;c\\,d “é🦀” END:VEVENT\\\\n")
    assert len(summaries(render(expiry(HOSTILE)))) == 1


def test_an_event_keeps_its_uid_and_no_two_have_the_same():
    """§3.8.4.7"""

    def uids(calendar: bytes) -> list[str]:
        return [value for name, value in properties(calendar) if name == "UID"]

    both = uids(render(expiry(), expiry(secret_id="two"), keys=[key()]))
    assert len(both) == len(set(both)) == 4
    assert uids(render(expiry("renamed")))[0] in both
    assert all(uid.endswith("@id.example.org") for uid in both)


def test_moments_are_written_in_utc():
    """§3.3.5, form 2"""
    moments = [v for n, v in properties(render(expiry())) if n in ("DTSTART", "DTSTAMP")]
    assert sorted(moments) == ["20260701T120000Z", "20260711T120000Z"]


def test_a_secret_is_an_event_with_alarms_and_a_way_to_its_page():
    (event,) = Calendar.from_ical(render(expiry())).walk("VEVENT")
    assert event["summary"] == "Secret “prod 2026” of Billing export expires"
    assert event.decoded("dtstart") == NOON + 10 * DAY
    assert event["url"] == "https://id.example.org/auth/admin/clients/billing-export/secrets"
    triggers = [alarm.decoded("trigger") for alarm in event.walk("VALARM")]
    assert triggers == [-14 * DAY, -3 * DAY]


def test_where_the_pages_have_an_address_of_their_own_no_link_leads_astray():
    (event,) = Calendar.from_ical(render(expiry(), pages_at_issuer=False)).walk("VEVENT")
    assert "url" not in event and "http" not in event["description"]


@pytest.mark.parametrize(
    ("made", "summary"),
    [
        (expiry(""), "Secret signet_…9f3a of Billing export expires"),
        (
            expiry(replaced_at=NOON - DAY),
            "Secret “prod 2026” of Billing export stops working",
        ),
        (
            expiry(name="Orders", owner_type=API, owner="3"),
            "Secret “prod 2026” of the API Orders expires",
        ),
    ],
)
def test_a_summary_says_whose_secret_it_is_and_what_becomes_of_it(made, summary: str):
    assert summaries(render(made)) == [summary]


@pytest.mark.parametrize(
    ("made", "steps"),
    [
        (key(), ["gets a successor, announced now", "hands over to its successor"]),
        (
            key(retired_at=NOON + DAY, removed_at=NOON + 15 * DAY),
            ["stops signing", "leaves the key set"],
        ),
        (key(retired_at=NOON - DAY, removed_at=NOON + 13 * DAY), ["leaves the key set"]),
        (key(signing_at=NOON + 14 * DAY), ["begins to sign"]),
        (key(revoked_at=NOON), []),
        (key(retired_at=NOON - 20 * DAY, removed_at=NOON - 6 * DAY), []),
    ],
)
def test_of_a_signing_key_the_steps_ahead_are_events(made, steps: list[str]):
    expected = [f"Signing key p8Lx0aTq… (RS256) {step}" for step in steps]
    assert summaries(render(keys=[made])) == expected


def test_an_empty_calendar_is_one_too():
    assert [value for name, value in properties(render()) if name == "BEGIN"] == ["VCALENDAR"]
