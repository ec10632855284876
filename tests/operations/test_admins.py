"""Admins: the first one by a code, others by hand; somebody can always administer."""

from datetime import timedelta
from functools import partial

import pytest

from signet.models.admin_sessions import SessionLimits, find_session
from signet.models.admins import find_admin, has_administrator, list_admins
from signet.models.audit import Actor
from signet.models.audit_log import verify_chain
from signet.operations import admins
from signet.operations.admins import SetupOverError
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

GRACE = "grace@example.org"
OTHER_PASSWORD = "walnut-saddle-quartz-ribbon"
BROWSER = Actor(name="", address="192.0.2.1", user_agent="a browser", request_id="r-2")


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    make_hashes_quick(monkeypatch)


delete = partial(admins.delete_admin, actor=ADA, now=NOON)
disable = partial(admins.disable_admin, actor=ADA, now=NOON)
set_role = partial(admins.set_role, actor=ADA, now=NOON)


def set_up(code: str, *, name: str = GRACE, password: str = PASSWORD, now=NOON) -> None:
    admins.set_up(code, name=name, password=password, actor=BROWSER, now=now)


def get(name: str = GRACE):
    admin = find_admin(name)
    assert admin is not None
    return admin


def session_of(name: str, password: str = PASSWORD) -> str:
    return sign_in(name, password, actor=BROWSER, now=NOON)


def lives(session_id: str) -> bool:
    limits = SessionLimits(idle=timedelta(hours=1), longest=timedelta(hours=1))
    return find_session(session_id, limits=limits, now=NOON) is not None


# The set-up (SECURITY U22, C31)


def test_the_code_makes_the_first_administrator_and_works_once(app):
    code = admins.make_setup_code(now=NOON)
    set_up(code)
    assert (get().role, get().enabled) == ("administrator", True)
    assert has_administrator()
    (entry,) = entries()
    assert (entry.action, entry.actor, entry.address, entry.object.name) == (
        "admin.set_up",
        GRACE,
        "192.0.2.1",
        GRACE,
    )
    with unchanged(SetupOverError):
        set_up(code, name="eve@example.org")


def test_a_code_may_be_typed_in_any_case_and_without_hyphens(app):
    code = admins.make_setup_code(now=NOON)
    set_up(code.lower().replace("-", " "))
    assert has_administrator()


def test_a_wrong_missing_or_old_code_is_refused(app):
    with unchanged(field="code"):
        set_up("ABCD-EFGH-JKMN")
    old = admins.make_setup_code(now=NOON)
    admins.make_setup_code(now=NOON)
    with unchanged(field="code"):
        set_up(old)


def test_a_code_ends_after_an_hour(app):
    code = admins.make_setup_code(now=NOON)
    with unchanged(field="code"):
        set_up(code, now=NOON + timedelta(hours=1))
    set_up(code, now=NOON + timedelta(minutes=59))


def test_there_is_no_code_once_there_is_an_administrator(app):
    make_admin()
    with unchanged(SetupOverError):
        admins.make_setup_code(now=NOON)


def test_an_admin_of_fewer_rights_does_not_end_the_set_up(app):
    make_admin(role="operator")
    set_up(admins.make_setup_code(now=NOON))
    assert has_administrator()


def test_of_many_who_use_the_code_at_once_one_becomes_administrator(app, monkeypatch):
    hash_in_place(monkeypatch)
    code = admins.make_setup_code(now=NOON)
    outcomes = at_once(app, *[partial(set_up, code, name=f"admin-{number}") for number in range(8)])
    assert len([outcome for outcome in outcomes if outcome is None]) == 1
    assert all(outcome is None or isinstance(outcome, OperationError) for outcome in outcomes)
    assert len(list_admins()) == len(entries()) == 1


def test_nodes_that_make_a_code_at_once_leave_one_that_works(app):
    outcomes = at_once(app, *[partial(admins.make_setup_code, now=NOON)] * 8)
    assert all(isinstance(outcome, str) for outcome in outcomes)
    refused = 0
    for code in map(str, outcomes):
        try:
            set_up(code)
        except SetupOverError:
            break
        except OperationError:
            refused += 1
    assert has_administrator()
    assert refused < 8


# Creating


def test_an_admin_is_created_with_a_role(app):
    admins.create_admin(GRACE, role="viewer", password=PASSWORD, actor=ADA, now=NOON)
    assert (get().name, get().role, get().enabled, get().last_sign_in_at) == (
        GRACE,
        "viewer",
        True,
        None,
    )
    (entry,) = entries()
    assert (entry.action, entry.object.id, entry.after) == (
        "admin.create",
        GRACE,
        {"role": "viewer", "enabled": True},
    )
    assert PASSWORD not in str(entry)


@pytest.mark.parametrize("name", [GRACE, "GRACE@example.org", " grace@example.org "])
def test_a_name_is_taken_whatever_its_case(app, name):
    make_admin(GRACE)
    with unchanged(field="name"):
        make_admin(name)


@on_sqlite
@pytest.mark.parametrize(
    "name", ["", " ", "x" * 201, "a\nb", "a\0b", "a\u202eb", "\u200b", "Signet", "command line (x)"]
)
def test_an_impossible_name_is_refused(app, name):
    with unchanged(field="name"):
        make_admin(name)


@pytest.mark.parametrize("role", ["", "Administrator", "root"])
def test_an_unknown_role_is_refused(app, role):
    make_admin()
    with unchanged(field="role"):
        make_admin(GRACE, role=role)
    with unchanged(field="role"):
        set_role("ada@example.org", role)


def test_a_bad_password_is_refused_wherever_one_is_set(app):
    code = admins.make_setup_code(now=NOON)
    with unchanged(field="password"):
        set_up(code, password="short")
    make_admin()
    with unchanged(field="password"):
        admins.create_admin(GRACE, role="viewer", password="short", actor=ADA, now=NOON)
    with unchanged(field="password"):
        admins.reset_password("ada@example.org", "short", actor=ADA, now=NOON)


def test_of_many_who_create_an_admin_at_once_one_does(app, monkeypatch):
    hash_in_place(monkeypatch)
    outcomes = at_once(app, *[partial(make_admin, name) for name in (GRACE, GRACE.upper()) * 4])
    assert len([outcome for outcome in outcomes if isinstance(outcome, OperationError)]) == 7
    assert len(entries()) == 1


# Changing


@pytest.fixture
def two(app):
    """Two administrators, ada and grace."""
    make_admin()
    make_admin(GRACE)


def test_another_role_ends_the_sessions(two):
    session_id = session_of(GRACE)
    set_role(GRACE, "viewer")
    assert get().role == "viewer"
    assert not lives(session_id)
    entry = entries()[-1]
    assert (entry.action, entry.before["role"], entry.after["role"]) == (
        "admin.set_role",
        "administrator",
        "viewer",
    )


def test_the_same_role_is_no_act(two):
    session_id = session_of(GRACE)
    count = len(entries())
    set_role(GRACE, "administrator")
    assert lives(session_id)
    assert len(entries()) == count


def test_a_new_password_works_instead_of_the_old_and_ends_the_sessions(two):
    session_id = session_of(GRACE)
    admins.reset_password(GRACE, OTHER_PASSWORD, actor=ADA, now=NOON)
    assert not lives(session_id)
    with pytest.raises(SignInRefusedError):
        session_of(GRACE)
    assert lives(session_of(GRACE, OTHER_PASSWORD))
    resets = entries(action="admin.reset_password")
    assert [entry.after for entry in resets] == [{"password": "changed"}]


def test_a_disabled_admin_is_signed_out_and_cannot_sign_in_until_enabled(two):
    session_id = session_of(GRACE)
    disable(GRACE)
    assert not lives(session_id)
    with pytest.raises(SignInRefusedError):
        session_of(GRACE)
    admins.enable_admin(GRACE, actor=ADA, now=NOON)
    assert lives(session_of(GRACE))
    assert [entry.after["enabled"] for entry in entries(action="admin.enable")] == [True]


def test_all_sessions_of_one_admin_can_be_ended(two):
    own = [session_of(GRACE), session_of(GRACE)]
    other = session_of("ada@example.org")
    assert admins.end_sessions(GRACE, actor=ADA, now=NOON) == 2
    assert [lives(session_id) for session_id in (*own, other)] == [False, False, True]
    assert entries()[-1].after == {"ended": 2}


def test_a_deleted_admin_is_gone_with_the_sessions_and_the_name_is_free(two):
    session_id = session_of(GRACE)
    delete(GRACE.upper())
    assert find_admin(GRACE) is None
    assert not lives(session_id)
    assert (entries()[-1].action, entries()[-1].object.name) == ("admin.delete", GRACE)
    make_admin(GRACE)


@pytest.mark.parametrize(
    "act",
    [
        partial(admins.set_role, "nobody", "viewer"),
        partial(admins.reset_password, "nobody", PASSWORD),
        partial(admins.end_sessions, "nobody"),
        partial(admins.enable_admin, "nobody"),
        partial(admins.disable_admin, "nobody"),
        partial(admins.delete_admin, "nobody"),
    ],
    ids=lambda act: act.func.__name__,
)
def test_who_is_not_there_is_not_found(two, act):
    with unchanged(NotFoundError):
        act(actor=ADA, now=NOON)


# The last administrator

LAST = [
    partial(set_role, "ada@example.org", "operator"),
    partial(disable, "ada@example.org"),
    partial(delete, "ada@example.org"),
]


@pytest.mark.parametrize("act", LAST, ids=["set_role", "disable", "delete"])
def test_the_last_administrator_stays(app, act):
    make_admin()
    make_admin(GRACE, role="operator")
    with unchanged():
        act()


@pytest.mark.parametrize("act", LAST, ids=["set_role", "disable", "delete"])
def test_a_disabled_administrator_is_no_other_one(two, act):
    disable(GRACE)
    with unchanged():
        act()


def test_a_disabled_administrator_may_be_deleted(two):
    disable(GRACE)
    delete(GRACE)
    assert [admin.name for admin in list_admins()] == ["ada@example.org"]


@pytest.mark.parametrize(
    "act",
    [delete, disable, lambda name: set_role(name, "viewer")],
    ids=["delete", "disable", "set_role"],
)
def test_of_all_administrators_that_go_at_once_one_stays(app, act):
    names = [make_admin(f"admin-{number}") for number in range(4)]
    outcomes = at_once(app, *[partial(act, name) for name in names])
    refusals = [outcome for outcome in outcomes if outcome is not None]
    assert len(refusals) == 1
    assert isinstance(refusals[0], OperationError)
    assert has_administrator()
    assert verify_chain().broken_at is None
