"""The error edge of the command line: a refusal is one line on stderr and exit code 1.

Wrong usage stays click's: its explanation and exit code 2.
"""

from typing import Any

import click
from flask.cli import AppGroup

from signet.models.database import DatabaseUnavailableError
from signet.models.key_encryption import KeyEncryptionError
from signet.operations.errors import InUseError, OperationError

#: So many are named in a refusal; the list of clients names all.
_MOST_USERS = 10


class Command(click.Command):
    """A command that takes text only, and never answers a refusal with a traceback."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse bytes that no table could hold before anything looks at them."""
        if not all(is_text(argument) for argument in args):
            raise click.UsageError("An argument is not UTF-8 text.", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Do what the command does, and translate its refusal."""
        try:
            return super().invoke(ctx)
        except InUseError as error:
            raise Refusal(f"{error} ({_listed(error.users)})") from error
        except OperationError as error:
            raise Refusal(f"{error.field}: {error}" if error.field else str(error)) from error
        except KeyEncryptionError as error:
            raise Refusal(f"SIGNET_KEY_ENCRYPTION_KEYS: {error}") from error
        except DatabaseUnavailableError as error:
            raise Refusal(
                f"The database cannot be used ({error}); if it is a new one: flask prepare"
            ) from error


class Group(AppGroup):
    """The commands of one noun."""

    command_class = Command


class Refusal(click.ClickException):
    """What is printed instead of a traceback: one line, whatever was typed."""

    def __init__(self, message: str) -> None:
        super().__init__("".join(map(_visible, message)))


def is_text(argument: str) -> bool:
    """Whether it can be stored and shown: the bytes were UTF-8, and none of them NUL."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in argument


def _listed(users: tuple[str, ...]) -> str:
    listed = ", ".join(users[:_MOST_USERS])
    more = len(users) - _MOST_USERS
    return f"{listed} and {more} more" if more > 0 else listed


def _visible(character: str) -> str:
    # A line feed or an escape sequence of the terminal's is written out, not sent.
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()
