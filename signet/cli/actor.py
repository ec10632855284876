"""Who acts when a command is typed."""

import os
import pwd

from signet.models.audit import Actor


def command_line() -> Actor:
    """The person at the shell, as the audit log names them.

    By the user id of the process, which nobody can set to another's as they can a variable.
    """
    user_id = os.getuid()
    try:
        user = pwd.getpwuid(user_id).pw_name
    except KeyError:
        # A container may run under a number that has no name.
        user = f"user id {user_id}"
    return Actor(name=f"command line ({user})")
