"""Why an operation was refused; nothing was changed then. The texts are for operators."""


class OperationError(Exception):
    """A refusal.

    :param field: the argument it concerns, so that a page can say it beside the field.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotFoundError(OperationError):
    """There is no such thing (any more)."""


class EditConflictError(OperationError):
    """Somebody else has changed it since it was read."""


class InUseError(OperationError):
    """It cannot be deleted, and the text says who uses it.

    :param users: names of those who use it.
    """

    def __init__(self, message: str, *, users: tuple[str, ...]) -> None:
        super().__init__(message)
        self.users = users
