"""APIs as the protocol knows them — RFC 6749 §1.1 (resource server), RFC 8707, RFC 9068 §3."""

from dataclasses import dataclass

from signet.oauth.client import ClientSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceServer:
    """An API that may ask about tokens with one of its own secrets (RFC 7662 §2.1)."""

    #: What stands in ``aud``, and is its client id at the introspection endpoint.
    identifier: str
    #: ``alg`` of its tokens; ``None``: the server's default.
    signing_alg: str | None = None
    secrets: tuple[ClientSecret, ...] = ()
    #: Names of the scopes it owns, disabled ones too: tokens with them live on.
    scopes: frozenset[str] = frozenset()
