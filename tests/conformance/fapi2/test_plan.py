"""That no module of the plan is lost."""

import ast
from pathlib import Path

from tests.conformance.fapi2 import MODULES


def test_each_module_of_the_plan_is_a_file_that_begins_with_its_name():
    files = set(Path(__file__).parent.glob("test_*.py")) - {Path(__file__)}
    docstrings = [ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "" for path in files]
    names = [docstring.split()[0].rstrip(":.") for docstring in docstrings]
    assert sorted(names) == sorted(MODULES)
