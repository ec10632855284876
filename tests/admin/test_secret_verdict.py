"""What the use of a secret says about revoking it: a rule over facts, in words."""

from datetime import UTC, datetime, timedelta

import pytest

from signet.models.credential_activity import CredentialActivity, OwnerActivity
from signet.models.secrets import SecretDetails
from signet.models.usage import CredentialUse
from signet.views.admin.secret_lines import can_be_undone, secret_lines
from signet.views.admin.secret_verdict import Verdict, product_of, verdict_of

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def secret(secret_id: str, created_at: datetime = NOON - 100 * DAY, **more) -> SecretDetails:
    return SecretDetails(
        **{
            "secret_id": secret_id,
            "description": secret_id,
            "hint": "9f3a",
            "created_at": created_at,
            "created_by": "ada",
            "expires_at": None,
            "replaced_at": None,
            "revoked_at": None,
            **more,
        }
    )


def used(ago: timedelta, week: int = 0, today: int = 0, agent: str = "python-requests/2.32.3"):
    use = CredentialUse(
        credential_id="",
        first_used_at=NOON - 50 * DAY,
        last_used_at=NOON - ago,
        last_address="10.0.4.7",
        last_user_agent=agent,
    )
    return CredentialActivity(use=use, week=week, today=today)


OLD = secret("old", replaced_at=NOON - 5 * DAY, expires_at=NOON + 2 * DAY)
NEW = secret("new", NOON - 5 * DAY)


def judge(
    of: SecretDetails = OLD,
    owned=(NEW, OLD),
    since: datetime | None = NOON - 200 * DAY,
    **credentials: CredentialActivity,
) -> Verdict:
    return verdict_of(of, owned, OwnerActivity(credentials=credentials, counted_since=since), NOON)


def test_a_quiet_secret_whose_successor_is_in_use_is_safe_to_revoke():
    verdict = judge(old=used(3 * DAY + HOUR), new=used(MINUTE, week=500, today=212))
    assert verdict.text == (
        "Safe to revoke: not used for 3 days; the new one was used 212 times today"
    )
    assert verdict.kind == "ok"


def test_a_replaced_secret_that_somebody_uses_is_still_in_use():
    verdict = judge(old=used(2 * MINUTE), new=used(MINUTE, today=212))
    assert verdict.text == "Still in use by 10.0.4.7 (python-requests), 2 minutes ago"
    assert (verdict.kind, verdict.in_use) == ("warn", True)


def test_the_newest_secret_is_in_use_and_not_still():
    assert judge(NEW, new=used(MINUTE)).text.startswith("In use by 10.0.4.7")


@pytest.mark.parametrize(
    ("ago", "begins"), [(48 * HOUR - MINUTE, "Still in use"), (48 * HOUR, "Safe to revoke")]
)
def test_a_secret_is_quiet_after_48_hours(ago: timedelta, begins: str):
    assert judge(old=used(ago), new=used(MINUTE, today=1)).text.startswith(begins)


def test_a_secret_that_nobody_ever_used_says_so():
    assert judge(NEW, owned=[NEW]) == Verdict("Never used", "info")


def test_a_secret_that_was_never_used_is_safe_once_its_successor_is_in_use():
    text = "Safe to revoke: never used; the new one was used once today"
    assert judge(new=used(MINUTE, week=1, today=1)).text == text


def test_a_newer_secret_that_replaced_nothing_makes_no_other_safe_to_revoke():
    """It may be somebody else's: only a rotation says that it is in the place of the old one."""
    other = secret("other", NOON - 90 * DAY)
    text = "Not used for 20 days; a newer one was used 212 times today"
    verdict = judge(other, [NEW, other], other=used(20 * DAY), new=used(MINUTE, today=212))
    assert verdict == Verdict(text, "info")


def test_a_secret_that_was_just_made_is_never_safe_to_revoke():
    """Somebody may be about to put it where it belongs."""
    young = secret("young", NOON - 47 * HOUR, replaced_at=NOON - HOUR)
    newer = secret("newer", NOON - HOUR)
    verdict = judge(young, owned=[newer, young], newer=used(MINUTE, week=1, today=1))
    assert verdict.text == "Never used; replaced 1 hour ago: wait and see"


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (10 * MINUTE, "Not used for 6 days; replaced 10 minutes ago: wait and see"),
        (48 * HOUR - MINUTE, "Not used for 6 days; replaced 1 day ago: wait and see"),
        (48 * HOUR, "Safe to revoke: not used for 6 days; the new one was used once today"),
    ],
)
def test_a_secret_is_safe_to_revoke_only_48_hours_after_it_was_replaced(ago, text: str):
    old, new = secret("old", replaced_at=NOON - ago), secret("new", NOON - ago)
    verdict = judge(old, [new, old], old=used(6 * DAY), new=used(MINUTE, week=1, today=1))
    assert verdict.text == text


def test_a_secret_that_is_older_than_counting_is_not_said_to_be_unused_ever():
    text = "Not used since uses are counted; the new one was used once today"
    begun = OLD.created_at + DAY + MINUTE
    assert judge(since=begun, new=used(MINUTE, week=1, today=1)) == Verdict(text, "info")
    text = "Safe to revoke: never used; the new one was used once today"
    assert judge(since=begun - MINUTE, new=used(MINUTE, week=1, today=1)).text == text


def test_before_any_use_is_recorded_nothing_is_known():
    assert judge(NEW, owned=[NEW], since=None) == Verdict("No use recorded yet", "info")


def test_a_quiet_secret_without_a_successor_is_not_called_safe():
    assert judge(owned=[OLD], old=used(40 * DAY)).text == "Not used for 40 days"


def test_a_quiet_secret_whose_successor_was_never_used_is_not_called_safe():
    """Nobody calls at all: a job of once a week may still hold it."""
    text = "Not used for 3 days; the new one was never used"
    assert judge(old=used(3 * DAY)) == Verdict(text, "warn")


def test_a_successor_that_is_refused_itself_is_none():
    for ended in (
        secret("new", NOON - 5 * DAY, revoked_at=NOON),
        secret("new", NOON - 5 * DAY, expires_at=NOON),
    ):
        verdict = judge(owned=[ended, OLD], old=used(3 * DAY), new=used(DAY, week=9))
        assert verdict.text == "Not used for 3 days"


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (used(3 * HOUR, week=1_204, today=1), "was used once today"),
        (used(2 * DAY, week=1_204), "was used 1,204 times in 7 days"),
        (used(9 * DAY), "was used 9 days ago"),
    ],
)
def test_the_use_of_the_successor_is_said_as_closely_as_it_is_known(new, said: str):
    assert judge(old=used(30 * DAY), new=new).text.endswith(f"; the new one {said}")


def test_a_secret_that_has_ended_gets_no_verdict():
    assert judge(secret("old", revoked_at=NOON), old=used(MINUTE)).text == ""


@pytest.mark.parametrize(
    ("user_agent", "product"),
    [
        ("python-requests/2.32.3", "python-requests"),
        ("curl/8.5.0", "curl"),
        ("Go-http-client/2.0", "Go-http-client"),
        ("node", "node"),
        ("Mozilla/5.0 (X11; Linux) like Gecko", "Mozilla"),
        ("", ""),
        ("\u202eevil", ""),
        ("a" * 100, "a" * 40),
    ],
)
def test_a_user_agent_is_shortened_to_its_product(user_agent: str, product: str):
    assert product_of(user_agent) == product


def test_without_a_user_agent_the_address_is_all_that_is_known():
    assert judge(old=used(MINUTE, agent="")).text == "Still in use by 10.0.4.7, 1 minute ago"


def test_a_row_says_in_numbers_what_the_verdict_does_not():
    activity = OwnerActivity(
        credentials={"old": used(3 * DAY, week=7), "new": used(MINUTE, week=1_204)}
    )
    new, old = secret_lines((NEW, OLD), activity, NOON)
    assert new.use == "1,204 times in 7 days"
    assert old.use == "Last used 3 days ago by 10.0.4.7 (python-requests); 7 times in 7 days"


@pytest.mark.parametrize(
    ("facts", "can"),
    [
        ({"undo_until": NOON + MINUTE}, True),
        ({"undo_until": NOON}, False),
        ({"undo_until": None}, False),
        ({"undo_until": NOON + MINUTE, "expires_at": NOON}, False),
    ],
)
def test_the_button_to_undo_is_there_while_it_works(facts, can: bool):
    assert can_be_undone(secret("old", revoked_at=NOON - HOUR, **facts), NOON) is can
