"""What stands in the audit log, said in words: one table, a line for every action.

An entry may come from another version of Signet: whatever it holds or lacks, there is a sentence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from signet.models.audit_log import AuditEntry

#: Records of who came and went, and of who tried a token: in the log, but no changes.
COMINGS_AND_GOINGS = ("admin.sign_in", "admin.sign_out", "admin.sign_in_failed", "client.try")

_NOBODY = "Not signed in"
_WITH = {
    "app": " with a code of the app",
    "passkey": " with a passkey",
    "recovery": " with a recovery code",
}
_QUIET = ": replaced, and not used for 48 hours"
#: In a sentence: "the name and the contact of Billing export".
_FACTS = {
    "name": "name",
    "description": "description",
    "contact": "contact",
    "access_token_lifetime": "token lifetime",
    "signing_alg": "signing algorithm",
    "apis": "APIs",
    "scope": "scopes",
    "token_endpoint_auth_method": "method of authentication",
    "token_endpoint_auth_signing_alg": "algorithm of assertions",
    "jwks": "public keys",
    "jwks_uri": "address of the keys",
    "allow_token_endpoint_audience": "accepted audience",
    "tls_client_auth_subject_dn": "subject of the certificate",
    "trusted_issuers": "issuers",
    "token_format": "token format",
    "dpop_bound_access_tokens": "need of DPoP",
    "tls_client_certificate_bound_access_tokens": "binding to the certificate",
    "claims": "claims",
}


@dataclass(frozen=True, slots=True)
class Act:
    """How the filter calls an action, and how its entries read."""

    label: str
    #: A text in which ``{name}`` is the object's, or what makes one of an entry.
    sentence: str | Callable[[AuditEntry], str]


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as a row of a list."""

    number: int
    at: datetime
    who: str
    sentence: str
    from_where: str


def line_of(entry: AuditEntry) -> Line:
    """The entry as a row of a list."""
    return Line(
        number=entry.number,
        at=entry.at,
        who=who(entry.actor),
        sentence=say(entry),
        # The command line and the work beside the path have no address.
        from_where=entry.address or "This server",
    )


def who(actor: str) -> str:
    """The name of an actor: a person, ``Command line (root)``, ``Signet``, or nobody known."""
    return actor[0].upper() + actor[1:] if actor.startswith("command line") else actor or _NOBODY


def say(entry: AuditEntry) -> str:
    """The entry as a sentence whose subject is the actor: ``Created the client Billing export``."""
    act = ACTS.get(entry.action)
    if act is None:
        return f"Another version of Signet noted “{entry.action}” for {_name(entry)}"
    if isinstance(act.sentence, str):
        return act.sentence.format(name=_name(entry))
    return act.sentence(entry)


def _changed(kind: str) -> Callable[[AuditEntry], str]:
    def sentence(entry: AuditEntry) -> str:
        facts = [f"the {word}" for fact, word in _FACTS.items() if fact in entry.after]
        if not facts:
            return f"Changed {kind} {_name(entry)}"
        *others, last = facts
        listed = f"{', '.join(others)} and {last}" if others else last
        return f"Changed {listed} of {kind} {_name(entry)}"

    return sentence


def _scopes(entry: AuditEntry) -> str:
    before, after = _scope_names(entry.before), _scope_names(entry.after)
    parts = []
    if added := sorted(after - before):
        parts.append(f"assigned {', '.join(added)} to")
    if removed := sorted(before - after):
        parts.append(f"removed {', '.join(removed)} from")
    if not parts:
        return f"Changed the scopes of the client {_name(entry)}"
    text = f"{' and '.join(parts)} the client {_name(entry)}"
    return text[0].upper() + text[1:]


def _secret(verb: str, owner: str = "", why: str = "") -> Callable[[AuditEntry], str]:
    def sentence(entry: AuditEntry) -> str:
        description = entry.before.get("description")
        secret = f"the secret “{description}”" if description else "a secret"
        return f"{verb} {secret} of {owner}{_name(entry)}{why}"

    return sentence


def _edited_api(entry: AuditEntry) -> str:
    if "signing_alg" in entry.after:
        return _changed("the API")(entry)
    before = entry.before.get("name")
    return f"Renamed the API {before} to {_name(entry)}" if before else f"Renamed {_name(entry)}"


def _role(entry: AuditEntry) -> str:
    before, after = entry.before.get("role"), entry.after.get("role")
    change = f" from {before} to {after}" if before and after else ""
    return f"Changed the role of {_name(entry)}{change}"


def _created_admin(entry: AuditEntry) -> str:
    role = entry.after.get("role")
    return f"Created {_name(entry)}" + (f" with the role {role}" if role else "")


def _invited_admin(entry: AuditEntry) -> str:
    role = entry.after.get("role")
    return f"Invited {_name(entry)}" + (f" as {role}" if role else "")


def _accepted_invitation(entry: AuditEntry) -> str:
    inviter = entry.after.get("invited_by")
    return "Accepted the invitation" + (f" of {inviter}" if inviter else "")


def _withdrawn_link(entry: AuditEntry) -> str:
    kinds = {
        "invitation": "invitation of",
        "password": "link for a new password of",
        "second_factor": "link for another second factor of",
    }
    return f"Withdrew the {kinds.get(entry.before.get('link', ''), 'link for')} {_name(entry)}"


def _passkey(text: str) -> Callable[[AuditEntry], str]:
    def sentence(entry: AuditEntry) -> str:
        name = entry.after.get("passkey") or entry.before.get("passkey")
        return f"{text} “{name}”" if name else text

    return sentence


def _ended_own_sessions(entry: AuditEntry) -> str:
    ended = entry.after.get("ended", "some")
    return f"Ended {ended} other session{'' if ended == 1 else 's'} of their own"


def _signed_in(entry: AuditEntry) -> str:
    return f"Signed in{_WITH.get(entry.after.get('second_factor', ''), '')}"


def _sign_in_failed(entry: AuditEntry) -> str:
    failures = entry.after.get("failures", 1)
    times = f" {failures} times" if failures != 1 else ""
    return f"Sign-in failed{times} for {_name(entry)}"


def _key(text: str) -> Callable[[AuditEntry], str]:
    return lambda entry: f"{text} {_name(entry)[:8]}…"


def _rewrapped(entry: AuditEntry) -> str:
    rows, what = entry.after.get("rewrapped", "some"), entry.after.get("what", "row")
    plural = "" if rows == 1 else "s"
    return f"Encrypted {rows} {what}{plural} with the key-encryption key {_name(entry)}"


def _name(entry: AuditEntry) -> str:
    return entry.object.name or entry.object.id or "an unknown object"


def _scope_names(facts: Mapping[str, Any]) -> set[str]:
    return set(str(facts.get("scope", "")).split())


ACTS = {
    "client.create": Act("Client created", "Created the client {name}"),
    "client.edit": Act("Client edited", _changed("the client")),
    "client.set_scopes": Act("Scopes of a client changed", _scopes),
    "client.disable": Act("Client disabled", "Disabled the client {name}"),
    "client.enable": Act("Client enabled", "Enabled the client {name}"),
    "client.try": Act("Token tried", "Tried a token of the client {name}"),
    "client.delete": Act("Client deleted", "Deleted the client {name}"),
    "secret.create": Act("Secret made", "Made a secret for {name}"),
    "secret.rotate": Act("Secret rotated", "Rotated the secret of {name}"),
    "secret.revoke": Act("Secret revoked", _secret("Revoked")),
    "secret.undo_revoke": Act("Revocation of a secret undone", _secret("Brought back")),
    "secret.end_quiet": Act("Secret ended, it fell quiet", _secret("Ended", why=_QUIET)),
    "scope.create": Act("Scope created", "Created the scope {name}"),
    "scope.edit": Act("Scope edited", _changed("the scope")),
    "scope.disable": Act("Scope disabled", "Disabled the scope {name}"),
    "scope.enable": Act("Scope enabled", "Enabled the scope {name}"),
    "scope.delete": Act("Scope deleted", "Deleted the scope {name}"),
    "api.create": Act("API created", "Created the API {name}"),
    "api.edit": Act("API edited", _edited_api),
    "api.delete": Act("API deleted", "Deleted the API {name}"),
    "api_secret.create": Act("Secret of an API made", "Made a secret for the API {name}"),
    "api_secret.rotate": Act("Secret of an API rotated", "Rotated the secret of the API {name}"),
    "api_secret.revoke": Act("Secret of an API revoked", _secret("Revoked", "the API ")),
    "api_secret.undo_revoke": Act(
        "Revocation of an API's secret undone", _secret("Brought back", "the API ")
    ),
    "api_secret.end_quiet": Act(
        "Secret of an API ended, it fell quiet", _secret("Ended", "the API ", _QUIET)
    ),
    "key.create": Act("Signing key made", _key("Made the signing key")),
    "key.announce": Act("Signing key announced", _key("Announced the next signing key")),
    "key.rotate": Act("Signing key rotated", _key("Rotated the signing key, the next is")),
    "key.retire": Act("Signing key retired", _key("Retired the signing key")),
    "key.revoke": Act("Signing key revoked", _key("Revoked the signing key")),
    "encryption.rewrap": Act("Keys encrypted anew", _rewrapped),
    "admin.set_up": Act("Signet set up", "Set up Signet with {name} as first administrator"),
    "admin.create": Act("Administrator created", _created_admin),
    "admin.invite": Act("Administrator invited", _invited_admin),
    "admin.accept_invitation": Act("Invitation accepted", _accepted_invitation),
    "admin.make_password_link": Act(
        "Link for a new password made", "Made a link for a new password of {name}"
    ),
    "admin.choose_password": Act("Password chosen by link", "Chose a new password by link"),
    "admin.make_second_factor_link": Act(
        "Link for a second factor made", "Made a link for another second factor of {name}"
    ),
    "admin.drop_second_factor": Act(
        "Second factor removed by link", "Removed the own second factor by link"
    ),
    "admin.withdraw_link": Act("Link withdrawn", _withdrawn_link),
    "admin.set_role": Act("Role changed", _role),
    "admin.reset_password": Act("Password reset", "Reset the password of {name}"),
    "admin.end_sessions": Act("Sessions ended", "Ended all sessions of {name}"),
    "admin.disable": Act("Administrator disabled", "Disabled the administrator {name}"),
    "admin.enable": Act("Administrator enabled", "Enabled the administrator {name}"),
    "admin.delete": Act("Administrator deleted", "Deleted the administrator {name}"),
    "admin.make_calendar_link": Act(
        "Calendar link made", "Made a link to the calendar of expiries for {name}"
    ),
    "admin.revoke_calendar_link": Act(
        "Calendar link revoked", "Revoked the link of {name} to the calendar of expiries"
    ),
    "admin.set_totp": Act("App codes set up", "Set up codes of an app"),
    "admin.replace_totp": Act("App codes replaced", "Set up codes of another app"),
    "admin.remove_totp": Act("App codes removed", "Removed the codes of an app"),
    "admin.add_passkey": Act("Passkey added", _passkey("Added the passkey")),
    "admin.remove_passkey": Act("Passkey removed", _passkey("Removed the passkey")),
    "admin.make_recovery_codes": Act("Recovery codes made", "Made recovery codes"),
    "admin.save_recovery_codes": Act("Recovery codes saved", "Saved the new recovery codes"),
    "admin.change_password": Act("Own password changed", "Changed the own password"),
    "admin.end_own_sessions": Act("Own sessions ended", _ended_own_sessions),
    "admin.sign_in": Act("Signed in", _signed_in),
    "admin.sign_out": Act("Signed out", "Signed out"),
    "admin.sign_in_failed": Act("Sign-in failed", _sign_in_failed),
}
