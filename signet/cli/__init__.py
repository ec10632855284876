"""Commands: what an admin can do in a page, as ``flask <noun> <verb>``.

A command reads its arguments, calls one operation, prints one answer. Exit codes: 0 done, 1 refused
with one line on stderr, 2 wrong usage.
"""

from flask import Flask
from flask.cli import routes_command, run_command, shell_command
from flask_migrate.cli import db

from signet.cli import admin, api, audit, client, config, key, prepare, request, scope, secret


def register(app: Flask) -> None:
    """Give the app its commands."""
    app.cli.add_command(prepare.prepare_command)
    for noun in (client, secret, scope, api, key, admin, audit, request, config):
        app.cli.add_command(noun.group)
    # They work, but are not for operators: ``run`` is no server, ``db`` is what ``prepare`` does.
    for command in (routes_command, run_command, shell_command, db):
        command.hidden = True
