"""What asks first who it is: the grave acts, each with its page and the way out.

Whoever finds a desk unlocked can look, but not make a secret or let somebody in.
"""

from typing import NamedTuple


class Confirmed(NamedTuple):
    """What needs an admin who has just proved to be who they are."""

    #: What they are about to do; ``{client}`` and ``{api}`` are the names of what it is about.
    what: str
    #: The page with the form, to which they come back.
    form: str
    #: Where they go who rather would not.
    back: str


def _each(what: str, *endpoints: str, form: str, back: str) -> dict[str, Confirmed]:
    return dict.fromkeys(endpoints, Confirmed(what, form, back))


#: Acts whose pages and forms ask first (SECURITY U5), each with its page.
CONFIRMED = {
    **_each(
        "register a client and make a secret for it",
        *("admin.clients.new", "admin.clients.create"),
        form="admin.clients.new",
        back="admin.clients.index",
    ),
    **_each(
        "register a client like {client} and make a secret for it",
        *("admin.client_clone.new", "admin.client_clone.create"),
        form="admin.client_clone.new",
        back="admin.clients.show",
    ),
    **_each(
        "change how {client} proves itself",
        *("admin.clients.authentication", "admin.clients.set_authentication"),
        form="admin.clients.authentication",
        back="admin.clients.show",
    ),
    **_each(
        "make a new secret for {client}",
        *("admin.client_secrets.new", "admin.client_secrets.create"),
        form="admin.client_secrets.new",
        back="admin.client_secrets.index",
    ),
    **_each(
        "make a new secret for {api}",
        *("admin.api_secrets.new", "admin.api_secrets.create"),
        form="admin.api_secrets.new",
        back="admin.api_secrets.index",
    ),
    **_each(
        "rotate the signing key",
        *("admin.keys.ask_rotate", "admin.keys.rotate"),
        form="admin.keys.ask_rotate",
        back="admin.keys.index",
    ),
    **_each(
        "remove a signing key",
        *("admin.keys.ask_remove", "admin.keys.remove"),
        form="admin.keys.ask_remove",
        back="admin.keys.index",
    ),
    **_each(
        "export the configuration",
        "admin.settings.export",
        form="admin.settings.export",
        back="admin.settings.index",
    ),
    **_each(
        "export the audit log",
        "admin.audit.export_csv",
        form="admin.audit.export_csv",
        back="admin.audit.index",
    ),
    **_each(
        "export the audit log",
        "admin.audit.export_jsonl",
        form="admin.audit.export_jsonl",
        back="admin.audit.index",
    ),
    **_each(
        "change your password",
        *("admin.account.password", "admin.account.change_password"),
        form="admin.account.password",
        back="admin.account.index",
    ),
    **_each(
        "set up codes of an app",
        *("admin.account_totp.show", "admin.account_totp.create"),
        form="admin.account_totp.show",
        back="admin.account.index",
    ),
    **_each(
        "remove the codes of your app",
        "admin.account_totp.remove",
        form="admin.account.index",
        back="admin.account.index",
    ),
    **_each(
        "add a passkey",
        *("admin.account_passkeys.new", "admin.account_passkeys.create"),
        form="admin.account_passkeys.new",
        back="admin.account.index",
    ),
    **_each(
        "remove a passkey",
        *("admin.account_passkeys.ask_remove", "admin.account_passkeys.remove"),
        form="admin.account_passkeys.ask_remove",
        back="admin.account.index",
    ),
    **_each(
        "make a link to the calendar",
        "admin.calendar_link.create",
        form="admin.account.index",
        back="admin.account.index",
    ),
    **_each(
        "make new recovery codes",
        *("admin.account_codes.show", "admin.account_codes.create", "admin.account_codes.prove"),
        form="admin.account_codes.show",
        back="admin.account.index",
    ),
    **_each(
        "change who may sign in, and as what",
        *("admin.admin_links.new", "admin.admin_links.create"),
        form="admin.admin_links.new",
        back="admin.admins.index",
    ),
    **_each(
        "change somebody's role",
        "admin.admins.set_role",
        form="admin.admins.show",
        back="admin.admins.index",
    ),
    **_each(
        "enable an administrator",
        "admin.admins.enable",
        form="admin.admins.show",
        back="admin.admins.index",
    ),
    **_each(
        "disable an administrator",
        *("admin.admins.ask_disable", "admin.admins.disable"),
        form="admin.admins.ask_disable",
        back="admin.admins.index",
    ),
    **_each(
        "delete an administrator",
        *("admin.admins.ask_delete", "admin.admins.delete"),
        form="admin.admins.ask_delete",
        back="admin.admins.index",
    ),
    **_each(
        "make a link for a new password",
        *("admin.admin_links.ask_password", "admin.admin_links.password"),
        form="admin.admin_links.ask_password",
        back="admin.admins.index",
    ),
    **_each(
        "make a link that removes a second factor",
        *("admin.admin_links.ask_second_factor", "admin.admin_links.second_factor"),
        form="admin.admin_links.ask_second_factor",
        back="admin.admins.index",
    ),
}
