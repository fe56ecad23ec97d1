"""Marks in a resource: where a template of Helm stands instead of a value, and how the marks become that."""

import re
from collections.abc import Iterable
from typing import Any

from deploy.chart.sources import MARKS

#: Stands in a block for the column that it begins at.
COLUMN = "COLUMN"
_BY_MARK = dict(MARKS.values())
_LINE = re.compile(r"^( *)(?:- )?'@@(\{\{-.*?)@@'(?:: null)?$")
_INLINE = re.compile(r"'@@(.*?)@@'")


def inline(expression: str) -> str:
    """A value that is ``expression``."""
    return f"@@{expression}@@"


def block(expression: str) -> str:
    """A key, or an item of a list, that becomes all the lines which ``expression`` gives, if it gives any."""
    return inline(f"{{{{- with {expression} }}}}{{{{ . | nindent {COLUMN} }}}}{{{{- end }}}}")


def marked(node: Any) -> Any:
    """A copy with a mark for what each value of k8s/values was rendered as, and Helm's own signs escaped."""
    if isinstance(node, dict):
        return {key: marked(value) for key, value in node.items()}
    if isinstance(node, list):
        return [marked(item) for item in node]
    if not isinstance(node, bool) and str(node) in _BY_MARK:
        return inline(_BY_MARK[str(node)])
    return node.replace("{{", "{{`{{`}}") if isinstance(node, str) else node


def unmarked(lines: Iterable[str]) -> str:
    """The template."""
    return "\n".join(_line(line) for line in lines) + "\n"


def _line(line: str) -> str:
    if found := _LINE.match(line):
        column, expression = found.groups()
        return _unquoted(expression).replace(COLUMN, str(len(column)))
    return _INLINE.sub(lambda found: _unquoted(found[1]), line)


def _unquoted(expression: str) -> str:
    """As it was before YAML quoted it."""
    return expression.replace("''", "'")
