"""A form in which fields belong to choices: only what belongs to the chosen ones counts.

What stands in the other fields is no mistake and goes nowhere; it is still there if they are chosen
after all.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wtforms import Field, RadioField, SelectMultipleField, ValidationError
from wtforms.validators import AnyOf

from signet.oauth.client import (
    CLIENT_SECRET_BASIC,
    FEDERATED_JWT,
    PRIVATE_KEY_JWT,
    SELF_SIGNED_TLS_CLIENT_AUTH,
    TLS_CLIENT_AUTH,
)
from signet.operations.client_authentication import ClientAuthentication
from signet.views.admin.forms import AdminForm

#: Where keys are: in the form, or at an address.
INLINE, ADDRESS = "inline", "address"
SOURCES = {INLINE: "Paste or upload them", ADDRESS: "Read them from an address"}

_METHOD = "token_endpoint_auth_method"
#: The choice that a field belongs to: it counts if that is made, and counts itself.
_BELONGS_TO: Mapping[str, tuple[str, str]] = {
    "expires_in": (_METHOD, CLIENT_SECRET_BASIC),
    "key_source": (_METHOD, PRIVATE_KEY_JWT),
    "kept_keys": ("key_source", INLINE),
    "jwks": ("key_source", INLINE),
    "jwks_uri": ("key_source", ADDRESS),
    "token_endpoint_auth_signing_alg": (_METHOD, PRIVATE_KEY_JWT),
    "allow_token_endpoint_audience": (_METHOD, PRIVATE_KEY_JWT),
    "tls_client_auth_subject_dn": (_METHOD, TLS_CLIENT_AUTH),
    "certificate_source": (_METHOD, SELF_SIGNED_TLS_CLIENT_AUTH),
    "kept_certificates": ("certificate_source", INLINE),
    "certificates": ("certificate_source", INLINE),
    "certificates_uri": ("certificate_source", ADDRESS),
    "kept_issuers": (_METHOD, FEDERATED_JWT),
    "trust_issuer": (_METHOD, FEDERATED_JWT),
    "trust_subject": (_METHOD, FEDERATED_JWT),
    "trust_audience": (_METHOD, FEDERATED_JWT),
    "trust_key_source": (_METHOD, FEDERATED_JWT),
    "trust_jwks": ("trust_key_source", INLINE),
    "trust_jwks_uri": ("trust_key_source", ADDRESS),
}


class KeptField(SelectMultipleField):
    """Check boxes of what a client has now; those without a tick are removed."""

    #: What is sent, what is read, the line under it.
    options: Sequence[tuple[str, str, str]] = ()

    def __init__(self, label: str, **more: Any) -> None:
        """Take any tick: what the client does not have is not kept either."""
        super().__init__(label, choices=[], validate_choice=False, **more)


class ChoiceForm(AdminForm):
    """A form of which only a part counts."""

    #: What is decided now of the client that is edited; of a new one, what is usual.
    now = ClientAuthentication()

    def counts(self, name: str) -> bool:
        """Whether the choices are made that this field belongs to."""
        if name not in _BELONGS_TO:
            return True
        choice, value = _BELONGS_TO[name]
        return self[choice].data == value and self.counts(choice)

    def validate(self, extra_validators: Any = None) -> bool:
        """Check the fields that count."""
        for name, field in self._fields.items():
            if not self.counts(name):
                field.validators, field.process_errors = (), []
        return bool(super().validate(extra_validators))


def required(message: str) -> Callable[[AdminForm, Field], None]:
    """Refuse an empty field, by no attribute in the page: there it may belong to no choice made."""

    def check(form: AdminForm, field: Field) -> None:
        if not str(field.data or "").strip():
            raise ValidationError(message)

    return check


def source_field(label: str, choices: Mapping[str, str]) -> RadioField:
    """The choice of where keys are; the first is preselected."""
    message = f"Choose where {label[0].lower()}{label[1:]} are"
    return RadioField(
        label,
        [AnyOf(choices, message=message)],
        choices=dict(choices),
        default=next(iter(choices)),
        validate_choice=False,
    )
