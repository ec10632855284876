"""Who may open what: every route of the admin pages and the least role that it needs.

Closed by default: a route that is not named here is refused to everybody, and a test fails.
"""

from typing import NamedTuple

from signet.models.admin_sessions import Stage
from signet.models.admins import ADMINISTRATOR, OPERATOR, VIEWER

#: For people who are not signed in.
PUBLIC = "public"
#: For people whose password was right and whose second factor is still asked for.
SIGNING_IN = "signing in"

LEAST_ROLE = {
    "admin.setup.show": PUBLIC,
    "admin.setup.create": PUBLIC,
    "admin.sign_in.show": PUBLIC,
    "admin.sign_in.sign_in": PUBLIC,
    "admin.sign_in.with_passkey": PUBLIC,
    "admin.sign_in.sign_out": VIEWER,
    "admin.second_step.show": SIGNING_IN,
    "admin.second_step.check": SIGNING_IN,
    "admin.second_step.show_recovery": SIGNING_IN,
    "admin.second_step.recover": SIGNING_IN,
    "admin.second_step.passkey": SIGNING_IN,
    "admin.confirm.show": VIEWER,
    "admin.confirm.with_password": VIEWER,
    "admin.confirm.with_passkey": VIEWER,
    "admin.account.index": VIEWER,
    "admin.account.password": VIEWER,
    "admin.account.change_password": VIEWER,
    "admin.account.end_session": VIEWER,
    "admin.account.end_others": VIEWER,
    "admin.account.set_theme": VIEWER,
    "admin.account_totp.show": VIEWER,
    "admin.account_totp.create": VIEWER,
    "admin.account_totp.remove": VIEWER,
    "admin.account_passkeys.new": VIEWER,
    "admin.account_passkeys.create": VIEWER,
    "admin.account_passkeys.ask_remove": VIEWER,
    "admin.account_passkeys.remove": VIEWER,
    "admin.account_codes.show": VIEWER,
    "admin.account_codes.create": VIEWER,
    "admin.account_codes.prove": VIEWER,
    "admin.calendar_link.create": VIEWER,
    "admin.calendar_link.revoke": VIEWER,
    "admin.overview.index": VIEWER,
    "admin.clients.index": VIEWER,
    "admin.clients.new": OPERATOR,
    "admin.clients.create": OPERATOR,
    "admin.clients.show": VIEWER,
    "admin.client_clone.new": OPERATOR,
    "admin.client_clone.create": OPERATOR,
    "admin.clients.edit": OPERATOR,
    "admin.clients.update": OPERATOR,
    "admin.clients.authentication": OPERATOR,
    "admin.clients.set_authentication": OPERATOR,
    "admin.clients.tokens": OPERATOR,
    "admin.clients.set_tokens": OPERATOR,
    "admin.clients.ask_disable": OPERATOR,
    "admin.clients.disable": OPERATOR,
    "admin.clients.ask_enable": OPERATOR,
    "admin.clients.enable": OPERATOR,
    "admin.clients.ask_delete": OPERATOR,
    "admin.clients.delete": OPERATOR,
    "admin.clients.scopes": VIEWER,
    "admin.clients.set_scopes": OPERATOR,
    "admin.client_activity.show": VIEWER,
    "admin.client_secrets.index": VIEWER,
    "admin.client_secrets.new": OPERATOR,
    "admin.client_secrets.create": OPERATOR,
    "admin.client_secrets.ask_revoke": OPERATOR,
    "admin.client_secrets.revoke": OPERATOR,
    "admin.client_secrets.undo_revoke": OPERATOR,
    "admin.client_try.show": OPERATOR,
    "admin.client_try.run": OPERATOR,
    "admin.scopes.index": VIEWER,
    "admin.scopes.new": OPERATOR,
    "admin.scopes.create": OPERATOR,
    "admin.scopes.show": VIEWER,
    "admin.scopes.edit": OPERATOR,
    "admin.scopes.update": OPERATOR,
    "admin.scopes.disable": OPERATOR,
    "admin.scopes.enable": OPERATOR,
    "admin.scopes.ask_delete": OPERATOR,
    "admin.scopes.delete": OPERATOR,
    "admin.apis.index": VIEWER,
    "admin.apis.new": OPERATOR,
    "admin.apis.create": OPERATOR,
    "admin.apis.show": VIEWER,
    "admin.apis.edit": OPERATOR,
    "admin.apis.update": OPERATOR,
    "admin.apis.ask_delete": OPERATOR,
    "admin.apis.delete": OPERATOR,
    "admin.api_secrets.index": VIEWER,
    "admin.api_secrets.new": OPERATOR,
    "admin.api_secrets.create": OPERATOR,
    "admin.api_secrets.ask_revoke": OPERATOR,
    "admin.api_secrets.revoke": OPERATOR,
    "admin.api_secrets.undo_revoke": OPERATOR,
    "admin.keys.index": VIEWER,
    "admin.keys.ask_rotate": ADMINISTRATOR,
    "admin.keys.rotate": ADMINISTRATOR,
    "admin.keys.ask_remove": ADMINISTRATOR,
    "admin.keys.remove": ADMINISTRATOR,
    "admin.settings.index": ADMINISTRATOR,
    "admin.settings.export": ADMINISTRATOR,
    "admin.requests.index": VIEWER,
    "admin.requests.show": VIEWER,
    "admin.audit.index": VIEWER,
    "admin.audit.show": VIEWER,
    "admin.audit.export_csv": ADMINISTRATOR,
    "admin.audit.export_jsonl": ADMINISTRATOR,
    "admin.admins.index": ADMINISTRATOR,
    "admin.admins.show": ADMINISTRATOR,
    "admin.admins.set_role": ADMINISTRATOR,
    "admin.admins.end_sessions": ADMINISTRATOR,
    "admin.admins.ask_disable": ADMINISTRATOR,
    "admin.admins.disable": ADMINISTRATOR,
    "admin.admins.enable": ADMINISTRATOR,
    "admin.admins.ask_delete": ADMINISTRATOR,
    "admin.admins.delete": ADMINISTRATOR,
    "admin.admin_links.new": ADMINISTRATOR,
    "admin.admin_links.create": ADMINISTRATOR,
    "admin.admin_links.ask_password": ADMINISTRATOR,
    "admin.admin_links.password": ADMINISTRATOR,
    "admin.admin_links.ask_second_factor": ADMINISTRATOR,
    "admin.admin_links.second_factor": ADMINISTRATOR,
    "admin.admin_links.withdraw": ADMINISTRATOR,
    "admin.invitation.show": PUBLIC,
    "admin.invitation.accept": PUBLIC,
}

#: Where a session that is not complete is led, whatever it asks for.
NEXT_STEP = {
    Stage.SECOND_STEP: "admin.second_step.show",
    Stage.ENROLMENT: "admin.account_totp.show",
    Stage.RECOVERY_CODES: "admin.account_codes.show",
}
#: What it may open besides signing out.
OPEN_ON_THE_WAY = {
    Stage.SECOND_STEP: frozenset(
        endpoint for endpoint, least in LEAST_ROLE.items() if least == SIGNING_IN
    ),
    Stage.ENROLMENT: frozenset(
        {
            *("admin.account_totp.show", "admin.account_totp.create"),
            *("admin.account_passkeys.new", "admin.account_passkeys.create"),
        }
    ),
    Stage.RECOVERY_CODES: frozenset(
        {"admin.account_codes.show", "admin.account_codes.create", "admin.account_codes.prove"}
    ),
}


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
