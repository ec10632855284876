"""What all forms of the admin pages share."""

import secrets

from flask import request
from flask_wtf import FlaskForm

from signet.models.form_numbers import use_form_number
from signet.operations.errors import OperationError
from signet.wiring import wiring

#: Fields that may stand in a form more than once: sets of check boxes.
MULTIPLE_FIELDS = frozenset({"scopes", "apis", "replaces"})
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
    number = request.form.get(_FORM_NUMBER, "")
    return bool(number) and use_form_number(number[:100], now=wiring().clock())
