"""``flask admin``."""

import os
import pty
import subprocess
from datetime import datetime, timedelta

import pytest

from signet.models.admin_sessions import open_session
from signet.models.admins import find_admin_row
from signet.models.audit import Actor
from signet.models.calendar_links import is_calendar_token
from signet.models.database import read, write
from signet.operations.admin_links import accept_invitation, choose_password
from signet.operations.admins import set_up
from signet.operations.passwords import is_password
from signet.wiring import utc_now
from tests.cli.shell import on_one_engine
from tests.running import BIN, ROOT, Installation

PASSWORD = "glacier-harbour-lantern-moss"


@pytest.fixture
def ann(shell):
    """The first administrator."""
    shell.json(
        "admin", "create", "Ann@example.org", "--role", "administrator", "--password-stdin",
        stdin=PASSWORD,
    )  # fmt: skip
    return "Ann@example.org"


@pytest.fixture
def bob(shell, ann):
    """Somebody who may only look."""
    shell.json("admin", "create", "bob", "--role", "viewer", "--password-stdin", stdin=PASSWORD)
    return "bob"


def test_a_created_admin_has_the_role_and_the_password(shell):
    created = shell.json(
        "admin", "create", "Ann@example.org", "--role", "operator", "--password-stdin",
        stdin=PASSWORD,
    )  # fmt: skip
    assert created.pop("created_at").endswith("Z")
    assert created == {
        "name": "Ann@example.org",
        "role": "operator",
        "enabled": True,
        "last_sign_in_at": None,
        "second_factor": [],
    }
    assert has_password("Ann@example.org", PASSWORD)
    entry = shell.entry()
    assert (entry["action"], entry["object"]) == ("admin.create", "admin:ann@example.org")


@on_one_engine
@pytest.mark.parametrize(
    ("typed", "password"),
    [
        (PASSWORD, PASSWORD),
        (f"{PASSWORD}\n", PASSWORD),
        (f"{PASSWORD}\r\n", PASSWORD),
        (f" {PASSWORD} \n", f" {PASSWORD} "),
        ("Gletscher-Häfen-Laternen-Möwe 🌊\n", "Gletscher-Häfen-Laternen-Möwe 🌊"),
    ],
)
def test_a_password_from_stdin_loses_one_trailing_newline_and_nothing_else(shell, typed, password):
    shell.json("admin", "create", "ann", "--role", "viewer", "--password-stdin", stdin=typed)
    assert has_password("ann", password)


@on_one_engine
@pytest.mark.parametrize(
    "typed",
    [
        "",
        "\n",
        "too short",
        "passwordpassword",
        f"{PASSWORD}\n\n",
        f"{PASSWORD}\nsecond line\n",
        f"{PASSWORD}\0",
        PASSWORD.encode() + b"\xff",
        "x" * 10_000_000,
    ],
)
def test_a_password_that_is_none_is_refused_and_not_repeated(shell, typed):
    refusal = shell.refusal(
        "admin", "create", "ann", "--role", "viewer", "--password-stdin", stdin=typed
    )
    assert refusal.startswith("password: ")
    assert PASSWORD not in refusal
    assert shell.json("admin", "list") == []


@on_one_engine
def test_without_a_terminal_the_password_must_come_from_stdin(shell):
    usage = shell.misuse("admin", "create", "ann", "--role", "viewer", stdin=PASSWORD)
    assert "--password-stdin" in usage


@on_one_engine
def test_a_password_is_no_option(shell):
    shell.misuse("admin", "create", "ann", "--role", "viewer", "--password", PASSWORD)


@on_one_engine
def test_at_a_terminal_the_password_is_asked_for_twice_and_not_shown(database_url, tmp_path):
    installation = Installation(tmp_path, database_url)
    shown = type_at_terminal(
        installation, ("admin", "create", "ann", "--role", "viewer"), (PASSWORD, PASSWORD)
    )
    assert shown.count("Password:") == 1
    assert "Repeat for confirmation:" in shown
    assert PASSWORD not in shown
    assert "Created ann, viewer." in shown


def test_a_second_admin_of_a_name_is_refused(shell, ann):
    refusal = shell.refusal(
        "admin", "create", "ANN@example.org", "--role", "viewer", "--password-stdin",
        stdin=PASSWORD,
    )  # fmt: skip
    assert refusal == "name: There is an admin “ANN@example.org” already"
    assert shell.count() == 1


@on_one_engine
@pytest.mark.parametrize(
    "arguments", [("create", "bob", "--role", "owner"), ("set-role", "a", "b")]
)
def test_a_role_that_is_none_is_wrong_usage(shell, arguments):
    assert "'administrator', 'operator', 'viewer'" in shell.misuse("admin", *arguments)


def test_a_setup_code_is_printed_alone_and_works(shell):
    code = shell.text("admin", "setup-code")
    assert code.count("\n") == 1
    set_up(code.strip(), name="Ann", password=PASSWORD, actor=Actor(name=""), now=utc_now())
    assert shell.json("admin", "list")[0]["role"] == "administrator"


def test_a_setup_code_for_scripts_says_when_it_ends(shell):
    answer = shell.json("admin", "setup-code")
    ends = datetime.fromisoformat(answer["expires_at"]) - utc_now()
    assert timedelta(minutes=59) < ends <= timedelta(hours=1)
    assert len(answer["setup_code"]) == 14


def test_with_an_administrator_there_is_no_setup_code(shell, ann):
    assert shell.refusal("admin", "setup-code") == "There is an administrator already"


def test_a_role_is_changed_and_ends_the_sessions(shell, bob):
    open_sessions(bob, 1)
    assert shell.json("admin", "set-role", bob, "operator")["role"] == "operator"
    entry = shell.entry()
    assert (entry["action"], entry["after"]["role"]) == ("admin.set_role", "operator")
    assert shell.json("admin", "end-sessions", bob)["ended"] == 0


def test_a_password_is_reset_and_ends_the_sessions(shell, bob):
    open_sessions(bob, 1)
    new = "quarry-ribbon-walnut-sextant"
    shell.json("admin", "reset-password", bob, "--password-stdin", stdin=new)
    assert has_password(bob, new)
    assert shell.entry()["action"] == "admin.reset_password"
    assert shell.json("admin", "end-sessions", bob)["ended"] == 0


def test_sessions_are_ended_and_counted(shell, bob):
    open_sessions(bob, 2)
    assert shell.json("admin", "end-sessions", bob) == {"name": "bob", "ended": 2}
    entry = shell.entry()
    assert (entry["action"], entry["after"]) == ("admin.end_sessions", {"ended": 2})


def test_disabling_and_enabling_are_answered_with_the_admin(shell, bob):
    assert shell.json("admin", "disable", bob)["enabled"] is False
    assert shell.entry()["action"] == "admin.disable"
    assert shell.json("admin", "enable", bob)["enabled"] is True
    assert shell.entry()["action"] == "admin.enable"


def test_a_deleted_admin_is_gone(shell, bob):
    assert shell.json("admin", "delete", bob) == {"name": bob, "deleted": True}
    assert shell.entry()["action"] == "admin.delete"
    assert [admin["name"] for admin in shell.json("admin", "list")] == ["Ann@example.org"]


@pytest.mark.parametrize("arguments", [("delete",), ("disable",), ("set-role", "viewer")])
def test_the_last_administrator_stays(shell, bob, arguments):
    before = shell.count()
    verb, *rest = arguments
    assert "is the last administrator" in shell.refusal("admin", verb, "ann@example.org", *rest)
    assert shell.count() == before


@on_one_engine
@pytest.mark.parametrize(
    "arguments",
    [
        ("set-role", "nobody", "viewer"),
        ("reset-password", "nobody", "--password-stdin"),
        ("reset-password", "nobody", "--link"),
        ("reset-second-factor", "nobody"),
        ("end-sessions", "nobody"),
        ("disable", "nobody"),
        ("enable", "nobody"),
        ("delete", "nobody"),
    ],
)
def test_an_admin_who_is_not_there_is_refused(shell, arguments):
    assert shell.refusal("admin", *arguments, stdin=PASSWORD) == "There is no admin “nobody”"


def test_an_invitation_is_a_link_of_the_issuer_that_works(shell, ann):
    issued = shell.json("admin", "invite", "eve", "--role", "operator")
    assert list(issued) == ["name", "kind", "link", "expires_at"]
    base, _, token = issued["link"].rpartition("/")
    assert base == "http://localhost:8000/admin/invitation"
    assert shell.entry()["action"] == "admin.invite"
    accept_invitation(token, PASSWORD, actor=Actor(name=""), now=utc_now())
    assert has_password("eve", PASSWORD)


def test_a_link_for_a_new_password_is_printed_alone_and_works(shell, bob):
    link = shell.text("admin", "reset-password", bob, "--link")
    assert link.count("\n") == 1
    new = "quarry-ribbon-walnut-sextant"
    token = link.strip().rpartition("/")[2]
    choose_password(token, new, actor=Actor(name=""), now=utc_now())
    assert has_password(bob, new)


@on_one_engine
def test_a_password_is_set_or_asked_for_by_link_and_not_both(shell, bob):
    shell.misuse("admin", "reset-password", bob, "--link", "--password-stdin", stdin=PASSWORD)


def test_a_link_for_another_second_factor_says_whose_it_is(shell, bob):
    issued = shell.json("admin", "reset-second-factor", bob)
    assert (issued["name"], issued["kind"]) == (bob, "second_factor")
    assert shell.entry()["action"] == "admin.make_second_factor_link"


def test_links_are_listed_without_what_opens_them_and_withdrawn(shell, bob):
    token = shell.json("admin", "reset-password", bob, "--link")["link"].rpartition("/")[2]
    (link,) = shell.json("admin", "link", "list")
    assert token not in str(link)
    assert (link["name"], link["kind"], link["role"]) == (bob, "password", None)
    number = str(link["number"])
    assert shell.json("admin", "link", "withdraw", number)["withdrawn"] is True
    assert shell.json("admin", "link", "list") == []
    assert shell.entry()["action"] == "admin.withdraw_link"
    assert "no such link" in shell.refusal("admin", "link", "withdraw", number)


@on_one_engine
def test_a_calendar_link_is_printed_once_works_and_is_revoked(shell, bob):
    url = shell.json("admin", "calendar-link", bob)["calendar_url"]
    token = url.removeprefix("http://localhost:8000/calendar/").removesuffix(".ics")
    assert is_calendar_token(token)
    another = shell.text("admin", "calendar-link", bob).splitlines()[0]
    assert another != url and not is_calendar_token(token)
    assert shell.json("admin", "calendar-link", bob, "--revoke")["calendar_url"] is None
    assert "There is no calendar link" in shell.refusal("admin", "calendar-link", bob, "--revoke")


@on_one_engine
def test_people_read_columns(shell, bob):
    lines = shell.text("admin", "list").splitlines()
    headings = ["NAME", "ROLE", "ENABLED", "CREATED", "LAST", "SIGN-IN", "SECOND", "FACTOR"]
    assert lines[0].split() == headings
    assert lines[1].split()[:3] == ["Ann@example.org", "administrator", "yes"]
    assert shell.text("admin", "disable", bob) == "Disabled bob.\n"


def has_password(name: str, password: str) -> bool:
    with read() as session:
        row = find_admin_row(session, name)
    return is_password(password, row.password_hash)


def open_sessions(name: str, count: int) -> None:
    with write() as session:
        row = find_admin_row(session, name)
        for _ in range(count):
            open_session(session, row, address="", user_agent="", now=utc_now())


def type_at_terminal(
    installation: Installation, arguments: tuple[str, ...], lines: tuple[str, ...]
) -> str:
    """Everything that a terminal shows while these lines are typed into a command."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [BIN / "flask", *arguments],
        cwd=ROOT,
        env=installation.environ,
        stdin=end,
        stdout=end,
        stderr=end,
        start_new_session=True,
    )
    os.close(end)
    shown = ""
    typed = 0
    while True:
        try:
            shown += os.read(terminal, 1_024).decode()
        except OSError:
            # The command has ended and closed its side.
            break
        if typed < len(lines) and shown.endswith(": "):
            os.write(terminal, f"{lines[typed]}\n".encode())
            typed += 1
            shown += "\n"
    os.close(terminal)
    assert process.wait() == 0, shown
    return shown
