"""The one place that knows every room: build, wire, register."""

from functools import partial
from typing import TYPE_CHECKING

from flask import Flask
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from werkzeug.middleware.proxy_fix import ProxyFix

from signet import cli
from signet.json_log import configure_log
from signet.models import database
from signet.models.foreign_keys import ForeignKeys
from signet.models.key_encryption import KeyEncryption
from signet.models.store import SqlStore
from signet.oauth.certificate_authorities import CertificateAuthorities
from signet.outbound import Outbound
from signet.settings import ROOT, Settings, SettingsError, load_settings
from signet.views.late_registration import LateRegistration
from signet.views.protocol import open_entrance
from signet.views.unknown_proxy import warn_of_unknown_proxy
from signet.wiring import Wiring

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

#: No request is longer, whatever it is for.
LONGEST_BODY = 64 * 1024
#: What the pages alone need of others, and what takes longest to import.
LIBRARIES_OF_PAGES = ("webauthn", "zxcvbn", "argon2", "icalendar", "segno", "flask_wtf")


def create_app(
    settings: Settings | None = None, *, with_entrances: bool = True, rest_later: bool = False
) -> Flask:
    """Signet as a WSGI application.

    :param settings: instead of what the environment says.
    :param with_entrances: ``False`` leaves out pages, protocol and commands: what is left has the
        database, which is all that a check of the preparation needs.
    :param rest_later: pages are registered when the first is asked for, which a worker that issues
        tokens, and a command, may never do.
    :raises SettingsError: naming the variable whose value cannot be used.
    """
    settings = settings or load_settings()
    app = Flask(
        "signet",
        root_path=str(ROOT),
        instance_path=str(settings.data_dir),
        static_url_path=settings.issuer_path + "/static",
    )
    configure(app, settings)
    parts = wire(app, settings)
    if with_entrances:
        register(app, parts, rest_later=rest_later)
    return app


def configure(app: Flask, settings: Settings) -> None:
    """Tell the framework what the settings mean to it."""
    configure_log(settings.log_level)
    try:
        database_url = make_url(settings.database_url)
    except (ArgumentError, ValueError):
        raise SettingsError("SIGNET_DATABASE_URL", "cannot be read") from None
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=LONGEST_BODY,
        MAX_FORM_MEMORY_SIZE=LONGEST_BODY,
        SQLALCHEMY_DATABASE_URI=database_url,
        SQLALCHEMY_ENGINE_OPTIONS=database.engine_options(uses_sqlite=settings.uses_sqlite),
        PROVIDE_AUTOMATIC_OPTIONS=False,
    )
    app.url_map.merge_slashes = False


def wire(app: Flask, settings: Settings) -> Wiring:
    """Give the app its parts."""
    database.init_app(app)
    encryption = KeyEncryption(settings.key_encryption_keys)
    store = SqlStore(
        encryption=encryption,
        foreign_keys=ForeignKeys(make_outbound(settings)),
        alg=settings.signing_alg,
        cache_time=settings.cache_time,
        stale_time=settings.stale_time,
        context=app.app_context,
    )
    parts = Wiring(settings, store, encryption, authorities=load_authorities(settings))
    parts.install(app)
    return parts


def make_outbound(settings: Settings) -> Outbound:
    """The door outwards, as the settings open it."""
    try:
        return Outbound(allow=settings.outbound_allow, ca_pem=settings.outbound_ca_pem)
    except ValueError as error:
        raise SettingsError("SIGNET_OUTBOUND_CA_FILE", str(error)) from None


def load_authorities(settings: Settings) -> CertificateAuthorities | None:
    """Who vouches for client certificates, if anybody does."""
    if not settings.client_cert_ca_pem:
        return None
    try:
        return CertificateAuthorities.from_pem(settings.client_cert_ca_pem)
    except ValueError as error:
        raise SettingsError("SIGNET_CLIENT_CERT_CA_FILE", str(error)) from None


def register(app: Flask, parts: Wiring, *, rest_later: bool) -> None:
    """Open the entrances: the protocol at once, the rest at once or when it is asked for."""
    cli.register(app)
    rest = partial(register_rest, app, parts)
    others: WSGIApplication = app.wsgi_app
    if rest_later:
        others = LateRegistration(others, rest, libraries=LIBRARIES_OF_PAGES)
    else:
        rest()
    application: WSGIApplication = open_entrance(app, parts, others=others)
    if hops := parts.settings.trusted_proxies:
        # Nobody else may say where a request comes from and how.
        application = ProxyFix(application, x_for=hops, x_proto=hops, x_host=hops)
    else:
        application = warn_of_unknown_proxy(application)
    app.wsgi_app = application  # type: ignore[method-assign, assignment]


def register_rest(app: Flask, parts: Wiring) -> None:
    """Have Flask serve the pages and all that is no protocol.

    Imported here: a process that only issues tokens, or runs one command, needs none of it.
    """
    from signet.views import admin, open_pages
    from signet.views.admin.errors import answer_page_error
    from signet.views.error_edge import register_error_edge
    from signet.views.listeners import register_listeners
    from signet.views.request_log import register_request_log
    from signet.views.response_headers import register_response_headers
    from signet.views.slashes import refuse_doubled_slash

    settings = parts.settings
    register_request_log(app, parts)
    app.before_request(refuse_doubled_slash)
    register_response_headers(app, settings)
    register_listeners(app, settings)
    register_error_edge(app, issuer_path=settings.issuer_path, answer_page_error=answer_page_error)
    app.register_blueprint(open_pages.bp, url_prefix=settings.issuer_path)
    admin.register_pages(app, settings)
