"""Reads Signet's source and names what breaks the rules of the house; runs none of it."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

#: Module name → its source.
Sources = dict[str, str]

#: Who stands above whom; names of one line stand side by side and do not import each other.
STOREYS = (
    (
        "signet",
        "signet.oauth",
        "signet.settings",
        "signet.json_log",
        "signet.outbound",
        "signet.usage",
        "signet.bookkeeping",
        "signet.worker",
    ),
    ("signet.extensions",),
    ("signet.models",),
    ("signet.operations",),
    ("signet.wiring",),
    ("signet.views", "signet.cli", "signet.background"),
    ("app",),
    ("wsgi",),
)

#: All that ``oauth/`` may import besides itself and the standard library.
PURE_PACKAGES = ("signet.oauth", "authlib.oauth2", "authlib.common", "joserfc", "cryptography")

#: Modules of the standard library that touch the world or tell the time.
# fmt: off
IMPURE_MODULES = frozenset((
    "asyncio", "builtins", "ctypes", "fcntl", "ftplib", "glob", "http", "io", "logging", "mmap",
    "multiprocessing", "os", "pathlib", "platform", "pwd", "random", "resource", "select",
    "selectors", "shutil", "signal", "smtplib", "socket", "socketserver", "sqlite3", "ssl",
    "subprocess", "sys", "tempfile", "threading", "time", "urllib.request",
))
IMPURE_CALLS = frozenset((
    "open", "print", "input", "exec", "eval", "__import__", "date.today", "datetime.date.today",
    "datetime.now", "datetime.utcnow", "datetime.today",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today",
))
# fmt: on


class Import(NamedTuple):
    """One imported thing: ``from signet.oauth import scope`` is ``signet.oauth``, ``scope``."""

    importer: str
    module: str
    name: str
    level: int
    #: The function around it, ``""`` at the top of the file.
    function: str

    def __str__(self) -> str:
        thing = f"{self.module}.{self.name}" if self.name else self.module
        return f"{self.importer} imports {thing}"


def read_sources(root: Path) -> Sources:
    """The source of every module of Signet below a checkout."""
    paths = [root / "app.py", root / "wsgi.py", *sorted((root / "signet").rglob("*.py"))]
    return {module_name(path.relative_to(root)): path.read_text("utf-8") for path in paths}


def module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def upward_imports(sources: Sources) -> list[str]:
    """Imports of a room that stands above or beside the importer's."""
    return [
        str(found)
        for found in own_imports(sources)
        if room(found.importer) != room(target(found, sources))
        and storey(found.importer) <= storey(target(found, sources))
    ]


def import_circles(sources: Sources) -> list[str]:
    """A circle of modules that import each other, if there is one."""
    graph: dict[str, set[str]] = {name: set() for name in sources}
    for found in own_imports(sources):
        graph[found.importer].add(target(found, sources))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" → ".join(error.args[1])]
    return []


def late_imports(sources: Sources) -> list[str]:
    """Imports inside a function; ``app`` may have one such function."""
    late = [found for name in sources for found in imports(name, sources[name]) if found.function]
    allowed = {found.function for found in late if found.importer == "app"}
    return [
        f"{found} in {found.function}()"
        for found in late
        if found.importer != "app" or len(allowed) > 1
    ]


def relative_imports(sources: Sources) -> list[str]:
    return [str(found) for name in sources for found in imports(name, sources[name]) if found.level]


def impurities_of_oauth(sources: Sources) -> list[str]:
    """What ``oauth/`` imports or calls of the web, the database or the world."""
    faults = []
    for name, source in sources.items():
        if room(name) != "signet.oauth":
            continue
        faults += [str(found) for found in imports(name, source) if not is_pure(found)]
        faults += [f"{name} calls {call}()" for call in calls(source) if call in IMPURE_CALLS]
    return faults


def direct_database_access(sources: Sources) -> list[str]:
    """Where views, commands or the background get hold of the database past the operations."""
    return [
        str(found)
        for name, source in sources.items()
        if storey(name) == storey("signet.views")
        for found in imports(name, source)
        if is_database(found)
    ]


def files_missing_in_the_table(sources: Sources) -> list[str]:
    """Files of ``oauth/`` without a row in the table of its docstring, and rows without a file."""
    docstring = ast.get_docstring(parsed(sources["signet.oauth"])) or ""
    table = docstring.split("\n=")[2].splitlines()[1:]
    rows = {line.split()[0] for line in table}
    files = {name.removeprefix("signet.oauth.") for name in sources if room(name) == "signet.oauth"}
    return sorted(rows ^ (files - {"signet.oauth"}))


def readers_of_the_environment(sources: Sources) -> list[str]:
    """Modules other than the settings that look at environment variables or ``.env``."""
    return [
        name
        for name, source in sources.items()
        if name != "signet.settings" and reads_environment(name, source)
    ]


@cache
def reads_environment(name: str, source: str) -> bool:
    words = {"environ", "environb", "getenv", "getenvb", "putenv"}
    for node in ast.walk(parsed(source)):
        # `request.environ` is WSGI's and has nothing to do with the process.
        if isinstance(node, ast.Attribute) and dotted(node) in {f"os.{word}" for word in words}:
            return True
        if isinstance(node, ast.keyword) and node.arg in ("envvar", "auto_envvar_prefix"):
            return True
    return any(
        found.module.split(".")[0] == "dotenv" or (found.module == "os" and found.name in words)
        for found in imports(name, source)
    )


def is_pure(found: Import) -> bool:
    if any(f"{found.module}.".startswith(f"{package}.") for package in PURE_PACKAGES):
        return True
    # `from urllib import request` is `urllib.request`.
    spellings = {found.module, found.module.split(".")[0], f"{found.module}.{found.name}"}
    return not spellings & IMPURE_MODULES and is_standard_library(found.module)


def is_standard_library(module: str) -> bool:
    return module.split(".")[0] in sys.stdlib_module_names


def is_database(found: Import) -> bool:
    package = found.module.split(".")[0]
    if package in ("sqlalchemy", "flask_sqlalchemy", "psycopg", "sqlite3", "alembic"):
        return True
    if found.module == "signet.extensions":
        return found.name in ("db", "Base", "")
    if found.module == "signet.models.database":
        return found.name in ("db", "read", "write", "")
    return (found.module, found.name) in {("signet", "extensions"), ("signet.models", "database")}


def own_imports(sources: Sources) -> Iterator[Import]:
    """The imports of one module of Signet by another."""
    for name, source in sources.items():
        for found in imports(name, source):
            if target(found, sources):
                yield found


def target(found: Import, sources: Sources) -> str:
    """The module of Signet that is imported, ``""`` for a stranger."""
    whole = f"{found.module}.{found.name}"
    if whole in sources:
        return whole
    return found.module if found.module in sources else ""


@cache
def imports(importer: str, source: str) -> tuple[Import, ...]:
    return tuple(_imports(importer, parsed(source), ""))


@cache
def parsed(source: str) -> ast.Module:
    return ast.parse(source)


def _imports(importer: str, parent: ast.AST, function: str) -> Iterator[Import]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(importer, alias.name, "", 0, function)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Import(importer, node.module or "", alias.name, node.level, function)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _imports(importer, node, node.name)
        else:
            yield from _imports(importer, node, function)


@cache
def calls(source: str) -> tuple[str, ...]:
    """Dotted names of everything that is called."""
    nodes = ast.walk(parsed(source))
    return tuple(dotted(node.func) for node in nodes if isinstance(node, ast.Call))


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def room(module: str) -> str:
    """The first two parts of a name: ``signet.oauth.scope`` lives in ``signet.oauth``."""
    return ".".join(module.split(".")[:2])


def storey(module: str) -> int:
    """How high a module stands; one that the plan does not know is a ``LookupError``."""
    for height, rooms in enumerate(STOREYS):
        if room(module) in rooms:
            return height
    raise LookupError(f"{module} stands in no storey of tests/architecture.py")
