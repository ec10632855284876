"""One-time links for admins (SECURITY U20): one use, one day, and never more than who made it."""

from datetime import timedelta
from functools import partial

import pytest

from signet.models.admin_links import KEPT_FOR, find_link, list_open_links, prune_links
from signet.models.admin_sessions import SessionLimits, find_session
from signet.models.admins import find_admin, find_admin_row
from signet.models.audit import Actor
from signet.models.database import read, write
from signet.models.second_factors import TotpRow, count_factors
from signet.operations import admin_links, admins
from signet.operations.admin_links import (
    IssuedLink,
    LinkOverError,
    accept_invitation,
    choose_password,
    drop_second_factor,
    get_open_link,
)
from signet.operations.attempts import ThrottledError
from signet.operations.errors import NotFoundError, OperationError
from signet.operations.sign_in import SignInRefusedError, sign_in
from tests.operations.acting import (
    ADA,
    NOON,
    PASSWORD,
    at_once,
    entries,
    hash_in_place,
    make_admin,
    make_hashes_quick,
    on_sqlite,
    unchanged,
)

GRACE, EVE = "grace@example.org", "eve@example.org"
OTHER_PASSWORD = "walnut-saddle-quartz-ribbon"
BROWSER = Actor(name="", address="192.0.2.7", user_agent="a browser", request_id="r-2")
SHELL = Actor(name="command line (root)")
DAY = timedelta(hours=24)


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    make_hashes_quick(monkeypatch)


@pytest.fixture
def grace(app):
    """An operator, besides the administrator ada."""
    make_admin()
    return make_admin(GRACE, role="operator")


def invite(name: str = EVE, *, role: str = "viewer", actor=ADA, now=NOON) -> IssuedLink:
    return admin_links.invite(name, role=role, actor=actor, now=now)


accept = partial(accept_invitation, password=OTHER_PASSWORD, actor=BROWSER, now=NOON)
choose = partial(choose_password, password=OTHER_PASSWORD, actor=BROWSER, now=NOON)
drop = partial(drop_second_factor, password=PASSWORD, actor=BROWSER, now=NOON)
password_link = partial(admin_links.make_password_link, actor=ADA, now=NOON)
factor_link = partial(admin_links.make_second_factor_link, actor=ADA, now=NOON)

#: How each kind is made for grace, and used.
KINDS = [
    pytest.param(lambda now=NOON: invite(now=now), accept, id="invitation"),
    pytest.param(lambda now=NOON: password_link(GRACE, now=now), choose, id="password"),
    pytest.param(lambda now=NOON: factor_link(GRACE, now=now), drop, id="second factor"),
]


def session_of(name: str, password: str = PASSWORD) -> str:
    return sign_in(name, password, actor=BROWSER, now=NOON)


def lives(session_id: str) -> bool:
    limits = SessionLimits(idle=DAY, longest=DAY)
    return find_session(session_id, limits=limits, now=NOON) is not None


def give_factor(name: str) -> None:
    """Codes of an app, whose seed nobody looks at."""
    with write() as session:
        row = find_admin_row(session, name)
        assert row is not None
        session.add(
            TotpRow(
                admin_id=row.id,
                encrypted_seed=b"sealed",
                last_used_step=0,
                added_at=NOON,
                last_used_at=NOON,
            )
        )


def factors_of(name: str) -> int:
    with read() as session:
        row = find_admin_row(session, name)
        assert row is not None
        return count_factors(session, row.id)


def test_u20_an_invitation_makes_an_admin_with_the_role_and_a_password_of_their_own(grace):
    issued = invite(role="operator")
    assert find_admin(EVE) is None
    assert accept(issued.token) == EVE
    assert find_admin(EVE).role == "operator"
    assert session_of(EVE, OTHER_PASSWORD)
    invited, accepted = entries(object=EVE)[:2]
    assert (invited.action, invited.actor, invited.after["role"]) == (
        "admin.invite",
        ADA.name,
        "operator",
    )
    assert (accepted.action, accepted.actor, accepted.address) == (
        "admin.accept_invitation",
        EVE,
        BROWSER.address,
    )
    assert accepted.after == {"role": "operator", "enabled": True, "invited_by": ADA.name}


def test_u20_a_password_link_sets_a_password_and_ends_all_sessions(grace):
    session_id = session_of(GRACE)
    issued = password_link(GRACE)
    assert lives(session_id)
    choose(issued.token)
    assert not lives(session_id)
    with pytest.raises(SignInRefusedError):
        session_of(GRACE)
    assert session_of(GRACE, OTHER_PASSWORD)
    (entry,) = entries(action="admin.choose_password")
    assert (entry.actor, entry.after) == (GRACE, {"password": "changed", "link_by": ADA.name})


def test_u20_a_password_link_leaves_the_second_factor(grace):
    give_factor(GRACE)
    choose(password_link(GRACE).token)
    assert factors_of(GRACE) == 1


def test_a_second_factor_link_removes_the_factors_with_the_password_and_ends_all_sessions(grace):
    give_factor(GRACE)
    session_id = session_of(GRACE)
    issued = factor_link(GRACE)
    assert factors_of(GRACE) == 1
    drop(issued.token)
    assert factors_of(GRACE) == 0
    assert not lives(session_id)
    (entry,) = entries(action="admin.drop_second_factor")
    assert (entry.actor, entry.after) == (GRACE, {"second_factor": "removed", "link_by": ADA.name})


def test_a_second_factor_link_without_the_password_removes_nothing_and_still_works(grace):
    give_factor(GRACE)
    issued = factor_link(GRACE)
    with pytest.raises(OperationError) as caught:
        drop(issued.token, password=OTHER_PASSWORD)
    assert caught.value.field == "password"
    assert factors_of(GRACE) == 1
    drop(issued.token)


def test_u14_guesses_at_the_password_of_a_second_factor_link_are_slowed_down(grace):
    token = factor_link(GRACE).token
    with pytest.raises(ThrottledError):
        for _ in range(20):
            try:
                drop(token, password="wrong password, but a long one")
            except ThrottledError:
                raise
            except OperationError:
                pass


@pytest.mark.parametrize(("make", "use"), KINDS)
def test_u20_a_link_works_once(grace, make, use):
    token = make().token
    use(token)
    with unchanged(LinkOverError):
        use(token)


@pytest.mark.parametrize(("make", "use"), KINDS)
def test_u20_of_many_who_use_a_link_at_once_one_does(app, grace, make, use, monkeypatch):
    hash_in_place(monkeypatch)
    token = make().token
    outcomes = at_once(app, *[partial(use, token)] * 6)
    assert len([outcome for outcome in outcomes if isinstance(outcome, str)]) == 1
    refused = [outcome for outcome in outcomes if not isinstance(outcome, str)]
    assert all(isinstance(outcome, LinkOverError | ThrottledError) for outcome in refused)


@pytest.mark.parametrize(("make", "use"), KINDS)
def test_u20_a_link_ends_after_a_day(grace, make, use):
    issued = make(now=NOON - DAY)
    assert issued.expires_at == NOON
    with unchanged(LinkOverError):
        use(issued.token)
    use(make(now=NOON - DAY + timedelta(seconds=1)).token)


@pytest.mark.parametrize(("make", "use"), KINDS)
def test_a_newer_link_for_the_same_ends_the_older(grace, make, use):
    older, newer = make(), make()
    with unchanged(NotFoundError):
        use(older.token)
    use(newer.token)


@pytest.mark.parametrize(("make", "use"), KINDS)
def test_a_withdrawn_link_does_not_work(grace, make, use):
    token = make().token
    (link,) = list_open_links(now=NOON)
    admin_links.withdraw_link(link.number, actor=ADA, now=NOON)
    with unchanged(NotFoundError):
        use(token)
    assert entries()[-1].action == "admin.withdraw_link"


def test_a_used_link_cannot_be_withdrawn(grace):
    token = invite().token
    (link,) = list_open_links(now=NOON)
    accept(token)
    with unchanged(NotFoundError):
        admin_links.withdraw_link(link.number, actor=ADA, now=NOON)


@pytest.mark.parametrize("token", ["", "x", "a\0b", "\ud800", "é" * 50])
def test_a_token_that_nobody_made_is_unknown(grace, token):
    with unchanged(NotFoundError):
        get_open_link(token, now=NOON)


def test_a_link_of_one_kind_is_none_of_another(grace):
    invitation, link = invite().token, password_link(GRACE).token
    with unchanged(LinkOverError):
        choose(invitation)
    with unchanged(LinkOverError):
        accept(link)


def test_the_database_does_not_hold_the_token(grace):
    token = invite().token
    assert len(token) == 43
    with read() as session:
        rows = str(session.connection().exec_driver_sql("SELECT * FROM admin_link").all())
    assert token not in rows
    assert token not in str(entries())


@pytest.mark.parametrize(("make", "use"), KINDS)
@pytest.mark.parametrize(
    "act",
    [
        partial(admins.disable_admin, "ada@example.org"),
        partial(admins.delete_admin, "ada@example.org"),
        partial(admins.set_role, "ada@example.org", "operator"),
    ],
    ids=["disabled", "deleted", "demoted"],
)
def test_a_link_ends_with_the_rights_of_who_made_it(grace, make, use, act):
    make_admin("another administrator")
    token = make().token
    act(actor=SHELL, now=NOON)
    with unchanged(NotFoundError):
        use(token)


@pytest.mark.parametrize(
    "act", [admins.disable_admin, admins.delete_admin], ids=["disabled", "deleted"]
)
def test_the_links_of_an_admin_end_with_the_admin(grace, act):
    tokens = [password_link(GRACE).token, factor_link(GRACE).token]
    act(GRACE, actor=ADA, now=NOON)
    for token in tokens:
        with unchanged(NotFoundError):
            get_open_link(token, now=NOON)


def test_a_password_link_ends_when_the_password_is_reset_otherwise(grace):
    token, other = password_link(GRACE).token, factor_link(GRACE).token
    admins.reset_password(GRACE, OTHER_PASSWORD, actor=SHELL, now=NOON)
    with unchanged(NotFoundError):
        choose(token)
    assert find_link(other) is not None


def test_an_invitation_ends_when_the_name_is_taken_otherwise(grace):
    token = invite().token
    make_admin(EVE.upper())
    with unchanged(NotFoundError):
        accept(token)


@pytest.mark.parametrize("name", [GRACE, GRACE.upper()])
def test_who_is_an_admin_already_is_not_invited(grace, name):
    with unchanged(field="name"):
        invite(name)


@on_sqlite
@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb", "Signet", "command line (x)"])
def test_an_impossible_name_is_not_invited(grace, name):
    with unchanged(field="name"):
        invite(name)


@on_sqlite
def test_nobody_is_invited_as_what_is_no_role(grace):
    with unchanged(field="role"):
        invite(role="root")


@on_sqlite
@pytest.mark.parametrize("make", [password_link, factor_link])
def test_no_link_is_made_for_oneself_for_who_is_disabled_or_for_nobody(grace, make):
    with unchanged():
        make("ada@example.org")
    with unchanged(NotFoundError):
        make("nobody")
    admins.disable_admin(GRACE, actor=ADA, now=NOON)
    with unchanged():
        make(GRACE)


@on_sqlite
@pytest.mark.parametrize(("make", "use"), [kind for kind in KINDS if kind.id != "second factor"])
def test_u11_a_bad_password_is_refused_and_the_link_still_works(grace, make, use):
    token = make().token
    with unchanged(field="password"):
        use(token, password="too short")
    use(token)


def test_long_ended_links_are_forgotten_and_open_ones_kept(grace):
    old = invite(now=NOON - DAY - KEPT_FOR - timedelta(seconds=1))
    kept = invite("mallory", now=NOON - DAY)
    prune_links(now=NOON)
    assert find_link(old.token) is None
    assert find_link(kept.token) is not None


# What nobody does to themselves


@pytest.mark.parametrize(
    "act",
    [
        partial(admins.disable_admin, "ADA@example.org"),
        partial(admins.delete_admin, "ada@example.org"),
        partial(admins.set_role, "ada@example.org", "viewer"),
    ],
    ids=["disable", "delete", "set_role"],
)
def test_nobody_takes_their_own_rights_away(grace, act):
    make_admin("another administrator")
    with unchanged():
        act(actor=ADA, now=NOON)
    act(actor=SHELL, now=NOON)


def test_u4_a_new_password_ends_the_links_that_somebody_made_in_its_owners_name(grace):
    """A thief in a stolen session may have made them."""
    by_grace = Actor(name=grace)
    token = invite(actor=by_grace).token
    admins.reset_password(grace, "another-harbour-lantern-moss", actor=ADA, now=NOON)
    with pytest.raises(OperationError):
        get_open_link(token, now=NOON)
