"""The fields of clients that other issuers vouch for."""

from collections.abc import Mapping
from typing import Any

from wtforms import StringField, ValidationError

from signet.models.clients import TrustDetails
from signet.oauth.client import FEDERATED_JWT
from signet.operations.client_authentication import ClientAuthentication
from signet.views.admin.client_choices import (
    ADDRESS,
    INLINE,
    SOURCES,
    ChoiceForm,
    KeptField,
    required,
    source_field,
)
from signet.views.admin.client_issuers import issuer_choices, kept_issuers
from signet.views.admin.client_keys import KeysField

#: The issuer's metadata say where its keys are.
DISCOVERY = "discovery"
_ONE_MORE = (
    "trust_issuer",
    "trust_subject",
    "trust_audience",
    "trust_key_source",
    "trust_jwks",
    "trust_jwks_uri",
)


class IssuerFields(ChoiceForm):
    """Which issuers vouch for a client: those that stay, and one more."""

    kept_issuers = KeptField("Issuers it has now")
    trust_issuer = StringField("Issuer", [required("Enter the address of the issuer")])
    trust_subject = StringField("Subject", [required("Enter the subject")])
    trust_audience = StringField("Audience", [required("Enter the audience")])
    trust_key_source = source_field(
        "Its keys", {DISCOVERY: "Find them by the issuer's metadata", **SOURCES}
    )
    trust_jwks = KeysField("Public keys of the issuer")
    trust_jwks_uri = StringField(
        "Address of the issuer's keys",
        [required("Enter the address where the issuer publishes its keys")],
    )

    def counts(self, name: str) -> bool:
        """Not so the fields of one more issuer, if there is one and nobody has begun with more."""
        return super().counts(name) and (name not in _ONE_MORE or self.adds_issuer)

    @property
    def adds_issuer(self) -> bool:
        """Whether one more issuer is to be added."""
        begun = any((self.trust_issuer.data, self.trust_subject.data, self.trust_audience.data))
        return begun or self.trust_key_source.data != DISCOVERY or not self._kept()

    def validate_trust_jwks(self, field: KeysField) -> None:
        """Keys that are to be known beforehand must be there."""
        if self.counts(field.name) and not (field.process_errors or field.jwks):
            raise ValidationError("Paste or upload the issuer's public keys")

    def issuer_authentication(self) -> ClientAuthentication:
        """What was chosen, for the operation."""
        added = (self._trust(),) if self.adds_issuer else ()
        return ClientAuthentication(method=FEDERATED_JWT, trusted_issuers=(*self._kept(), *added))

    def _kept(self) -> tuple[TrustDetails, ...]:
        return kept_issuers(self.now.trusted_issuers, self.kept_issuers.data or ())

    def _trust(self) -> TrustDetails:
        source = self.trust_key_source.data
        return TrustDetails(
            issuer=self.trust_issuer.data or "",
            subject=self.trust_subject.data or "",
            audience=self.trust_audience.data or "",
            jwks=self.trust_jwks.jwks if source == INLINE else None,
            jwks_uri=self.trust_jwks_uri.data if source == ADDRESS else None,
        )


def filled_in_issuers(now: ClientAuthentication) -> Mapping[str, Any]:
    """What these fields hold when somebody begins to edit."""
    return {"kept_issuers": [value for value, *_ in issuer_choices(now.trusted_issuers)]}
