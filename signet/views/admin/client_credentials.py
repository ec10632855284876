"""How the keys, certificates and issuers of a client are used; its secrets have their own page."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from signet.models.clients import ClientDetails, TrustDetails
from signet.models.credential_activity import OwnerActivity
from signet.oauth.client import FEDERATED_JWT, SELF_SIGNED_TLS_CLIENT_AUTH, TLS_CLIENT_AUTH
from signet.oauth.tls_client_authentication import ANY_CERTIFICATE
from signet.views.admin.client_keys import key_lines
from signet.views.admin.presentation import ago_or_in
from signet.views.admin.secret_verdict import caller_of, times


class UsedCredential(NamedTuple):
    """A key or certificate that was used and does not stand in the client's own list."""

    #: A thumbprint; empty: any certificate of the subject will do.
    thumbprint: str
    use: str


def uses_in_words(
    activity: OwnerActivity, credential_ids: Iterable[str], now: datetime
) -> dict[str, str]:
    """When and by whom each of these was last used, and how often."""
    return {name: _said(activity, name, now) for name in credential_ids}


def credential_ids(client: ClientDetails) -> tuple[str, ...]:
    """What the uses of the keys, certificates and issuers are counted under that it lists."""
    if client.token_endpoint_auth_method == FEDERATED_JWT:
        return tuple(entry_id(trust) for trust in client.trusted_issuers)
    if client.token_endpoint_auth_method == SELF_SIGNED_TLS_CLIENT_AUTH:
        return tuple(line.certificate for line in key_lines(client.jwks))
    return tuple(line.thumbprint for line in key_lines(client.jwks))


def other_credentials(
    client: ClientDetails, activity: OwnerActivity, now: datetime
) -> tuple[UsedCredential, ...]:
    """What it proved itself by besides, the latest first: keys that it publishes, a certificate."""
    listed = credential_ids(client)
    found = [
        (known.use.last_used_at, name)
        for name in credential_names(client, activity)
        if (known := activity.of(name)).use is not None and name not in listed
    ]
    return tuple(
        UsedCredential("" if name == ANY_CERTIFICATE else name, _said(activity, name, now))
        for _, name in sorted(found, reverse=True)
    )


def credential_names(client: ClientDetails, activity: OwnerActivity) -> dict[str, str]:
    """What people call each credential of a client without secrets, by what counts its use."""
    if client.token_endpoint_auth_method == FEDERATED_JWT:
        return {entry_id(trust): trust.issuer for trust in client.trusted_issuers}
    if client.token_endpoint_auth_method == TLS_CLIENT_AUTH:
        return {ANY_CERTIFICATE: "its certificate"}
    names: Collection[str] = credential_ids(client)
    if client.jwks_uri:
        # Which keys it publishes is known only by their use.
        secrets = {secret.secret_id for secret in client.secrets}
        names = activity.credentials.keys() - secrets - {ANY_CERTIFICATE}
    return {name: f"{name[:8]}…" for name in names}


def entry_id(trust: TrustDetails) -> str:
    """What the use of an issuer is counted under."""
    return trust.to_trusted_issuer().entry_id


def _said(activity: OwnerActivity, credential_id: str, now: datetime) -> str:
    known = activity.of(credential_id)
    if known.use is None:
        return "Never"
    last = ago_or_in(known.use.last_used_at, now)
    last = f"{last[0].upper()}{last[1:]} by {caller_of(known.use)}"
    return f"{last}; {times(known.week)} in 7 days" if known.week else last
