"""The one name space of client ids and API identifiers.

Both stand in ``aud`` and at the introspection endpoint as caller, so no two may be equal, by case
neither. A table of its own makes the database keep this rule, whoever writes at the same moment.
"""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, Session, mapped_column

from signet.extensions import Base


class PrincipalNameRow(Base):
    """A taken name, folded to one case."""

    __tablename__ = "principal_name"

    folded: Mapped[str] = mapped_column(String(600), primary_key=True)


def fold_name(name: str) -> str:
    """The form in which two names that differ by case only are equal."""
    return name.casefold()


def is_name_taken(session: Session, name: str) -> bool:
    """Whether a client or an API has the name, in an operation's transaction."""
    return session.get(PrincipalNameRow, fold_name(name)) is not None
