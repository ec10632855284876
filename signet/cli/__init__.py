"""Commands: what an admin can do in a page, as ``flask <noun> <verb>``.

A command reads its arguments, calls one operation, prints one answer. Exit codes: 0 done, 1 refused
with one line on stderr, 2 wrong usage.
"""

import sys
from importlib import import_module

import click
from flask import Flask
from flask.cli import AppGroup, routes_command, run_command, shell_command

#: What follows ``flask``, each with a file of its name: a noun with its verbs, or a verb.
NAMES = (
    *("prepare", "client", "secret", "scope", "api", "key", "admin", "audit", "request"),
    "config",
)


class Commands(AppGroup):
    """Imports a command when it is asked for: a process runs one of them, a worker none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """What ``flask --help`` lists."""
        return sorted({*NAMES, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, if there is one."""
        if cmd_name not in NAMES:
            return super().get_command(ctx, cmd_name)
        file = import_module(f"{__name__}.{cmd_name}")
        command: click.Command = file.command if cmd_name == "prepare" else file.group
        return command


def register(app: Flask) -> None:
    """Give the app its commands."""
    app.cli = Commands(app.name, app.cli.commands)
    # They work, but are not for operators: ``run`` is no server, ``db`` is what ``prepare`` does.
    for command in (routes_command, run_command, shell_command):
        command.hidden = True
    # Where ``flask`` runs, it has been imported by now; nobody else needs it.
    if (flask_db := sys.modules.get("flask_migrate.cli")) is not None:
        flask_db.db.hidden = True
        import_module("signet.models.schema").bind_migrations(app)
