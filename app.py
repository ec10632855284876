"""The one place that knows every room: build, wire, register."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from signet import cli
from signet.extensions import csrf, db, migrate
from signet.models import database
from signet.models.key_encryption import KeyEncryption
from signet.models.store import SqlStore
from signet.settings import ROOT, Settings, load_settings
from signet.wiring import Wiring

#: No request is longer, whatever it is for.
LONGEST_BODY = 64 * 1024


def create_app(settings: Settings | None = None) -> Flask:
    """Signet as a WSGI application.

    :param settings: instead of what the environment says.
    :raises SettingsError: naming the variable whose value cannot be used.
    """
    settings = settings or load_settings()
    app = Flask("signet", root_path=str(ROOT), instance_path=str(settings.data_dir))
    configure(app, settings)
    wire(app, settings)
    register(app, settings)
    return app


def configure(app: Flask, settings: Settings) -> None:
    """Tell the framework what the settings mean to it."""
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=LONGEST_BODY,
        MAX_FORM_MEMORY_SIZE=LONGEST_BODY,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=database.engine_options(settings.database_url),
        PROVIDE_AUTOMATIC_OPTIONS=False,
    )
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    if hops := settings.trusted_proxies:
        # Nobody else may say where a request comes from and how.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]


def wire(app: Flask, settings: Settings) -> None:
    """Give the app its parts."""
    database.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    csrf.init_app(app)
    encryption = KeyEncryption(settings.key_encryption_keys)
    store = SqlStore(
        encryption=encryption,
        alg=settings.signing_alg,
        cache_time=settings.cache_time,
        stale_time=settings.stale_time,
    )
    Wiring(settings, store, encryption).install(app)


def register(app: Flask, settings: Settings) -> None:
    """Open the entrances."""
    cli.register(app)
