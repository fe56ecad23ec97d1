"""What stands in a string names what exists, be it code to run or a file to read: no linter looks there."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("app", "deploy", "switchyard", "tests")
_NAMES = re.compile(rf"\bfrom ((?:{'|'.join(OURS)})(?:\.\w+)*) import (\w+(?:, \w+)*)")


#: What the repository has beside the packages.
_FILES = re.compile(
    r"\b(?:deploy|k8s|tests|app)/\w[\w./-]*|\b[\w-]+\.(?:md|in|toml|ya?ml)\b|\bREADME\b|\bMakefile\b"
)


def strings(source: str) -> Iterator[str]:
    """Each that is no docstring, the parts of f-strings too."""
    tree = ast.parse(source)
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value


def imports(source: str) -> Iterator[tuple[str, str]]:
    """Module and name of each import of ours in such a string."""
    for text in strings(source):
        for module, names in _NAMES.findall(text):
            yield from ((module, name) for name in names.split(", "))


def exists(module: str, name: str) -> bool:
    try:
        return hasattr(import_module(module), name) or find_spec(f"{module}.{name}") is not None
    except ModuleNotFoundError:
        return False


def test_what_a_string_imports_exists() -> None:
    files = {file for folder in OURS for file in (ROOT / folder).rglob("*.py")} - {Path(__file__)}
    wanted = {(str(file), *pair) for file in files for pair in imports(file.read_text())}
    assert len({file for file, *_ in wanted}) > 3
    assert sorted(each for each in wanted if not exists(*each[1:])) == []


@pytest.mark.parametrize(
    "code", ["'from app.outbox import relay'", "f'{1}; from switchyard.relay import relays'"]
)
def test_an_import_of_what_is_not_there_is_noticed(code: str) -> None:
    ((module, name),) = imports(f"x = {code}")
    assert not exists(module, name)


def test_no_message_of_the_engine_sends_its_reader_to_a_file_that_a_wheel_has_not() -> None:
    engine = ROOT / "switchyard"
    said = [(file, text) for file in engine.rglob("*.py") for text in strings(file.read_text())]
    said += [(file, file.read_text()) for file in engine.rglob("*.html")]
    named = [(file.relative_to(ROOT), *_FILES.findall(text)) for file, text in said if _FILES.search(text)]
    assert len(said) > 1000
    assert named == []
