"""Two people who edit one client: what each of them says of it, side by side."""

from collections.abc import Mapping
from typing import NamedTuple

from wtforms import HiddenField
from wtforms.validators import Regexp


class Difference(NamedTuple):
    """A fact that two editors see differently; of several values each on a line of its own."""

    label: str
    saved: str
    typed: str


def version_field() -> HiddenField:
    """The version that an editor saw; without it nothing is saved."""
    message = "Nothing was changed. Reload the page and try again"
    return HiddenField(validators=[Regexp(r"[0-9]{1,9}\Z", message=message)])


def differences(saved: Mapping[str, str], typed: Mapping[str, str]) -> list[Difference]:
    """What was saved in the meantime and what was typed, where they differ.

    :param saved: texts by label, as ``typed``; a label that one of them lacks is empty there.
    """
    labels = dict.fromkeys([*saved, *typed])
    both = [Difference(label, saved.get(label, ""), typed.get(label, "")) for label in labels]
    return [difference for difference in both if difference.saved != difference.typed]
