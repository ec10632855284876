"""Commands: what an admin can do in a page, as ``flask <noun> <verb>``.

A command reads its arguments, calls one operation, prints one answer. Exit codes: 0 done, 1 refused
with one line on stderr, 2 wrong usage.
"""

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

    def __init__(self, app: Flask) -> None:
        super().__init__(app.name, app.cli.commands)
        self._app = app

    def list_commands(self, ctx: click.Context) -> list[str]:
        """What ``flask --help`` lists."""
        return sorted({*NAMES, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, if there is one."""
        if cmd_name == "db":
            # Alembic's own commands work, but are not listed: ``prepare`` is what operators run.
            import_module("signet.models.schema").bind_migrations(self._app)
        if cmd_name not in NAMES:
            return super().get_command(ctx, cmd_name)
        file = import_module(f"{__name__}.{cmd_name}")
        command: click.Command = file.command if cmd_name == "prepare" else file.group
        return command


def register(app: Flask) -> None:
    """Give the app its commands."""
    app.cli = Commands(app)
    # They work, but are not for operators, and ``run`` is no server.
    for command in (routes_command, run_command, shell_command):
        command.hidden = True
