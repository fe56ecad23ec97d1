"""The page of private APIs, and what the code says: both as they are read by the test that compares them."""

import ast
import inspect
import pkgutil
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import switchyard

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "deploy" / "PRIVATE-APIS.md"
ENGINE = ROOT / "switchyard"
DOCUMENTED = "## Overridden, and documented"

#: Whose methods may not be overridden without a row. Django's own hooks for a project are documented.
WATCHED = (
    "amqp",
    "billiard",
    "celery",
    "django.core.management",
    "django.db.backends",
    "django_celery_beat",
    "django_celery_results",
    "django_structlog",
    "kombu",
    "prometheus_client",
)
#: Django documents these of a command.
OF_A_COMMAND = {"add_arguments", "handle", "help", "requires_system_checks"}
#: What a metaclass writes into each class.
OF_A_METACLASS = {"_abc_impl", "_is_protocol", "media", "name", "_meta", "base_fields", "declared_fields"}
#: Calls that reach a name given as text.
BY_TEXT = {"getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller"}


@dataclass(frozen=True)
class Row:
    whose: str
    used: tuple[str, ...]
    files: tuple[str, ...]
    tests: tuple[str, ...]
    #: The version that brought it; empty if each that we work with has it.
    since: str

    @property
    def expected(self) -> bool:
        """Whether the version that is installed is to have it."""
        return not self.since or _numbers(version(self.whose.partition(".")[0])) >= _numbers(self.since)

    def __str__(self) -> str:
        return f"{self.whose} {', '.join(self.used)}"


def rows() -> list[Row]:
    table = PAGE.read_text().partition(DOCUMENTED)[0]
    found = []
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 5 and cells[0].strip("|").strip().startswith("`"):
            whose, used, files, _, tests = (tuple(re.findall(r"`([^`]+)`", cell)) for cell in cells)
            since = re.findall(r"\(from ([\d.]+)\)", cells[1])
            found.append(Row(whose[0], used, files, tests, "".join(since)))
    return found


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)[:2]]


ROWS = rows()


@dataclass(frozen=True)
class Source:
    """What a file says: every word, and those with an underscore that it reaches for and did not make."""

    words: frozenset[str]
    foreign: frozenset[str]


@cache
def source(path: Path) -> Source:
    tree = ast.parse(path.read_text())
    found = {(node.lineno, word, made) for node in ast.walk(tree) for word, made in _words(node)}
    own = {word for _, word, made in found if made}
    reached = {word for node in ast.walk(tree) for word in _reached(node) if is_private(word)}
    return Source(frozenset(word for _, word, _ in found), frozenset(reached - own))


def _words(node: Any) -> Iterator[tuple[str, bool]]:
    """Each word at this place of the file, and whether it is made here."""
    match node:
        case ast.Attribute():
            yield node.attr, isinstance(node.ctx, ast.Store) and _is_self(node.value)
        case ast.Name():
            yield node.id, isinstance(node.ctx, ast.Store)
        case ast.FunctionDef() | ast.ClassDef():
            yield node.name, True
        case ast.arg() | ast.keyword() if node.arg:
            yield node.arg, isinstance(node, ast.arg)
        case ast.alias():
            yield from ((part, False) for part in node.name.split("."))
        case ast.Constant(value=str()):
            yield from ((word, False) for word in re.findall(r"\w+", node.value))


def _reached(node: Any) -> Iterator[str]:
    match node:
        case ast.Attribute():
            yield node.attr
        case ast.alias():
            yield from node.name.split(".")
        case ast.keyword() if node.arg:
            yield node.arg
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if called in BY_TEXT:
            for given in node.args:
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    yield given.value
        case ast.Subscript(slice=ast.Constant(value=str() as key)):
            yield key


def _is_self(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in {"self", "cls"}


def is_private(word: str) -> bool:
    return word.startswith("_") and not word.startswith("__") and word != "_"


def modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages(switchyard.__path__, "switchyard."):
        # Gunicorn reads it; it stands for a process.
        if found.name != "switchyard.process.gunicorn":
            yield import_module(found.name)


def classes() -> Iterator[type]:
    for module in modules():
        for found in vars(module).values():
            if inspect.isclass(found) and found.__module__ == module.__name__:
                yield found


def overridden(ours: type) -> Iterator[tuple[str, str]]:
    """Each name that a class of ours takes from a watched one, with the watched class."""
    own = [each for each in ours.__mro__ if each.__module__.startswith("switchyard.")]
    theirs = [each for each in ours.__mro__ if each.__module__.startswith(WATCHED)]
    for name in {name for each in own for name in vars(each)} - OF_A_METACLASS:
        base = next((each for each in theirs if name in vars(each)), None)
        if base and not name.startswith("__"):
            yield name, f"{base.__module__}.{base.__qualname__}"


def look_up(dotted: str) -> Any:
    """A module, a class of it, or a method of that. Raises ImportError or AttributeError."""
    names = dotted.split(".")
    for end in range(len(names), 0, -1):
        try:
            found = import_module(".".join(names[:end]))
        except ModuleNotFoundError:
            continue
        for name in names[end:]:
            found = getattr(found, name)
        return found
    raise ImportError(f"there is no {dotted}")


def source_of(found: Any) -> str:
    """Its text, that of the classes it is derived from included: what an instance gets as it is made."""
    parts = [part for part in found.__mro__ if part is not object] if inspect.isclass(found) else [found]
    texts = []
    for part in parts:
        with suppress(OSError, TypeError):
            texts.append(inspect.getsource(part))
    return "\n".join(texts)


def has(whose: Any, name: str) -> bool:
    return hasattr(whose, name) or bool(re.search(rf"\b{re.escape(name)}\b", source_of(whose)))


def has_test(test: str) -> bool:
    file, _, name = test.partition("::")
    path = ROOT / "tests" / file
    return path.is_file() and f"def {name}(" in path.read_text()
