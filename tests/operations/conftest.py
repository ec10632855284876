"""What tests of operations stand on."""

from tests.emptied import app, app_to_empty, database_url

__all__ = ["app", "app_to_empty", "database_url"]
