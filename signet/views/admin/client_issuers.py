"""The issuers that vouch for a client, as choices in a form and rows on its page."""

from collections.abc import Collection
from dataclasses import asdict
from typing import NamedTuple

from signet.models.clients import TrustDetails
from signet.views.admin.client_keys import id_of, key_lines


class IssuerLine(NamedTuple):
    """An issuer as a row of a table."""

    issuer: str
    subject: str
    audience: str
    #: Where its keys are: an address, the thumbprints of those that are known, or by discovery.
    keys: str
    #: What its use is counted under.
    entry_id: str


def issuer_lines(trusted: Collection[TrustDetails]) -> tuple[IssuerLine, ...]:
    """The issuers in the order in which they were added."""
    return tuple(map(_to_line, trusted))


def issuer_choices(trusted: Collection[TrustDetails]) -> list[tuple[str, str, str]]:
    """The same as check boxes: what is sent, what is read, the line under it."""
    return [
        (
            id_of(asdict(trust)),
            line.issuer,
            f"Subject {line.subject}, audience {line.audience}, keys: {line.keys}",
        )
        for trust, line in zip(trusted, issuer_lines(trusted), strict=True)
    ]


def kept_issuers(
    trusted: Collection[TrustDetails], issuer_ids: Collection[str]
) -> tuple[TrustDetails, ...]:
    """Those that were ticked."""
    return tuple(trust for trust in trusted if id_of(asdict(trust)) in issuer_ids)


def _to_line(trust: TrustDetails) -> IssuerLine:
    thumbprints = ", ".join(line.thumbprint for line in key_lines(trust.jwks))
    return IssuerLine(
        issuer=trust.issuer,
        subject=trust.subject,
        audience=trust.audience,
        keys=trust.jwks_uri or thumbprints or "by discovery",
        entry_id=trust.to_trusted_issuer().entry_id,
    )
