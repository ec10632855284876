"""Why a request was refused, said in words: one table, a line for every reason.

What the caller could have sent is never trusted: a fact may be missing, another version of Signet
may have written it, and every text of a stranger's is escaped.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from markupsafe import Markup

from signet.oauth.client import CLIENT_SECRET_LENGTH
from signet.oauth.refusal import Reason
from signet.views.admin.client_methods import METHODS
from signet.views.admin.presentation import ago_or_in, format_datetime
from signet.views.admin.refusal_case import Case, Party
from signet.views.admin.secret_lines import secret_name


class Said(NamedTuple):
    """How a filter calls a reason, and how it reads in full."""

    label: str
    #: A text, or what makes one of a case.
    sentence: str | Callable[[Case], str]


def label_of(reason: str) -> str:
    """What a list calls a reason; one of another version of Signet is called as it is."""
    said = SENTENCES.get(reason)
    return said.label if said else reason


def say(case: Case) -> str:
    """What happened, in one or two sentences."""
    said = SENTENCES.get(case.request.reason)
    if said is None:
        return f"Another version of Signet noted: {case.request.text}"
    return said.sentence if isinstance(said.sentence, str) else said.sentence(case)


def link(party: Party) -> Markup:
    """The name of a client or API, as a link to its page."""
    return Markup('<a href="{}">{}</a>').format(party.url, party.name)


def _text(template: str, *values: object) -> Markup:
    """The template with these values, each escaped."""
    return Markup(template).format(*values)


def _code(text: object) -> Markup:
    return Markup("<code>{}</code>").format(text)


def _listed(names: object) -> Markup:
    return Markup(", ").join(map(_code, names if isinstance(names, list | tuple) else ()))


def _secret(case: Case) -> Markup:
    secret = case.secret
    return _text("secret “{}”", secret_name(secret)) if secret else _text("secret")


def _unknown_client(case: Case) -> str:
    claimed = case.request.claimed_client_id
    if not claimed:
        return (
            "There is no client of the ID that was sent. The ID is not kept, because it looks like "
            "something else that was pasted in its place."
        )
    text = _text("There is no client {}.", _code(claimed))
    if case.meant is not None:
        wrong = "It holds a stray space or line break" if claimed != claimed.strip() else ""
        wrong = wrong or "Capital and small letters are not the same"
        text += _text(" {}: {} is called {}.", wrong, link(case.meant), _code(case.meant[0]))
    if case.deleted is not None:
        at, who = case.deleted.at, case.deleted.actor
        text += _text(" One of this ID was deleted by {} on {}.", who, format_datetime(at))
    if case.owner is not None:
        text += _text(" The secret that came with it is of {}.", link(case.owner))
    return text


def _wrong_method(case: Case) -> str:
    used = {
        "basic": "an Authorization header",
        "body": "a client secret in the body",
        "assertion": "a signed assertion or token",
        "certificate": "nothing but its TLS certificate",
    }.get(str(case.facts.get("used")), "something else")
    method = METHODS.get(str(case.facts.get("registered")))
    registered = method.means if method else "another way"
    return f"It sent {used}, but this client proves itself by {registered}."


def _mistyped_secret(case: Case) -> str:
    length = case.facts.get("length")
    rule = f"a secret of Signet begins with “signet_” and has {CLIENT_SECRET_LENGTH} characters"
    if not isinstance(length, int) or not case.facts.get("has_prefix"):
        return f"What was sent is no secret of Signet: {rule}. It may be of another system."
    if length < CLIENT_SECRET_LENGTH:
        return f"The secret was cut off: {length} characters arrived, and {rule}."
    if length > CLIENT_SECRET_LENGTH:
        return f"The secret was too long: {length} characters arrived, and {rule}."
    return "The secret was mistyped: its last six characters, a checksum, do not fit the others."


def _padded_secret(case: Case) -> str:
    return _text(
        "The {} was right, but with a space or a line break before or after it. "
        "A file often ends with one.",
        _secret(case),
    )


def _encoded_secret(case: Case) -> str:
    return _text("The {} was right, but percent-encoded once too often.", _secret(case))


def _ended_secret(verb: str) -> Callable[[Case], str]:
    def sentence(case: Case) -> str:
        ended = case.moment("ended_at")
        when = (
            _text(" {}, on {}", ago_or_in(ended, case.now), format_datetime(ended)) if ended else ""
        )
        return _text("The {} {}{}.", _secret(case), verb, when)

    return sentence


def _foreign_secret(case: Case) -> str:
    if case.owner is None:
        return "The secret is of another client or API, which is deleted by now."
    return _text("The secret is right, but it is of {}, not of this client.", link(case.owner))


def _basic(case: Case) -> str:
    why = {
        "not the Basic scheme": "it is not of the scheme Basic",
        "undecodable": "what stands behind “Basic” is not Base64",
        "client id or secret missing": "the client ID or the secret is empty, or there is no colon "
        "between them",
        "too long": "the client ID or the secret is too long",
    }.get(str(case.facts.get("problem")), case.detail)
    return f"The Authorization header cannot be read: {why}."


def _does_not_hold(what: str) -> Callable[[Case], str]:
    return lambda case: f"{what} does not hold: {case.detail}."


def _assertion_audience(case: Case) -> str:
    expected = case.facts.get("expected")
    return _text(
        "The assertion is for somebody else: its aud is {}, expected is {}.",
        _code(case.facts.get("aud")),
        Markup(" or ").join(map(_code, expected if isinstance(expected, list) else [expected])),
    )


def _assertion_issuer(case: Case) -> str:
    return _text(
        "The assertion speaks for somebody else: iss is {} and sub is {}, both must be {}.",
        *(_code(case.facts.get(name)) for name in ("iss", "sub", "expected")),
    )


def _by_how_much(case: Case) -> tuple[datetime | None, str]:
    moment, then = case.moment("moment"), case.moment("now")
    if moment is None or then is None:
        return None, "some time"
    return moment, _span(abs(then - moment))


def _expired_assertion(case: Case) -> str:
    moment, late = _by_how_much(case)
    ended = _text(", at {}", format_datetime(moment)) if moment else ""
    return _text("The assertion had ended {} before it came{}.", late, ended)


def _early_assertion(case: Case) -> str:
    claim, (_, early) = case.facts.get("claim"), _by_how_much(case)
    return _text(
        "The assertion is from the future: its {} is {} ahead of this server’s clock. "
        "The clocks do not agree.",
        _code(claim),
        early,
    )


def _assertion_signature(case: Case) -> str:
    kid, alg = case.facts.get("kid"), _code(case.facts.get("alg"))
    if case.facts.get("knows_key"):
        return _text("The signature ({}) is not by the key that Signet knows.", alg)
    named = _text("of the kid {}", _code(kid)) if kid else _text("that fits")
    return _text("Signet knows no key {} for the algorithm {}.", named, alg)


def _workload_untrusted(case: Case) -> str:
    entries = case.facts.get("entries")
    if not isinstance(entries, list) or not entries:
        return "The client trusts no issuer, so no token of another issuer lets it in."
    words = {"iss": "issuer", "sub": "subject", "aud": "audience"}
    misfits = [
        [word for claim, word in words.items() if not entry.get("fits", {}).get(claim)]
        for entry in entries
    ]
    text = "The token of the platform fits none of the issuers that this client trusts"
    nearest = min(misfits, key=len)
    return f"{text}: the nearest differs in {' and '.join(nearest)}." if nearest else f"{text}."


def _scope_not_assigned(case: Case) -> str:
    refused = case.facts.get("refused")
    names = refused if isinstance(refused, list) else []
    assigned = set(case.client.scopes if case.client else ())
    parts = []
    for name in names:
        if name not in case.scopes:
            why = "there is no such scope"
        elif not case.scopes[name]:
            why = "it is disabled, nobody gets it"
        else:
            why = "it was not assigned to this client"
            why += ", and is now" if name in assigned else ""
        parts.append(_text("{}: {}", _code(name), why))
    had = _listed(case.facts.get("assigned"))
    text = _text("The scope was refused. {}.", Markup("; ").join(parts))
    return text + (_text(" It had {}.", had) if had else " It had none.")


def _dpop_target(case: Case) -> str:
    return _text(
        "The DPoP proof is for another request: its {} is {}, expected is {}.",
        *(_code(case.facts.get(name)) for name in ("claim", "said", "expected")),
    )


def _dpop_time(case: Case) -> str:
    moment, then = case.moment("moment"), case.moment("now")
    _, much = _by_how_much(case)
    if moment is None or then is None:
        return "The DPoP proof is too old or from the future."
    direction = "before" if moment <= then else "ahead of"
    return _text(
        "The DPoP proof is not of this moment: its {} is {} {} this server’s clock.",
        _code(case.facts.get("claim")),
        much,
        direction,
    )


def _its_text(text: str) -> Callable[[Case], str]:
    return lambda case: f"{text}: {case.request.text.rstrip('.')}."


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:,} {name}s"
    return "1 second" if seconds == 1 else f"{seconds} seconds"


SENTENCES: Mapping[str, Said] = {
    Reason.NO_CREDENTIALS: Said(
        "No credentials",
        "The request held no credentials: neither an Authorization header, nor a client secret, "
        "nor an assertion.",
    ),
    Reason.UNKNOWN_CLIENT: Said("Unknown client", _unknown_client),
    Reason.DISABLED_CLIENT: Said("Client disabled", "The client was disabled."),
    Reason.WRONG_METHOD: Said("Wrong method", _wrong_method),
    Reason.SECRET_WITHOUT_CLIENT_ID: Said(
        "No client ID", "The body held a client secret, but no client_id."
    ),
    Reason.WRONG_SECRET: Said(
        "Wrong secret",
        "The secret has the form of one that Signet makes, but no client and no API here has it or "
        "had it.",
    ),
    Reason.MISTYPED_SECRET: Said("Mistyped secret", _mistyped_secret),
    Reason.PADDED_SECRET: Said("Stray space or line break", _padded_secret),
    Reason.ENCODED_SECRET: Said("Secret encoded twice", _encoded_secret),
    Reason.EXPIRED_SECRET: Said("Expired secret", _ended_secret("expired")),
    Reason.REVOKED_SECRET: Said("Revoked secret", _ended_secret("was revoked")),
    Reason.FOREIGN_SECRET: Said("Secret of another client", _foreign_secret),
    Reason.BASIC: Said("Unreadable header", _basic),
    Reason.BASIC_ENCODING: Said(
        "Header encoded wrongly",
        "The client ID or the secret in the Authorization header is not encoded as a form is: a % "
        "in it is followed by no number, or it is not UTF-8.",
    ),
    Reason.ASSERTION: Said("Assertion not valid", _does_not_hold("The assertion")),
    Reason.ASSERTION_AUDIENCE: Said("Assertion for another server", _assertion_audience),
    Reason.ASSERTION_ISSUER: Said("Assertion for another client", _assertion_issuer),
    Reason.ASSERTION_REPLAYED: Said(
        "Assertion used twice", "The client has sent the same assertion before. Each counts once."
    ),
    Reason.ASSERTION_EXPIRED: Said("Assertion expired", _expired_assertion),
    Reason.ASSERTION_EARLY: Said("Assertion from the future", _early_assertion),
    Reason.ASSERTION_SIGNATURE: Said("Signature not valid", _assertion_signature),
    Reason.ASSERTION_KEYS: Said(
        "Keys not available", _its_text("The keys to check the signature with cannot be had")
    ),
    Reason.WORKLOAD: Said("Platform token not valid", _does_not_hold("The token of the platform")),
    Reason.WORKLOAD_UNTRUSTED: Said("Platform token not trusted", _workload_untrusted),
    Reason.CERTIFICATE: Said("Certificate not accepted", _does_not_hold("The certificate")),
    Reason.SCOPE_NOT_ASSIGNED: Said("Scope not assigned", _scope_not_assigned),
    Reason.NO_SCOPE: Said(
        "No scope", "No scope is assigned to the client, or each of them is disabled."
    ),
    Reason.INVALID_REQUEST: Said("Malformed request", _its_text("The request is malformed")),
    Reason.INVALID_SCOPE: Said("Scope not possible", _its_text("The scope was refused")),
    Reason.INVALID_TARGET: Said("API not possible", _its_text("The resource was refused")),
    Reason.INVALID_GRANT: Said("Grant not valid", _its_text("The grant was refused")),
    Reason.INVALID_DPOP_PROOF: Said("DPoP proof not valid", _does_not_hold("The DPoP proof")),
    Reason.DPOP_MISSING: Said(
        "No DPoP proof", "The request had no DPoP proof, and this client must send one each time."
    ),
    Reason.DPOP_REPLAYED: Said(
        "DPoP proof used twice", "The client has sent the same DPoP proof before. Each counts once."
    ),
    Reason.DPOP_TARGET: Said("DPoP proof for another address", _dpop_target),
    Reason.DPOP_TIME: Said("DPoP proof too old or early", _dpop_time),
    Reason.USE_DPOP_NONCE: Said(
        "DPoP nonce asked for",
        "The DPoP proof lacked the nonce of this server, or had an old one. The answer holds the "
        "right one: this is how a conversation begins, unless it happens each time.",
    ),
    Reason.UNAUTHORIZED_CLIENT: Said(
        "Grant not allowed", "The client may not ask for a token in this way."
    ),
    Reason.UNSUPPORTED_GRANT_TYPE: Said(
        "Unknown grant type", "The grant_type is none that Signet offers: client_credentials only."
    ),
    Reason.TEMPORARILY_UNAVAILABLE: Said(
        "Server busy or database away", _its_text("Signet could not answer at that moment")
    ),
    Reason.SERVER_ERROR: Said(
        "Fault of the server", "Something went wrong on the server. The client did nothing wrong."
    ),
    Reason.OTHER: Said("Something else", _its_text("The request was refused")),
}
