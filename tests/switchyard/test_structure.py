"""The engine's rooms know only what lies below them, and nothing of the service around them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import switchyard

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ROOT / "switchyard"
FILES = sorted(path for path in ENGINE.rglob("*.py") if "migrations" not in path.parts)

#: From the lowest to the highest. What is on one level does not know of each other.
LEVELS: list[set[str]] = [
    {"queues", "outage", "celery", "conf", "stop", "text", "sqlstate", "origin"},
    {"metric", "clock", "deadline", "heartbeat", "routing", "checks", "redaction"}
    | {"database", "database_router", "installation", "pooler"},
    {"broker"},
    {"identity"},
    {"outbox"},
    {"postgresql", "tasks"},
    {"backend", "relay", "worker"},
    {"deadletters"},
    {"schedule"},
    {"metrics"},
    {"alerts"},
    {"doctor"},
    {"ops"},
    {"process"},
    # What Django, pytest and Python look for at the top.
    {"admin", "apps", "management", "models", "pytest_plugin", "templatetags", "__init__"},
]
LEVEL_OF = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
#: Files that Django, gunicorn or Python want under this name, however little is in them.
THEIRS = {"__init__", "__main__", "admin", "apps", "asgi", "base", "gunicorn", "models"}


def room(path: Path) -> str:
    return path.relative_to(ENGINE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """Each module that the file imports, and whether inside a function."""
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                yield f"{node.module}.{name.name}", id(node) in inside
        elif isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, id(node) in inside


def rooms_of(path: Path) -> Iterator[str]:
    for module, _ in imported(path):
        top, *rest = module.split(".")
        if top == "switchyard" and rest:
            yield rest[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ENGINE)))
def test_a_file_imports_its_own_room_and_lower_ones(path: Path) -> None:
    # The front door leads to every room, for who comes in from outside.
    if path == ENGINE / "__init__.py":
        return
    own = room(path)
    assert own in LEVEL_OF, f"{own} has no level: add it to LEVELS in {Path(__file__).name}"
    above = {other for other in rooms_of(path) if other != own and LEVEL_OF[other] >= LEVEL_OF[own]}
    same_level = {other for other in above if LEVEL_OF[other] == LEVEL_OF[own]}
    allowed = same_level if LEVEL_OF[own] <= 1 else set()
    assert above - allowed == set()


def test_no_two_rooms_import_each_other() -> None:
    """On the lowest levels too, where files are rooms of their own."""
    edges = {(room(path), other) for path in FILES for other in rooms_of(path) if other != room(path)}
    edges = {(one, other) for one, other in edges if one != "__init__"}
    assert {(one, other) for one, other in edges if (other, one) in edges} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ENGINE)))
def test_nothing_of_the_service_is_imported(path: Path) -> None:
    assert [
        module for module, _ in imported(path) if module.split(".")[0] in {"app", "deploy", "tests"}
    ] == []


def test_no_import_hides_in_a_function() -> None:
    """But that of gunicorn's configuration, which the master process reads and has no use for."""
    hidden = {
        (str(path.relative_to(ENGINE)), module)
        for path in FILES
        for module, inside in imported(path)
        if inside and module.startswith("switchyard")
    }
    assert hidden == {
        ("process/gunicorn.py", "switchyard.metrics.web.count_refused"),
        ("process/gunicorn.py", "switchyard.metrics.web.serve"),
        ("process/gunicorn.py", "switchyard.process.probes.probes"),
    }


def test_no_file_is_a_fragment_or_a_heap() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in FILES if path.stem not in THEIRS}
    wrong = {str(path.relative_to(ENGINE)): count for path, count in lines.items() if not 30 <= count <= 250}
    assert wrong == {}


def test_every_module_says_what_it_does() -> None:
    modules = [path for path in FILES if path.read_text().strip()]
    silent = [path for path in modules if not ast.get_docstring(ast.parse(path.read_text()))]
    assert [str(path.relative_to(ENGINE)) for path in silent] == []


def test_every_public_name_is_there_and_is_documented() -> None:
    for name in switchyard.__all__:
        assert getattr(switchyard, name).__doc__, name
    assert sorted(switchyard.__all__) == sorted(switchyard._HOMES)


def test_a_name_that_is_not_public_is_refused_by_name() -> None:
    with pytest.raises(AttributeError, match="no public name 'nothing'"):
        switchyard.nothing  # noqa: B018


def test_the_service_and_its_example_use_public_names_only() -> None:
    """Settings name middleware, logging and the like by their dotted path; code does not."""
    found = {
        module
        for path in (ROOT / "app").rglob("*.py")
        for module, _ in imported(path)
        if module.startswith("switchyard.") and module.removeprefix("switchyard.") not in switchyard.__all__
    }
    assert found == {
        "switchyard.process.asgi.application",
        "switchyard.process.logs.logging_config",
        "switchyard.process.main.main",
    }
