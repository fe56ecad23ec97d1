"""Bounds what a list of rows in the admin costs, however many rows its table has."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db import OperationalError, connections
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from switchyard.ops import timeouts
from switchyard.postgresql.limits import limited_look
from switchyard.sqlstate import is_cancelled

if TYPE_CHECKING:
    Pages = Paginator[Any]
else:
    Pages = Paginator

#: Rows that are counted, and that pages can be turned to: more would have PostgreSQL read them all.
COUNTED = 10_000

ONLY_THE_FIRST = f"The first {COUNTED:,} rows. Filter or search for another."
TOO_LONG = (
    f"The rows could not be found within {timeouts.PAGE_SECONDS} s, so none is shown. "
    "Leave out the search, or a filter, or choose a shorter time."
)


class Choice(SimpleListFilter):
    """Filters by one of the values that a column is known to have: Django would read all rows for them."""

    parameter_name: str
    choices_of: Iterable[str] = ()

    def lookups(self, _request: HttpRequest, _page: Any) -> list[tuple[str, str]]:
        return [(value, value) for value in self.choices_of]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(**{self.parameter_name: self.value()}) if self.value() else rows


class FirstRows(Pages):
    """Pages of the first ``COUNTED`` rows."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        # Any of them will do, in whatever order they are found.
        return int(rows.order_by()[:COUNTED].count())


class BoundedChangeList(ChangeList):
    """Says so when there are more rows than it counts, or when they are not found in time."""

    def get_results(self, request: HttpRequest) -> None:
        try:
            with self._in_time():
                super().get_results(request)
                len(self.result_list)
        except OperationalError as error:
            if not is_cancelled(error):
                raise
            messages.warning(request, TOO_LONG)
            self.queryset = self.queryset.none()
            super().get_results(request)

    def _in_time(self) -> AbstractContextManager[None]:
        using = self.queryset.db
        if connections[using].vendor != "postgresql":
            return nullcontext()
        return limited_look(timeouts.PAGE_SECONDS, using)

    @property
    def subtitle(self) -> str | None:
        return ONLY_THE_FIRST if self.result_count >= COUNTED else None
