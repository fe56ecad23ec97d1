"""A variable of the environment as it is declared, and the pages that show all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.environment.kinds import Kind

#: In the place of a default.
REQUIRED = object()
#: What a variable's name ends in that names a file.
FILE = "_FILE"


@dataclass(frozen=True)
class Computed:
    """A default that the settings know, in words."""

    words: str


@dataclass(frozen=True)
class Variable:
    name: str
    kind: Kind
    default: Any
    says: str

    @property
    def default_written(self) -> str:
        if self.default is REQUIRED:
            return "required"
        if isinstance(self.default, Computed):
            return f"({self.default.words})"
        if self.default in ("", ()):
            return "empty"
        return f"`{str(self.default).lower() if isinstance(self.default, bool) else self.default}`"


def described(variables: Sequence[Variable]) -> str:
    """For people at a prompt."""
    lines = [
        f"  {each.name}  {each.default_written.strip('`')}  ({each.kind.expected})\n      {each.says}"
        for each in variables
    ]
    return "\n".join(["Variables, with what holds without them:", *lines])


def table(variables: Sequence[Variable]) -> str:
    """For the page of the settings."""
    rows = [
        f"| `{each.name}` | {each.default_written} | {each.kind.expected} | {each.says} |"
        for each in variables
    ]
    return "\n".join(["| variable | default | takes | meaning |", "|---|---|---|---|", *rows])
