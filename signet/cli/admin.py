"""``flask admin``: who may sign in to the pages."""

import sys
from typing import Any

import click

from signet.cli.actor import command_line
from signet.cli.calendar_link import calendar_link
from signet.cli.error_edge import Group, is_text
from signet.cli.output import answer, json_option, rfc3339, table
from signet.models.admin_links import AdminLink, list_open_links
from signet.models.admins import ROLES, AdminDetails, find_admin
from signet.models.admins import list_admins as find_admins
from signet.operations import admin_links, admins
from signet.operations.admin_links import IssuedLink, link_url
from signet.operations.admins import SETUP_CODE_LIVES
from signet.operations.errors import NotFoundError, OperationError
from signet.wiring import wiring

#: Bytes read of a password: a device may go on for ever.
_LONGEST_INPUT = 64 * 1024

group = Group("admin", help="Admins: who may sign in to the pages.")
group.command("calendar-link")(calendar_link)

password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


@group.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What they may do.")
@password_option
@json_option
def create_admin(name: str, role: str, password_stdin: bool, as_json: bool) -> None:
    """Add an admin. The password is asked for, or read from standard input."""
    password = _read_password(password_stdin)
    admins.create_admin(
        name, role=role, password=password, actor=command_line(), now=wiring().clock()
    )
    _print_changed(name.strip(), f"Created {name.strip()}, {role}.", as_json=as_json)


@group.command("invite")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What they may do.")
@json_option
def invite(name: str, role: str, as_json: bool) -> None:
    """Print a link by which somebody becomes an admin. It works once, for 24 hours."""
    issued = admin_links.invite(name, role=role, actor=command_line(), now=wiring().clock())
    _print_link(issued, as_json=as_json)


@group.command("setup-code")
@json_option
def make_setup_code(as_json: bool) -> None:
    """Print a new code for the set-up page. An older one ends."""
    now = wiring().clock()
    code = admins.make_setup_code(now=now)
    document = {"setup_code": code, "expires_at": rfc3339(now + SETUP_CODE_LIVES)}
    answer(document, code, as_json=as_json)


@group.command("list")
@json_option
def list_admins(as_json: bool) -> None:
    """List the admins by name."""
    found = find_admins()
    answer(
        [admin_document(admin) for admin in found],
        table(
            ("name", "role", "enabled", "created", "last sign-in", "second factor"),
            [
                (
                    admin.name,
                    admin.role,
                    admin.enabled,
                    rfc3339(admin.created_at),
                    rfc3339(admin.last_sign_in_at),
                    ", ".join(_second_factors(admin)) or "none",
                )
                for admin in found
            ],
            empty="No admins.",
        ),
        as_json=as_json,
    )


@group.command("set-role")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@json_option
def set_role(name: str, role: str, as_json: bool) -> None:
    """Give an admin another role and end their sessions."""
    admins.set_role(name, role, actor=command_line(), now=wiring().clock())
    _print_changed(name, f"{name} is {role} now.", as_json=as_json)


@group.command("reset-password")
@click.argument("name")
@password_option
@click.option("--link", is_flag=True, help="Print a one-time link by which they choose it.")
@json_option
def reset_password(name: str, password_stdin: bool, link: bool, as_json: bool) -> None:
    """Set an admin's password and end their sessions."""
    now = wiring().clock()
    if link:
        if password_stdin:
            raise click.UsageError("--link and --password-stdin exclude each other.")
        issued = admin_links.make_password_link(name, actor=command_line(), now=now)
        _print_link(issued, as_json=as_json)
        return
    password = _read_password(password_stdin)
    admins.reset_password(name, password, actor=command_line(), now=now)
    _print_changed(name, f"{name} has a new password.", as_json=as_json)


@group.command("reset-second-factor")
@click.argument("name")
@json_option
def reset_second_factor(name: str, as_json: bool) -> None:
    """Print a one-time link by which an admin, with the password, removes a lost second factor."""
    issued = admin_links.make_second_factor_link(name, actor=command_line(), now=wiring().clock())
    _print_link(issued, as_json=as_json)


@group.command("end-sessions")
@click.argument("name")
@json_option
def end_sessions(name: str, as_json: bool) -> None:
    """Sign an admin out everywhere."""
    ended = admins.end_sessions(name, actor=command_line(), now=wiring().clock())
    answer({"name": name, "ended": ended}, f"Sessions of {name} ended: {ended}.", as_json=as_json)


@group.command("disable")
@click.argument("name")
@json_option
def disable_admin(name: str, as_json: bool) -> None:
    """Keep an admin from signing in, and end their sessions."""
    admins.disable_admin(name, actor=command_line(), now=wiring().clock())
    _print_changed(name, f"Disabled {name}.", as_json=as_json)


@group.command("enable")
@click.argument("name")
@json_option
def enable_admin(name: str, as_json: bool) -> None:
    """Let a disabled admin sign in again."""
    admins.enable_admin(name, actor=command_line(), now=wiring().clock())
    _print_changed(name, f"Enabled {name}.", as_json=as_json)


@group.command("delete")
@click.argument("name")
@json_option
def delete_admin(name: str, as_json: bool) -> None:
    """Remove an admin and their sessions. The audit log keeps the name."""
    admins.delete_admin(name, actor=command_line(), now=wiring().clock())
    answer({"name": name, "deleted": True}, f"Deleted {name}.", as_json=as_json)


link_group = Group("link", help="One-time links that nobody has used yet.")
group.add_command(link_group)


@link_group.command("list")
@json_option
def list_links(as_json: bool) -> None:
    """List the links, the newest first; what they are is shown once, when they are made."""
    found = list_open_links(now=wiring().clock())
    answer(
        [link_document(link) for link in found],
        table(
            ("number", "for", "kind", "role", "made by", "works until"),
            [
                (
                    link.number,
                    link.name,
                    link.kind,
                    link.role or "",
                    link.created_by,
                    rfc3339(link.expires_at),
                )
                for link in found
            ],
            empty="No links.",
        ),
        as_json=as_json,
    )


@link_group.command("withdraw")
@click.argument("number", type=click.IntRange(1, 2**31 - 1))
@json_option
def withdraw_link(number: int, as_json: bool) -> None:
    """End a link that nobody has used yet."""
    admin_links.withdraw_link(number, actor=command_line(), now=wiring().clock())
    answer({"number": number, "withdrawn": True}, f"Withdrew link {number}.", as_json=as_json)


def link_document(link: AdminLink) -> dict[str, Any]:
    """What scripts read of a link."""
    return {
        "number": link.number,
        "name": link.name,
        "kind": link.kind,
        "role": link.role,
        "created_at": rfc3339(link.created_at),
        "created_by": link.created_by,
        "expires_at": rfc3339(link.expires_at),
    }


def admin_document(admin: AdminDetails) -> dict[str, Any]:
    """What scripts read of an admin."""
    return {
        "name": admin.name,
        "role": admin.role,
        "enabled": admin.enabled,
        "created_at": rfc3339(admin.created_at),
        "last_sign_in_at": rfc3339(admin.last_sign_in_at),
        "second_factor": _second_factors(admin),
    }


def _second_factors(admin: AdminDetails) -> list[str]:
    return ["passkey"] * admin.has_passkey + ["app"] * admin.has_totp


def _print_link(issued: IssuedLink, *, as_json: bool) -> None:
    link = link_url(wiring().settings.issuer, issued.token)
    document = {
        "name": issued.name,
        "kind": issued.kind,
        "link": link,
        "expires_at": rfc3339(issued.expires_at),
    }
    answer(document, link, as_json=as_json)


def _read_password(from_stdin: bool) -> str:
    if sys.stdin is None:
        raise click.UsageError("Standard input is closed.")
    if from_stdin:
        return _read_password_from_stdin()
    if not sys.stdin.isatty():
        raise click.UsageError("No terminal to ask for the password: use --password-stdin.")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _read_password_from_stdin() -> str:
    """All of it, without one trailing newline, as ``echo`` adds it."""
    raw = sys.stdin.buffer.read(_LONGEST_INPUT)
    password = raw.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")
    # No form for signing in could send anything else.
    if not is_text(password) or "\n" in password or "\r" in password:
        raise OperationError("Give one line of UTF-8 text", field="password")
    return password


def _print_changed(name: str, text: str, *, as_json: bool) -> None:
    admin = find_admin(name)
    if admin is None:
        raise NotFoundError(f"There is no admin “{name[:200]}”")
    answer(admin_document(admin), text, as_json=as_json)
