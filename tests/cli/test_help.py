"""``flask --help`` is about Signet."""

import re
from types import ModuleType

import pytest

from signet import cli
from tests.running import Installation


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_it_lists_signets_own_commands_and_no_others(tmp_path, database_url):
    outcome = Installation(tmp_path, database_url).command("--help")
    assert outcome.returncode == 0
    listed = re.findall(r"^  (\w[\w-]*)  ", outcome.stdout.partition("Commands:")[2], re.MULTILINE)
    rooms = [room for room in vars(cli).values() if isinstance(room, ModuleType)]
    nouns = {room.group.name for room in rooms if hasattr(room, "group")}
    assert sorted(listed) == sorted(nouns | {"prepare"})


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_what_is_not_listed_works_all_the_same(tmp_path, database_url):
    assert Installation(tmp_path, database_url).command("db", "--help").returncode == 0
