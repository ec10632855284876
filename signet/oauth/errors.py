"""Refusals that Authlib lacks or words unsafely — RFC 6749 §5.2, RFC 8707 §2.

What the caller reads is a fixed text that repeats nothing of the request; ``refusal`` is for the
log and for people. An error without one has nothing more to say than its description.
"""

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import (
    InvalidClientError,
    InvalidScopeError,
    UnsupportedGrantTypeError,
)

from signet.oauth.refusal import Refusal


class RefusedClientError(InvalidClientError):
    """``invalid_client``: the same answer whatever was wrong, so nobody can probe for clients."""

    def __init__(
        self,
        refusal: Refusal,
        *,
        by_header: bool,
        client_id: str | None = None,
        is_known: bool = False,
    ) -> None:
        super().__init__("Client authentication failed.", status_code=401 if by_header else 400)
        self.refusal = refusal
        #: Who the caller claims to be, and whether there is such a client.
        self.client_id = client_id
        self.is_known = is_known

    def challenged(self) -> "RefusedClientError":
        """The same refusal with 401 and the challenge, however the caller tried (RFC 7662 §2.3)."""
        return RefusedClientError(
            self.refusal, by_header=True, client_id=self.client_id, is_known=self.is_known
        )

    @property
    def reason(self) -> str:
        """The true reason, for the log."""
        return self.refusal.text

    def get_headers(self) -> list[tuple[str, str]]:
        """The headers of an error, with the challenge if the caller used the header (§5.2)."""
        headers: list[tuple[str, str]] = OAuth2Error.get_headers(self)
        if self.status_code == 401:
            headers.append(("WWW-Authenticate", 'Basic realm="signet"'))
        return headers


class RefusedCredentialsError(Exception):
    """What was presented does not prove who presented it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


class UnknownGrantTypeError(UnsupportedGrantTypeError):
    """``unsupported_grant_type``, without Authlib's echo of what the caller sent."""

    def __init__(self) -> None:
        super().__init__(grant_type=None)

    def get_error_description(self) -> str:
        """The text for the caller."""
        return self.description

    description = "The grant type is not supported."


class RefusedScopeError(InvalidScopeError):
    """``invalid_scope``, with more to tell than the caller hears."""

    def __init__(self, description: str, refusal: Refusal) -> None:
        super().__init__(description)
        self.refusal = refusal


class InvalidTargetError(OAuth2Error):
    """``invalid_target``: no token for the resource that was asked for (RFC 8707 §2)."""

    error = "invalid_target"
