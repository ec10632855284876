"""Who acts when a command is typed."""

import getpass

from signet.models.audit import Actor


def command_line() -> Actor:
    """The person at the shell, as the audit log names them."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return Actor(name=f"command line ({user})")
