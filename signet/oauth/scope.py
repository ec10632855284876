"""Scope — RFC 6749 §3.3, RFC 8707: which scopes are granted, and for which APIs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from authlib.oauth2.rfc6749 import InvalidScopeError

from signet.oauth.client import Client
from signet.oauth.errors import InvalidTargetError

#: "scope-token = 1*( %x21 / %x23-5B / %x5D-7E )" — §3.3
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")


@dataclass(frozen=True, slots=True)
class GrantedScope:
    """The scopes of a token, sorted, and the APIs that own them, sorted (``aud``)."""

    names: tuple[str, ...]
    audiences: tuple[str, ...]


def grant_scope(client: Client, scope: str | None, *, resources: Sequence[str]) -> GrantedScope:
    """What the client gets of what it asks for: all of it, or a refusal.

    :param scope: the parameter as sent; omitted or blank means all that is assigned.
    :param resources: the ``resource`` parameters as sent.
    :raises InvalidTargetError: for any ``resource``: a token for chosen APIs is not offered.
    :raises InvalidScopeError: if a scope is malformed, unknown or not the client's, or if the
        client has none.
    """
    if resources:
        raise InvalidTargetError("Choosing an API by resource is not supported.")
    assigned = {assigned.name: assigned for assigned in client.scopes}
    requested = _parse_scope(scope or "") or assigned.keys()
    if not requested:
        raise InvalidScopeError("No scope is assigned to the client.")
    if not requested <= assigned.keys():
        raise InvalidScopeError("A scope is unknown or not assigned to the client.")
    audiences = {audience for name in requested for audience in assigned[name].audiences}
    return GrantedScope(tuple(sorted(requested)), tuple(sorted(audiences)))


def _parse_scope(scope: str) -> set[str]:
    names = set(scope.split(" ")) - {""}
    if not all(_SCOPE_TOKEN.fullmatch(name) for name in names):
        raise InvalidScopeError("The scope holds a character that is not allowed.")
    return names
