"""The fields of clients that are known by keys: of signed assertions, and of TLS certificates."""

from collections.abc import Mapping
from typing import Any

from wtforms import BooleanField, SelectField, StringField, ValidationError

from signet.oauth.client import PRIVATE_KEY_JWT, SELF_SIGNED_TLS_CLIENT_AUTH, TLS_CLIENT_AUTH
from signet.operations.client_authentication import SIGNING_ALGORITHMS, ClientAuthentication
from signet.views.admin.client_choices import (
    ADDRESS,
    INLINE,
    SOURCES,
    ChoiceForm,
    KeptField,
    required,
    source_field,
)
from signet.views.admin.client_keys import KeysField, joined_keys, kept_keys, key_choices


class AssertionFields(ChoiceForm):
    """What a client of signed assertions needs."""

    key_source = source_field("Its public keys", SOURCES)
    kept_keys = KeptField("Keys it has now")
    jwks = KeysField("Public keys")
    jwks_uri = StringField(
        "Address of its keys", [required("Enter the address where it publishes its keys")]
    )
    token_endpoint_auth_signing_alg = SelectField(
        "Signing algorithm",
        choices={"": "Any but RS256", **{alg: f"Only {alg}" for alg in SIGNING_ALGORITHMS}},
        default="",
        validate_choice=False,
    )
    allow_token_endpoint_audience = BooleanField("Accept the token endpoint as audience")

    def validate_jwks(self, field: KeysField) -> None:
        """Know the client by one key at least."""
        if self.counts(field.name) and not (field.process_errors or self._assertion_keys()["jwks"]):
            raise ValidationError("Paste or upload the client's public keys")

    def assertion_authentication(self) -> ClientAuthentication:
        """What was chosen, for the operation."""
        return ClientAuthentication(
            method=PRIVATE_KEY_JWT,
            signing_alg=self.token_endpoint_auth_signing_alg.data or None,
            allows_token_endpoint_audience=self.allow_token_endpoint_audience.data,
            **self._assertion_keys(),
        )

    def _assertion_keys(self) -> dict[str, Any]:
        if self.key_source.data == ADDRESS:
            return {"jwks_uri": self.jwks_uri.data or ""}
        now = self.now.jwks if self.now.method == PRIVATE_KEY_JWT else None
        return {"jwks": joined_keys(kept_keys(now, self.kept_keys.data or ()), self.jwks.jwks)}


class CertificateFields(ChoiceForm):
    """What a client with a TLS certificate needs, of an authority or of its own making."""

    tls_client_auth_subject_dn = StringField(
        "Subject of its certificate", [required("Enter the subject of the certificate")]
    )
    certificate_source = source_field("Its certificates", SOURCES)
    kept_certificates = KeptField("Certificates it has now")
    certificates = KeysField("Certificates")
    certificates_uri = StringField(
        "Address of its certificates",
        [required("Enter the address where it publishes its certificates")],
    )

    def validate_certificates(self, field: KeysField) -> None:
        """Know the client by one certificate at least."""
        if self.counts(field.name) and not (field.process_errors or self._certificates()["jwks"]):
            raise ValidationError("Paste or upload the client's certificates")

    def subject_authentication(self) -> ClientAuthentication:
        """What was chosen of a certificate of an authority."""
        subject_dn = self.tls_client_auth_subject_dn.data or ""
        return ClientAuthentication(method=TLS_CLIENT_AUTH, subject_dn=subject_dn)

    def certificate_authentication(self) -> ClientAuthentication:
        """What was chosen of a certificate of its own."""
        return ClientAuthentication(method=SELF_SIGNED_TLS_CLIENT_AUTH, **self._certificates())

    def _certificates(self) -> dict[str, Any]:
        if self.certificate_source.data == ADDRESS:
            return {"jwks_uri": self.certificates_uri.data or ""}
        now = self.now.jwks if self.now.method == SELF_SIGNED_TLS_CLIENT_AUTH else None
        kept = kept_keys(now, self.kept_certificates.data or ())
        return {"jwks": joined_keys(kept, self.certificates.jwks)}


def filled_in_keys(now: ClientAuthentication) -> Mapping[str, Any]:
    """What these fields hold when somebody begins to edit."""
    source = ADDRESS if now.jwks_uri else INLINE
    kept = [value for value, *_ in key_choices(now.jwks)]
    if now.method == PRIVATE_KEY_JWT:
        return {
            "key_source": source,
            "kept_keys": kept,
            "jwks_uri": now.jwks_uri,
            "token_endpoint_auth_signing_alg": now.signing_alg or "",
            "allow_token_endpoint_audience": now.allows_token_endpoint_audience,
        }
    if now.method == SELF_SIGNED_TLS_CLIENT_AUTH:
        return {
            "certificate_source": source,
            "kept_certificates": kept,
            "certificates_uri": now.jwks_uri,
        }
    return {"tls_client_auth_subject_dn": now.subject_dn}
