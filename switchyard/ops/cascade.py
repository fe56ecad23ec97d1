"""Counts what a deletion would take along, before Django's collector lists and holds each of those rows."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.utils import model_ngettext
from django.db import connections
from django.db.models import CASCADE, Model, QuerySet
from django.utils.text import capfirst

from switchyard.ops import timeouts
from switchyard.postgresql.limits import limited_look

#: Rows of one table that go along with what somebody deletes: more are for their own list, which has batches.
ALONG = 1_000


def too_many_along(rows: "QuerySet[Any]") -> list[str]:
    """A sentence for each table of which more than ``ALONG`` rows would go with ``rows``.

    Raises OperationalError if they are not counted in the time that a page has.
    """
    if connections[rows.db].vendor != "postgresql":
        return list(_sentences(rows, ()))
    with limited_look(timeouts.PAGE_SECONDS, rows.db):
        return list(_sentences(rows, ()))


def _sentences(rows: "QuerySet[Any]", way: tuple[Any, ...]) -> Iterator[str]:
    for relation in rows.model._meta.get_fields(include_hidden=True):  # noqa: SLF001 - documented
        if relation in way or not _takes_along(relation):
            continue
        along = _along(relation, rows)
        if along.order_by()[: ALONG + 1].count() > ALONG:
            names = capfirst(model_ngettext(along.none(), ALONG))
            yield f"{names}: more than {ALONG:,}. Delete them first, in their own list."
        else:
            yield from _sentences(along, (*way, relation))


def _takes_along(relation: Any) -> bool:
    return (
        relation.auto_created
        and not relation.concrete
        and (relation.one_to_one or relation.one_to_many)
        and relation.on_delete is CASCADE
    )


def _along(relation: Any, rows: "QuerySet[Any]") -> "QuerySet[Model]":
    every = relation.related_model._base_manager.using(rows.db)  # noqa: SLF001 - documented
    along: QuerySet[Model] = every.filter(**{f"{relation.field.name}__in": rows.order_by()})
    return along
