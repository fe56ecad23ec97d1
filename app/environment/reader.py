"""Reads the environment as it is declared, and says of all that is wrong what came and what is expected.

A wrong value stops everything that reads the settings, each named on a line.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from app.environment.kinds import Kind, Unexpected
from app.environment.variable import FILE, REQUIRED, Computed, Variable


class Environment:
    """The values of ``variables``. Raises ImproperlyConfigured, a line for each that is wrong."""

    def __init__(self, variables: Sequence[Variable], given: Mapping[str, str] = os.environ) -> None:
        self._given = given
        self._values: dict[str, Any] = {}
        wrong = [line for variable in variables if (line := self._take(variable))]
        if wrong:
            raise ImproperlyConfigured("\n".join(wrong))

    def __call__(self, name: str, computed: Any = None) -> Any:
        """The value; ``computed`` is the default of one whose default is the settings' to know."""
        value = self._values[name]
        return computed if isinstance(value, Computed) else value

    def _take(self, variable: Variable) -> str:
        """A line if it is wrong."""
        try:
            text = self._text(variable.name)
        except OSError as error:
            return f"{variable.name}{FILE}: cannot be read ({error.strerror}). Expected the path of a file."
        if text is None or (text == "" and variable.default is not REQUIRED):
            if variable.default is REQUIRED:
                return f"{variable.name}: not set. Expected {variable.kind.expected}: {variable.says}."
            self._values[variable.name] = [] if variable.default == () else variable.default
            return ""
        try:
            self._values[variable.name] = variable.kind.read(text)
        except Unexpected as error:
            if str(error):
                return str(error)
            return f"{variable.name}: {_shown(variable.kind, text)}. Expected {variable.kind.expected}."
        return ""

    def _text(self, name: str) -> str | None:
        file = self._given.get(name + FILE)
        text = Path(file).read_text() if file else self._given.get(name)
        return text.strip() if text is not None else None


def _shown(kind: Kind, text: str) -> str:
    return f"{len(text)} characters came, which are not shown" if kind.secret else f"{text[:80]!r} came"
