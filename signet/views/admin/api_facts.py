"""What is said of an API: found for a page, and the fields in which an operator types it."""

from flask import abort, request
from wtforms import SelectField, StringField
from wtforms.validators import AnyOf

from signet.models.admins import ADMINISTRATOR
from signet.models.resource_servers import ResourceServerDetails, find_resource_server_by_number
from signet.settings import SIGNING_ALGORITHMS
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import current_admin
from signet.wiring import wiring

#: Instead of an algorithm: the server's own choice, whichever it is.
DEFAULT = "default"


def stripped(text: str | None) -> str:
    """The text without spaces around it."""
    return (text or "").strip()


class ApiFactsForm(AdminForm):
    """The fields that a new API and an edit have in common."""

    name = StringField("Name", filters=[stripped])
    signing_alg = SelectField(
        "Signing algorithm",
        [AnyOf([DEFAULT, *SIGNING_ALGORITHMS], message="Choose how its tokens are signed")],
        validate_choice=False,
    )

    def reserve_signing(self) -> None:
        """Leave it to administrators how tokens are signed: a right of nobody else."""
        admin = current_admin()
        if admin is not None and admin.may(ADMINISTRATOR):
            self.signing_alg.choices = {DEFAULT: algorithm_name(None)} | {
                alg: alg for alg in SIGNING_ALGORITHMS
            }
            return
        if self.signing_alg.name in request.form:
            abort(403, "It needs the role Administrator. Nothing was changed.")
        del self.signing_alg

    def chosen_algorithm(self, present: str | None) -> str | None:
        """What was chosen, else what is there; ``None``: the server's default."""
        if "signing_alg" not in self:
            return present
        return None if self.signing_alg.data == DEFAULT else str(self.signing_alg.data)


def algorithm_name(signing_alg: str | None) -> str:
    """What an API's algorithm is called: ``ES256``, ``Default (RS256)``."""
    return signing_alg or f"Default ({wiring().settings.signing_alg})"


def get_api(number: int) -> ResourceServerDetails:
    """The API that an address names, else the page for what is not there."""
    api = find_resource_server_by_number(number)
    if api is None:
        abort(404)
    return api
