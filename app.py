"""The one place that knows every room: build, wire, register."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from signet.extensions import csrf, db, migrate
from signet.json_log import configure_log
from signet.models import database
from signet.models.foreign_keys import ForeignKeys
from signet.models.key_encryption import KeyEncryption
from signet.models.store import SqlStore
from signet.oauth.certificate_authorities import CertificateAuthorities
from signet.outbound import Outbound
from signet.settings import ROOT, Settings, SettingsError, load_settings
from signet.wiring import Wiring

#: No request is longer, whatever it is for.
LONGEST_BODY = 64 * 1024


def create_app(settings: Settings | None = None, *, with_entrances: bool = True) -> Flask:
    """Signet as a WSGI application.

    :param settings: instead of what the environment says.
    :param with_entrances: ``False`` leaves out pages, protocol and commands: what is left has the
        database, which is all that a check of the preparation needs.
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
        register(app, parts)
    return app


def configure(app: Flask, settings: Settings) -> None:
    """Tell the framework what the settings mean to it."""
    configure_log(settings.log_level)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=LONGEST_BODY,
        MAX_FORM_MEMORY_SIZE=LONGEST_BODY,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=database.engine_options(settings.database_url),
        PROVIDE_AUTOMATIC_OPTIONS=False,
    )
    app.url_map.merge_slashes = False


def wire(app: Flask, settings: Settings) -> Wiring:
    """Give the app its parts."""
    database.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    csrf.init_app(app)
    encryption = KeyEncryption(settings.key_encryption_keys)
    store = SqlStore(
        encryption=encryption,
        foreign_keys=ForeignKeys(make_outbound(settings)),
        alg=settings.signing_alg,
        cache_time=settings.cache_time,
        stale_time=settings.stale_time,
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


def register(app: Flask, parts: Wiring) -> None:
    """Open the entrances; imported here, because a check of the preparation needs none of them."""
    from signet import cli
    from signet.views import admin, open_pages
    from signet.views.admin.errors import answer_page_error
    from signet.views.error_edge import register_error_edge
    from signet.views.listeners import register_listeners
    from signet.views.metrics import register_metrics
    from signet.views.protocol import register_protocol
    from signet.views.request_log import register_request_log
    from signet.views.response_headers import register_response_headers
    from signet.views.unknown_proxy import register_unknown_proxy

    register_request_log(app, parts)
    register_response_headers(app, parts.settings)
    register_listeners(app, parts.settings)
    register_error_edge(
        app,
        issuer_path=parts.settings.issuer_path,
        answer_page_error=answer_page_error,
    )
    register_protocol(app, parts)
    register_metrics(app, parts)
    app.register_blueprint(open_pages.bp, url_prefix=parts.settings.issuer_path)
    admin.register_pages(app, parts.settings)
    cli.register(app)
    register_unknown_proxy(app, parts.settings)
    if hops := parts.settings.trusted_proxies:
        # First of all; and nobody else may say where a request comes from and how.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
