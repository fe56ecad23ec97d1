"""Keeps what a task was given, and what it gave back, from staff who may not see it.

Django's permission to view a row is about the row. What a message holds is the business of who has
``switchyard.payload``, as on the pages of operations, and for them too without what is secret by its name.
"""

import ast
import json
from collections.abc import Sequence
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html

from switchyard.ops.pages import allowed
from switchyard.ops.redaction import redacted

HIDDEN = "hidden: it takes the permission switchyard.payload"


class HiddenPayload:
    """Before a ModelAdmin. ``payload`` are its columns with what a message holds."""

    payload: Sequence[str] = ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fields(request, obj)  # type: ignore[misc]
        return [self._instead(request, name) for name in found]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [
            (title, {**options, "fields": [self._instead(request, name) for name in options["fields"]]})
            for title, options in super().get_fieldsets(request, obj)  # type: ignore[misc]
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_readonly_fields(request, obj)  # type: ignore[misc]
        return [*found, *(each for name in self.payload if callable(each := self._instead(request, name)))]

    def _instead(self, request: HttpRequest, name: Any) -> Any:
        """Of a column of them, what may be seen of it; Django knows a field of a form by its function."""
        if name in self.payload:
            return _shown(name, may=allowed(request, "payload"))
        return name


class PayloadOfEditors(HiddenPayload):
    """The same for who may only look: who edits a row needs what is in it, as it is."""

    def _instead(self, request: HttpRequest, name: Any) -> Any:
        if self.has_change_permission(request):  # type: ignore[attr-defined]
            return name
        return super()._instead(request, name)


def _shown(column: str, *, may: bool) -> Any:
    known = (column, may)
    if known not in _columns:
        _columns[known] = _column(column, may=may)
    return _columns[known]


_columns: dict[tuple[str, bool], Any] = {}


def _column(column: str, *, may: bool) -> Any:
    def show(row: Model) -> str:
        return format_html("<pre>{}</pre>", _text(getattr(row, column))) if may else HIDDEN

    show.short_description = column.replace("_", " ")  # type: ignore[attr-defined]
    show.__name__ = column
    return show


def _text(value: Any) -> str:
    """As it is kept, without what is secret in it; what cannot be read as data is shown by its length."""
    if isinstance(value, memoryview):
        value = bytes(value)
    if value in (None, "", b""):
        return "-"
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(value.decode() if isinstance(value, bytes) else value)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if isinstance(found, str) and found != value:
            return _text(found)  # Celery keeps what it shows of arguments as text within text
        return json.dumps(redacted(found), default=str, indent=1)
    return str(redacted(value if isinstance(value, dict | list | str) else str(value)))
