"""``flask --help`` is about Signet."""

import re

import pytest

from tests.running import ROOT, Installation


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_it_lists_signets_own_commands_and_no_others(tmp_path, database_url):
    outcome = Installation(tmp_path, database_url).command("--help")
    assert outcome.returncode == 0
    listed = re.findall(r"^  (\w[\w-]*)  ", outcome.stdout.partition("Commands:")[2], re.MULTILINE)
    files = (ROOT / "signet" / "cli").glob("*.py")
    nouns = {file.stem for file in files if "\ngroup = Group(" in file.read_text()}
    assert sorted(listed) == sorted(nouns | {"prepare", "secret"})


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_what_is_not_listed_works_all_the_same(tmp_path, database_url):
    assert Installation(tmp_path, database_url).command("db", "--help").returncode == 0
