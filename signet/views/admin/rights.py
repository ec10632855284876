"""Who may open what: every route of the admin pages and the least role that it needs.

Closed by default: a route that is not named here is refused to everybody, and a test fails.
"""

from signet.models.admins import OPERATOR, VIEWER

#: For people who are not signed in.
PUBLIC = "public"

LEAST_ROLE = {
    "admin.setup.show": PUBLIC,
    "admin.setup.create": PUBLIC,
    "admin.sign_in.show": PUBLIC,
    "admin.sign_in.sign_in": PUBLIC,
    "admin.sign_in.sign_out": VIEWER,
    "admin.overview.index": VIEWER,
    "admin.clients.index": VIEWER,
    "admin.clients.new": OPERATOR,
    "admin.clients.create": OPERATOR,
    "admin.clients.show": VIEWER,
    "admin.clients.edit": OPERATOR,
    "admin.clients.update": OPERATOR,
    "admin.clients.ask_disable": OPERATOR,
    "admin.clients.disable": OPERATOR,
    "admin.clients.ask_enable": OPERATOR,
    "admin.clients.enable": OPERATOR,
    "admin.clients.ask_delete": OPERATOR,
    "admin.clients.delete": OPERATOR,
    "admin.clients.scopes": VIEWER,
    "admin.clients.set_scopes": OPERATOR,
    "admin.client_secrets.index": VIEWER,
    "admin.client_secrets.new": OPERATOR,
    "admin.client_secrets.create": OPERATOR,
    "admin.client_secrets.ask_revoke": OPERATOR,
    "admin.client_secrets.revoke": OPERATOR,
    "admin.scopes.index": VIEWER,
    "admin.scopes.new": OPERATOR,
    "admin.scopes.create": OPERATOR,
    "admin.scopes.show": VIEWER,
    "admin.scopes.edit": OPERATOR,
    "admin.scopes.update": OPERATOR,
    "admin.scopes.disable": OPERATOR,
    "admin.scopes.enable": OPERATOR,
    "admin.scopes.ask_delete": OPERATOR,
    "admin.scopes.delete": OPERATOR,
    "admin.apis.index": VIEWER,
    "admin.apis.new": OPERATOR,
    "admin.apis.create": OPERATOR,
    "admin.apis.show": VIEWER,
    "admin.apis.edit": OPERATOR,
    "admin.apis.update": OPERATOR,
    "admin.apis.ask_delete": OPERATOR,
    "admin.apis.delete": OPERATOR,
    "admin.api_secrets.index": VIEWER,
    "admin.api_secrets.new": OPERATOR,
    "admin.api_secrets.create": OPERATOR,
    "admin.api_secrets.ask_revoke": OPERATOR,
    "admin.api_secrets.revoke": OPERATOR,
    "admin.audit.index": VIEWER,
    "admin.audit.show": VIEWER,
}
