"""Scope — RFC 6749 §3.3, RFC 8707: which scopes are granted, and for which APIs."""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import InvalidScopeError

from signet.oauth.client import Audience, Client, ClientScope
from signet.oauth.errors import InvalidTargetError, RefusedScopeError
from signet.oauth.refusal import Reason, Refusal, presented

#: "scope-token = 1*( %x21 / %x23-5B / %x5D-7E )" — §3.3
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")
#: So many scopes a refusal names.
MOST_NAMES = 20
#: What a client asks for is mostly the same; so many different ones are remembered of each.
MOST_REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class GrantedScope:
    """The scopes of a token, sorted, and the APIs that it is for, sorted."""

    names: tuple[str, ...]
    audiences: tuple[Audience, ...]
    #: What stands in ``aud``.
    identifiers: tuple[str, ...] = field(init=False)
    #: What the APIs want their tokens signed with; ``None`` is the server's choice.
    signing_algs: frozenset[str | None] = field(init=False)

    def __post_init__(self) -> None:
        identifiers = tuple(audience.identifier for audience in self.audiences)
        object.__setattr__(self, "identifiers", identifiers)
        algs = frozenset(audience.signing_alg for audience in self.audiences)
        object.__setattr__(self, "signing_algs", algs)


def grant_scope(client: Client, scope: str | None, *, resources: Sequence[str]) -> GrantedScope:
    """What the client gets of what it asks for: all of it, or a refusal.

    :param scope: the parameter as sent; omitted or blank means all that is assigned and that the
        chosen APIs own.
    :param resources: the ``resource`` parameters as sent; none means all APIs.
    :raises InvalidTargetError: if a ``resource`` is no API of the client's scopes.
    :raises InvalidScopeError: if a scope is malformed, unknown or not the client's, or owned by
        none of the chosen APIs, or if the client has none.
    """
    asked = (scope, *resources)
    granted: GrantedScope | None = client.granted.get(asked)
    if granted is None:
        granted = _decide(client, scope, resources)
        if len(client.granted) < MOST_REMEMBERED:
            client.granted[asked] = granted
    return granted


def _decide(client: Client, scope: str | None, resources: Sequence[str]) -> GrantedScope:
    assigned = {assigned.name: assigned for assigned in client.scopes}
    chosen = _choose_audiences(client, resources)
    owned = {name for name, own in assigned.items() if chosen.intersection(own.audiences)}
    requested = _parse_scope(scope or "") or owned
    if not requested:
        raise _no_scope()
    if not requested <= assigned.keys():
        raise _not_assigned(requested, assigned)
    if not requested <= owned:
        raise InvalidScopeError("A scope belongs to none of the requested resources.")
    audiences = {
        audience
        for name in requested
        for audience in assigned[name].audiences
        if audience in chosen
    }
    return GrantedScope(
        tuple(sorted(requested)),
        tuple(sorted(audiences, key=lambda audience: audience.identifier)),
    )


def _no_scope() -> RefusedScopeError:
    description = "No scope is assigned to the client."
    return RefusedScopeError(description, Refusal(Reason.NO_SCOPE, description))


def _not_assigned(requested: Set[str], assigned: Mapping[str, ClientScope]) -> RefusedScopeError:
    description = "A scope is unknown or not assigned to the client."
    refused = sorted(requested - assigned.keys())
    facts = {
        "refused": [presented(name) for name in refused[:MOST_NAMES]],
        "assigned": sorted(assigned)[:MOST_NAMES],
    }
    return RefusedScopeError(description, Refusal(Reason.SCOPE_NOT_ASSIGNED, description, facts))


def is_scope_token(name: str) -> bool:
    """Whether a scope may be called so (§3.3)."""
    return _SCOPE_TOKEN.fullmatch(name) is not None


def _choose_audiences(client: Client, resources: Sequence[str]) -> set[Audience]:
    available = {audience for scope in client.scopes for audience in scope.audiences}
    if not resources:
        return available
    by_identifier = {audience.identifier: audience for audience in available}
    chosen = set()
    for resource in resources:
        # "an absolute URI, as specified by Section 4.3 of RFC 3986" … "MUST NOT include a
        # fragment component" — RFC 8707 §2. Another API is chosen by its scopes.
        if not _is_absolute_uri(resource) or resource not in by_identifier:
            raise InvalidTargetError("A resource is unknown or none of the client's scopes.")
        chosen.add(by_identifier[resource])
    return chosen


def _is_absolute_uri(resource: str) -> bool:
    try:
        parts = urlsplit(resource)
    except ValueError:
        return False
    return bool(parts.scheme and (parts.netloc or parts.path)) and "#" not in resource


def _parse_scope(scope: str) -> set[str]:
    names = set(scope.split(" ")) - {""}
    if not all(map(is_scope_token, names)):
        raise InvalidScopeError("The scope holds a character that is not allowed.")
    return names
