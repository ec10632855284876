"""django-oauth-toolkit as its documentation sets it up: SQLite, hashed secrets, opaque tokens."""

import os

SECRET_KEY = "a key that protects nothing here"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "project_urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "oauth2_provider"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["BENCH_DATABASE"]}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
OAUTH2_PROVIDER = {
    "SCOPES": {"external-api": "The API"},
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
}
USE_TZ = True
