"""What a person may type, and what may be missing behind it: one line, never a traceback."""

from typing import Any

import click
import pytest
from flask import Flask

from app import create_app
from signet.cli.error_edge import Command, Group
from tests.cli.shell import Shell, on_one_engine
from tests.conftest import MakeSettings
from tests.running import opened

#: Commands that look something up.
LOOK_UPS = [
    ("client", "show"),
    ("client", "disable"),
    ("secret", "list"),
    ("scope", "show"),
    ("scope", "delete"),
    ("api", "show"),
    ("api", "delete"),
    ("key", "revoke"),
    ("admin", "delete"),
    ("admin", "end-sessions"),
]


@pytest.mark.parametrize("command", LOOK_UPS)
@pytest.mark.parametrize("name", ["x" * 10_000, "a\nb\r\x1b[2J", "’; DROP TABLE client;--", "ß€𝄞"])
def test_whatever_is_looked_up_the_refusal_is_one_short_line(shell, command, name):
    refusal = shell.refusal(*command, name)
    assert refusal.isprintable()
    assert len(refusal) < 300


@on_one_engine
@pytest.mark.parametrize("argument", ["\udcff", "a\udc80b", "\0", "a\0b"])
@pytest.mark.parametrize(
    "command", [("client", "show"), ("client", "list", "--search"), ("key", "revoke")]
)
def test_an_argument_that_is_no_text_is_wrong_usage(shell, command, argument):
    assert "not UTF-8 text" in shell.misuse(*command, argument)


@on_one_engine
@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31mb", "a\u202eb", "", " ", "x" * 10_000])
def test_a_name_that_could_not_be_shown_is_not_stored(shell, name):
    assert shell.refusal("client", "create", name).startswith("name: ")
    assert shell.json("client", "list") == []


@on_one_engine
@pytest.mark.parametrize(
    "arguments", [("client",), ("client", "nothing"), ("client", "show", "--x")]
)
def test_a_command_that_is_none_is_wrong_usage(shell, arguments):
    shell.misuse(*arguments)


def test_a_database_without_tables_is_one_line(make_settings: MakeSettings):
    """A command before the first ``flask prepare``."""
    with opened(create_app(make_settings())) as app:
        refusal = Shell(app).refusal("client", "list")
    assert refusal.startswith("The database cannot be used (")
    assert refusal.endswith("flask prepare")


def test_a_database_that_is_away_is_one_line(make_settings: MakeSettings):
    away = "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=2"
    with opened(create_app(make_settings(SIGNET_DATABASE_URL=away))) as app:
        assert "cannot be used" in Shell(app).refusal("client", "create", "Billing")


@on_one_engine
def test_missing_key_encryption_keys_are_named(database_url, tmp_path, make_settings: MakeSettings):
    settings = make_settings(
        SIGNET_DATABASE_URL=database_url, SIGNET_SECRETS_DIR=str(tmp_path / "other")
    )
    with opened(create_app(settings)) as app:
        refusal = Shell(app).refusal("key", "rotate")
    assert refusal == "SIGNET_KEY_ENCRYPTION_KEYS: there is no key-encryption key"


@on_one_engine
def test_a_bug_is_no_refusal(app: Flask):
    """What no room knows how to refuse must be seen, not dressed up."""

    @click.command("broken", cls=Command)
    def broken() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        app.test_cli_runner().invoke(broken, catch_exceptions=False)


def commands_of(app: Flask) -> dict[str, Any]:
    """What follows ``flask``."""
    context = click.Context(app.cli)
    return {name: app.cli.get_command(context, name) for name in app.cli.list_commands(context)}


@on_one_engine
def test_every_command_is_within_the_edge(app: Flask):
    listed = commands_of(app)
    prepare = listed.pop("prepare")
    groups = [*listed.values(), listed["api"].commands["secret"], listed["admin"].commands["link"]]
    assert all(isinstance(group, Group) for group in groups)
    commands = [
        command
        for group in groups
        for command in group.commands.values()
        if not isinstance(command, Group)
    ]
    assert len(commands) > 30
    assert all(isinstance(command, Command) for command in [*commands, prepare])


@on_one_engine
def test_every_command_answers_in_json_if_asked(app: Flask):
    for noun in commands_of(app).values():
        for command in getattr(noun, "commands", {"": noun}).values():
            if isinstance(command, Command):
                assert "--json" in {name for option in command.params for name in option.opts}
