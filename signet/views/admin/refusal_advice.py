"""What to do about a refused request: one table by reason, with links where Signet can help."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from flask import url_for

from signet.oauth.refusal import Reason
from signet.views.admin.refusal_case import Case


class Advice(NamedTuple):
    """One thing to do, and where."""

    text: str
    label: str = ""
    url: str = ""
    #: Whether the page behind the link changes something, so that viewers are not led there.
    changes: bool = False


def advice_on(case: Case) -> tuple[Advice, ...]:
    """What helps, the likeliest first."""
    found = ADVICE.get(case.request.reason)
    if found is None:
        return ()
    advice = (Advice(found),) if isinstance(found, str) else tuple(found(case))
    if case.request.status == 429:
        advice += (
            Advice(
                "It was answered with 429, because many requests of this client ID and address had "
                "failed within a minute. A right one is served all the same."
            ),
        )
    return advice


def _unknown_client(case: Case) -> list[Advice]:
    if case.meant is not None:
        return [Advice("Correct the client ID where the client keeps it.")]
    return [
        Advice("Compare the client ID with the list, and the address with the environment meant."),
        Advice("A client that was deleted is made anew.", "See all clients", _clients()),
    ]


def _disabled(case: Case) -> list[Advice]:
    if case.client is None or case.client.enabled:
        return [Advice("It is enabled by now.")]
    url = url_for("admin.clients.ask_enable", client_id=case.client.client_id)
    return [Advice("It gets tokens again once somebody enables it.", "Enable it", url, True)]


def _wrong_method(case: Case) -> list[Advice]:
    advice = [Advice("Let the client prove itself in the way that it is registered for.")]
    if case.client is not None:
        url = url_for("admin.clients.authentication", client_id=case.client.client_id)
        text = "Or register it for the way that it uses."
        advice.append(Advice(text, "Change how it proves itself", url, True))
    return advice


def _new_secret(text: str) -> Callable[[Case], list[Advice]]:
    def advise(case: Case) -> list[Advice]:
        if case.client is not None:
            new = url_for("admin.client_secrets.new", client_id=case.client.client_id)
            all_ = url_for("admin.client_secrets.index", client_id=case.client.client_id)
        elif case.api is not None:
            new = url_for("admin.api_secrets.new", number=case.api.number)
            all_ = url_for("admin.api_secrets.index", number=case.api.number)
        else:
            return [Advice(text)]
        return [
            Advice(text, "See its secrets", all_),
            Advice("If nobody has the right one, make another.", "Make a new secret", new, True),
        ]

    return advise


def _scope(case: Case) -> list[Advice]:
    if case.client is None:
        return []
    scopes = url_for("admin.clients.scopes", client_id=case.client.client_id)
    refused = case.facts.get("refused")
    names = refused if isinstance(refused, list) else []
    advice = []
    if any(name not in case.scopes for name in names):
        text = "A scope that does not exist is misspelt, or has still to be made."
        advice.append(Advice(text, "See all scopes", url_for("admin.scopes.index")))
    if any(not case.scopes.get(name, True) for name in names):
        text = "A disabled scope can be enabled again."
        advice.append(Advice(text, "See all scopes", url_for("admin.scopes.index")))
    if any(case.scopes.get(name) and name not in case.client.scopes for name in names):
        advice.append(Advice("If the client is to have it:", "Assign it", scopes, True))
    advice.append(
        Advice("Else the client asks for fewer, or for none: then it gets all that it has.")
    )
    return advice


def _no_scope(case: Case) -> list[Advice]:
    if case.client is None:
        return []
    url = url_for("admin.clients.scopes", client_id=case.client.client_id)
    return [Advice("Without a scope there is no token.", "Assign scopes", url, True)]


def _to_authentication(text: str, label: str) -> Callable[[Case], list[Advice]]:
    def advise(case: Case) -> list[Advice]:
        if case.client is None:
            return [Advice(text)]
        url = url_for("admin.clients.authentication", client_id=case.client.client_id)
        return [Advice(text, label, url, True)]

    return advise


def _clients() -> str:
    return url_for("admin.clients.index")


_CLOCK = (
    "Set the clock of the machine on which the client runs, for example with NTP, and the one of "
    "this server likewise."
)
_FRESH = "Make another one for each request, also when the same request is sent again."
_COPY = "Copy the secret whole, without anything around it."
_KEYS = _to_authentication(
    "Compare the key that signs with the ones that Signet knows.", "See its keys"
)

ADVICE: Mapping[str, str | Callable[[Case], list[Advice]]] = {
    Reason.NO_CREDENTIALS: "Send client ID and secret by Basic or in the body. If the client does, "
    "a proxy on the way may take the Authorization header out.",
    Reason.UNKNOWN_CLIENT: _unknown_client,
    Reason.DISABLED_CLIENT: _disabled,
    Reason.WRONG_METHOD: _wrong_method,
    Reason.SECRET_WITHOUT_CLIENT_ID: "Send client_id in the same body.",
    Reason.WRONG_SECRET: _new_secret(
        "It may be of another environment, or of a client that is deleted."
    ),
    Reason.MISTYPED_SECRET: _new_secret(_COPY),
    Reason.PADDED_SECRET: "Take off the space or the line break where the client reads the secret "
    "(printf instead of echo, strip() in the program). Nothing has to be changed here.",
    Reason.ENCODED_SECRET: "Encode client ID and secret once for Basic, and in the body as "
    "the form does by itself. Nothing has to be changed here.",
    Reason.EXPIRED_SECRET: _new_secret("Give the client a secret that works."),
    Reason.REVOKED_SECRET: _new_secret("Give the client a secret that works."),
    Reason.FOREIGN_SECRET: _new_secret(
        "Give each client its own secret. Two settings may have been swapped."
    ),
    Reason.BASIC: "Send “Basic ”, then the Base64 of client ID, colon and secret. Most HTTP "
    "libraries do it by themselves.",
    Reason.BASIC_ENCODING: "Encode client ID and secret as a form is (RFC 6749 §2.3.1). IDs and "
    "secrets of Signet need no encoding at all.",
    Reason.ASSERTION: "Compare what the client signs with what its page says under Use it.",
    Reason.ASSERTION_AUDIENCE: _to_authentication(
        "Set aud to the expected one, as a text and not as a list. An older library that names the "
        "token endpoint can be allowed to.",
        "Change what it accepts",
    ),
    Reason.ASSERTION_ISSUER: "Set iss and sub both to the client ID.",
    Reason.ASSERTION_REPLAYED: _FRESH,
    Reason.ASSERTION_EXPIRED: f"{_FRESH} {_CLOCK}",
    Reason.ASSERTION_EARLY: _CLOCK,
    Reason.ASSERTION_SIGNATURE: _KEYS,
    Reason.ASSERTION_KEYS: _to_authentication(
        "Check that this server reaches the address of the keys: the log says what went wrong.",
        "See where its keys are",
    ),
    Reason.WORKLOAD: "Read the token of the platform anew for each request, and send client_id.",
    Reason.WORKLOAD_UNTRUSTED: "Compare the token with each entry below: an entry must fit whole.",
    Reason.CERTIFICATE: _to_authentication(
        "Compare the certificate with the one that the client is registered for.",
        "See how it proves itself",
    ),
    Reason.SCOPE_NOT_ASSIGNED: _scope,
    Reason.NO_SCOPE: _no_scope,
    Reason.INVALID_REQUEST: "Send each parameter once, in the body, as a form "
    "(application/x-www-form-urlencoded).",
    Reason.INVALID_SCOPE: "Ask for the scopes of one API, with single spaces between them.",
    Reason.INVALID_TARGET: "Ask for an API that one of the client’s scopes belongs to.",
    Reason.INVALID_GRANT: "Ask with grant_type=client_credentials.",
    Reason.INVALID_DPOP_PROOF: "Let a library make the proof (RFC 9449).",
    Reason.DPOP_MISSING: "Let the client send a DPoP proof (RFC 9449) with each request.",
    Reason.DPOP_REPLAYED: _FRESH,
    Reason.DPOP_TARGET: "Make the proof for the public address of the token endpoint. If the "
    "expected one is wrong, SIGNET_ISSUER is.",
    Reason.DPOP_TIME: _CLOCK,
    Reason.USE_DPOP_NONCE: "Send the same request again with the nonce of the DPoP-Nonce header.",
    Reason.UNAUTHORIZED_CLIENT: "Ask with grant_type=client_credentials.",
    Reason.UNSUPPORTED_GRANT_TYPE: "Ask with grant_type=client_credentials.",
    Reason.TEMPORARILY_UNAVAILABLE: "Ask again after a moment. If it stays so, look at the "
    "database: the log says what went wrong.",
    Reason.SERVER_ERROR: "Look for the reference in the log of the server.",
    Reason.OTHER: "Look for the reference in the log of the server.",
}
