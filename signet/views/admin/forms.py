"""What all forms of the admin pages share."""

import secrets

from flask import request
from flask_wtf import FlaskForm

from signet.models import form_numbers
from signet.operations.errors import OperationError
from signet.wiring import wiring

#: Fields that may stand in a form more than once: sets of check boxes.
MULTIPLE_FIELDS = frozenset(
    {"scopes", "apis", "replaces", "kept_keys", "kept_certificates", "kept_issuers"}
)
#: Fields that may hold an uploaded file.
FILE_FIELDS = frozenset({"jwks_file", "certificates_file", "trust_jwks_file"})
_FORM_NUMBER = "form_number"


class AdminForm(FlaskForm):
    """A form whose refusals by an operation stand beside their fields."""

    def refuse(self, error: OperationError) -> None:
        """Put the text of a refusal at the field it is about, else above the form."""
        if error.field in self._fields:
            field = self._fields[error.field]
            field.errors = [*field.errors, str(error)]
        else:
            self.form_errors.append(str(error))


def new_form_number() -> str:
    """A number for the hidden field of a form that must act once."""
    return secrets.token_urlsafe(16)


def claim_form_number() -> bool:
    """Whether this form is sent for the first time; it cannot be sent again afterwards."""
    number = _sent_number()
    return bool(number) and form_numbers.use_form_number(number, now=wiring().clock())


def release_form_number() -> None:
    """Let this form be sent again: the operation refused it, so it has not acted."""
    form_numbers.release_form_number(_sent_number())


def _sent_number() -> str:
    return request.form.get(_FORM_NUMBER, "")[:100]
