"""The form of how a client proves itself: a choice, and below each way what it needs."""

from collections.abc import Mapping
from typing import Any

from wtforms import RadioField, ValidationError
from wtforms.validators import AnyOf

from signet.models.clients import ClientDetails
from signet.oauth.client import (
    CLIENT_SECRET_BASIC,
    FEDERATED_JWT,
    PRIVATE_KEY_JWT,
    SELF_SIGNED_TLS_CLIENT_AUTH,
    TLS_CLIENT_AUTH,
)
from signet.operations.client_authentication import ClientAuthentication, authentication_of
from signet.operations.errors import OperationError
from signet.settings import Settings
from signet.views.admin.client_issuer_fields import IssuerFields, filled_in_issuers
from signet.views.admin.client_issuers import issuer_choices
from signet.views.admin.client_key_fields import AssertionFields, CertificateFields, filled_in_keys
from signet.views.admin.client_keys import key_choices
from signet.views.admin.client_methods import METHODS, missing_variables


def method_field(default: str | None) -> RadioField:
    """The choice of how a client proves itself."""
    return RadioField(
        "How the client proves itself",
        [AnyOf(METHODS, message="Choose how the client proves itself")],
        choices={name: method.label for name, method in METHODS.items()},
        default=default,
        validate_choice=False,
    )


class MethodForm(AssertionFields, CertificateFields, IssuerFields):
    """How a client proves itself, with the fields of every way."""

    token_endpoint_auth_method = method_field(CLIENT_SECRET_BASIC)

    #: The settings that are missing for the ways that this server does not offer.
    unavailable: Mapping[str, tuple[str, ...]] = {}

    def offer(self, settings: Settings, client: ClientDetails | None = None) -> None:
        """Ask for what this server takes; of a client that there is, for what it keeps as well."""
        if client is not None:
            self.now = authentication_of(client)
            if self.now.method == PRIVATE_KEY_JWT:
                self.kept_keys.options = key_choices(self.now.jwks)
            elif self.now.method == SELF_SIGNED_TLS_CLIENT_AUTH:
                self.kept_certificates.options = key_choices(self.now.jwks)
            self.kept_issuers.options = issuer_choices(self.now.trusted_issuers)
        missing = {name: missing_variables(name, settings) for name in METHODS}
        self.unavailable = {
            name: variables
            for name, variables in missing.items()
            # What a client has it may keep: the variable was there, and can come back.
            if variables and (client is None or name != self.now.method)
        }

    def validate_token_endpoint_auth_method(self, field: RadioField) -> None:
        """Take no client that could never come in."""
        if field.data in self.unavailable:
            names = " and ".join(self.unavailable[field.data])
            raise ValidationError(f"Choose another way: this one needs {names} on this server")

    def authentication(self) -> ClientAuthentication:
        """What was chosen, for the operation."""
        method = self.token_endpoint_auth_method.data
        if method == PRIVATE_KEY_JWT:
            return self.assertion_authentication()
        if method == TLS_CLIENT_AUTH:
            return self.subject_authentication()
        if method == SELF_SIGNED_TLS_CLIENT_AUTH:
            return self.certificate_authentication()
        if method == FEDERATED_JWT:
            return self.issuer_authentication()
        return ClientAuthentication(method=method)

    def refuse(self, error: OperationError) -> None:
        """Put the text of a refusal at the field it is about; certificates are keys as well."""
        fields = {"jwks": "certificates", "jwks_uri": "certificates_uri"}
        if self.token_endpoint_auth_method.data == SELF_SIGNED_TLS_CLIENT_AUTH:
            error = OperationError(str(error), field=fields.get(error.field or "", error.field))
        super().refuse(error)


def filled_in(now: ClientAuthentication) -> dict[str, Any]:
    """What the form holds when somebody begins to edit."""
    fields = {"token_endpoint_auth_method": now.method}
    return fields | dict(filled_in_keys(now)) | dict(filled_in_issuers(now))
